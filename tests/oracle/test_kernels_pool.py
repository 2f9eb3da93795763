"""Pooling kernels against PyTorch, indices and NaN included."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.test_pool import ADAPTIVE, CASES, path  # noqa: F401
from tinygrad_lite.kernels import pool

torch = pytest.importorskip("torch")
F = torch.nn.functional


def sample(size, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 9, (2, 3, *size)).astype(dtype)  # with ties
    x.reshape(-1)[rng.integers(0, x.size, 5)] = np.nan
    x.reshape(-1)[rng.integers(0, x.size, 5)] = -np.inf
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_max_pool(name, dtype):
    size, kernel, stride, padding, dilation, ceil_mode = CASES[name]
    x = sample(size, dtype)
    run = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(size)]
    tx = torch.tensor(x, requires_grad=True)
    expected, where = run(tx, kernel, stride, padding, dilation, ceil_mode, return_indices=True)
    values, indices = pool.max_pool_forward(
        x, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    np.testing.assert_array_equal(values, expected.detach().numpy())
    np.testing.assert_array_equal(indices, where.numpy())
    g = np.random.default_rng(1).standard_normal(values.shape).astype(dtype)
    expected.backward(torch.tensor(g))
    dx = pool.max_pool_backward(g, indices, input_shape=x.shape, dims=len(size))
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if set(c[4]) == {1}])
def test_avg_pool(name, include):
    size, kernel, stride, padding, _, ceil_mode = CASES[name]
    x = np.random.default_rng(0).standard_normal((2, 3, *size))
    run = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(size)]
    tx = torch.tensor(x, requires_grad=True)
    expected = run(tx, kernel, stride, padding, ceil_mode, include)
    how = {
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": include,
    }
    out = pool.avg_pool_forward(x, **how)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-12)
    g = np.random.default_rng(1).standard_normal(out.shape)
    expected.backward(torch.tensor(g))
    dx = pool.avg_pool_backward(g, input_shape=x.shape, **how)
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_pool(name):
    size, output = ADAPTIVE[name]
    x = sample(size, np.float64)
    dims = len(size)
    run_max = [None, F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d][dims]
    run_avg = [None, F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d][dims]
    expected, where = run_max(torch.tensor(x), output, return_indices=True)
    values, indices = pool.adaptive_max_pool_forward(x, output_size=output)
    np.testing.assert_array_equal(values, expected.numpy())
    np.testing.assert_array_equal(indices, where.numpy())

    x = np.random.default_rng(2).standard_normal(x.shape)
    tx = torch.tensor(x, requires_grad=True)
    expected = run_avg(tx, output)
    out = pool.adaptive_avg_pool_forward(x, output_size=output)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-12, atol=1e-14)
    g = np.random.default_rng(1).standard_normal(out.shape)
    expected.backward(torch.tensor(g))
    dx = pool.adaptive_avg_pool_backward(g, input_shape=x.shape, output_size=output)
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=1e-11, atol=1e-13)
