"""What `run` and every peer share: the cases, the architectures, the images, the timer and the form of an answer."""

import array
import dataclasses
import glob
import gzip
import json
import math
import os
import random
import statistics
import struct
import sys
import time

ELEMENTS = 4_194_304
FASHION_MNIST = os.environ.get("PUSHFORWARD_FASHION_MNIST", "/usr/share/datasets/fashion-mnist")
CIFAR10 = os.environ.get("PUSHFORWARD_CIFAR10", "cifar-10-batches-bin")   # data_batch_*.bin or .bin.gz


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A VAE of `pushforward models`: convolutions and ReLUs, a hidden layer, and their mirror image.

    Every convolution divides height and width by the stride. The decoder ends in the logits of Bernoulli means.
    """

    model: str
    shape: tuple = (1, 28, 28)
    channels: tuple = ()
    kernel: int = 4
    stride: int = 2
    hidden: int = 256
    latent: int = 32
    family = "vae"

    @property
    def padding(self):
        return (self.kernel - self.stride + 1) // 2

    @property
    def output_padding(self):
        """Of transposed convolutions, so that each multiplies height and width by the stride."""
        return 2 * self.padding - (self.kernel - self.stride)

    @property
    def pairs(self):
        """Channels into and out of each convolution."""
        return list(zip((self.shape[0], *self.channels), self.channels))

    @property
    def inner(self):
        """The shape after the convolutions."""
        reduction = self.stride ** len(self.channels)
        return (*self.channels, *self.shape)[len(self.channels) - 1 if self.channels else 0], *(
            side // reduction for side in self.shape[1:])

    @property
    def settings(self):
        """The same for `pushforward --set`."""
        values = {"latent": self.latent, "hidden": self.hidden if self.channels else [self.hidden]}
        if self.channels:
            values.update(channels=list(self.channels), kernel=self.kernel, stride=self.stride)
        return [f"--set=model.{key}={json.dumps(value)}" for key, value in values.items()]


@dataclasses.dataclass(frozen=True)
class Flow:
    """RealNVP: affine couplings whose halves alternate, the logarithm of the scale bounded by tanh."""

    shape: tuple
    layers: int = 8
    hidden: tuple = (128, 128)
    model = "realnvp"
    family = "realnvp"
    channels = ()

    @property
    def settings(self):
        return [f"--set=model.layers={self.layers}", f"--set=model.hidden={json.dumps(self.hidden)}"]


ARCHITECTURES = {
    "conv-vae": Architecture("conv-vae", channels=(32, 64)),
    "vae": Architecture("vae", hidden=400, latent=20),
    "conv-vae-color": Architecture(
        "conv-vae", shape=(3, 32, 32), channels=(64, 128), kernel=3),
    "realnvp-2": Flow((2,)),
    "realnvp-64": Flow((64,)),
}
BATCH_SIZES = {"train": 128, "sample": 1000, "elementwise": ELEMENTS}


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured: train:MODEL@BATCH, sample:MODEL@BATCH or elementwise:normal-exp-log."""

    what: str
    name: str
    batch_size: int

    @classmethod
    def parse(cls, text):
        """Raises a ValueError that says in one line what is wrong."""
        what, _, rest = text.partition(":")
        name, _, size = rest.partition("@")
        names = ["normal-exp-log"] if what == "elementwise" else ARCHITECTURES
        is_sized = what != "elementwise" and size.isdecimal() and int(size) > 0
        if what not in BATCH_SIZES or name not in names or "@" in rest and not is_sized:
            raise ValueError(
                f"unknown case {text}; use train:MODEL@BATCH, sample:MODEL@BATCH (MODEL: {', '.join(ARCHITECTURES)}) "
                "or elementwise:normal-exp-log")
        return cls(what, name, int(size or BATCH_SIZES[what]))

    @property
    def architecture(self):
        return ARCHITECTURES.get(self.name)

    @property
    def family(self):
        """The peers' scripts for it: FRAMEWORK_FAMILY.py."""
        return self.architecture.family if self.architecture else "vae"

    def __str__(self):
        return f"{self.what}:{self.name}" + (f"@{self.batch_size}" if self.architecture else "")


def images(shape, split="train"):
    """Training images of that shape as bytes, channels first, and how many: Fashion-MNIST's or, in colour, CIFAR-10's.

    The split "t10k" is Fashion-MNIST's test images.

    Without the files, noise: the work is the same.
    """
    size = math.prod(shape)
    try:
        if shape[0] == 1:
            with gzip.open(f"{FASHION_MNIST}/{split}-images-idx3-ubyte.gz") as file:
                _, count, height, width = struct.unpack(">IIII", file.read(16))
                return bytearray(file.read(count * height * width)), count
        data = bytearray()
        for path in sorted(glob.glob(f"{CIFAR10}/data_batch_*.bin*")):
            with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
                while row := file.read(1 + size):
                    data += row[1:]   # without the label
        if data:
            return data, len(data) // size
    except FileNotFoundError:
        pass
    print(f"peers: no {'Fashion-MNIST' if shape[0] == 1 else 'CIFAR-10'}, so noise is trained on", file=sys.stderr)
    return bytearray(os.urandom(6000 * size)), 6000


def points(shape):
    """Standard normal numbers as float32 bytes, row by row, and how many rows: for flows, whose work is the same for any."""
    count, numbers = 32_768, random.Random(0)
    return bytearray(array.array("f", (numbers.gauss(0, 1) for _ in range(count * math.prod(shape))))), count


def arguments(*modes):
    """The case, the mode and the seconds to measure for, of a peer's command line: CASE MODE [SECONDS]."""
    try:
        if len(sys.argv) not in (3, 4):
            raise ValueError("two or three arguments are needed")
        text, mode, seconds = (*sys.argv[1:], "6")[:3]
        case, seconds = Case.parse(text), float(seconds)
        if mode not in modes:
            raise ValueError(f"unknown mode {mode}")
        return case, mode, seconds
    except ValueError as error:
        sys.exit(f"{error}; usage: {os.path.basename(sys.argv[0])} CASE {'|'.join(modes)} [SECONDS]")


def report(case, peer, seconds, step, parameters=None):
    """Times calls of `step(index)`, which must wait for its result, and prints the median as one JSON object."""
    for index in range(5):
        step(index)
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step(len(times))
        times.append(time.perf_counter() - start)
    median = statistics.median(times)
    print(json.dumps({
        "what": case.what, "model": case.name, "peer": peer, "batch_size": case.batch_size, "parameters": parameters,
        "steps": len(times), "milliseconds_per_step": median * 1e3, "samples_per_second": case.batch_size / median}))
