"""The elements a mask names."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import masks
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")
SHAPES = [(9000,), (90, 100), (5, 31, 40), (2, 3, 4, 5, 60), (4096,), (4097, 1), (1, 8192), (3, 0)]
SHARES = [0.0, 0.02, 0.5, 0.98, 1.0]


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(masks, "WORTH_LOADING", 1)
    monkeypatch.setattr(masks, "LARGE", 1)


def draw(shape, dtype="f4"):
    x = np.random.default_rng(0).normal(size=shape) * 100
    if np.dtype(dtype).kind == "f":
        x.reshape(-1)[::7] = np.nan
        x.reshape(-1)[::11] = -0.0
    return x.astype(dtype)


def mask(shape, share):
    return np.random.default_rng(1).random(shape) < share


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "f2", "?"])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_taken_out_and_put_back(shape, share, dtype):
    x, c = draw(shape, dtype), mask(shape, share)
    for y, m in ((x, c), (x.T, c.T), (np.asfortranarray(x), c)):
        got = masks.picked(y, m)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, y[m])
        want = np.zeros_like(y)
        want[m] = y[m]
        np.testing.assert_array_equal(masks.spread(got, m), want)
        with use_numba(False):
            np.testing.assert_array_equal(masks.picked(y, m), y[m])
            np.testing.assert_array_equal(masks.spread(got, m), want)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_numbered(shape, share):
    c = mask(shape, share)
    for x in (c, c.astype("f4") * -2, c.T):
        for by_axis in (False, True):
            want = np.array(np.nonzero(x)) if by_axis else np.argwhere(x)
            got = masks.positions(x, by_axis)
            assert got.dtype == np.int64
            np.testing.assert_array_equal(got, want.astype(np.int64))
            with use_numba(False):
                np.testing.assert_array_equal(masks.positions(x, by_axis), want)


def test_a_gradient_that_does_not_fit_the_mask_is_numpys():
    """A saved mask may be written between forward and backward."""
    c = mask((90, 100), 0.5)
    with pytest.raises(ValueError, match=r"assignment|boolean"):
        masks.spread(np.ones(c.sum() + 1, "f4"), c)


def test_the_kernels_are_reached(monkeypatch):
    calls = []
    for name in ("compress", "spread_out", "number"):
        kernel = getattr(masks, name)
        monkeypatch.setattr(masks, name, lambda *a, k=kernel, n=name: calls.append(n) or k(*a))
    x = tl.randn(90, 100, requires_grad=True)
    c = x.detach() > 0
    for run in (lambda: x[c], lambda: tl.masked_select(x, c)):
        calls.clear()
        run().backward(tl.ones(int(c.sum())))
        assert calls == ["compress", "spread_out"]
    calls.clear()
    assert len(tl.where(c)[0]) == len(c.nonzero()) == len(tl.nonzero(x > 0, as_tuple=True)[1])
    assert calls == ["number"] * 3
