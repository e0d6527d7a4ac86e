"""`pushforward train glow` in PyTorch: bits per dimension of Fashion-MNIST's test images, by seed, and the time of a step.

    python3 Benchmarks/peers/glow_torch.py --steps 300 --warmup 50 --seeds 0 1 2
    pushforward train glow --data fashion-mnist --steps 300 --lr-schedule cosine --lr-warmup-steps 50 --seed 0

The same layers, sizes, first values, optimizer, rates and batches (Kingma and Dhariwal 2018): a squeeze, steps of activation
norm, 1x1 convolution P L U and affine coupling, and a split with a learned prior, at each level. Prints one JSON object.
"""

import argparse
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

from common import images


class ActNorm(nn.Module):
    """The first batch comes out with mean 0 and deviation 1 in every channel."""

    def __init__(self, channels):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.is_set = False

    def forward(self, x):
        if not self.is_set:
            with torch.no_grad():
                self.shift.copy_(x.mean((0, 2, 3), keepdim=True))
                self.log_scale.copy_(x.std((0, 2, 3), keepdim=True, correction=0).log())
            self.is_set = True
        return (x - self.shift) * (-self.log_scale).exp(), -self.log_scale.sum() * x[0, 0].numel()


class Mixing(nn.Module):
    """The 1x1 convolution W = P L (U + diag(exp(d)))."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("permutation", torch.eye(channels)[torch.randperm(channels)])
        self.lu = nn.Parameter(torch.zeros(channels, channels))

    def forward(self, x):
        d = self.lu.diagonal()
        lower = self.lu.tril(-1) + torch.eye(len(d))
        weight = self.permutation @ lower @ (self.lu.triu(1) + d.exp().diag())
        return functional.conv2d(x, weight[:, :, None, None]), d.sum() * x[0, 0].numel()


def conditioner(channels, width):
    """3x3, 1x1 and 3x3 convolutions, or the last one alone; it starts at zero."""
    layers = []
    if width:
        layers = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU()]
    last = nn.Conv2d(width or channels, 2 * channels, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


class Affine(nn.Module):
    """The second half of the channels, scaled and shifted by what the first half says."""

    def __init__(self, channels, width, bound):
        super().__init__()
        self.net, self.bound = conditioner(channels // 2, width), bound

    def forward(self, x):
        kept, moved = x.chunk(2, 1)
        h, shift = self.net(kept).chunk(2, 1)
        s = self.bound * torch.tanh(h / self.bound)
        return kept, (moved - shift) * (-s).exp(), -s.sum((1, 2, 3))


class Glow(nn.Module):
    def __init__(self, options, channels=1):
        super().__init__()
        self.levels, self.splits = nn.ModuleList(), nn.ModuleList()
        for level in range(options.levels):
            channels *= 4
            self.levels.append(nn.ModuleList(
                nn.ModuleList([ActNorm(channels), Mixing(channels), Affine(channels, options.width, options.bound)])
                for _ in range(options.depth)))
            if level + 1 < options.levels:
                self.splits.append(Affine(channels, 0, options.bound))
                channels //= 2

    def forward(self, levels):
        """The bound on minus log2 of the probability per pixel, for each image of uint8 levels [rows, 1, h, w]."""
        x = (levels + torch.rand(levels.shape)) / 256
        size, log_prob = x[0].numel(), -x[0].numel() * math.log(256)
        base = lambda z: -0.5 * (z * z + math.log(2 * math.pi)).sum((1, 2, 3))
        for index, steps in enumerate(self.levels):
            x = functional.pixel_unshuffle(x, 2)
            for norm, mixing, coupling in steps:
                x, first = norm(x)
                x, second = mixing(x)
                kept, moved, third = coupling(x)
                x, log_prob = torch.cat([kept, moved], 1), log_prob + first + second + third
            if index < len(self.splits):
                x, out, log_det = self.splits[index](x)
                log_prob = log_prob + log_det + base(out)
        return -(log_prob + base(x)) / (size * math.log(2))


def trained(options, seed, data, test):
    """Bits per dimension of the test images after training, and the median seconds of a step."""
    torch.manual_seed(seed)
    model = Glow(options)
    with torch.no_grad():
        model(data[torch.randperm(len(data))[:256]])
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate, fused=True)
    times = []
    for step in range(options.steps):
        start = time.perf_counter()
        first = step * options.batch_size % (len(data) - options.batch_size + 1)
        if first < options.batch_size:
            order = torch.randperm(len(data))
        course = max(step - options.warmup, 0) / max(options.steps - options.warmup, 1)
        factor = (step + 1) / options.warmup if step < options.warmup else (1 + math.cos(math.pi * course)) / 2
        optimizer.param_groups[0]["lr"] = options.learning_rate * factor
        optimizer.zero_grad(set_to_none=True)
        (model(data[order[first:first + options.batch_size]]).mean() * data[0].numel() * math.log(2)).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    with torch.inference_mode():
        bits = torch.cat([model(rows) for rows in test.split(500)]).mean().item()
    return bits, statistics.median(times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in [("levels", 2), ("depth", 8), ("width", 64), ("steps", 300), ("warmup", 50), ("batch-size", 64)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--bound", type=float, default=1)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    train, test = (
        torch.frombuffer(levels, dtype=torch.uint8).view(count, 1, 28, 28)
        for levels, count in (images((1, 28, 28)), images((1, 28, 28), "t10k")))
    results = [trained(options, seed, train, test) for seed in options.seeds]
    bits = [bits for bits, _ in results]
    print(json.dumps({
        "model": "glow", "peer": "torch-eager", **vars(options), "bits_per_dimension": bits,
        "mean": statistics.mean(bits), "milliseconds_per_step": 1e3 * min(seconds for _, seconds in results)}))
