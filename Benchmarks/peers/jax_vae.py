"""The VAEs of `pushforward models` in JAX (flax, optax) on the CPU, jitted: jax_vae.py train|sample conv-vae|vae jit"""

import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import BATCH_SIZE, SAMPLE_COUNT, images, report


def convolution(channels, transposed=False):
    layer = nn.ConvTranspose if transposed else nn.Conv
    return layer(channels, (4, 4), (2, 2), padding="SAME" if transposed else ((1, 1), (1, 1)))


def flatten(x):
    return x.reshape(x.shape[0], -1)


def conv_vae(latent=32):
    encoder = nn.Sequential([
        convolution(32), nn.relu, convolution(64), nn.relu, flatten, nn.Dense(256), nn.relu, nn.Dense(2 * latent)])
    decoder = nn.Sequential([
        nn.Dense(256), nn.relu, nn.Dense(3136), nn.relu, lambda h: h.reshape(-1, 7, 7, 64),
        convolution(32, transposed=True), nn.relu, convolution(1, transposed=True)])
    return encoder, decoder, latent


def vae(latent=20):
    encoder = nn.Sequential([flatten, nn.Dense(400), nn.relu, nn.Dense(2 * latent)])
    decoder = nn.Sequential([nn.Dense(400), nn.relu, nn.Dense(784), lambda h: h.reshape(-1, 28, 28, 1)])
    return encoder, decoder, latent


def train(encoder, decoder, latent, name):
    data, count = images()
    x = np.frombuffer(data, np.uint8).reshape(count, 28, 28, 1).astype(np.float32) / 255
    key = jax.random.key(0)
    parameters = encoder.init(key, x[:1]), decoder.init(key, jnp.zeros((1, latent)))
    optimizer = optax.adam(1e-3)
    order = np.random.default_rng(0).permutation(count)

    def loss(parameters, x, key):
        mean, log_variance = jnp.split(encoder.apply(parameters[0], x), 2, 1)
        z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        logits = decoder.apply(parameters[1], z)
        reconstruction = jnp.sum(optax.sigmoid_binary_cross_entropy(logits, x))
        kl = 0.5 * jnp.sum(jnp.exp(log_variance) + mean * mean - 1 - log_variance)
        return (reconstruction + kl) / x.shape[0]

    @jax.jit
    def update(parameters, moments, x, key):
        key, noise = jax.random.split(key)
        gradient = jax.grad(loss)(parameters, x, noise)
        updates, moments = optimizer.update(gradient, moments)
        return optax.apply_updates(parameters, updates), moments, key

    state = [parameters, optimizer.init(parameters), key]

    def step(index):
        first = index * BATCH_SIZE % (count - BATCH_SIZE + 1)
        state[:] = update(state[0], state[1], x[order[first:first + BATCH_SIZE]], state[2])
        jax.block_until_ready(state[0])

    report("train", name, "jax-jit", BATCH_SIZE, step)


def sample(encoder, decoder, latent, name):
    key = jax.random.key(0)
    parameters = decoder.init(key, jnp.zeros((1, latent)))
    draw = jax.jit(lambda key: nn.sigmoid(decoder.apply(parameters, jax.random.normal(key, (SAMPLE_COUNT, latent)))))
    report(
        "sample", name, "jax-jit", SAMPLE_COUNT, lambda index: draw(jax.random.key(index)).block_until_ready(),
        warmup=3)


if __name__ == "__main__":
    what, name, _ = sys.argv[1:]
    {"train": train, "sample": sample}[what](*{"conv-vae": conv_vae, "vae": vae}[name](), name)
