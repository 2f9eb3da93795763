"""One of two values by a mask."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import select
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")
SHAPE = (3, 70, 90)
MASKS = [(3, 70, 90), (70, 90), (1, 70, 90), (90,), (1, 1, 90), (3, 1, 1), (3, 70, 1), (3, 1, 90),
         (1,), (), (1, 70, 1)]  # fmt: skip


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(select, "WORTH_LOADING", 1)
    monkeypatch.setattr(select, "LARGE", 1)


def draw(*shape, dtype="f4", seed=0):
    x = np.random.default_rng(seed).normal(size=shape) * 100
    if np.dtype(dtype).kind == "f":
        x.reshape(-1)[:: 7 + seed] = np.nan
        x.reshape(-1)[:: 11 + seed] = -0.0
    return x.astype(dtype)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8"])
def test_as_numpy(mask, dtype):
    x, y = draw(*SHAPE, dtype=dtype), draw(*SHAPE, dtype=dtype, seed=1)
    c = np.random.default_rng(2).random(mask) > 0.5
    number = np.asarray(-3, dtype)
    for a, b in ((x, y), (x, number), (number, x), (x, 0), (2, x)):
        got, want = select.select(c, a, b), np.where(c, a, b)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got.view("u1"), want.astype(dtype).view("u1"))


def test_what_is_left_to_numpy():
    x, y, c = draw(*SHAPE), draw(*SHAPE), np.ones(SHAPE, bool)
    assert select.select(c, x, y[:1]) is None
    assert select.select(c, x, y.T.copy().T) is None
    assert select.select(c, x, y.astype("f8")) is None
    assert select.select(c, x.astype("f2"), 0) is None
    assert select.select(c, x[:, :1], y[:, :1]) is None  # the condition is larger
    assert select.select(np.ones((2, *SHAPE), bool), x, y) is None
    with use_numba(False):
        assert select.select(c, x, y) is None


def test_nothing_of_the_other_branch_comes_through():
    x, c = np.full(1 << 16, np.inf, "f4"), np.zeros(1 << 16, bool)
    np.testing.assert_array_equal(select.select(c, x, 0), np.zeros_like(x))


@pytest.mark.parametrize("mask", MASKS)
def test_the_kernel_is_reached(mask, monkeypatch):
    """By where, masked_fill, and the gradients of both and of clamp."""
    calls = []
    for name in ("pick_between", "pick_instead"):
        kernel = getattr(select, name)
        monkeypatch.setattr(select, name, lambda *a, k=kernel, n=name: calls.append(n) or k(*a))
    x = tl.tensor(draw(*SHAPE).tolist(), requires_grad=True)
    y = tl.tensor(draw(*SHAPE, seed=1).tolist(), requires_grad=True)
    c = tl.rand(mask) > 0.5
    for run, want in (
        (lambda: tl.where(c, x, y), ["between", "instead", "instead"]),
        (lambda: tl.where(c, x, 0.0), ["instead", "instead"]),
        (lambda: tl.where(c, -1.0, x), ["instead", "instead"]),
        (lambda: x.masked_fill(c, 5), ["instead", "instead"]),
        (lambda: x.clamp(-1, 1), ["instead"]),
    ):
        calls.clear()
        out = run()
        out.backward(tl.ones(SHAPE))
        assert calls == ["pick_" + name for name in want]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "?"])
@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (3, 2, 30, 30), (1, 50), (50, 1)])
def test_triangles(shape, dtype, monkeypatch):
    monkeypatch.setattr(select, "TRIANGLE", 1)
    x = draw(*shape, dtype=dtype)
    for diagonal in (0, 1, -1, 7, -7, 100, -100):
        for y in (x, x.swapaxes(-1, -2)):
            for upper, numpy in ((False, np.tril), (True, np.triu)):
                want = numpy(y, diagonal)
                np.testing.assert_array_equal(select.triangle(y, diagonal, upper), want)
                with use_numba(False):
                    np.testing.assert_array_equal(select.triangle(y, diagonal, upper), want)


def test_the_triangle_kernel_is_reached(monkeypatch):
    calls = []
    kernel = select.keep_triangle
    monkeypatch.setattr(select, "keep_triangle", lambda *a: calls.append(a) or kernel(*a))
    x = tl.randn(64, 40, requires_grad=True)
    (x.tril(1) + x.triu(2)).backward(tl.ones(64, 40))
    assert len(calls) == 4
    np.testing.assert_array_equal(x.grad.numpy(), np.ones((64, 40), "f4"))
