"""Fits the flows of zuko, nflows and normflows to given rows, and prints their test negative log-likelihoods.

    python3 -m venv peers && peers/bin/pip install torch zuko nflows normflows
    pushforward datasets two-moons --out moons
    peers/bin/python flow_fits.py --train moons/train.npy --test moons/test.npy --steps 2000 [--standardize] [--seeds 0,1,2]

The rows are those of `pushforward train MODEL --data FOLDER`, a folder with train.npy and test.npy; the models, too:
`nsf` and `realnvp` are couplings whose halves alternate, `maf` and `nsf_autoregressive` take the elements of a row in
alternating orders (in zuko alone: the others' masked networks are built differently). Adam, batches without
replacement; with --cosine the rate falls to 0 along half a cosine, as `--lr-schedule cosine` does. Every fit is a line of JSON; `negative_log_likelihood` is in nats per row of the data as given,
also with --standardize. Where a library's networks differ (normflows: residual), they are as wide as the parameter
count of zuko's allows.
"""

import argparse
import json
import math
import time

import numpy as np
import torch
from torch import nn

DEFAULTS = {"realnvp": (8, [128, 128]), "nsf": (5, [64, 64]), "maf": (5, [64, 64]), "nsf_autoregressive": (5, [64, 64])}


def halves(features, layer):
    """Which elements the layer conditions on: the first half, or the second."""
    first = torch.arange(features) < (features + 1) // 2
    return first if layer % 2 == 0 else ~first


def zuko_flow(model, features, layers, hidden, bins):
    import zuko
    from zuko.flows.autoregressive import MaskedAutoregressiveTransform
    from zuko.flows.coupling import GeneralCouplingTransform

    form = {"hidden_features": hidden, "activation": nn.ReLU}
    if model.startswith("nsf"):
        form.update(univariate=zuko.transforms.MonotonicRQSTransform, shapes=[(bins,), (bins,), (bins - 1,)])
    if model in ("realnvp", "nsf"):
        transforms = [GeneralCouplingTransform(features, mask=halves(features, i), **form) for i in range(layers)]
    else:
        order = torch.arange(features)
        orders = [order, order.flip(0)]
        transforms = [MaskedAutoregressiveTransform(features, order=orders[i % 2], **form) for i in range(layers)]
    base = zuko.lazy.UnconditionalDistribution(
        zuko.distributions.DiagNormal, torch.zeros(features), torch.ones(features), buffer=True)
    flow = zuko.lazy.Flow(transforms, base)
    return flow, lambda x: flow().log_prob(x)


def nflows_flow(model, features, layers, hidden, bins):
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.nn.nets import MLP
    from nflows.transforms import AffineCouplingTransform, CompositeTransform
    from nflows.transforms import PiecewiseRationalQuadraticCouplingTransform

    class Conditioner(MLP):
        hidden_features = hidden[0]   # by its root the library scales the logits of bins down

        def __init__(self, inputs, outputs):
            super().__init__([inputs], [outputs], hidden)

        def forward(self, x, context=None):
            return super().forward(x)

    class Affine(AffineCouplingTransform):
        """The library's own scale cannot exceed 1.001: it could never take narrow data to a standard normal."""

        def _scale_and_shift(self, parameters):
            shift, scale = parameters.chunk(2, 1)
            return torch.tanh(scale).exp(), shift

    def layer(index):
        mask = (~halves(features, index)).int()   # 1: transformed
        if model == "realnvp":
            return Affine(mask, Conditioner)
        return PiecewiseRationalQuadraticCouplingTransform(
            mask, Conditioner, num_bins=bins, tails="linear", tail_bound=5)

    flow = Flow(CompositeTransform([layer(i) for i in range(layers)]), StandardNormal([features]))
    return flow, flow.log_prob


def normflows_flow(model, features, layers, hidden, bins, target):
    import normflows as nf

    def build(width):
        parts = []
        for index in range(layers):
            if model == "realnvp":
                widths = [(features + 1) // 2] + [width] * len(hidden) + [2 * (features // 2)]
                parts += [nf.flows.AffineCouplingBlock(nf.nets.MLP(widths)), nf.flows.Permute(features, mode="swap")]
            else:
                parts.append(nf.flows.CoupledRationalQuadraticSpline(
                    features, 1, width, num_bins=bins, tail_bound=5, reverse_mask=index % 2 == 1))
        return nf.NormalizingFlow(nf.distributions.DiagGaussian(features, trainable=False), parts)

    flow = next(flow for width in range(hidden[0], 0, -1) if size(flow := build(width)) <= target or width == 1)
    return flow, flow.log_prob


def size(module):
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def fit(library, model, train, test, options, seed):
    """One line of the answer."""
    layers, hidden = DEFAULTS[model]
    layers, hidden = options.layers or layers, options.hidden or hidden
    torch.manual_seed(seed)
    arguments = (model, train.shape[1], layers, hidden, options.bins)
    flow, log_prob = zuko_flow(*arguments)
    if library == "nflows":
        flow, log_prob = nflows_flow(*arguments)
    elif library == "normflows":
        flow, log_prob = normflows_flow(*arguments, target=size(flow))
    optimizer = torch.optim.Adam(flow.parameters(), options.learning_rate)
    start, done = time.perf_counter(), 0
    batch = min(options.batch_size, len(train))
    while done < options.steps:
        for rows in torch.randperm(len(train)).split(batch)[: len(train) // batch][: options.steps - done]:
            if options.cosine:
                share = (1 + math.cos(math.pi * done / options.steps)) / 2
                optimizer.param_groups[0]["lr"] = options.learning_rate * share
            optimizer.zero_grad(set_to_none=True)
            (-log_prob(train[rows]).mean()).backward()
            optimizer.step()
            done += 1
    seconds = time.perf_counter() - start
    with torch.no_grad():
        scores = -torch.cat([log_prob(rows) for rows in test.split(4096)]).double()
    return {
        "library": library, "model": model, "layers": layers, "hidden": hidden, "parameters": size(flow),
        "steps": done, "batch_size": batch, "learning_rate": options.learning_rate, "seed": seed,
        "seconds": round(seconds, 1), "negative_log_likelihood": scores.mean().item() + options.log_scale,
        "standard_error": scores.std().item() / math.sqrt(len(scores)),
        "non_finite": int((~scores.isfinite()).sum()),
    }


def rows(train, test, standardize):
    """The rows of two .npy files, and what the log-density of the rows as given lacks of theirs."""
    train, test = (np.load(path).astype(np.float32) for path in (train, test))
    train, test = (values.reshape(len(values), -1) for values in (train, test))
    log_scale = 0.0
    if standardize:
        mean, deviation = train.mean(0), train.std(0)
        train, test = (train - mean) / deviation, (test - mean) / deviation
        log_scale = float(np.log(deviation).sum())
    return torch.from_numpy(train), torch.from_numpy(test), log_scale


def main():
    def numbers(text):
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--libraries", default="zuko,nflows,normflows", type=lambda text: text.split(","))
    parser.add_argument("--models", default="nsf,realnvp", type=lambda text: text.split(","), help=", ".join(DEFAULTS))
    parser.add_argument("--steps", default=2000, type=int)
    parser.add_argument("--batch-size", default=512, type=int)
    parser.add_argument("--learning-rate", default=1e-3, type=float)
    parser.add_argument("--layers", type=int, help="default: that of `pushforward models MODEL`")
    parser.add_argument("--hidden", type=numbers, help="likewise, as 64,64")
    parser.add_argument("--bins", default=8, type=int)
    parser.add_argument("--cosine", action="store_true", help="let the learning rate fall to 0")
    parser.add_argument("--seeds", default=[0], type=numbers)
    parser.add_argument("--standardize", action="store_true", help="by the training rows' means and deviations")
    options = parser.parse_args()

    train, test, options.log_scale = rows(options.train, options.test, options.standardize)
    for model in options.models:
        for library in options.libraries:
            if library != "zuko" and model not in ("nsf", "realnvp"):
                continue
            for seed in options.seeds:
                print(json.dumps(fit(library, model, train, test, options, seed)), flush=True)


if __name__ == "__main__":
    main()
