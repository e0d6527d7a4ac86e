"""The VAEs of `pushforward models` in PyTorch on the CPU: torch_vae.py train|sample conv-vae|vae eager|compile"""

import sys

import torch
from torch import nn
from torch.nn import functional

from common import BATCH_SIZE, SAMPLE_COUNT, images, report


def conv_vae(latent=32):
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(3136, 256), nn.ReLU(), nn.Linear(256, 2 * latent))
    decoder = nn.Sequential(
        nn.Linear(latent, 256), nn.ReLU(), nn.Linear(256, 3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1))
    return encoder, decoder, latent


def vae(latent=20):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 2 * latent))
    decoder = nn.Sequential(
        nn.Linear(latent, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28)))
    return encoder, decoder, latent


class VAE(nn.Module):
    """The negative ELBO per image of a batch: Bernoulli means on gray levels, analytic KL."""

    def __init__(self, encoder, decoder, latent):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        reconstruction = functional.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        kl = 0.5 * torch.sum(log_variance.exp() + mean * mean - 1 - log_variance)
        return (reconstruction + kl) / x.shape[0]


def train(model, mode, name):
    data, count = images()
    x = torch.frombuffer(data, dtype=torch.uint8).view(count, 1, 28, 28).float() / 255
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = torch.compile(model) if mode == "compile" else model
    order = torch.randperm(count)

    def step(index):
        first = index * BATCH_SIZE % (count - BATCH_SIZE + 1)
        optimizer.zero_grad(set_to_none=True)
        loss(x[order[first:first + BATCH_SIZE]]).backward()
        optimizer.step()

    report("train", name, f"torch-{mode}", BATCH_SIZE, step)


def sample(model, mode, name):
    decoder = torch.compile(model.decoder) if mode == "compile" else model.decoder
    with torch.no_grad():
        report(
            "sample", name, f"torch-{mode}", SAMPLE_COUNT,
            lambda _: decoder(torch.randn(SAMPLE_COUNT, model.latent)).sigmoid(), warmup=3)


if __name__ == "__main__":
    what, name, mode = sys.argv[1:]
    torch.manual_seed(0)
    model = VAE(*{"conv-vae": conv_vae, "vae": vae}[name]())
    {"train": train, "sample": sample}[what](model, mode, name)
