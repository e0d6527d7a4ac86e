"""The flow cases of `run` in PyTorch on the CPU, eager or compiled."""

import math
import os
import shutil
import sys

import torch
import torch._inductor.config as inductor
from torch import nn

from common import arguments, points, report


class RealNVP(nn.Module):
    """Affine couplings; even ones keep the first half of a row, odd ones the second."""

    def __init__(self, flow):
        super().__init__()
        self.dimensions = math.prod(flow.shape)
        half = (self.dimensions + 1) // 2
        self.conditioners = nn.ModuleList()
        for index in range(flow.layers):
            kept = half if index % 2 == 0 else self.dimensions - half
            widths = [kept, *flow.hidden]
            self.conditioners.append(nn.Sequential(
                *(layer for i, o in zip(widths, widths[1:]) for layer in (nn.Linear(i, o), nn.ReLU())),
                nn.Linear(widths[-1], 2 * (self.dimensions - kept))))

    def couple(self, index, x, inverse):
        """The row after one coupling, and the log-det."""
        kept, moved = x.tensor_split(2, 1)
        if index % 2:
            kept, moved = moved, kept
        scale, shift = self.conditioners[index](kept).chunk(2, 1)
        scale = torch.tanh(scale)
        moved = (moved - shift) * torch.exp(-scale) if inverse else moved * torch.exp(scale) + shift
        return torch.cat((moved, kept) if index % 2 else (kept, moved), 1), -scale.sum(1) if inverse else scale.sum(1)

    def forward(self, x):
        """The mean negative log-likelihood of a batch."""
        log_det = 0
        for index in reversed(range(len(self.conditioners))):
            x, change = self.couple(index, x, True)
            log_det = log_det + change
        base = -0.5 * (x * x).sum(1) - 0.5 * self.dimensions * math.log(2 * math.pi)
        return -(base + log_det).mean()

    def sample(self, count):
        x = torch.randn(count, self.dimensions)
        for index in range(len(self.conditioners)):
            x, _ = self.couple(index, x, False)
        return x


def train(case, compiled):
    """A step: gather the rows, the gradient, Adam."""
    data, count = points(case.architecture.shape)
    x = torch.frombuffer(data, dtype=torch.float32).view(count, *case.architecture.shape)
    model = RealNVP(case.architecture)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss = compiled(model)
    order = torch.randperm(count)

    def step(index):
        first = index * case.batch_size % (count - case.batch_size + 1)
        optimizer.zero_grad(set_to_none=True)
        loss(x[order[first:first + case.batch_size]]).backward()
        optimizer.step()

    return step, sum(parameter.numel() for parameter in model.parameters())


def sample(case, compiled):
    draw = compiled(RealNVP(case.architecture).requires_grad_(False).eval().sample)
    return lambda _: draw(case.batch_size), None


if __name__ == "__main__":
    case, mode, seconds = arguments("eager", "compile")
    if mode == "compile" and not shutil.which(os.environ.get("CXX", "g++")):
        sys.exit("torch.compile needs a C++ compiler: g++, or what CXX names")
    torch.manual_seed(0)
    inductor.fallback_random = True   # PyTorch's own generator: the compiler's is many times slower
    inductor.freezing = case.what == "sample"
    compiled = torch.compile if mode == "compile" else lambda function: function
    step, parameters = {"train": train, "sample": sample}[case.what](case, compiled)
    with torch.inference_mode(case.what != "train"):
        report(case, f"torch-{mode}", seconds, step, parameters)
