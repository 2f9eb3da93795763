"""softmax and its kin: compiled rows against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import losses
from tinygrad_lite.kernels import softmax as sm
from tinygrad_lite.kernels._jit import enabled, use_numba

RNG = np.random.default_rng(0)
SHAPES = [((300, 10), -1), ((7, 5000), -1), ((6, 40, 9), 1), ((50, 3, 20), 0), ((64, 1024), -1)]
SHAPES += [((1000, n), -1) for n in (1, 2, 27, 63, 64, 65)]  # short rows, worked on several at once
needs_numba = pytest.mark.skipif(not enabled(), reason="numba is off")


def reference(call, *args, **kw):
    """The NumPy path in float64."""
    wide = [a.astype(np.float64) if getattr(a, "dtype", None) == np.float32 else a for a in args]
    with use_numba(False):
        return call(*wide, **kw)


def same(got, want, dtype=np.float32, atol=0.0):
    assert got.dtype == dtype
    np.testing.assert_allclose(got, want, rtol=2e-5 if dtype == np.float32 else 1e-12, atol=atol)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_family(shape, axis, dtype):
    x = (RNG.normal(size=shape) * 5).astype(dtype)
    g = RNG.normal(size=shape).astype(dtype)
    y, logs = sm.softmax(x, axis), sm.log_softmax(x, axis)
    same(y, reference(sm.softmax, x, axis), dtype)
    same(logs, reference(sm.log_softmax, x, axis), dtype, 1e-5)
    # g - sum(g y) cancels: what is left carries the rounding of both, some 1e-7 each.
    same(sm.softmax_backward(g, y, axis), reference(sm.softmax_backward, g, y, axis), dtype, 1e-6)
    same(
        sm.log_softmax_backward(g, logs, axis),
        reference(sm.log_softmax_backward, g, logs, axis),
        dtype,
        4e-7 * np.abs(g.sum(axis=axis)).max(),  # exp(y) sum(g), rounded
    )
    lse = sm.logsumexp(x, axis)
    same(lse, reference(sm.logsumexp, x, axis), dtype, 1e-6)
    h = RNG.normal(size=lse.shape).astype(dtype)
    same(
        sm.logsumexp_backward(h, x, lse, axis),
        reference(sm.logsumexp_backward, h, x, lse, axis),
        dtype,
    )


def test_logsumexp_over_several_axes():
    x = RNG.normal(size=(5, 40, 6, 7)).astype(np.float32)
    for axes in ((1, 3), (0, 1, 2, 3), (2,)):
        lse = sm.logsumexp(x, axes)
        same(lse, reference(sm.logsumexp, x, axes))
        assert sm.logsumexp(x, axes, True).shape == reference(sm.logsumexp, x, axes, True).shape
        g = np.ones_like(lse)
        same(
            sm.logsumexp_backward(g, x, lse, axes),
            reference(sm.logsumexp_backward, g, x, lse, axes),
        )


@pytest.mark.parametrize("numba", [True, False])
def test_infinities_and_nan(numba):
    if numba and not enabled():
        pytest.skip("numba is off")
    x = np.zeros((600, 4), np.float32)
    x[0], x[1, 2], x[2, 1], x[3, 0], x[4] = -np.inf, np.inf, np.nan, -np.inf, 1e30
    with use_numba(numba), np.errstate(all="ignore"):
        lse, y = sm.logsumexp(x, 1), sm.softmax(x, 1)
    assert lse[0] == -np.inf
    assert lse[1] == np.inf
    assert np.isnan(lse[2])
    assert np.isnan(y[:3]).all()
    np.testing.assert_allclose(y[3], [0, 1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(y[4], 0.25)
    with use_numba(numba), np.errstate(all="ignore"):
        losses_of_rows, _ = losses.cross_entropy(x, np.zeros(600, np.int64), reduction="none")
    assert np.isnan(losses_of_rows[:3]).all()  # and the rows beside them are as they should be
    np.testing.assert_allclose(losses_of_rows[3:6], [np.inf, np.log(4), np.log(4)], rtol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(200, 10), (40, 12, 3, 2), (2000,), (700, 63), (30, 64)])
def test_cross_entropy(shape, weighted, smoothing, reduction):
    classes = shape[1] if len(shape) > 1 else shape[0]
    x = (RNG.normal(size=shape) * 3).astype(np.float32)
    target = RNG.integers(0, classes, size=(*shape[:1], *shape[2:]) if len(shape) > 1 else ())
    if target.ndim:
        target[::7] = 3
    ignored = 3
    weight = RNG.uniform(0.5, 2, size=classes).astype(np.float32) if weighted else None
    options = {"ignore_index": ignored, "label_smoothing": smoothing, "reduction": reduction}
    loss, derivative = losses.cross_entropy(x, target, weight, **options)
    alone, nothing = losses.cross_entropy(x, target, weight, **options, gradient=False)
    np.testing.assert_array_equal(alone, loss)
    assert nothing is None
    wide = None if weight is None else weight.astype(np.float64)
    exact, derivative64 = reference(losses.cross_entropy, x, target, wide, **options)
    same(loss, exact, atol=2e-7)  # log s is near 0 where s is near 1
    for g in (RNG.normal(size=loss.shape).astype(np.float32), np.ones(loss.shape, np.float32)):
        dx = losses.cross_entropy_backward(g, derivative.copy(), x.shape)
        want = reference(losses.cross_entropy_backward, g, derivative64.copy(), x.shape)
        assert dx.shape == x.shape
        same(dx, want, atol=2e-6)


@pytest.mark.parametrize("rows", [4, 700])  # NumPy's and the compiled
def test_ignored_positions_have_no_gradient_where_the_slope_of_the_loss_is_infinite(rows):
    target = np.full(rows, -100)
    for slope in (np.float32(np.inf), np.full(rows, np.nan, np.float32)):
        _, derivative = losses.cross_entropy(RNG.normal(size=(rows, 5)), target, reduction="sum")
        assert not losses.cross_entropy_backward(
            np.asarray(slope), derivative, (rows, 5), target
        ).any()


def test_a_target_that_is_no_class():
    with pytest.raises(IndexError, match="Target 5 is out of bounds"):
        losses.cross_entropy(np.zeros((2, 5)), np.array([0, 5]))


def test_empty():
    assert sm.softmax(np.zeros((0, 3))).shape == (0, 3)
    assert sm.softmax(np.zeros((3, 0))).shape == (3, 0)
    assert np.isnan(losses.cross_entropy(np.zeros((0, 3)), np.zeros(0, np.int64))[0])
