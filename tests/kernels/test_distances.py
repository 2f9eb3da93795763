"""Losses of a difference, against float64 in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import distances
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")
F = tl.nn.functional


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(distances, "WORTH_LOADING", 1)
    monkeypatch.setattr(distances, "SMALL", 1)


def draw(*shape, dtype="f4", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype) * 2


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(7, 900), (300, 200), (5,), (2048,), (3, 4, 5), ()])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", distances.KINDS)
def test_kernel_equals_numpy(kind, reduction, shape, dtype):
    x, y = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype, seed=1)
    g = draw(*(shape if reduction == "none" else ()), dtype=dtype, seed=2)
    g = np.asarray(g, dtype)
    near = 4 * np.finfo(dtype).eps
    for beta in (1.0, 0.4, 3.0):
        for a, b in ((x, y), (x.T, y.T), (x, np.asfortranarray(y))):
            h = g.T if a.shape != x.shape else g
            with use_numba(False):
                wide = (np.float64(v) for v in (a, b))
                want = distances.distance(*wide, kind, beta, reduction)
                wide = (np.float64(v) for v in (h, a, b))
                slope = distances.distance_backward(*wide, kind, beta, reduction)
            got = distances.distance(a, b, kind, beta, reduction)
            assert got.dtype == dtype
            # d itself is rounded: near 0 its error is large beside it
            np.testing.assert_allclose(got, want, rtol=near, atol=4 * near)
            back = distances.distance_backward(h, a, b, kind, beta, reduction)
            assert back.dtype == dtype
            np.testing.assert_allclose(back, slope, rtol=near, atol=4 * near * np.abs(g).max())


def test_special_values_are_pytorchs():
    x = np.array([np.nan, 1, -1, 0, np.inf, 2, -2], "f4")
    y, one = np.zeros_like(x), np.ones_like(x)
    want = {
        "absolute": [0, 1, -1, 0, 1, 1, -1],
        "smooth": [np.nan, 1, -1, 0, 1, 1, -1],
        "huber": [np.nan, 1, -1, 0, 1, 1, -1],
        "square": [np.nan, 2, -2, 0, np.inf, 4, -4],
    }
    for kind, slope in want.items():
        for on in (True, False):
            with use_numba(on):
                got = distances.distance_backward(one, x, y, kind, 1.0, "none")
                np.testing.assert_array_equal(got, slope)
                assert np.isnan(distances.distance(x, y, kind, 1.0, "none")[0])


def test_a_mean_does_not_drift():
    x, y = np.full(1 << 20, np.float32(0.1)), np.zeros(1 << 20, "f4")
    exact = float(np.float32(0.1))
    assert abs(distances.distance(x, y, "absolute", 1.0, "mean") / exact - 1) < 1e-7


def test_the_kernels_are_reached(monkeypatch):
    calls = []
    for name in ("distance", "distance_backward"):
        kernel = getattr(distances, name)
        monkeypatch.setattr(distances, name, lambda *a, k=kernel, n=name: calls.append(n) or k(*a))
    x, y = tl.randn(30, 40, requires_grad=True), tl.randn(30, 40)
    for loss in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss):
        calls.clear()
        loss(x, y).backward()
        assert calls == ["distance", "distance_backward"]
