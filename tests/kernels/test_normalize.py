"""Normalizations: compiled against the NumPy form in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygrad_lite.kernels import normalize as nk
from tinygrad_lite.kernels._jit import use_numba

RNG = np.random.default_rng(0)
ALL = (True, True, True)


def wide(value):
    return value.astype(np.float64) if isinstance(value, np.ndarray) else value


def in_numpy(call, *args):
    with use_numba(False):
        return call(*(wide(a) for a in args))


def same(got, want, dtype):
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        if b is None:
            assert a is None
            continue
        assert a.dtype == dtype
        assert a.shape == b.shape
        scale = max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(a, b, rtol=0, atol=scale * np.finfo(dtype).eps * 40)


def draw(*shape, dtype=np.float32):
    return (RNG.normal(size=shape) * 2 + 1).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "dims"), [((50, 100), 1), ((7, 5000), 1), ((4, 20, 6, 9), 2), ((300, 30), 1)]
)
@pytest.mark.parametrize("affine", [True, False])
def test_layer_and_rms(shape, dims, affine, dtype):
    x, g = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype)
    inner = shape[len(shape) - dims :]
    weight = draw(*inner, dtype=dtype) if affine else None
    bias = draw(*inner, dtype=dtype) if affine else None
    forward = (x, weight, bias, dims, 1e-5)
    y, mean, rstd = nk.layer_norm(*forward)
    same((y, mean, rstd), in_numpy(nk.layer_norm, *forward), dtype)
    for need in itertools.product([True, False], repeat=3):
        need = need if affine else (need[0], False, False)
        back = (g, x, weight, mean, rstd, dims, need)
        same(nk.layer_norm_backward(*back), in_numpy(nk.layer_norm_backward, *back), dtype)
    y, rstd = nk.rms_norm(x, weight, dims, 1e-5)
    same((y, rstd), in_numpy(nk.rms_norm, x, weight, dims, 1e-5), dtype)
    back = (g, x, weight, rstd, dims, (True, affine))
    same(nk.rms_norm_backward(*back), in_numpy(nk.rms_norm_backward, *back), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "channels last", "strided"])
@pytest.mark.parametrize("shape", [(200, 30), (8, 6, 90), (16, 5, 9, 11), (3, 4, 5, 6, 7)])
def test_batch_and_group(shape, layout, dtype):
    x, g = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype)
    if layout == "channels last":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    elif layout == "strided":
        x = x[::-1]
    for affine in (True, False):
        weight = draw(shape[1], dtype=dtype) if affine else None
        bias = draw(shape[1], dtype=dtype) if affine else None
        found = nk.batch_norm(x, weight, bias, 1e-5)
        same(found, in_numpy(nk.batch_norm, x, weight, bias, 1e-5), dtype)
        y, mean, _, rstd = found
        if layout == "channels last" and len(shape) > 2:
            assert y.strides == x.strides
        for need in (ALL, (True, False, False), (False, affine, affine)):
            need = need if affine else (need[0], False, False)
            back = (g, x, weight, mean, rstd, need)
            same(nk.batch_norm_backward(*back), in_numpy(nk.batch_norm_backward, *back), dtype)
        for groups in {1, shape[1]}:
            if prod_of(shape, groups) < 2:
                continue
            found = nk.group_norm(x, weight, bias, groups, 1e-5)
            same(found, in_numpy(nk.group_norm, x, weight, bias, groups, 1e-5), dtype)
            need = (True, affine, affine)
            back = (g, x, weight, found[1], found[3], groups, need)
            same(nk.group_norm_backward(*back), in_numpy(nk.group_norm_backward, *back), dtype)


def prod_of(shape, groups):
    return int(np.prod(shape[1:])) // groups


def test_a_large_mean_does_not_swamp_the_variance():
    x = (RNG.normal(size=(64, 512)) + 1000).astype(np.float32)
    y = nk.layer_norm(x, None, None, 1, 1e-5)[0]
    exact = in_numpy(nk.layer_norm, x, None, None, 1, 1e-5)[0]
    np.testing.assert_allclose(y, exact, atol=2e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 5, 12, 15), (400, 8), (3, 4, 700)])
@pytest.mark.parametrize("affine", [True, False])
def test_given_statistics(shape, affine, dtype):
    x, g = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype)
    c = shape[1]
    weight, bias = (draw(c, dtype=dtype) if affine else None for _ in range(2))
    mean, var = draw(c, dtype=dtype), np.abs(draw(c, dtype=dtype)) + dtype(0.1)
    forward = (x, weight, bias, mean, var, 1e-5)
    y, rstd = nk.fixed_norm(*forward)
    same((y, rstd), in_numpy(nk.fixed_norm, *forward), dtype)
    for need in itertools.product([True, False], repeat=3):
        back = (g, x, weight, mean, rstd, need)
        same(nk.fixed_norm_backward(*back), in_numpy(nk.fixed_norm_backward, *back), dtype)
