"""The cases of `run` in PyTorch on the CPU, eager or compiled, images with channels first or last (-cl)."""

import math
import os
import shutil
import sys

import torch
import torch._inductor.config as inductor
from torch import nn
from torch.nn import functional

from common import ELEMENTS, arguments, images, report


class VAE(nn.Module):
    """The negative ELBO per image of a batch: Bernoulli means on gray levels, analytic KL."""

    def __init__(self, shape):
        super().__init__()
        window, size = (shape.kernel, shape.stride, shape.padding), math.prod(shape.inner)
        self.latent = shape.latent
        self.encoder = nn.Sequential(
            *(layer for i, o in shape.pairs for layer in (nn.Conv2d(i, o, *window), nn.ReLU())),
            nn.Flatten(), nn.Linear(size, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, 2 * shape.latent))
        self.decoder = nn.Sequential(
            nn.Linear(shape.latent, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, size),
            nn.Unflatten(1, shape.inner),
            *(layer for i, o in shape.pairs[::-1]
              for layer in (nn.ReLU(), nn.ConvTranspose2d(o, i, *window, shape.output_padding))))

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        reconstruction = functional.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        kl = 0.5 * torch.sum(log_variance.exp() + mean * mean - 1 - log_variance)
        return (reconstruction + kl) / x.shape[0]

    def sample(self, count):
        return self.decoder(torch.randn(count, self.latent)).sigmoid()


def train(case, form, compiled):
    """A step: gather the rows, the gradient with fresh noise, Adam."""
    data, count = images(case.architecture.shape)
    x = torch.frombuffer(data, dtype=torch.uint8).view(count, *case.architecture.shape).float() / 255
    x = x.to(memory_format=form)
    model = VAE(case.architecture).to(memory_format=form)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss = compiled(model)
    order = torch.randperm(count)

    def step(index):
        first = index * case.batch_size % (count - case.batch_size + 1)
        optimizer.zero_grad(set_to_none=True)
        loss(x[order[first:first + case.batch_size]]).backward()
        optimizer.step()

    return step, sum(parameter.numel() for parameter in model.parameters())


def sample(case, form, compiled):
    model = VAE(case.architecture).to(memory_format=form).requires_grad_(False).eval()
    draw = compiled(model.sample)
    return lambda _: draw(case.batch_size), None


def elementwise(case, form, compiled):
    x = torch.empty(ELEMENTS)
    draw = compiled(lambda x: x.normal_().exp_().add_(1).log_())
    return lambda _: draw(x), None


if __name__ == "__main__":
    case, mode, seconds = arguments("eager", "eager-cl", "compile", "compile-cl")
    if mode.startswith("compile") and not shutil.which(os.environ.get("CXX", "g++")):
        sys.exit("torch.compile needs a C++ compiler: g++, or what CXX names")
    torch.manual_seed(0)
    form = torch.channels_last if mode.endswith("-cl") else torch.contiguous_format
    inductor.fallback_random = True   # PyTorch's own generator: the compiler's is many times slower
    inductor.freezing = case.what == "sample"   # weights are laid out for their kernels once
    compiled = torch.compile if mode.startswith("compile") else lambda function: function
    step, parameters = {"train": train, "sample": sample, "elementwise": elementwise}[case.what](case, form, compiled)
    with torch.inference_mode(case.what != "train"):
        report(case, f"torch-{mode}", seconds, step, parameters)
