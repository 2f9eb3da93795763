"""Kernels along one axis: running sums, gathering and scattering, sparse matrices, softmax."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import lines, mixing, softmax
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")
SHAPES = [((7, 900), 1), ((900, 7), 0), ((5, 31, 40), 1), ((3, 2, 20, 50), -2), ((300, 130), 0),
          ((40, 41, 30), 1), ((6, 9000), 1), ((3, 200, 150), 0)]  # fmt: skip
ALL = pytest.mark.parametrize(("shape", "axis"), SHAPES)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def from_the_first_element(monkeypatch):
    monkeypatch.setattr(lines, "WORTH_LOADING", 1)
    monkeypatch.setattr(lines, "SMALL", 1)


def draw(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def layouts(x):
    """x, and the same numbers lying otherwise."""
    yield x
    yield np.asfortranarray(x)
    yield np.repeat(x, 2, axis=-1)[..., ::2]


@FLOATS
@ALL
def test_running_sums(shape, axis, dtype):
    x, axis = draw(*shape, dtype=dtype), axis % len(shape)
    for reverse in (False, True):
        want = np.cumsum(np.flip(x, axis) if reverse else x, axis, dtype=np.float64)
        want = (np.flip(want, axis) if reverse else want).astype(dtype)
        for y in layouts(x):
            np.testing.assert_array_equal(lines.running_sum(y, axis, reverse), want)
        with use_numba(False):
            np.testing.assert_array_equal(lines.running_sum(x, axis, reverse), want)


def test_a_running_sum_in_float32_does_not_drift():
    x = np.full(1 << 20, np.float32(0.1))
    exact = np.float64(np.float32(0.1)) * x.size
    assert abs(lines.running_sum(x, 0)[-1] / exact - 1) < 1e-7
    with use_numba(False):
        assert abs(lines.running_sum(x, 0)[-1] / exact - 1) < 1e-7


@FLOATS
@ALL
def test_taking_and_adding_along_an_axis(shape, axis, dtype):
    x, axis = draw(*shape, dtype=dtype), axis % len(shape)
    length = shape[axis] + 3
    places = np.random.default_rng(1).integers(
        0, shape[axis], (*shape[:axis], length, *shape[axis + 1 :])
    )
    want = np.take_along_axis(x, places, axis)
    g = draw(*places.shape, dtype=dtype, seed=2)
    sums = np.zeros(shape, dtype)
    full = list(np.ogrid[tuple(slice(n) for n in places.shape)])
    full[axis] = places
    np.add.at(sums, tuple(full), g)
    for y, index, h in zip(layouts(x), layouts(places), layouts(g), strict=True):
        np.testing.assert_array_equal(lines.take_along(y, index, axis), want)
        np.testing.assert_array_equal(lines.add_along(h, index, shape, axis), sums)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int32])
@ALL
def test_writing_along_an_axis(shape, axis, dtype):
    x, axis = draw(*shape, dtype=dtype), axis % len(shape)
    places = np.random.default_rng(1).integers(0, shape[axis], shape)
    y = draw(*shape, dtype=dtype, seed=2)
    want = x.copy()
    for i in range(shape[axis]):  # in this order: of several the last
        part = [slice(None)] * len(shape)
        part[axis] = slice(i, i + 1)
        np.put_along_axis(want, places[tuple(part)], y[tuple(part)], axis)
    for z, index, v in zip(layouts(x), layouts(places), layouts(y), strict=True):
        got = lines.put_along(z, index, v, axis)
        if got is None:
            assert np.dtype(dtype).kind == "i"
        else:
            np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(
        lines.take_along(x, places, axis), np.take_along_axis(x, places, axis)
    )
    assert lines.put_along(x, places, y[:1], axis) is None


@FLOATS
@ALL
def test_adding_slices(shape, axis, dtype):
    g, axis = draw(*shape, dtype=dtype), axis % len(shape)
    index = np.random.default_rng(1).integers(0, 17, shape[axis])
    into = (*shape[:axis], 17, *shape[axis + 1 :])
    want = np.zeros(into, dtype)
    np.add.at(np.moveaxis(want, axis, 0), index, np.moveaxis(g, axis, 0))
    for h in layouts(g):
        np.testing.assert_array_equal(lines.add_along_axis(h, index, into, axis), want)
    for wrong in (-1, 17):
        index[-1] = wrong
        assert lines.add_along_axis(g, index, into, axis) is None


def test_the_largest_place():
    for size in (0, 1, 5, lines.BLOCK, lines.PARALLEL, lines.PARALLEL + 7):
        index = np.arange(size)[::-1].copy()
        assert lines.largest(index) == max(size - 1, 0)
        if size:
            index[size // 2] = -1
            assert lines.largest(index) == 2**64 - 1


@pytest.mark.skipif(tl.get_num_threads() == 1, reason="there is one thread")
def test_the_line_kernels_are_reached(monkeypatch):
    """By scatter and the gradient of a choice of columns."""
    calls = []
    for name in ("put_at_places", "add_slices", "take_places"):
        kernel = getattr(lines, name)
        monkeypatch.setattr(lines, name, lambda *a, k=kernel, n=name: calls.append(n) or k(*a))
    x, y = tl.randn(300, 200, requires_grad=True), tl.randn(300, 200, requires_grad=True)
    index = tl.randint(0, 200, (300, 200))
    x.scatter(1, index, y).backward(tl.ones(300, 200))
    assert calls == ["put_at_places", "put_at_places", "take_places"]
    calls.clear()
    x[:, index[0]].backward(tl.ones(300, 200))
    assert calls == ["add_slices"]
    calls.clear()
    padded = tl.nn.functional.pad(tl.cat([x, y])[None], (200, 200), mode="circular")
    padded.backward(tl.ones(1, 600, 600))
    assert calls == ["add_slices", "add_slices"]


def test_an_index_that_leaves_parts_of_other_axes_out_is_numpys():
    x, index = draw(50, 60), np.zeros((50, 30), np.int64)
    assert lines.take_along(x, index, 0) is None
    assert lines.add_along(x[:, :30], index, (50, 60), 0) is None


@FLOATS
@ALL
def test_sparse_matrices_along_an_axis(shape, axis, dtype, monkeypatch):
    monkeypatch.setattr(mixing, "SMALL", 1)
    x, axis = draw(*shape, dtype=dtype), axis % len(shape)
    rng = np.random.default_rng(3)
    n, m, count = shape[axis], 11, 25
    row, column = rng.integers(0, m - 1, count), rng.integers(0, n, count)  # the last row is empty
    value = rng.normal(size=count)
    dense = np.zeros((m, n))
    np.add.at(dense, (row, column), value)
    matrix = mixing.Sparse((m, n), row, column, value)
    near = 100 * np.finfo(dtype).eps
    for a, b in ((matrix, dense), (matrix.T, dense.T)):
        y = x if a is matrix else draw(*shape[:axis], m, *shape[axis + 1 :], dtype=dtype)
        want = np.moveaxis(np.tensordot(b, y.astype(np.float64), (1, axis)), 0, axis)
        for z in layouts(y):
            np.testing.assert_allclose(mixing.mix(z, axis, a), want, rtol=near, atol=near)
        with use_numba(False):
            np.testing.assert_allclose(mixing.mix(y, axis, a), want, rtol=near, atol=near)
    assert matrix.T.T is matrix


def test_an_entry_outside_of_a_sparse_matrix_is_an_error():
    one = np.ones(1)
    for row, column in ((2, 0), (0, 3), (-1, 0), (0, -1)):
        with pytest.raises(IndexError, match=r"outside of a matrix of shape \(2, 3\)"):
            mixing.Sparse((2, 3), np.array([row]), np.array([column]), one)


def test_an_infinite_number_reaches_only_those_that_read_it(monkeypatch):
    monkeypatch.setattr(mixing, "SMALL", 1)
    matrix = mixing.Sparse((2, 3), np.array([0, 1]), np.array([0, 2]), np.array([1.0, 2.0]))
    x = np.array([[np.inf, np.nan, 1.0]])
    assert mixing.mix(x, 1, matrix).tolist() == [[np.inf, 2.0]]
    with use_numba(False):
        assert mixing.mix(x, 1, matrix).tolist() == [[np.inf, 2.0]]


@FLOATS
@pytest.mark.parametrize("log", [False, True])
@ALL
def test_softmax_along_any_axis(shape, axis, log, dtype):
    x, g = draw(*shape, dtype=dtype) * 30, draw(*shape, dtype=dtype, seed=1)
    x[tuple(n // 2 for n in shape)] = -np.inf
    name = "log_softmax" if log else "softmax"
    forward, backward = getattr(softmax, name), getattr(softmax, name + "_backward")
    y = forward(x, axis)
    with use_numba(False):
        want = forward(x.astype(np.float64), axis)
        slope = backward(g.astype(np.float64), y.astype(np.float64), axis)
    tolerance = {"rtol": 30 * np.finfo(dtype).eps, "atol": 30 * np.finfo(dtype).eps}
    np.testing.assert_allclose(y, want, **tolerance)
    size = np.abs(slope[np.isfinite(slope)]).max()
    np.testing.assert_allclose(
        backward(g, y, axis), slope, rtol=tolerance["rtol"], atol=tolerance["atol"] * size * 10
    )
    for z in layouts(x):
        np.testing.assert_allclose(forward(z, axis), y, **tolerance)


def test_not_a_number_spoils_its_own_line_only():
    x = draw(40, 50)
    x[7, 20] = np.nan
    y = softmax.softmax(x, 0)
    assert np.isnan(y[:, 20]).all() and np.isfinite(np.delete(y, 20, axis=1)).all()


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("place", [-1, 500, 10**12])
def test_places_outside_of_the_axis_never_reach_a_kernel(dim, place):
    """A saved index may be written between forward and backward."""
    x, index = draw(500, 500), np.zeros((500, 500), np.int64)
    assert lines.take_along(x, index, dim) is not None
    index[3, 4] = place
    assert lines.take_along(x, index, dim) is None
    assert lines.add_along(x, index, x.shape, dim) is None
