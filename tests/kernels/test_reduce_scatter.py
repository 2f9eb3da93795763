"""Sums over axes and rows added into tables, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import reduce, scatter
from tinygrad_lite.kernels._jit import enabled

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, (0, 1), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums(axis, keepdims, dtype):
    x = RNG.normal(size=(70, 41, 53)).astype(dtype)
    got = reduce.total(x, axis, keepdims)
    want = x.astype(np.float64).sum(axis=axis, keepdims=keepdims)
    assert got.shape == want.shape
    assert got.dtype == dtype
    np.testing.assert_allclose(
        got, want, atol=60 * np.finfo(dtype).eps * np.sqrt(x.size / want.size)
    )


@pytest.mark.skipif(not enabled(), reason="NumPy adds leading axes row by row")
def test_sums_are_as_accurate_as_pairwise_ones():
    x = RNG.uniform(size=(1 << 16, 16)).astype(np.float32)
    exact = x.astype(np.float64).sum(axis=0)
    pairwise = np.abs(np.ascontiguousarray(x.T).sum(axis=1) - exact).max()
    assert np.abs(reduce.total(x, 0) - exact).max() <= max(
        pairwise, 2 * np.spacing(exact.max(), dtype=np.float32)
    )
    flat = x.reshape(-1)
    assert abs(reduce.total(flat) - flat.sum(dtype=np.float64)) <= np.spacing(
        np.float32(flat.sum())
    )


@pytest.mark.parametrize("shape", [(70_000,), (9000, 8), (3, 40_000), (700, 500), (7, 100, 100)])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_sums_of_tensors_and_their_gradients(shape, axis):
    """The public sum and mean of large tensors, and the sum a broadcast bias receives."""
    a = RNG.normal(size=shape).astype(np.float32)
    x = tl.tensor(a, requires_grad=True)
    y = x.sum() if axis is None else x.sum(axis)
    np.testing.assert_allclose(y.detach().numpy(), a.astype("d").sum(axis), atol=2e-3)
    np.testing.assert_allclose(
        (x.mean() if axis is None else x.mean(axis)).detach().numpy(),
        a.astype("d").mean(axis), atol=1e-6,
    )  # fmt: skip
    b = tl.zeros(shape[-1], requires_grad=True)
    (x * (x + b)).sum().backward()
    lead = tuple(range(a.ndim - 1))
    np.testing.assert_allclose(b.grad.numpy(), a.astype("d").sum(lead), atol=2e-3)


def test_other_inputs_take_numpys_way():
    assert reduce.total(np.arange(10)) == 45
    assert reduce.total(np.zeros((0, 3)), 0).shape == (3,)
    x = RNG.normal(size=(300, 400)).astype(np.float32)
    np.testing.assert_allclose(
        reduce.total(x[::2, ::-1], 0), x[::2, ::-1].sum(0), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(reduce.total(x, ()), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(10,), (40, 50), (3, 2000)])
@pytest.mark.parametrize("skip", [None, 2])
def test_rows_into_a_table(shape, skip, dtype):
    index = RNG.integers(0, 17, size=shape)
    x = RNG.normal(size=(*shape, 33)).astype(dtype)
    want = np.zeros((17, 33))
    flat, places = x.reshape(-1, 33).astype(np.float64), index.reshape(-1)
    kept = places != skip if skip is not None else np.ones(places.size, bool)
    np.add.at(want, places[kept], flat[kept])
    got = scatter.add_rows(x, index, 17, skip)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, want, atol=np.finfo(dtype).eps * 400)


def test_the_gradient_of_an_embedding():
    index = RNG.integers(0, 50, size=(30, 40))
    table = tl.tensor(RNG.normal(size=(50, 16)), requires_grad=True)
    g = RNG.normal(size=(30, 40, 16))
    rows = tl.nn.functional.embedding(tl.tensor(index), table, padding_idx=3)
    (rows * tl.tensor(g)).sum().backward()
    want = np.zeros((50, 16))
    np.add.at(want, index[index != 3], g[index != 3])
    np.testing.assert_allclose(table.grad.numpy(), want, atol=1e-12)


def test_bad_places():
    with pytest.raises(IndexError):
        scatter.add_rows(np.ones((3, 2)), np.array([0, 1, 5]), 5)
    assert scatter.add_rows(np.ones((0, 2)), np.zeros(0, np.int64), 5).shape == (5, 2)
