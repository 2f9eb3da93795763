"""Recurrent kernels against PyTorch's modules."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.test_recurrent import GATES, arguments, backward, forward, path  # noqa: F401

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("sizes", [(4, 3, 5, 6), (7, 20, 9, 40)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", GATES)
def test_like_torch(kind, dtype, sizes):
    args = arguments(kind, *sizes, dtype=dtype)
    rows = {"rnn": torch.nn.RNN, "relu": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
    how = {"nonlinearity": "relu"} if kind == "relu" else {}
    net = rows[kind](sizes[2], sizes[3], **how).to(getattr(torch, np.dtype(dtype).name))
    states = 2 if kind == "lstm" else 1
    x, *initial = [torch.tensor(a, requires_grad=True) for a in args[: 1 + states]]
    with torch.no_grad():
        for p, a in zip(net.parameters(), args[1 + states :], strict=True):
            p.copy_(torch.tensor(a))
    first = [s[None] for s in initial]
    y, last = net(x, tuple(first) if kind == "lstm" else first[0])
    expected = [y, *(s[0] for s in (last if kind == "lstm" else [last]))]
    outputs, residuals = forward(kind, args)
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-10}
    for ours, theirs in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), **tolerance)
    rng = np.random.default_rng(1)
    gs = [rng.standard_normal(o.shape).astype(dtype) for o in outputs]
    torch.autograd.backward(expected, [torch.tensor(g) for g in gs])
    theirs = [t.grad.numpy() for t in (x, *initial, *net.parameters())]
    tolerance = (
        {"rtol": 2e-4, "atol": 2e-4} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-12}
    )
    for ours, grad in zip(backward(kind, gs, args, residuals), theirs, strict=True):
        np.testing.assert_allclose(ours, grad, **tolerance)
