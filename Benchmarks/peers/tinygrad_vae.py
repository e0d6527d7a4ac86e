"""The cases of `run` in tinygrad, on its OpenCL device (cl) or the CPU."""

import math
import os

from common import ELEMENTS, arguments, images, report

case, mode, seconds = arguments("cl", "cpu")
os.environ.update(DEV=mode.upper(), TRAINING="1")   # read while tinygrad is imported

import numpy as np  # noqa: E402
from tinygrad import Device, Tensor, TinyJit, nn  # noqa: E402


class VAE:
    """The negative ELBO per image of a batch: Bernoulli means on gray levels, analytic KL."""

    def __init__(self, shape):
        window, size = (shape.kernel, shape.stride, shape.padding), math.prod(shape.inner)
        self.latent = shape.latent
        self.encoder = [
            *(layer for i, o in shape.pairs for layer in (nn.Conv2d(i, o, *window), Tensor.relu)),
            lambda h: h.flatten(1), nn.Linear(size, shape.hidden), Tensor.relu,
            nn.Linear(shape.hidden, 2 * shape.latent)]
        self.decoder = [
            nn.Linear(shape.latent, shape.hidden), Tensor.relu, nn.Linear(shape.hidden, size),
            lambda h: h.reshape(-1, *shape.inner),
            *(layer for i, o in shape.pairs[::-1] for layer in (Tensor.relu, nn.ConvTranspose2d(
                o, i, *window, output_padding=shape.output_padding)))]

    def loss(self, x):
        mean, log_variance = x.sequential(self.encoder).chunk(2, dim=1)
        z = mean + (log_variance * 0.5).exp() * Tensor.randn(*mean.shape)
        logits = z.sequential(self.decoder)
        reconstruction = (logits.softplus() - logits * x).sum()
        kl = 0.5 * (log_variance.exp() + mean * mean - 1 - log_variance).sum()
        return (reconstruction + kl) / x.shape[0]


def train(case):
    """A step: gather the rows, the gradient with fresh noise, Adam."""
    data, count = images(case.architecture.shape)
    x = np.frombuffer(data, np.uint8).reshape(count, *case.architecture.shape)
    order = np.random.default_rng(0).permutation(count)
    model = VAE(case.architecture)
    parameters = nn.state.get_parameters(model)
    optimizer = nn.optim.Adam(parameters, 1e-3)

    @TinyJit
    def update(batch):
        optimizer.zero_grad()
        loss = model.loss(batch).backward()
        optimizer.step()
        return loss.realize()

    def step(index):
        first = index * case.batch_size % (count - case.batch_size + 1)
        rows = x[order[first:first + case.batch_size]].astype(np.float32) / 255
        update(Tensor(rows).realize()).item()

    return step, sum(parameter.numel() for parameter in parameters)


def drawing(draw):
    """A step that draws and waits."""
    draw = TinyJit(draw)

    def step(_):
        draw()
        Device[Device.DEFAULT].synchronize()

    return step, None


def sample(case):
    model = VAE(case.architecture)
    return drawing(
        lambda: Tensor.randn(case.batch_size, model.latent).sequential(model.decoder).sigmoid().realize())


def elementwise(case):
    return drawing(lambda: (Tensor.randn(ELEMENTS).exp() + 1).log().realize())


if __name__ == "__main__":   # its compiler's processes import this file, too
    step, parameters = {"train": train, "sample": sample, "elementwise": elementwise}[case.what](case)
    report(case, f"tinygrad-{mode}", seconds, step, parameters)
