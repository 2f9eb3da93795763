"""Pooling kernels against the definition written out as loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygrad_lite.kernels import _jit, pool

CASES = {
    # size, kernel, stride, padding, dilation, ceil_mode
    "1d": ((7,), (3,), (2,), (1,), (1,), False),
    "1d-ceil": ((8,), (3,), (2,), (0,), (1,), True),
    "2d": ((6, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    "2d-leftover": ((7, 5), (2, 2), (2, 2), (0, 0), (1, 1), False),
    "2d-overlap": ((7, 6), (3, 2), (1, 2), (1, 1), (1, 1), False),
    "2d-ceil-pad": ((8, 7), (3, 3), (2, 3), (1, 1), (1, 1), True),
    "2d-dilated": ((9, 8), (3, 2), (2, 1), (1, 1), (2, 3), False),
    "3d": ((5, 4, 6), (2, 3, 2), (2, 1, 2), (1, 1, 0), (1, 1, 1), True),
}
ADAPTIVE = {
    "1d": ((7,), (3,)),
    "even": ((8, 6), (4, 2)),
    "uneven": ((7, 5), (3, 4)),
    "global": ((5, 6), (1, 1)),
    "wider": ((2, 3), (5, 7)),
    "3d": ((4, 5, 3), (2, 3, 3)),
}


@pytest.fixture(params=["numpy", "compiled"], autouse=True)
def path(request, monkeypatch):
    """Each way a pool can run, whatever its size."""
    if request.param == "compiled" and not _jit.enabled():
        pytest.skip("numba is off")
    least = 1 if request.param == "compiled" else 1 << 60
    monkeypatch.setattr(pool, "_WORTH_CALLING", least)
    monkeypatch.setattr(pool, "_WORTH_LOADING", least)


def windows(size, kernel, stride, padding, dilation, ceil_mode):
    """(position, coordinates inside) of each window, by the definition."""
    counts = [
        pool.pool_output_size(s, k, t, p, d, ceil_mode)
        for s, k, t, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    ]
    for at in itertools.product(*map(range, counts)):
        axes = []
        for p, s, k, t, q, d in zip(at, size, kernel, stride, padding, dilation, strict=True):
            axes.append([i for i in (p * t - q + j * d for j in range(k)) if 0 <= i < s])
        yield at, list(itertools.product(*axes))


def adaptive_windows(size, output):
    for at in itertools.product(*map(range, output)):
        yield (
            at,
            list(
                itertools.product(
                    *(
                        range(p * s // n, -(-(p + 1) * s // n))
                        for p, s, n in zip(at, size, output, strict=True)
                    )
                )
            ),
        )


def check_max(x, values, indices, pairs):
    for at, inside in pairs:
        for lead in np.ndindex(x.shape[: x.ndim - len(at)]):
            seen = [x[(*lead, *i)] for i in inside]
            best = max(seen)
            assert values[(*lead, *at)] == best
            first = inside[seen.index(best)]
            plane = x.shape[x.ndim - len(at) :]
            assert indices[(*lead, *at)] == np.ravel_multi_index(first, plane)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("name", CASES)
def test_max_is_the_definition(name, dtype):
    size, kernel, stride, padding, dilation, ceil_mode = CASES[name]
    x = np.random.default_rng(0).integers(-9, 9, (2, 3, *size)).astype(dtype)  # with ties
    how = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    values, indices = pool.max_pool_forward(x, **how, ceil_mode=ceil_mode)
    assert values.dtype == dtype
    assert indices.dtype == np.int64
    check_max(x, values, indices, windows(*CASES[name]))
    np.testing.assert_array_equal(pool.pool_gather(x, indices, dims=len(size)), values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_max_backward_scatters_what_gather_takes(name, dtype):
    size, kernel, stride, padding, dilation, ceil_mode = CASES[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *size)).astype(dtype)
    how = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    values, indices = pool.max_pool_forward(x, **how, ceil_mode=ceil_mode)
    g = rng.standard_normal(values.shape).astype(dtype)
    dx = pool.max_pool_backward(g, indices, input_shape=x.shape, dims=len(size))
    assert dx.dtype == dtype
    assert dx.shape == x.shape
    expected = np.zeros(x.shape, dtype).reshape(2, 3, -1)
    for at in np.ndindex(g.shape):
        expected[(*at[:2], indices[at])] += g[at]
    np.testing.assert_allclose(dx.reshape(2, 3, -1), expected, rtol=1e-5, atol=1e-6)


def test_max_keeps_nan_and_takes_the_last():
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 0, 1] = x[0, 0, 1, 0] = np.nan
    x[0, 0, 2:, 2:] = -np.inf
    how = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
    values, indices = pool.max_pool_forward(x, **how)
    assert np.isnan(values[0, 0, 0, 0])
    assert indices[0, 0, 0, 0] == 4
    assert values[0, 0, 1, 1] == -np.inf
    assert indices[0, 0, 1, 1] == 10


@pytest.mark.parametrize("divisor", [None, 3])
@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if set(c[4]) == {1}])
def test_avg_is_the_definition(name, include, divisor):
    size, kernel, stride, padding, _, ceil_mode = CASES[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *size))
    how = {
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": include,
        "divisor_override": divisor,
    }
    out = pool.avg_pool_forward(x, **how)
    for at, inside in windows(*CASES[name]):
        spans = [
            min(p * t - q + k, s + q) - (p * t - q)
            for p, t, q, k, s in zip(at, stride, padding, kernel, size, strict=True)
        ]
        count = divisor or (np.prod(spans) if include else len(inside))
        expected = sum(x[(slice(None), slice(None), *i)] for i in inside) / count
        np.testing.assert_allclose(out[(slice(None), slice(None), *at)], expected, rtol=1e-12)
    g = rng.standard_normal(out.shape)
    dx = pool.avg_pool_backward(g, input_shape=x.shape, **how)
    np.testing.assert_allclose((dx * x).sum(), (g * out).sum(), rtol=1e-11)
    other = rng.standard_normal(x.shape)
    np.testing.assert_allclose(
        (dx * other).sum(), (g * pool.avg_pool_forward(other, **how)).sum(), rtol=1e-11
    )


@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_is_the_definition(name):
    size, output = ADAPTIVE[name]
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, (2, 3, *size)).astype(np.float64)
    values, indices = pool.adaptive_max_pool_forward(x, output_size=output)
    check_max(x, values, indices, adaptive_windows(size, output))
    out = pool.adaptive_avg_pool_forward(x, output_size=output)
    for at, inside in adaptive_windows(size, output):
        expected = np.mean([x[(slice(None), slice(None), *i)] for i in inside], axis=0)
        np.testing.assert_allclose(
            out[(slice(None), slice(None), *at)], expected, rtol=1e-12, atol=1e-13
        )
    g, other = rng.standard_normal(out.shape), rng.standard_normal(x.shape)
    dx = pool.adaptive_avg_pool_backward(g, input_shape=x.shape, output_size=output)
    by_other = pool.adaptive_avg_pool_forward(other, output_size=output)
    np.testing.assert_allclose((dx * other).sum(), (g * by_other).sum(), rtol=1e-11)


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4), (4, 4)])
def test_any_leading_dimensions(shape):
    x = np.ones(shape, np.float32)
    how = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)}
    values, indices = pool.max_pool_forward(x, **how, dilation=(1, 1))
    assert values.shape == indices.shape == (*shape[:-2], 2, 2)
    assert pool.max_pool_backward(values, indices, input_shape=shape, dims=2).shape == shape
    assert pool.avg_pool_forward(x, **how).shape == values.shape
    assert pool.avg_pool_backward(values, input_shape=shape, **how).shape == shape
    assert pool.adaptive_avg_pool_forward(x, output_size=(3, 3)).shape == (*shape[:-2], 3, 3)


def test_float16_and_strided_input():
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 6)).astype(np.float16)
    how = {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)}
    out = pool.avg_pool_forward(np.asfortranarray(x), **how)
    assert out.dtype == np.float16
    wide = pool.avg_pool_forward(x.astype(np.float64), **how)
    np.testing.assert_allclose(out, wide, rtol=1e-2, atol=1e-3)
    values, _ = pool.max_pool_forward(np.asfortranarray(x), **how, dilation=(1, 1))
    np.testing.assert_array_equal(values, pool.max_pool_forward(x, **how, dilation=(1, 1))[0])


def test_indices_outside_of_the_plane_never_reach_a_kernel():
    g, indices = np.ones((40, 50, 50), np.float32), np.zeros((40, 50, 50), np.int64)
    assert pool.max_pool_backward(g, indices, input_shape=(40, 100, 100), dims=2).sum() == g.size
    for plane, wrong in ((0, -1), (-1, 10_000)):
        indices[...] = 0
        indices[plane, 0, 0] = wrong
        with pytest.raises(ValueError):
            pool.max_pool_backward(g, indices, input_shape=(40, 100, 100), dims=2)
