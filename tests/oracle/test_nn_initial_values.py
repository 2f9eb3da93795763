"""Weights are drawn from the distributions PyTorch draws them from.

For each parameter of each layer 100,000 draws on either side are compared by the two-sample
Kolmogorov-Smirnov test, by their mean and standard deviation, and by their ends. Seeds are fixed,
so a test that passes always passes; alpha is what a change of the generator may cost.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

DRAWS = 100_000
ALPHA = 1e-4  # of a false alarm, of one parameter
LIMIT = math.sqrt(-math.log(ALPHA / 2) / 2)  # of the scaled statistic (Smirnov 1948)
SIGMAS = 4.5  # of a mean or a standard deviation


def statistic(x: np.ndarray, y: np.ndarray) -> float:
    """sup |F_x - F_y| over the empirical distributions, scaled by sqrt(nm / (n + m))."""
    x, y = np.sort(x), np.sort(y)
    at = np.concatenate([x, y])
    gap = np.searchsorted(x, at, "right") / x.size - np.searchsorted(y, at, "right") / y.size
    return float(np.abs(gap).max() * math.sqrt(x.size * y.size / (x.size + y.size)))


def alike(x: np.ndarray, y: np.ndarray, what: str) -> None:
    """Whether two samples come from one distribution; a constant must be the same constant."""
    if y.min() == y.max():
        assert x.min() == x.max() == y.min(), f"{what}: not the constant {y.min()}"
        return
    found = statistic(x, y)
    assert found < LIMIT, f"{what}: Kolmogorov-Smirnov {found:.2f} > {LIMIT:.2f}"
    spread = y.std()
    both = math.sqrt(1 / x.size + 1 / y.size)
    assert abs(x.mean() - y.mean()) < SIGMAS * spread * both, f"{what}: mean"
    # how far a sample's standard deviation strays, by the fourth moment (3 of a normal, 9/5)
    fourth = ((y - y.mean()) ** 4).mean() / spread**4
    error = spread * math.sqrt((fourth - 1) / 4) * both
    assert abs(x.std() - spread) < SIGMAS * error, f"{what}: standard deviation"
    if fourth < 2:  # bounded: the ends of 100,000 draws are sharp, and so a wrong bound is seen
        for end in (np.min, np.max):
            assert abs(end(x) - end(y)) < 2e-3 * spread, f"{what}: bound"


Parameters = dict[str, np.ndarray]


def parameters(module: Any, axes: int = 1) -> Parameters:
    """The parameters of at least so many axes, flat."""
    named = module.named_parameters()
    return {n: p.numpy(force=True).ravel().copy() for n, p in named if p.dim() >= axes}


def gathered(make: Callable[[], Parameters]) -> Parameters:
    """At least DRAWS numbers of each parameter that is drawn at all, from as many new layers."""
    first = make()
    drawn = [n for n, x in first.items() if x.size and x.min() != x.max()]
    times = math.ceil(DRAWS / min((first[n].size for n in drawn), default=DRAWS))
    rounds = [first, *(make() for _ in range(times - 1))]
    enough = {n: math.ceil(DRAWS / x.size) for n, x in first.items() if x.size}
    return {n: np.concatenate([r[n] for r in rounds[:k]]) for n, k in enough.items()}


def compare(ours: Callable[[], Parameters], theirs: Callable[[], Parameters]) -> None:
    tl.manual_seed(1)
    torch.manual_seed(1)
    mine, wanted = gathered(ours), gathered(theirs)
    assert list(mine) == list(wanted)
    for name in wanted:
        alike(mine[name], wanted[name], name)


LAYERS = [
    *[f"Linear(30, 400, bias={b})" for b in (True, False)],
    *[f"Bilinear(5, 7, 300, bias={b})" for b in (True, False)],
    *[
        f"Conv{d}d(6, 40, {k}{options})"
        for d, k in ((1, 5), (2, 3), (3, 2))
        for options in ("", ", groups=2", ", bias=False", ", dilation=2, stride=2")
    ],
    *[
        f"ConvTranspose{d}d(40, 20, {k}{options})"
        for d, k in ((1, 5), (2, 3), (3, 2))
        for options in ("", ", groups=4", ", bias=False")
    ],
    "Embedding(100, 30)",
    "Embedding(20, 30, padding_idx=3)",
    "EmbeddingBag(100, 30)",
    *[
        f"{kind}(7, 40{options})"
        for kind in ("RNN", "GRU", "LSTM")
        for options in ("", ", num_layers=2, bidirectional=True", ", bias=False")
    ],
    "LSTM(7, 40, proj_size=20)",
    *[f"{kind}Cell(7, 100, bias={b})" for kind in ("RNN", "GRU", "LSTM") for b in (True, False)],
    *[
        f"MultiheadAttention(64, 4{options})"
        for options in ("", ", bias=False", ", add_bias_kv=True", ", kdim=20, vdim=30")
    ],
    "TransformerEncoderLayer(32, 4, 200)",
    "TransformerDecoderLayer(32, 4, 200)",
    "TransformerEncoder(t.nn.TransformerEncoderLayer(32, 4, 200), 2)",
    "Transformer(32, 4, 1, 1, 200)",
    "AdaptiveLogSoftmaxWithLoss(64, 200, [50, 100])",
    "LinearCrossEntropyLoss(20, 300, bias=True)",
    "PReLU(3)",
    "PReLU(3, 0.1)",
    *[f"BatchNorm{d}d(5)" for d in (1, 2, 3)],
    *[f"InstanceNorm{d}d(5, affine=True)" for d in (1, 2, 3)],
    "LayerNorm((3, 5))",
    "RMSNorm((3, 5))",
    "GroupNorm(2, 6)",
]


@pytest.mark.parametrize("layer", LAYERS)
def test_default(layer: str) -> None:
    # A stack draws its matrices anew, and leaves vectors as its layers, tested alone, draw them.
    axes = 2 if layer.startswith(("Transformer(", "TransformerEncoder(")) else 1

    def make(t: Any) -> Callable[[], Parameters]:
        return lambda: parameters(eval(f"t.nn.{layer}", {"t": t}), axes)  # the text is this file's

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(make(tl), make(torch))


LAZY = [
    ("LazyLinear(400)", (2, 30)),
    ("LazyConv1d(40, 5)", (2, 6, 9)),
    ("LazyConv2d(40, 3, groups=2)", (2, 6, 5, 5)),
    ("LazyConv3d(40, 2)", (2, 6, 3, 3, 3)),
    ("LazyConvTranspose2d(20, 3)", (2, 40, 3, 3)),
    ("LazyBatchNorm2d()", (2, 6, 3, 3)),
]


@pytest.mark.parametrize(("layer", "shape"), LAZY)
def test_lazy(layer: str, shape: tuple[int, ...]) -> None:
    def make(t: Any) -> Callable[[], Parameters]:
        def made() -> Parameters:
            module = eval(f"t.nn.{layer}", {"t": t})  # the text is this file's own
            module(t.ones(shape))
            return parameters(module)

        return made

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(make(tl), make(torch))


INITIALIZERS = [
    "uniform_(w)",
    "uniform_(w, -0.3, 1.2)",
    "normal_(w)",
    "normal_(w, 1.0, 0.2)",
    "trunc_normal_(w)",
    "trunc_normal_(w, 0.5, 2.0, -1.0, 3.0)",
    "constant_(w, 0.7)",
    "ones_(w)",
    "zeros_(w)",
    *[f"xavier_{d}_(w, gain={g})" for d in ("uniform", "normal") for g in (1.0, 5 / 3)],
    *[
        f"kaiming_{d}_(w, {a}, {mode!r}, {f!r})"
        for d, mode, (a, f) in itertools.product(
            ("uniform", "normal"),
            ("fan_in", "fan_out"),
            ((0, "leaky_relu"), (0.3, "leaky_relu"), (0, "relu"), (0, "tanh"), (0, "selu")),
        )
    ],
    "orthogonal_(w, gain=0.5)",
]


@pytest.mark.parametrize("shape", [(40, 60), (60, 10, 3, 2)], ids=str)
@pytest.mark.parametrize("call", INITIALIZERS)
def test_initializer(call: str, shape: tuple[int, ...]) -> None:
    def make(t: Any) -> Callable[[], Parameters]:
        def made() -> Parameters:
            w = t.empty(shape)
            eval(f"t.nn.init.{call}", {"t": t, "w": w})  # the text is this file's own
            return {"w": w.numpy().ravel().copy()}

        return made

    compare(make(tl), make(torch))


@pytest.mark.parametrize("shape", [(40, 60), (7, 4)], ids=str)
def test_sparse(shape: tuple[int, int]) -> None:
    def make(t: Any) -> Callable[[], Parameters]:
        def made() -> Parameters:
            w = t.nn.init.sparse_(t.empty(shape), 0.3, std=0.5).numpy()
            zeros = (w == 0).sum(axis=0)
            assert (zeros == math.ceil(0.3 * shape[0])).all()  # in each column
            return {"w": w.ravel().copy()}

        return made

    compare(make(tl), make(torch))


def test_the_test_sees_small_errors() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, DRAWS), rng.normal(size=DRAWS)
    alike(x, rng.uniform(-1, 1, DRAWS), "same")
    alike(y, rng.normal(size=DRAWS), "same")
    for wrong in (x * 1.01, x + 0.02, np.clip(x, -0.99, 0.99), x**3, y):
        with pytest.raises(AssertionError):
            alike(wrong, x, "wrong")
    for wrong in (y * 1.02, y + 0.03, np.clip(y, -2, 2)):
        with pytest.raises(AssertionError):
            alike(wrong, y, "wrong")
