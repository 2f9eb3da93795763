"""Accuracy over all of float32, infinities, NaN, denormals and signed zeros included, in ulp."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_lite.kernels import elementwise as ew
from tinygrad_lite.kernels._jit import enabled

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")


def sample() -> np.ndarray:
    """Floats of all exponents, and densely around 0."""
    everywhere = np.arange(0, 2**32, 9973, dtype=np.uint64).astype(np.uint32).view(np.float32)
    near = np.linspace(-20, 20, 200_001).astype(np.float32)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45], np.float32)
    return np.concatenate([everywhere, near, np.linspace(-110, 110, 50_001, dtype="f"), special])


def sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def gelu(x: np.ndarray) -> np.ndarray:
    below = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x])
    return x * below


EXACT = {
    "exp": (np.exp, 2),
    "expm1": (np.expm1, 2),
    "log": (np.log, 2),
    "tanh": (np.tanh, 2),
    "sigmoid": (sigmoid, 2),
    "erf": (lambda x: np.array([math.erf(v) for v in x]), 2),
    "gelu": (gelu, 10),
}


@pytest.mark.parametrize("name", EXACT)
def test_ulp(name):
    exact, bound = EXACT[name]
    x = sample()
    with np.errstate(all="ignore"):
        if name == "gelu":
            x = x[::5]
            x = x[~(np.abs(x) > 1e30)]
        got = getattr(ew, name)(x)
        want = exact(x.astype(np.float64))
        rounded = want.astype(np.float32)
        ulp = np.abs(got - want) / np.spacing(np.abs(rounded))
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    # Where one rounds to infinity, the other may be the largest number.
    largest = np.finfo(np.float32).max
    edge = (np.abs(got) >= largest) & (np.abs(rounded) >= largest) & (np.sign(got) == np.sign(want))
    wrong = ~same & ~edge & ~(ulp <= bound)
    assert not wrong.any(), (x[wrong][:5], got[wrong][:5], want[wrong][:5])


@pytest.mark.parametrize("name", ["expm1", "tanh", "erf", "gelu"])
def test_signed_zeros(name):
    x = np.array([0.0, -0.0] * 3000, np.float32)
    y = getattr(ew, name)(x)
    assert (y == 0).all()
    assert (np.signbit(y) == np.signbit(x)).all()
