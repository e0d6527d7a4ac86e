"""What every peer shares: images to work on, the timer, and the answer in the form of `pushforward bench --json`."""

import gzip
import json
import os
import statistics
import struct
import sys
import time

BATCH_SIZE = 128
SAMPLE_COUNT = 1000
FOLDER = os.environ.get("PUSHFORWARD_FASHION_MNIST", "/usr/share/datasets/fashion-mnist")


def images():
    """Fashion-MNIST's training images as bytes, and how many; without the files, noise: the work is the same."""
    try:
        with gzip.open(f"{FOLDER}/train-images-idx3-ubyte.gz") as file:
            _, count, height, width = struct.unpack(">IIII", file.read(16))
            return bytearray(file.read(count * height * width)), count
    except FileNotFoundError:
        print("peers: no Fashion-MNIST, so noise is trained on", file=sys.stderr)
        return bytearray(os.urandom(6000 * 784)), 6000


def report(what, model, peer, batch_size, step, warmup=10, seconds=6.0):
    """Times calls of `step(index)`, which must wait for its result, and prints the median as one JSON object."""
    for index in range(warmup):
        step(index)
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        step(len(times))
        times.append(time.perf_counter() - start)
    median = statistics.median(times)
    print(json.dumps({
        "what": what, "model": model, "peer": peer, "batch_size": batch_size, "steps": len(times),
        "milliseconds_per_step": median * 1e3, "samples_per_second": batch_size / median}))
