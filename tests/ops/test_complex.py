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


def _real_of_base_written(z):
    r = z.real
    z.mul_(2)
    return r.square().sum() * 0.5


def _pairs_of_base_written(z):
    pairs = tl.view_as_real(z)
    z.mul_(2)
    return pairs.square().sum() * 0.5


def _written_through_parts(z):
    z.real.mul_(3)
    z.imag[1] = 7.0
    return z.abs().square().sum() * 0.5


def _written_through_a_transposed_part(z):
    z.t().real[0] *= 2
    return z.abs().square().sum() * 0.5


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (_real_of_base_written, lambda a: 4 * a.real),
        (_pairs_of_base_written, lambda a: 4 * a),
        (_written_through_parts, lambda a: 9 * a.real + 1j * np.array([[1], [0]]) * a.imag),
        (_written_through_a_transposed_part, lambda a: np.array([4, 1]) * a.real + 1j * a.imag),
    ],
)
def test_parts_of_complex_numbers_are_views_whose_writes_are_followed(function, expected):
    a = np.array([[1 + 2j, 3 - 1j], [-2 + 1j, 0.5 + 4j]])
    z = tl.tensor(a, requires_grad=True)
    function(z * 1).backward()
    np.testing.assert_allclose(z.grad.numpy(), expected(a))


def test_writes_through_complex_numbers_reach_pairs_and_plain_memory():
    a = tl.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    pairs = a * 1
    tl.view_as_complex(pairs).mul_(2j)
    pairs[:, 0].sum().backward()  # Re(2i (x + iy)) = -2y
    np.testing.assert_allclose(a.grad.numpy(), [[0, -2], [0, -2]])
    plain, scale = tl.zeros(2, dtype=tl.complex128), tl.ones(2, requires_grad=True)
    plain.real.add_(scale)
    plain.abs().sum().backward()
    np.testing.assert_allclose(scale.grad.numpy(), [1, 1])


def test_a_view_that_cannot_be_followed_says_so():
    flat = tl.ones(4, requires_grad=True) * 1
    z = tl.view_as_complex(flat.view(2, 2))
    flat.mul_(2)
    with pytest.raises(RuntimeError, match=r"clone\(\) one of the two"):
        z.abs().sum()
    bits = (w := tl.ones(2, requires_grad=True) * 1).view(tl.int32)
    w.mul_(2)
    assert not bits.requires_grad


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (2, 4)])
def test_factors_of_complex_matrices_have_gradients(shape):
    """d(|L|^2 + |U|^2) along a random direction against differences."""
    rng = np.random.default_rng(0)
    a, step = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for _ in range(2))

    def size(x):
        return tl.linalg.lu_factor(x)[0].abs().square().sum()

    z = tl.tensor(a, requires_grad=True)
    size(z).backward()
    h = 1e-6
    change = (size(tl.tensor(a + h * step)) - size(tl.tensor(a - h * step))).item() / (2 * h)
    np.testing.assert_allclose((z.grad.numpy().conj() * step).real.sum(), change, rtol=1e-6)
