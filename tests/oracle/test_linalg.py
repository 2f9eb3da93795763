"""linalg against PyTorch: values, gradients, second derivatives, errors.

Where vectors are defined up to a sign, what is compared does not depend on it.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracle.comparing import compare, lines, same_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of what it will change

CALLS = """
x(3,4) : t.linalg.norm(x)
x(3,4) : t.linalg.norm(x, keepdim=True)
x(4) : t.linalg.norm(x, 3)
x(4) : t.linalg.norm(x, inf)
x(4) : t.linalg.norm(x, -inf)
x(4) :0 t.linalg.norm(x.detach(), 0)
x(3,4) : t.linalg.norm(x, 'fro')
x(3,4) : t.linalg.norm(x, 'nuc')
x(3,4) : t.linalg.norm(x, 2)
x(3,4) : t.linalg.norm(x, -2)
x(3,4) : t.linalg.norm(x, 1)
x(3,4) : t.linalg.norm(x, inf)
x(2,3,4) : t.linalg.norm(x, dim=1)
x(2,3,4) : t.linalg.norm(x, dim=(0, 2))
x(2,3,4) : t.linalg.norm(x, 'nuc', dim=(0, 2))
x(2,3,4) : t.linalg.norm(x, 2, dim=-1, keepdim=True)
x(3,4) : t.linalg.vector_norm(x)
x(3,4) : t.linalg.vector_norm(x, 1)
x(3,4) : t.linalg.vector_norm(x, 3.5, dim=1)
x(3,4) : t.linalg.vector_norm(x, inf, dim=0, keepdim=True)
x(2,3,4) : t.linalg.vector_norm(x, 2, dim=(0, 1))
x() : t.linalg.vector_norm(x)
x(3,4) : t.linalg.matrix_norm(x)
x(2,3,4) : t.linalg.matrix_norm(x, 1)
x(2,3,4) : t.linalg.matrix_norm(x, -1, keepdim=True)
x(2,3,4) : t.linalg.matrix_norm(x, -inf, dim=(0, 1))
x(2,3,4) : t.linalg.matrix_norm(x, 'nuc', keepdim=True)
x(2,3,4) : t.linalg.matrix_norm(x, 2)
x(3,3)~r : t.linalg.cond(x)
x(3,3)~r :0 t.linalg.cond(x, 'fro')
x(3,3)~r :0 t.linalg.cond(x, 1)
x(3,3)~r : t.linalg.cond(x, -2)
x(3,3)~r : t.linalg.det(x)
x(2,3,3)~r : t.linalg.det(x)
x(1,1) : t.det(x)
x(3,3)~r : x.det()
x(0,0) :0 t.linalg.det(x)
x(3,3)~r : t.linalg.slogdet(x).logabsdet
x(2,3,3) : t.slogdet(x)[1]
x(2,3,3) :0 t.slogdet(x.detach())
x(3,3)~p : t.logdet(x)
x(2,3,3)~p : x.logdet()
x(3,3)~r : t.linalg.inv(x)
x(2,3,3)~r : t.linalg.inv(x)
x(3,3)~r : t.inverse(x)
x(3,3)~r : x.inverse()
x(3,3)~r y(3,2) : t.linalg.solve(x, y)
x(3,3)~r y(3) : t.linalg.solve(x, y)
x(2,3,3)~r y(2,3,2) : t.linalg.solve(x, y)
x(2,3,3)~r y(2,3) : t.linalg.solve(x, y)
x(2,3,3)~r y(3,2) : t.linalg.solve(x, y)
x(3,3)~r y(2,3) : t.linalg.solve(x, y, left=False)
x(3,3)~r y(3,2) : t.linalg.solve_triangular(x, y, upper=True)
x(3,3)~r y(3,2) : t.linalg.solve_triangular(x, y, upper=False)
x(3,3)~r y(2,3) : t.linalg.solve_triangular(x, y, upper=False, left=False)
x(3,3) y(3,2) : t.linalg.solve_triangular(x, y, upper=True, unitriangular=True)
x(5,3) y(5,2) : t.linalg.lstsq(x, y).solution
x(5,3) y(5) :0 t.linalg.lstsq(x, y.unsqueeze(1)).solution
x(5,3) y(5,2) :0 t.linalg.lstsq(x.detach(), y.detach())
x(5,3) y(5,2) :0 t.linalg.lstsq(x.detach(), y.detach(), driver='gelsd')
x(5,3) y(5,2) :0 t.linalg.lstsq(x.detach(), y.detach(), driver='gels')
x(2,5,3) y(2,5,2) : t.linalg.lstsq(x, y).solution
x(5,3) : t.linalg.pinv(x)
x(3,5) : t.linalg.pinv(x)
x(2,3,3)~r : t.linalg.pinv(x)
x(3,5) : t.pinverse(x)
x(3,3)~p : t.linalg.cholesky(x @ x.T)
x(3,3)~p : t.linalg.cholesky(x)
x(2,3,3)~p : t.linalg.cholesky(x)
x(3,3)~p : t.linalg.cholesky(x, upper=True)
x(3,3)~p : t.cholesky(x)
x(3,3)~p y(3,2) : t.cholesky_solve(y, t.linalg.cholesky(x))
x(3,3)~p : t.cholesky_inverse(t.linalg.cholesky(x))
x(3,3)~s : t.linalg.eigvalsh(x + x.T)
x(2,3,3)~s : t.linalg.eigvalsh(x + x.mT)
x(3,3)~s : (lambda w, V: (w, V.abs()))(*t.linalg.eigh(x + x.T))
x(3,3)~s : (lambda w, V: V @ t.diag(w ** 2) @ V.T)(*t.linalg.eigh(x + x.T))
x(3,3)~s :0 t.linalg.eigvalsh(x.detach(), UPLO='U')
x(3,3) :0 t.linalg.eigvalsh(x.detach())
x(4,3) : t.linalg.svdvals(x)
x(3,4) : t.linalg.svdvals(x)
x(4,3) : t.linalg.svd(x, full_matrices=False).S
x(4,3) :1 (lambda U, S, Vh: (U.abs(), S, Vh.abs()))(*t.linalg.svd(x, full_matrices=False))
x(3,4) :1 (lambda U, S, Vh: (U.abs(), S, Vh.abs()))(*t.linalg.svd(x, full_matrices=False))
x(2,3,3) :1 (lambda U, S, Vh: (U.abs(), S, Vh.abs()))(*t.linalg.svd(x))
x(4,3) : (lambda U, S, Vh: U @ t.diag(S ** 2) @ Vh)(*t.linalg.svd(x, full_matrices=False))
x(4,3) :0 (lambda U, S, Vh: (U.abs(), S, Vh.abs()))(*t.linalg.svd(x.detach()))
x(3,4) :0 (lambda U, S, Vh: (U.abs(), S, Vh.abs()))(*t.linalg.svd(x.detach()))
x(3,4) :1 (lambda U, S, V: (U.abs(), S, V.abs()))(*t.svd(x))
x(4,3) : (lambda Q, R: (Q.abs(), R.abs()))(*t.linalg.qr(x))
x(3,3) : (lambda Q, R: (Q.abs(), R.abs()))(*t.linalg.qr(x))
x(3,5) : (lambda Q, R: (Q.abs(), R.abs()))(*t.linalg.qr(x))
x(2,4,3) : (lambda Q, R: (Q.abs(), R.abs()))(*t.linalg.qr(x))
x(4,3) : t.linalg.qr(x).R.abs()
x(4,3) : t.linalg.qr(x)[0].abs()
x(4,3) :0 (lambda Q, R: (Q.abs(), R.abs()))(*t.linalg.qr(x.detach(), mode='complete'))
x(4,3) :0 t.linalg.qr(x.detach(), mode='r').R.abs()
x(3,3)~r : t.linalg.matrix_power(x, 3)
x(3,3)~r : t.linalg.matrix_power(x, 0)
x(3,3)~r : t.matrix_power(x, -2)
x(2,3,3)~r : x.matrix_power(5)
x(3,3) : t.linalg.matrix_power(x, 1)
x(3,3) : t.linalg.matrix_exp(x)
x(2,3,3) : t.matrix_exp(x)
x(2,2) : x.matrix_exp()
x(3,3) : t.matrix_exp(x * 0.01)
x(3,3) : t.matrix_exp(x * 3)
x(2,3) y(3,4) z(4,5) : t.linalg.multi_dot([x, y, z])
x(3) y(3,4) z(4,5) : t.linalg.multi_dot([x, y, z])
x(3) y(3,4) z(4) : t.linalg.multi_dot((x, y, z))
x(2,3) y(3) : t.linalg.multi_dot([x, y])
x(4,3) :0 t.linalg.matrix_rank(x.detach())
x(2,4,3) :0 t.linalg.matrix_rank(x.detach())
x(3) :0 t.linalg.matrix_rank(t.outer(x, x).detach())
x(2,3,3) : t.linalg.diagonal(x)
x(2,3) y(2,3) : t.linalg.vecdot(x, y)
x(2,3) y(2,3) : t.linalg.vecdot(x, y, dim=0)
x(2,3) : t.linalg.vander(x)
x(3) : t.linalg.vander(x, N=4)
x(4,2,2) : t.linalg.tensorinv(x + t.eye(4).reshape(4, 2, 2) * 3, ind=1)
x(4,4)~r y(4) : t.linalg.tensorsolve(x.reshape(2, 2, 4), y.reshape(2, 2))
x(2,3) y(3,2) : t.linalg.matmul(x, y)
x(3,3) : t.linalg.lu(x)
x(2,3,3) : t.linalg.lu(x)[1:]
x(4,3) :0 t.linalg.lu(x.detach())
x(3,4) :0 t.linalg.lu(x.detach())
x(3,3) : t.linalg.lu_factor(x)
x(4,3) :0 t.linalg.lu_factor(x.detach())
x(3,3)~r y(3,2) : t.linalg.lu_solve(*t.linalg.lu_factor(x), y)
x(3,3)~r y(2,3) : t.linalg.lu_solve(*t.linalg.lu_factor(x), y, left=False)
x(3,3)~r y(3,2) : t.linalg.lu_solve(*t.linalg.lu_factor(x), y, adjoint=True)
x(3,3) :0 t.lu_unpack(*t.linalg.lu_factor(x.detach()))
x(3,3)~r : t.linalg.inv_ex(x)
x(3,3)~p : t.linalg.cholesky_ex(x)
x(3,3)~r y(3,2) : t.linalg.solve_ex(x, y)
x(4,3) y(3) : t.linalg.householder_product(x, y)
"""

ERRORS = """
x(3) : t.linalg.det(x)
x(2,3) : t.linalg.det(x)
n(2,2) : t.linalg.det(n)
x(2,3) : t.linalg.inv(x)
x(3) : t.linalg.inv(x)
n(2,2) : t.linalg.inv(n)
x(3,3) : t.linalg.inv(x * 0)
x(3,3) y(4) : t.linalg.solve(x, y)
x(3,3) y(4,2) : t.linalg.solve(x, y)
x(3,3) y(3) : t.linalg.solve(x * 0, y)
x(3,3) y(3) : t.linalg.solve(x, y.float())
x(3,2) y(3) : t.linalg.solve(x, y)
x(3,3) y(4,2) : t.linalg.solve_triangular(x, y, upper=True)
x(3) : t.linalg.cholesky(x)
x(2,3) : t.linalg.cholesky(x)
x(3,3) : t.linalg.cholesky(x - 10 * t.eye(3))
x(2,3) : t.linalg.eigh(x)
x(3,3) : t.linalg.eigh(x, UPLO='X')
x(3) : t.linalg.svd(x)
x(3) : t.linalg.svdvals(x)
x(3) : t.linalg.qr(x)
x(3,3) : t.linalg.qr(x, mode='full')
x(3) : t.linalg.pinv(x)
x(2,3) : t.linalg.matrix_power(x, 2)
x(3) : t.linalg.matrix_power(x, 2)
x(2,2) : t.linalg.matrix_power(x * 0, -1)
x(2,3) : t.linalg.matrix_exp(x)
x(2,3) : t.linalg.multi_dot([x])
x(2,3) y(2,3) : t.linalg.multi_dot([x, y])
x(2,3,1) y(2,3) : t.linalg.multi_dot([x, y])
x(3) : t.linalg.matrix_norm(x)
x(3,3) : t.linalg.matrix_norm(x, 'bad')
x(3,3) : t.linalg.matrix_norm(x, 3)
x(3,3) : t.linalg.matrix_norm(x, dim=(0, 0))
x(3,3) : t.linalg.matrix_norm(x, dim=(0,))
n(3) : t.linalg.vector_norm(n)
x(0) : t.linalg.vector_norm(x, inf)
x(3) : t.linalg.vector_norm(x, dim=1)
x(2,3,4) : t.linalg.norm(x, 2)
x(2,3) y(2,4) : t.linalg.cross(x, y)
x(3) : t.linalg.matrix_rank(x)
x(5,3) y(4,2) : t.linalg.lstsq(x, y)
x(2,3) : t.slogdet(x)
x(2,3) : t.logdet(x)
x(3) : t.linalg.vander(x, N=1)
x(2,3) : t.linalg.tensorinv(x, 1)
x(2,3) : t.linalg.tensorinv(x, 0)
"""


@pytest.mark.parametrize("line", lines(CALLS))
def test_calls(line: str) -> None:
    compare(torch, line, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("line", lines(ERRORS))
def test_errors(line: str) -> None:
    same_error(torch, line, 20)


def test_determinants_of_singular_matrices_have_a_gradient() -> None:
    """det is a polynomial: its gradient, the cofactors, exists where the inverse does not.

    (PyTorch returns zeros for the first of these matrices.)
    """
    for values, cofactors in (
        ([[1, 2, 3], [2, 4, 6], [1, 0, 1]], [[4, 4, -4], [-2, -2, 2], [0, 0, 0]]),
        ([[1, 2, 3], [2, 4, 6], [3, 6, 9]], [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        ([[0, 0], [0, 3]], [[3, 0], [0, 0]]),
    ):
        x = tl.tensor(values, dtype=tl.float64, requires_grad=True)
        tl.linalg.det(x).backward()
        assert x.grad is not None
        assert abs(x.grad.numpy() - np.array(cofactors)).max() < 1e-12


def test_repeated_singular_values_are_documented() -> None:
    """Singular values have a gradient where they coincide; singular vectors: NaN or infinity."""
    x = tl.eye(3, dtype=tl.float64).requires_grad_()
    tl.linalg.svdvals(x).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    y = tl.eye(3, dtype=tl.float64).requires_grad_()
    tl.linalg.svd(y).U.sum().backward()
    assert y.grad is not None and not y.grad.isfinite().all()


def test_eig_refuses_what_depends_on_the_phases_of_eigenvectors() -> None:
    x = tl.tensor([[1.0, 2.0], [-2.0, 0.5]], requires_grad=True)
    w, V = tl.linalg.eig(x)
    assert w.is_complex() and V.is_complex()
    w.abs().sum().backward(retain_graph=True)
    assert x.grad is not None and x.grad.isfinite().all()
    with pytest.raises(RuntimeError, match="specified up to multiplication"):
        V.imag.sum().backward()


def test_float32_stays_float32() -> None:
    x = tl.tensor([[2.0, 1.0], [1.0, 3.0]])
    la = tl.linalg
    for value in (la.inv(x), la.det(x), la.cholesky(x), la.eigh(x)[0], la.svd(x)[1], la.qr(x)[0]):
        assert value.dtype is tl.float32
    for value in (la.pinv(x), la.matrix_exp(x), la.slogdet(x)[1], la.cond(x), la.norm(x, 2)):
        assert value.dtype is tl.float32
