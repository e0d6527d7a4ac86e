"""The cases of `run` in JAX (flax, optax) on the CPU, jitted."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import ELEMENTS, arguments, images, report


def vae(shape):
    """Encoder to mean and log-variance, decoder to logits; images have their channels last."""
    window = {"kernel_size": 2 * (shape.kernel,), "strides": 2 * (shape.stride,), "padding": "SAME"}
    inner = *shape.inner[1:], shape.inner[0]
    encoder = nn.Sequential([
        *(layer for _, o in shape.pairs for layer in (nn.Conv(o, **window), nn.relu)),
        lambda h: h.reshape(h.shape[0], -1), nn.Dense(shape.hidden), nn.relu, nn.Dense(2 * shape.latent)])
    decoder = nn.Sequential([
        nn.Dense(shape.hidden), nn.relu, nn.Dense(math.prod(inner)), lambda h: h.reshape(-1, *inner),
        *(layer for i, _ in shape.pairs[::-1] for layer in (nn.relu, nn.ConvTranspose(i, **window)))])
    return encoder, decoder


def train(case):
    """A step: gather the rows, the gradient with fresh noise, Adam; what it updates is updated in place."""
    data, count = images(case.architecture.shape)
    x = np.frombuffer(data, np.uint8).reshape(count, *case.architecture.shape).transpose(0, 2, 3, 1)
    x = jnp.asarray(x, jnp.float32) / 255
    order = jnp.asarray(np.random.default_rng(0).permutation(count))
    encoder, decoder = vae(case.architecture)
    key = jax.random.key(0)
    parameters = encoder.init(key, x[:1]), decoder.init(key, jnp.zeros((1, case.architecture.latent)))
    optimizer = optax.adam(1e-3)

    def loss(parameters, x, key):
        mean, log_variance = jnp.split(encoder.apply(parameters[0], x), 2, 1)
        z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        logits = decoder.apply(parameters[1], z)
        reconstruction = jnp.sum(optax.sigmoid_binary_cross_entropy(logits, x))
        kl = 0.5 * jnp.sum(jnp.exp(log_variance) + mean * mean - 1 - log_variance)
        return (reconstruction + kl) / x.shape[0]

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, x, order, first):
        parameters, moments, key = state
        key, noise = jax.random.split(key)
        rows = x[jax.lax.dynamic_slice(order, (first,), (case.batch_size,))]
        gradient = jax.grad(loss)(parameters, rows, noise)
        updates, moments = optimizer.update(gradient, moments)
        return optax.apply_updates(parameters, updates), moments, key

    state = parameters, optimizer.init(parameters), key

    def step(index):
        nonlocal state
        state = update(state, x, order, index * case.batch_size % (count - case.batch_size + 1))
        jax.block_until_ready(state)

    return step, sum(leaf.size for leaf in jax.tree.leaves(parameters))


def sample(case):
    decoder, latent = vae(case.architecture)[1], case.architecture.latent
    parameters = decoder.init(jax.random.key(0), jnp.zeros((1, latent)))
    draw = jax.jit(lambda key: nn.sigmoid(decoder.apply(parameters, jax.random.normal(key, (case.batch_size, latent)))))
    return lambda index: draw(jax.random.key(index)).block_until_ready(), None


def elementwise(case):
    @functools.partial(jax.jit, donate_argnums=0, keep_unused=True)
    def draw(buffer, key):
        return jnp.log(jnp.exp(jax.random.normal(key, buffer.shape)) + 1)

    x = jnp.zeros(ELEMENTS)

    def step(index):
        nonlocal x
        x = draw(x, jax.random.key(index)).block_until_ready()

    return step, None


if __name__ == "__main__":
    case, mode, seconds = arguments("jit")
    step, parameters = {"train": train, "sample": sample, "elementwise": elementwise}[case.what](case)
    report(case, f"jax-{mode}", seconds, step, parameters)
