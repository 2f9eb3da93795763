"""The largest, the k first and the running largest of rows: what NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import extremes
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = [
    pytest.mark.skipif(not enabled(), reason="numba is off"),
    pytest.mark.parametrize("dtype", [np.float32, np.float64]),
]


@pytest.fixture(autouse=True)
def from_the_first_element(monkeypatch):
    monkeypatch.setattr(extremes, "FEW", 1)
    monkeypatch.setattr(extremes, "ready", lambda size: enabled())


def rows(dtype):
    """Rows with ties, infinities, zeros of both signs, and some NaN of either sign."""
    x = np.random.default_rng(0).integers(-9, 9, (40, 37)).astype(dtype)
    x[::3] *= 0.37
    x[1, 5], x[2, :3], x[3, 0], x[4] = np.nan, (-np.nan, np.inf, np.nan), -np.inf, -0.0
    x[5], x[6] = -np.inf, np.nan
    return x


def both(run):
    """What `run` gives with kernels and without, as arrays."""
    found = run()
    with use_numba(False):
        plain = run()
    return [[np.asarray(t) for t in (r if isinstance(r, tuple) else (r,))] for r in (found, plain)]


@pytest.mark.parametrize("largest", [True, False])
def test_extremes_of_rows(dtype, largest):
    x = rows(dtype)
    ufunc = np.maximum if largest else np.minimum
    for keep in (False, True):
        np.testing.assert_array_equal(
            extremes.extreme(x, 1, keep, largest), ufunc.reduce(x, axis=1, keepdims=keep)
        )
    for axis in (0, None, (0, 1), (1,)):
        np.testing.assert_array_equal(
            extremes.extreme(x, axis, False, largest), ufunc.reduce(x, axis=axis)
        )


@pytest.mark.parametrize("largest", [True, False])
def test_the_first_of_each_line(dtype, largest):
    x = tl.tensor(rows(dtype))
    for dim, k in ((1, 1), (1, 4), (0, 5), (0, 7)):
        found, plain = both(lambda: tuple(x.topk(k, dim, largest)))  # noqa: B023
        for a, b in zip(found, plain, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_running_extremes(dtype, name):
    x = tl.tensor(rows(dtype))
    for dim in (0, 1):
        found, plain = both(lambda: tuple(getattr(x, name)(dim)))  # noqa: B023
        for a, b in zip(found, plain, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_kernels_are_reached(dtype, monkeypatch):
    calls = []
    monkeypatch.setattr(extremes, "_run", lambda kernel, size: calls.append(kernel) or kernel)
    x = tl.tensor(rows(dtype))
    x.amax(1), x.topk(2), x.cummin(0)
    assert len(calls) == (3 if dtype is np.float32 else 2)
