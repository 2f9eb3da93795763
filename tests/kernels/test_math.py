"""Accuracy over all of float32, infinities, NaN, denormals and signed zeros included, in ulp."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tinygrad_lite.kernels import activations, elementwise
from tinygrad_lite.kernels._jit import enabled, fma

needs_numba = pytest.mark.skipif(not enabled(), reason="numba is off")


def sample(stride: int = 9973) -> np.ndarray:
    """Floats of all exponents, and densely around 0."""
    everywhere = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32).view(np.float32)
    near = np.linspace(-20, 20, 2_000_000_000 // stride + 1).astype(np.float32)
    far = np.linspace(-110, 110, 500_000_000 // stride + 1, dtype=np.float32)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45], np.float32)
    return np.concatenate([everywhere, near, far, special])


def sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def erf(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(v) for v in x])


def gelu(x: np.ndarray) -> np.ndarray:
    return x * np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x])


KERNELS = {**vars(elementwise), **vars(activations)}
EXACT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "erf": erf,
    "gelu": gelu,
}


def ulps(x: np.ndarray, got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """The distance from got (float32) to want (float64) in units of the last place of want."""
    rounded = want.astype(np.float32)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    # Where one rounds to infinity, the other may be the largest number.
    largest = np.finfo(np.float32).max
    same |= (abs(got) >= largest) & (abs(rounded) >= largest) & (np.sign(got) == np.sign(want))
    off = np.where(same, 0, np.abs(got - want) / np.spacing(np.abs(rounded)))
    return np.where(np.isnan(off), np.inf, off)


@needs_numba
@pytest.mark.parametrize("name", EXACT)
def test_kernels_are_within_two_ulp(name):
    x = sample()
    with np.errstate(all="ignore"):
        off = ulps(x, KERNELS[name](x), EXACT[name](x.astype(np.float64)))
    worst = off.argmax()
    assert off[worst] <= 2, x[worst]


@pytest.mark.parametrize("name", ["erf", "gelu"])
def test_without_numba_too(name):
    """Of the others NumPy itself answers; its exp and log are off by up to 3 ulp."""
    x = sample(stride=199_999)
    with np.errstate(all="ignore"):
        off = ulps(x, KERNELS[name].numpy(x), EXACT[name](x.astype(np.float64)))
    assert off.max() <= 1


@needs_numba
@pytest.mark.parametrize("path", ["kernel", "numpy"])
def test_the_gradients_keep_their_digits_in_the_tail(path):
    """exp(-x^2) of a rounded x^2 would be off by x^2 ulp: 65 where float32 ends."""
    x = np.concatenate([np.linspace(-12.5, -2, 50_001), np.linspace(2, 9, 50_001)])
    x = x.astype(np.float32)
    v, one = x.astype(np.float64), np.ones_like(x)
    slope = gelu(v) / v + v * np.exp(-v * v / 2) / math.sqrt(2 * math.pi)
    bell = 2 / math.sqrt(math.pi) * np.exp(-v * v)
    of_gelu, of_erf = activations.gelu_backward, elementwise.erf_backward
    if path == "numpy":
        of_gelu, of_erf = of_gelu.numpy, of_erf.numpy
    assert ulps(x, of_gelu(one, x), slope).max() <= 4
    assert ulps(x, of_erf(one, x), bell).max() <= 3


FAR = [-37.0, -30.1, -20.3, -12.7, -8.3, -5.1, -1.9]
# x erfc(-x / sqrt 2) / 2 of these float64 numbers, computed with 40 digits
FAR_GELU = [
    -2.1184613523340935e-298,
    -7.292228326137134e-198,
    -1.3051366269427644e-90,
    -3.754736413362103e-36,
    -4.3206228882589113e-16,
    -8.661163776452767e-07,
    -0.05456146365040343,
]


@pytest.mark.parametrize("path", [pytest.param("kernel", marks=needs_numba), "numpy"])
def test_gelu_in_float64(path):
    x = np.array(FAR * 10)
    got = (activations.gelu if path == "kernel" else activations.gelu.numpy)(x)
    want = np.array(FAR_GELU * 10)
    assert (np.abs(got - want) <= 6 * np.spacing(np.abs(want))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fma_rounds_once(dtype):
    """As plain Python; compiled, it is the processor's."""
    eps = np.finfo(dtype).eps
    x = dtype(1 + eps)
    assert fma(x, x, -(x * x)) == dtype(eps) * dtype(eps)
    assert np.isnan(fma(x, dtype(np.inf), dtype(-np.inf)))


@needs_numba
@pytest.mark.parametrize("name", ["expm1", "tanh", "erf", "gelu"])
def test_signed_zeros(name):
    x = np.array([0.0, -0.0] * 3000, np.float32)
    y = KERNELS[name](x)
    assert (y == 0).all()
    assert (np.signbit(y) == np.signbit(x)).all()
