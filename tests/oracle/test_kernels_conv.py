"""Convolution kernels against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.test_conv import CASES, path  # noqa: F401
from tinygrad_lite.kernels.conv import conv_forward, conv_input_grad, conv_weight_grad

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if all(a == b for a, b in c[3])])
def test_like_torch(name, dtype, path):  # noqa: F811
    x_shape, w_shape, stride, padding, dilation, groups = CASES[name]
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(x_shape).astype(dtype), rng.standard_normal(w_shape).astype(dtype)
    run = {3: torch.conv1d, 4: torch.conv2d, 5: torch.conv3d}[x.ndim]
    tx, tw = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
    expected = run(tx, tw, None, stride, [lo for lo, _ in padding], dilation, groups)
    g = rng.standard_normal(expected.shape).astype(dtype)
    expected.backward(torch.tensor(g))

    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-11}
    )
    np.testing.assert_allclose(conv_forward(x, w, **how), expected.detach().numpy(), **tolerance)
    dx = conv_input_grad(g, w, input_shape=x.shape, **how)
    dw = conv_weight_grad(g, x, weight_shape=w.shape, **how)
    np.testing.assert_allclose(dx, tx.grad.numpy(), **tolerance)
    np.testing.assert_allclose(dw, tw.grad.numpy(), **tolerance)
