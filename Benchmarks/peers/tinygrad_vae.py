"""The conv VAE of `pushforward models` in tinygrad: tinygrad_vae.py train conv-vae cl (or cpu); cl is its OpenCL device."""

import os
import sys

mode = sys.argv[3] if len(sys.argv) == 4 else ""
if sys.argv[1:3] != ["train", "conv-vae"] or mode not in ("cl", "cpu"):
    sys.exit(__doc__)
os.environ.update(DEV=mode.upper(), TRAINING="1")   # read while tinygrad is imported

import numpy as np  # noqa: E402
from tinygrad import Tensor, TinyJit, nn  # noqa: E402

from common import BATCH_SIZE, images, report  # noqa: E402

LATENT = 32


class ConvVAE:
    def __init__(self):
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 64, 4, 2, 1)
        self.hidden, self.posterior = nn.Linear(3136, 256), nn.Linear(256, 2 * LATENT)
        self.decoded, self.features = nn.Linear(LATENT, 256), nn.Linear(256, 3136)
        self.deconv1, self.deconv2 = nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ConvTranspose2d(32, 1, 4, 2, 1)

    def loss(self, x):
        h = self.conv2(self.conv1(x).relu()).relu().flatten(1)
        mean, log_variance = self.posterior(self.hidden(h).relu()).chunk(2, dim=1)
        z = mean + (log_variance * 0.5).exp() * Tensor.randn(*mean.shape)
        h = self.features(self.decoded(z).relu()).relu().reshape(-1, 64, 7, 7)
        logits = self.deconv2(self.deconv1(h).relu())
        reconstruction = (logits.softplus() - logits * x).sum()
        kl = 0.5 * (log_variance.exp() + mean * mean - 1 - log_variance).sum()
        return (reconstruction + kl) / x.shape[0]


def main():
    data, count = images()
    x = np.frombuffer(data, np.uint8).reshape(count, 1, 28, 28)
    order = np.random.default_rng(0).permutation(count)
    model = ConvVAE()
    optimizer = nn.optim.Adam(nn.state.get_parameters(model), 1e-3)

    @TinyJit
    def update(batch):
        optimizer.zero_grad()
        loss = model.loss(batch).backward()
        optimizer.step()
        return loss.realize()

    def step(index):
        first = index * BATCH_SIZE % (count - BATCH_SIZE + 1)
        rows = x[order[first:first + BATCH_SIZE]].astype(np.float32) / 255
        update(Tensor(rows).realize()).item()

    report("train", "conv-vae", f"tinygrad-{mode}", BATCH_SIZE, step, warmup=4)


main()
