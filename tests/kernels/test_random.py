"""The dropout mask: the same in NumPy and compiled, unbiased, independent across keys."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import random as rk
from tinygrad_lite.kernels._jit import use_numba


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [7, 5000, 200_001])
def test_compiled_and_numpy_agree_bit_for_bit(size, dtype):
    x = np.random.default_rng(0).normal(size=size).astype(dtype)
    key = 0x123456789ABCDEF0
    y = rk.dropout(x, 0.3, key)
    with use_numba(False):
        np.testing.assert_array_equal(rk.dropout(x, 0.3, key), y)
    keep = rk.keep_mask(size, 0.3, key)
    np.testing.assert_array_equal(y != 0, keep)
    np.testing.assert_array_equal(y[keep], x[keep] * dtype(1 / 0.7))


def test_layout_does_not_matter():
    x = np.random.default_rng(0).normal(size=(40, 60, 30)).astype(np.float32)
    y = rk.dropout(x, 0.5, 11)
    twisted = np.ascontiguousarray(x.T).T
    np.testing.assert_array_equal(rk.dropout(twisted, 0.5, 11), y)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_frequencies(p):
    n = 1 << 20
    masks = [rk.keep_mask(n, p, key) for key in (0, 1, 2, 1 << 32, (1 << 64) - 1)]
    spread = 5 * np.sqrt(p * (1 - p) / n)
    for mask in masks:
        assert abs(mask.mean() - (1 - p)) < spread
        for lag in (1, 2, 64, 1024):  # neighbours, rows
            both = (mask[lag:] & mask[:-lag]).mean()
            assert abs(both - (1 - p) ** 2) < spread
    for a in range(len(masks)):
        for b in range(a):
            assert abs((masks[a] & masks[b]).mean() - (1 - p) ** 2) < spread


def test_edges():
    x = np.array([1.0, np.inf, np.nan])
    assert (rk.dropout(x, 1.0, 3) == 0).all()
    np.testing.assert_array_equal(rk.dropout(x, 0.0, 3), x)
    assert rk.dropout(np.zeros((0, 4)), 0.5, 3).shape == (0, 4)
