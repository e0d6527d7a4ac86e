"""The flow cases of `run` in JAX (optax) on the CPU, jitted."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import arguments, points, report


def initial(flow, key):
    """Weights and biases of each coupling's conditioner, layer by layer."""
    dimensions = math.prod(flow.shape)
    half = (dimensions + 1) // 2
    couplings = []
    for index in range(flow.layers):
        kept = half if index % 2 == 0 else dimensions - half
        widths = [kept, *flow.hidden, 2 * (dimensions - kept)]
        layers = []
        for i, o in zip(widths, widths[1:]):
            key, weight = jax.random.split(key)
            layers.append((jax.random.uniform(weight, (i, o), minval=-1, maxval=1) / math.sqrt(i), jnp.zeros(o)))
        couplings.append(layers)
    return couplings


def couple(index, layers, x, inverse):
    """The row after one coupling, and the log-det."""
    kept, moved = jnp.array_split(x, 2, 1)
    if index % 2:
        kept, moved = moved, kept
    h = kept
    for weight, bias in layers[:-1]:
        h = jax.nn.relu(h @ weight + bias)
    scale, shift = jnp.split(h @ layers[-1][0] + layers[-1][1], 2, 1)
    scale = jnp.tanh(scale)
    moved = (moved - shift) * jnp.exp(-scale) if inverse else moved * jnp.exp(scale) + shift
    return jnp.concatenate((moved, kept) if index % 2 else (kept, moved), 1), -scale.sum(1) if inverse else scale.sum(1)


def loss(couplings, x):
    log_det = 0
    for index in reversed(range(len(couplings))):
        x, change = couple(index, couplings[index], x, True)
        log_det = log_det + change
    return -(-0.5 * (x * x).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi) + log_det).mean()


def train(case):
    """A step: gather the rows, the gradient, Adam; what it updates is updated in place."""
    data, count = points(case.architecture.shape)
    x = jnp.asarray(np.frombuffer(data, np.float32).reshape(count, *case.architecture.shape))
    order = jnp.asarray(np.random.default_rng(0).permutation(count))
    optimizer = optax.adam(1e-3)

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, x, order, first):
        couplings, moments = state
        rows = x[jax.lax.dynamic_slice(order, (first,), (case.batch_size,))]
        updates, moments = optimizer.update(jax.grad(loss)(couplings, rows), moments)
        return optax.apply_updates(couplings, updates), moments

    couplings = initial(case.architecture, jax.random.key(0))
    state = couplings, optimizer.init(couplings)

    def step(index):
        nonlocal state
        state = update(state, x, order, index * case.batch_size % (count - case.batch_size + 1))
        jax.block_until_ready(state)

    return step, sum(leaf.size for leaf in jax.tree.leaves(couplings))


def sample(case):
    couplings = initial(case.architecture, jax.random.key(0))
    dimensions = math.prod(case.architecture.shape)

    @jax.jit
    def draw(couplings, key):
        x = jax.random.normal(key, (case.batch_size, dimensions))
        for index, layers in enumerate(couplings):
            x, _ = couple(index, layers, x, False)
        return x

    return lambda index: draw(couplings, jax.random.key(index)).block_until_ready(), None


if __name__ == "__main__":
    case, mode, seconds = arguments("jit")
    step, parameters = {"train": train, "sample": sample}[case.what](case)
    report(case, f"jax-{mode}", seconds, step, parameters)
