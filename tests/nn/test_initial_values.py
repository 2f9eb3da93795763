"""Initial values have the distributions their docstrings state, by Kolmogorov and Smirnov.

100,000 draws of each against the distribution function itself; no PyTorch here (two samples, one
of them PyTorch's, are compared in tests/oracle/test_nn_initial_values.py). Seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn

DRAWS = 100_000
LIMIT = math.sqrt(-math.log(1e-4 / 2) / 2 / DRAWS)  # of sup |F_n - F|, one false alarm in 10,000

Distribution = Callable[[np.ndarray], np.ndarray]
erf = np.vectorize(math.erf)


def normal(std: float, mean: float = 0.0) -> Distribution:
    return lambda x: (1 + erf((x - mean) / (std * math.sqrt(2)))) / 2


def uniform(bound: float) -> Distribution:
    return lambda x: np.clip((x + bound) / (2 * bound), 0, 1)


def cut(std: float, a: float, b: float) -> Distribution:
    """The normal distribution given that a draw lies between a and b."""
    whole = normal(std)
    low, high = whole(np.array(a)), whole(np.array(b))
    return lambda x: np.clip((whole(x) - low) / (high - low), 0, 1)


def distance(x: np.ndarray, distribution: Distribution) -> float:
    """sup |F_n - F|, from both sides of every step."""
    x = np.sort(np.ravel(x).astype(np.float64))
    wanted = distribution(x)
    steps = np.arange(x.size + 1) / x.size
    return float(max((steps[1:] - wanted).max(), (wanted - steps[:-1]).max()))


def gathered(make: Callable[[], Any]) -> np.ndarray:
    """DRAWS numbers out of as many tensors as that takes."""
    tl.manual_seed(2)
    first = make().numpy(force=True).ravel()
    times = math.ceil(DRAWS / first.size)
    parts = [first, *(make().numpy(force=True).ravel() for _ in range(times - 1))]
    return np.concatenate(parts)[:DRAWS]


LAYERS: dict[str, tuple[Callable[[], Any], Distribution]] = {
    # nn.Linear and the convolutions: uniform on +-1 / sqrt(fan_in), variance 1 / (3 fan_in)
    "Linear weight": (lambda: nn.Linear(50, 200).weight, uniform(1 / math.sqrt(50))),
    "Linear bias": (lambda: nn.Linear(16, 2000).bias, uniform(1 / 4)),
    "Bilinear weight": (lambda: nn.Bilinear(9, 5, 300).weight, uniform(1 / 3)),
    "Conv1d weight": (lambda: nn.Conv1d(8, 90, 2).weight, uniform(1 / 4)),
    "Conv2d weight": (lambda: nn.Conv2d(4, 90, 3).weight, uniform(1 / 6)),
    "Conv2d bias": (lambda: nn.Conv2d(4, 900, 3).bias, uniform(1 / 6)),
    "Conv2d weight, 2 groups": (
        lambda: nn.Conv2d(8, 90, 3, groups=2).weight,
        uniform(1 / 6),
    ),
    "Conv3d weight": (lambda: nn.Conv3d(2, 90, 2).weight, uniform(1 / 4)),
    "ConvTranspose2d weight": (  # fan_in is that of the convolution it transposes
        lambda: nn.ConvTranspose2d(90, 4, 3).weight,
        uniform(1 / 6),
    ),
    "LSTM weight": (lambda: nn.LSTM(5, 100).weight_hh_l0, uniform(1 / 10)),
    "GRUCell bias": (lambda: nn.GRUCell(5, 400).bias_ih, uniform(1 / 20)),
    "Embedding": (lambda: nn.Embedding(100, 50).weight, normal(1.0)),
    # Glorot over the stacked (3 E, E) of queries, keys and values
    "MultiheadAttention": (
        lambda: nn.MultiheadAttention(64, 4).in_proj_weight,
        uniform(math.sqrt(6 / (4 * 64))),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    make, distribution = LAYERS[name]
    assert distance(gathered(make), distribution) < LIMIT


OUT, IN = 30, 70  # of the weight to fill
init = nn.init
FORMULAS: dict[str, tuple[Callable[[Any], Any], Distribution]] = {
    "LeCun": (init.lecun_normal_, normal(math.sqrt(1 / IN))),
    "LeCun, uniform": (init.lecun_uniform_, uniform(math.sqrt(3 / IN))),
    "Xavier": (init.xavier_normal_, normal(math.sqrt(2 / (IN + OUT)))),
    "Xavier, uniform": (init.xavier_uniform_, uniform(math.sqrt(6 / (IN + OUT)))),
    "Xavier, gain": (
        lambda w: init.xavier_normal_(w, gain=5 / 3),
        normal(5 / 3 * math.sqrt(2 / (IN + OUT))),
    ),
    "He": (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), normal(math.sqrt(2 / IN))),
    "He, uniform": (
        lambda w: init.kaiming_uniform_(w, nonlinearity="relu"),
        uniform(math.sqrt(6 / IN)),
    ),
    "He, fan_out": (
        lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        normal(math.sqrt(2 / OUT)),
    ),
    "He over the average fan": (  # 4 / (fan_in + fan_out)
        lambda w: init.variance_scaling_(w, 2.0, "fan_avg"),
        normal(math.sqrt(4 / (IN + OUT))),
    ),
    "the lecture's tanh row": (  # 4 times Glorot's bound
        lambda w: init.variance_scaling_(w, 16.0, "fan_avg", "uniform"),
        uniform(4 * math.sqrt(6 / (IN + OUT))),
    ),
    "variance scaling, cut": (
        lambda w: init.variance_scaling_(w, 2.0, "fan_in", "truncated_normal"),
        (lambda std: cut(std, -2 * std, 2 * std))(math.sqrt(2 / IN) / 0.87962566103423978),
    ),
    "cut normal": (lambda w: init.trunc_normal_(w, 0.0, 2.0, -1.0, 3.0), cut(2.0, -1.0, 3.0)),
    "normal": (lambda w: init.normal_(w, 1.0, 0.3), normal(0.3, 1.0)),
    "uniform": (lambda w: init.uniform_(w, -0.7, 0.7), uniform(0.7)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name: str) -> None:
    fill, distribution = FORMULAS[name]
    assert distance(gathered(lambda: fill(tl.empty(OUT, IN))), distribution) < LIMIT


def test_variance_is_what_scaling_says() -> None:
    """Of every form: scale / fan, the truncated one's included."""
    for mode, fan in (("fan_in", IN), ("fan_out", OUT), ("fan_avg", (IN + OUT) / 2)):
        for form in ("normal", "truncated_normal", "uniform"):
            x = gathered(lambda: init.variance_scaling_(tl.empty(OUT, IN), 3.0, mode, form))  # noqa: B023
            assert x.var() == pytest.approx(3.0 / fan, rel=0.02), (mode, form)


def test_orthogonal() -> None:
    tl.manual_seed(0)
    for shape in ((30, 70), (70, 30), (40, 5, 3, 2)):
        w = init.orthogonal_(tl.empty(shape), gain=1.5).numpy().reshape(shape[0], -1)
        gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(gram, 1.5**2 * np.eye(len(gram)), atol=1e-5)


def test_lsuv() -> None:
    """Every layer's output has the deviation asked for, on the data it was initialized with."""
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 40), nn.Tanh())
    x = 5 * tl.randn(500, 20) + 2
    reached = init.lsuv_(model, x, std=1.0, tolerance=0.01)
    assert set(reached) == {"0", "2"}
    first = model[0](x)
    second = model[2](model[1](first))
    for out in (first, second):
        assert out.std().item() == pytest.approx(1.0, abs=0.02)


def test_the_test_sees_small_errors() -> None:
    x = gathered(lambda: tl.randn(1000))
    assert distance(x, normal(1.0)) < LIMIT
    for wrong in (normal(1.03), normal(1.0, 0.02), uniform(2.0), cut(1.0, -2.0, 2.0)):
        assert distance(x, wrong) > LIMIT
