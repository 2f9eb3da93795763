"""Orders found by sorting keys are those of a stable sort of indices."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.ops import sorting

DTYPES = ["f4", "f8", "f2", "i8", "i4", "i2", "u1", "?"]


def draw(shape, dtype, ties=False, nan=False):
    x = np.random.default_rng(0).normal(size=shape) * 100
    x = np.round(x / 40) if ties else x
    if nan and np.dtype(dtype).kind == "f":
        flat = x.reshape(-1)
        flat[::7], flat[1::11], flat[2::13], flat[3::17] = np.nan, -0.0, 0.0, -np.inf
        flat[4::19], flat[5::23] = np.inf, -np.nan
    return (np.abs(x) if dtype == "u1" else x).astype(dtype)


def stable(a, axis, descending):
    """By Python's sort, one line at a time; NaN is the largest."""
    out = np.empty(a.shape, np.int64)
    lines, found = np.moveaxis(a, axis, -1), np.moveaxis(out, axis, -1)
    for at in np.ndindex(lines.shape[:-1]):
        line = lines[at].tolist()
        key = [(v != v, 0 if v != v else v) for v in line]
        if descending:
            key = [(-missing, -v) for missing, v in key]
        found[at] = sorted(range(len(line)), key=key.__getitem__)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("ties", "nan"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize(("shape", "axis"), [((40, 60), 1), ((60, 40), 0), ((5, 30, 20), 1)])
def test_order(shape, axis, dtype, ties, nan):
    a = draw(shape, dtype, ties, nan)
    for descending in (False, True):
        want = stable(a, axis, descending)
        np.testing.assert_array_equal(sorting.order(a, axis, descending), want)
        for k in (1, 3, shape[axis] // 2, shape[axis]):
            first = np.moveaxis(np.moveaxis(want, axis, 0)[:k], 0, axis)
            if dtype != "?" and (not nan or dtype == "f4"):
                got = sorting._first(a, k, axis, descending)
                np.testing.assert_array_equal(
                    np.take_along_axis(a, got, axis), np.take_along_axis(a, first, axis)
                )
            if not descending:
                last = np.moveaxis(np.moveaxis(want, axis, 0)[k - 1 : k], 0, axis)
                np.testing.assert_array_equal(sorting._kth(a, k, axis), last)


def test_numbers_too_far_apart_for_a_key():
    a = np.random.default_rng(0).integers(-(2**62), 2**62, (30, 50))
    a[:, ::7] = 5
    for descending in (False, True):
        np.testing.assert_array_equal(sorting.order(a, 1, descending), stable(a, 1, descending))
    edge = np.array([[-(2**63), 2**63 - 1, 0] * 400])
    np.testing.assert_array_equal(sorting.order(edge, 1), stable(edge, 1, False))


def test_through_the_public_functions():
    x = tl.randn(40, 60, requires_grad=True)
    for run in (
        lambda: x.sort(1)[0],
        lambda: x.sort(0, descending=True)[0],
        lambda: x.topk(60, 1)[0],
    ):
        x.grad = None
        run().sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), np.ones((40, 60), "f4"))
    np.testing.assert_array_equal(x.median(1)[0].tolist(), x.sort(1)[0][:, 29].tolist())
    np.testing.assert_array_equal(x.kthvalue(7, 1)[0].tolist(), x.sort(1)[0][:, 6].tolist())


def test_columns_are_searched_as_rows_are():
    """Where lines lie across memory they are laid side by side first; NaN and ties as without."""
    x = np.random.default_rng(0).integers(0, 50, (300, 120)).astype(np.float32)
    x[7::40, 3::11] = np.nan
    t = tl.from_numpy(x)
    for find in (np.argmax, np.argmin):
        name = find.__name__
        np.testing.assert_array_equal(getattr(t, name)(0).numpy(), find(x, 0))
        np.testing.assert_array_equal(getattr(t, name)(0, True).numpy(), find(x, 0)[None])
    values, places = t.max(0)
    np.testing.assert_array_equal(values.numpy(), x.max(0))
    np.testing.assert_array_equal(places.numpy(), x.argmax(0))
