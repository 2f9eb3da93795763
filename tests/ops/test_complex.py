"""Gradients through complex numbers: PyTorch's convention at the ends, refusals in between."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl


def numbers(*values: complex) -> tl.Tensor:
    return tl.tensor(list(values), dtype=tl.complex128, requires_grad=True)


def test_the_gradient_points_uphill():
    """d|z|^2 is steepest along z: the gradient is 2 z, not its conjugate."""
    z = numbers(1 + 2j, 3 - 1j)
    (z * z.conj()).real.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), 2 * z.detach().numpy())


def test_hooks_and_retained_gradients_see_the_same_convention():
    z = numbers(1 + 2j)
    w = z * 2
    w.retain_grad()
    seen = []
    w.register_hook(seen.append)
    w.abs().sum().backward()
    unit = w.detach().numpy() / abs(w.detach().numpy())
    np.testing.assert_allclose(w.grad.numpy(), unit)
    np.testing.assert_allclose(seen[0].numpy(), unit)
    np.testing.assert_allclose(z.grad.numpy(), 2 * unit)


def test_a_function_of_the_users_own_gets_pytorchs_gradient():
    class Double(tl.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            return z * 2

        @staticmethod
        def backward(ctx, g):
            np.testing.assert_allclose(g.numpy(), [0.6 + 0.8j])
            return g * 2

    z = numbers(1.5 + 2j)
    Double.apply(z).abs().sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [1.2 + 1.6j])


def test_a_real_input_gets_a_real_gradient():
    x = tl.tensor([1.0, -2.0, 0.5], dtype=tl.float64, requires_grad=True)
    (x * (1 + 2j)).abs().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.sqrt(5) * np.sign(x.detach().numpy()))
    assert x.grad.dtype == tl.float64


def test_second_derivatives():
    """|z|^2 has the Hessian 2 I over real and imaginary parts."""
    z = numbers(1 + 2j)
    (g,) = tl.autograd.grad((z.abs() ** 2).sum(), z, create_graph=True)
    (gg,) = tl.autograd.grad((g * (0.3 - 0.7j)).real.sum(), z)
    np.testing.assert_allclose(gg.numpy(), [2 * np.conj(0.3 - 0.7j)])


def test_an_op_whose_rule_is_not_known_to_hold_refuses():
    with pytest.raises(RuntimeError, match="no gradient flows through complex numbers"):
        tl.linalg.cholesky(tl.eye(2, dtype=tl.complex128).requires_grad_())


def test_a_part_with_a_history_is_not_written():
    z = numbers(1 + 2j) * 1
    with pytest.raises(RuntimeError, match="read-only"):
        z.real.mul_(2)
    with tl.no_grad():
        z.real.mul_(2)
    np.testing.assert_allclose(z.detach().numpy(), [2 + 2j])


def test_spectral_norm_of_a_filter_learns():
    """A convolution theorem by gradient: the filter that reproduces a target's spectrum."""
    target = tl.fft.rfft(tl.tensor([1.0, 0.0, -1.0, 0.5]))
    x = tl.zeros(4, requires_grad=True)
    for _ in range(60):
        loss = (tl.fft.rfft(x) - target).abs().square().sum()
        (g,) = tl.autograd.grad(loss, x)
        with tl.no_grad():
            x -= 0.1 * g
    np.testing.assert_allclose(x.detach().numpy(), [1.0, 0.0, -1.0, 0.5], atol=1e-4)


def test_a_complex_loss_is_refused():
    with pytest.raises(RuntimeError, match="only for real scalar outputs but got"):
        (numbers(1 + 2j) * 2).sum().backward()
