"""Determinants, inverses, linear systems and factorizations, as `linalg` names them.

Primitives and their derivatives are in decompositions.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.modes import current
from ..core.samples import Real, sample
from ..core.shapes import broadcast_shape
from ..core.tensor import Tensor, bind, live_node, make
from ..kernels import lapack
from .arguments import array_of, kind, no_out, of_tensors, require_tensor
from .decompositions import (
    cholesky_factor,
    determinant,
    eigen,
    inverted,
    log_determinant,
    orthogonal_triangular,
    pseudo_inverse,
    singular,
    solved,
    symmetric_eigen,
)
from .extremes import returned
from .joining import cat
from .linalg_norms import require_matrices
from .matrix import matmul
from .rearranging import tril, triu
from .reduction import sum as total
from .views import reshaped, sliced

slogdet_values = returned("linalg_slogdet", "sign", "logabsdet")
eigh_values = returned("linalg_eigh", "eigenvalues", "eigenvectors")
eig_values = returned("linalg_eig", "eigenvalues", "eigenvectors")
qr_values = returned("linalg_qr", "Q", "R")
svd_values = returned("linalg_svd", "U", "S", "Vh")
lstsq_values = returned("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


# -- determinants and inverses ---------------------------------------------------------------------


@composed()
def det(A: Any, *, out: Any = None) -> Any:
    """The determinant of each square matrix. Its first derivative exists at singular ones too."""
    no_out("linalg.det", out)
    require_matrices("linalg.det", A, square=True)
    return determinant(A)


@composed()
def slogdet(A: Any, *, out: Any = None) -> Any:
    """(sign, logabsdet) of each square matrix; (0, -inf) if it is singular."""
    no_out("linalg.slogdet", out)
    require_matrices("linalg.slogdet", A, square=True)
    sign = np.asarray(lapack.slogdet(A.array).sign)
    return slogdet_values(make(sign), log_determinant(A))


@composed()
def logdet(input: Any) -> Any:
    """log det of each square matrix: -inf if singular, NaN if negative."""
    require_matrices("logdet", input, square=True)
    sign = lapack.slogdet(input.array).sign
    value = log_determinant(input)
    if input.array.dtype.kind == "c":
        return make(np.asarray(sign)).log() + value
    if (np.asarray(sign) < 0).any():
        value = value + make(np.where(sign < 0, np.nan, 0.0).astype(input.array.dtype))
    return value


def inv(A: Any, *, out: Any = None) -> Any:
    """The inverse of each square matrix. LinAlgError if one is singular."""
    no_out("linalg.inv", out)
    require_matrices("linalg.inv", A, square=True)
    return inverted(A)


bind("inverse", inv)
inverse = inv


@composed(samples=[sample(Real("3 4")), sample(Real("4 2"))])
def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """`linalg.pinv` with its older name and threshold."""
    return pinv(input, rtol=rcond)


def pinv(
    A: Any,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Any:
    """The Moore-Penrose inverse; singular values up to max(atol, rtol * largest) count as 0."""
    require_tensor("linalg.pinv", A)
    if A.array.ndim < 2 or A.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.pinv({kind(A.array.dtype)}{{{list(A.array.shape)}}}): expected a tensor with "
            "2 or more dimensions of float, double, cfloat or cdouble types"
        )
    require_matrices("linalg.pinv", A, square=hermitian)
    m, n = A.array.shape[-2:]
    rtol = rcond if rtol is None else rtol
    if 0 in A.array.shape:
        return A.mT.clone()
    if hermitian:
        A = _mirrored(A)
        A = (A + A.mH) * 0.5 if A.array.dtype.kind == "c" else A  # a real diagonal
    if rtol is None:
        rtol = 0.0 if atol is not None else np.finfo(A.array.dtype).eps * max(m, n)
    if atol is not None:
        largest = lapack.svd(A.array, compute_uv=False).max(axis=-1)
        relative, absolute = array_of(rtol), array_of(atol)
        rtol = np.maximum(relative, absolute / np.maximum(largest, np.finfo(float).tiny))
    return pseudo_inverse(A, rcond=rtol)


# -- systems ---------------------------------------------------------------------------------------


def _as_columns(name: str, A: Tensor, B: Tensor) -> bool:
    """Whether B is a vector (or a batch of them) rather than matrices of columns."""
    if A.array.dtype != B.array.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type "
            f"{kind(A.array.dtype)} and B of type {kind(B.array.dtype)} instead"
        )
    a, b = A.array.shape, B.array.shape
    if not b:
        raise RuntimeError(
            f"{name}: The input tensor B must have at least 2 dimensions, or 1 for a vector (got 0)"
        )
    return len(b) == 1 or (len(a) - 1 == len(b) and a[:-1] == b)


@composed(method=False, name="linalg.solve")
@of_tensors
def solve(A: Any, B: Any, *, left: bool = True, out: Any = None) -> Any:
    """X with A @ X = B (or X @ A = B with left=False); B: vectors or matrices of columns.

    LinAlgError if a matrix is singular, RuntimeError if shapes do not fit.
    """
    no_out("linalg.solve", out)
    require_matrices("linalg.solve", A, square=True)
    vector = _as_columns("linalg.solve", A, B)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    X = reshaped(B, shape=(*B.array.shape, 1)) if vector else B
    _fitting("linalg.solve", A, X, left)
    X = solved(A, X) if left else solved(A.mT, X.mT).mT
    return sliced(X, index=(..., 0)) if vector else X


def _fitting(name: str, A: Tensor, B: Tensor, left: bool) -> None:
    a, b = A.array.shape, B.array.shape
    if a[-1] != b[-2 if left else -1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})"
        )
    broadcast_shape([a[:-2], b[:-2]])


def solve_triangular(
    A: Any,
    B: Any,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
    out: Any = None,
) -> Any:
    """X with A @ X = B for a triangular A, of which the other triangle is not looked at."""
    no_out("linalg.solve_triangular", out)
    require_matrices("linalg.solve_triangular", A, square=True)
    if B.array.ndim < 2:
        raise RuntimeError(
            "linalg.solve_triangular: The input tensor B must have at least 2 dimensions. "
            f"(got {B.array.ndim})"
        )
    require_matrices("linalg.solve_triangular", B)
    _fitting("linalg.solve_triangular", A, B, left)
    if unitriangular:
        n = A.array.shape[-1]
        T = triu(A, diagonal=1) if upper else tril(A, diagonal=-1)
        T = T + make(np.eye(n, dtype=A.array.dtype))
    else:
        T = triu(A) if upper else tril(A)
    return solve(T, B, left=left)


def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """(solution, copy of A): the older form of `linalg.solve_triangular`."""
    T = A.mT if transpose else A
    X = solve_triangular(T, input, upper=upper != transpose, unitriangular=unitriangular)
    return triangular_values(X, A)


triangular_values = returned("triangular_solve", "solution", "cloned_coefficient")
bind("triangular_solve", triangular_solve)


@of_tensors
def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values): X that makes |A @ X - B| least.

    The gradient is that of pinv(A) @ B. Residuals are the sums of squares for each column, empty
    unless A has more rows than columns and full rank, and `driver` names one but "gelsy".
    """
    if A.array.ndim < 2:
        raise RuntimeError("torch.linalg.lstsq: input must have at least 2 dimensions.")
    require_matrices("linalg.lstsq", A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    a, b = A.array, B.array
    if not b.ndim:
        raise RuntimeError("torch.linalg.lstsq: other must have at least 1 dimension.")
    if a.dtype != b.dtype:
        raise RuntimeError(
            "torch.linalg.lstsq: Expected input and other to have the same dtype, but got "
            f"input's dtype {kind(a.dtype)} and other's dtype {kind(b.dtype)}"
        )
    vector = a.ndim - 1 == b.ndim and a.shape[:-1] == b.shape
    X = reshaped(B, shape=(*b.shape, 1)) if vector else B
    m, n = a.shape[-2:]
    if X.array.ndim < 2 or X.array.shape[-2] != m:
        raise RuntimeError(
            "torch.linalg.lstsq: input.size(-2) should match other.size(-2) "
            f"(got {m} and {list(b.shape)})"
        )
    gelsy = driver in (None, "gelsy")
    rtol = np.finfo(a.dtype).eps * max(m, n) if rcond is None else rcond
    S = lapack.svd(a, compute_uv=False)
    rank = (rtol * S.max(axis=-1, keepdims=True, initial=0) < S).sum(axis=-1)
    solution = matmul(pinv(A, rtol=rtol), X)
    residuals = make(np.zeros(0, a.real.dtype))
    if m > n and (rank == n).all() and not gelsy:
        r = matmul(A, solution) - X
        residuals = total(r * r if a.dtype.kind == "f" else r.abs() ** 2, -2)
        if vector:
            residuals = reshaped(residuals, shape=residuals.array.shape[:-1])
    if vector:
        solution = sliced(solution, index=(..., 0))
    return lstsq_values(
        solution,
        residuals,
        make(np.asarray(rank, np.int64)) if driver != "gels" else make(np.zeros(0, np.int64)),
        make(np.zeros(0, a.real.dtype)) if gelsy or driver == "gels" else make(S),
    )


# -- factorizations --------------------------------------------------------------------------------


def _mirrored(A: Any) -> Any:
    """A, if it is symmetric to rounding; else its lower triangle mirrored: all that is looked at.

    The gradient towards a symmetric A is symmetric, as PyTorch's.
    """
    a = A.array
    flipped = np.conj(np.swapaxes(a, -1, -2))
    tolerance = 64 * np.finfo(a.dtype).eps * np.abs(a).max(initial=0.0)
    if np.abs(a - flipped).max(initial=0.0) <= tolerance or not np.isfinite(tolerance):
        return A
    return tril(A) + tril(A, diagonal=-1).mH


_PSD = Real("3 3", through=lambda x: x @ x.T + np.eye(3))


@composed()
def cholesky(A: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The lower triangular L with L @ L.mT = A (or its transpose with upper=True).

    LinAlgError unless A is positive definite. Only the lower triangle of A is looked at.
    """
    no_out("linalg.cholesky", out)
    require_matrices("linalg.cholesky", A, square=True)
    if upper and not np.allclose(A.array, np.conj(np.swapaxes(A.array, -1, -2))):
        A = A.mH
    L = cholesky_factor(_mirrored(A))
    return L.mH if upper else L


@composed()
@of_tensors
def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:
    """X with A @ X = B, given the Cholesky factor of A."""
    for name, x in (("b", B), ("u", L)):
        if x.array.ndim < 2:
            raise RuntimeError(
                f"{name} should have at least 2 dimensions, but has {x.array.ndim} dimensions "
                "instead (cholesky_solve)"
            )
    F = triu(L).mH if upper else tril(L)
    Y = solve_triangular(F, B, upper=False)
    return solve_triangular(F.mH, Y, upper=True)


@composed()
def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of A, given its Cholesky factor."""
    require_matrices("cholesky_inverse", L, square=True)
    F = triu(L).mH if upper else tril(L)
    inverse_factor = inverted(F)
    return matmul(inverse_factor.mH, inverse_factor)


@of_tensors
def eigh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """(eigenvalues, eigenvectors) of symmetric matrices, ascending.

    Only one triangle is looked at. The derivative of the eigenvectors divides by differences of
    eigenvalues: infinite or NaN where two are equal; that of the eigenvalues alone is not.
    """
    no_out("linalg.eigh", out)
    require_matrices("linalg.eigh", A, square=True)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return eigh_values(*symmetric_eigen(_mirrored(A if UPLO.upper() == "L" else A.mH)))


@of_tensors
def eigvalsh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """The eigenvalues of symmetric matrices, ascending."""
    return eigh(A, UPLO, out=out).eigenvalues


def _apart(x: np.ndarray) -> np.ndarray:
    """With eigenvalues apart, real and complex ones (for samples)."""
    return x / 8 + np.array([[1.0, 2.0, 0.0], [-2.0, 1.0, 0.0], [0.0, 0.0, -2.0]])


def eig(A: Any, *, out: Any = None) -> Any:
    """(eigenvalues, eigenvectors) of square matrices, complex; eigenvectors have norm 1.

    The derivative of the eigenvectors divides by differences of eigenvalues. It exists for what
    does not depend on their phases: RuntimeError otherwise.
    """
    no_out("linalg.eig", out)
    require_matrices("linalg.eig", A, square=True)
    return eig_values(*eigen(A))


def eigvals(A: Any, *, out: Any = None) -> Any:
    """The eigenvalues of square matrices, complex."""
    no_out("linalg.eigvals", out)
    require_matrices("linalg.eigvals", A, square=True)
    return eigen(A)[0]


@composed(method=False, samples=[sample(Real("3 3", through=_apart))])
def eigen_moduli(input: Any) -> Any:
    """|w| and |V| of A = V diag(w) V^-1: what the laws hold of `eig`."""
    values, vectors = eig(input)
    return cat([values.abs(), vectors.abs()[..., 0, :]], -1)


def svd(A: Any, full_matrices: bool = True, *, driver: Any = None, out: Any = None) -> Any:
    """(U, S, Vh) with A = U[..., :k] @ diag(S) @ Vh[..., :k, :], S descending.

    The derivatives of U and Vh divide by differences of squared singular values: infinite or NaN
    where two are equal. With `full_matrices`, the further columns are constants.
    """
    no_out("linalg.svd", out)
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs"
        )
    require_matrices("linalg.svd", A)
    U, S, Vh = singular(A)
    m, n = A.array.shape[-2:]
    if full_matrices and m != n:
        u, _, vh = lapack.svd(A.array)
        k = min(m, n)
        if m > n:
            U = cat([U, make(u[..., k:])], -1)
        else:
            Vh = cat([Vh, make(vh[..., k:, :])], -2)
    return svd_values(U, S, Vh)


def svdvals(A: Any, *, driver: Any = None, out: Any = None) -> Any:
    """The singular values, descending."""
    no_out("linalg.svdvals", out)
    require_matrices("linalg.svd", A)
    return singular(A)[1]


def old_svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """(U, S, V) with input = U @ diag(S) @ V.mT: the older form of `linalg.svd`."""
    U, S, Vh = svd(input, full_matrices=not some)
    if not compute_uv:
        U, Vh = make(np.zeros_like(U.array)), make(np.zeros_like(Vh.array))
    return old_svd_values(U, S, Vh.mT)


old_svd_values = returned("svd", "U", "S", "V")
bind("svd", old_svd)


def old_qr(input: Any, some: bool = True, *, out: Any = None) -> Any:
    """(Q, R) with input = Q @ R: the older form of `linalg.qr`; Q is square unless `some`."""
    no_out("qr", out)
    return old_qr_values(*qr(input, "reduced" if some else "complete"))


old_qr_values = returned("qr", "Q", "R")
bind("qr", old_qr)


def qr(A: Any, mode: str = "reduced", *, out: Any = None) -> Any:
    """(Q, R) with A = Q @ R; mode "reduced", "complete" (Q square) or "r" (R alone).

    The derivative needs the leading columns to be independent; "complete" has one only where it
    is "reduced", "r" has none.
    """
    no_out("linalg.qr", out)
    require_matrices("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    m, n = A.array.shape[-2:]
    wanted = current().grad and live_node(A) is not None
    if mode == "r" and wanted:
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
            "Please use linalg.qr(A, mode='reduced') if you are going to require gradients through "
            "linalg.qr."
        )
    if mode == "complete" and m > n:
        if wanted:
            raise RuntimeError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"
            )
        Q, R = lapack.qr(A.array, "complete")
        return qr_values(make(Q), make(R))
    if m >= n:
        Q, R = orthogonal_triangular(A)
    else:  # the first m columns decide Q; the others are only seen from it
        Q, first = orthogonal_triangular(sliced(A, index=(..., slice(None, m))))
        R = cat([first, matmul(Q.mH, sliced(A, index=(..., slice(m, None))))], -1)
    return qr_values(make(np.zeros(0, A.array.dtype)) if mode == "r" else Q, R)
