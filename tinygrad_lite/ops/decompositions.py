"""Linear systems and factorizations of matrices, with their derivatives.

The formulas are those of Giles, "Collected matrix derivative results" (2008), Walter and Lehmann,
"Algorithmic differentiation of linear algebra functions" (2018), and Townsend, "Differentiating
the singular value decomposition" (2016). All work on batches: (..., n, n).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.chain import conjugate, sum_to
from ..core.doors import primitive
from ..core.samples import Real, sample
from ..core.tensor import Tensor, make
from ..kernels import lapack
from .complex_numbers import real_part
from .joining import joined
from .matrix import product
from .rearranging import tril
from .views import diagonal_of, on_diagonal


def regular(x: np.ndarray) -> np.ndarray:
    """A random matrix moved away from singular ones (for samples)."""
    n = x.shape[-1]
    return x + 3.0 * np.sqrt(n) * np.eye(x.shape[-2], n)


def _symmetric(x: np.ndarray) -> np.ndarray:
    """Symmetric, with eigenvalues apart (for samples)."""
    n = x.shape[-1]
    return (x + np.swapaxes(x, -1, -2)) / 4 + np.diag(2.0 * np.arange(n))


def _positive(x: np.ndarray) -> np.ndarray:
    """Symmetric and positive definite (for samples)."""
    return x @ np.swapaxes(x, -1, -2) / 4 + np.eye(x.shape[-1])


def _spread_out(x: np.ndarray) -> np.ndarray:
    """With singular values apart and away from 0 (for samples)."""
    u, s, v = lapack.svd(x, full_matrices=False)
    return u * (1.0 + np.arange(s.shape[-1])[::-1] + 0.1 * s) @ v


_SQUARE = Real("n n", through=regular)


def _singular(x: np.ndarray, what: str) -> RuntimeError:
    """The error for matrices one of which is singular; it names the first one, of several."""
    if what == "solve":
        which, _ = _first_failure(x, _zero_pivot)
        return LinAlgError(
            f"torch.linalg.solve: {which}The solver failed because the input matrix is singular."
        )
    which, pivot = _first_failure(x, _zero_pivot)
    return LinAlgError(
        f"linalg.{what}: {which}The diagonal element {pivot} is zero, the inversion could not be "
        "completed because the input matrix is singular."
    )


def _first_failure(x: np.ndarray, failure: Callable[[np.ndarray], int]) -> tuple[str, int]:
    """The first matrix of a batch at which `failure` is not 0, in words, and what it is."""
    matrices = x.reshape(-1, *x.shape[-2:])
    found = ((i, failure(matrix)) for i, matrix in enumerate(matrices))
    i, order = next(((i, k) for i, k in found if k), (0, 1))
    return f"(Batch element {i}): " if x.ndim > 2 else "", order


def _zero_pivot(matrix: np.ndarray) -> int:
    """The first column, counted from 1, in which Gaussian elimination finds no pivot; 0: none."""
    u = np.array(matrix)
    for k in range(len(u)):
        best = k + int(np.abs(u[k:, k]).argmax())
        if u[best, k] == 0:
            return k + 1
        u[[k, best]] = u[[best, k]]
        u[k + 1 :] -= np.outer(u[k + 1 :, k] / u[k, k], u[k])
    return 0


def _leading_minor(matrix: np.ndarray) -> int:
    """The order of the first leading minor that is not positive-definite; 0: all are."""
    for k in range(1, len(matrix) + 1):
        try:
            np.linalg.cholesky(matrix[:k, :k])
        except np.linalg.LinAlgError:
            return k
    return 0


class LinAlgError(RuntimeError):
    """A factorization or solution that does not exist (PyTorch: torch.linalg.LinAlgError)."""


def blank_like(x: Any) -> Any:
    """Zeros in the shape of x, an array or a Tensor as x is."""
    return np.zeros_like(x) if isinstance(x, np.ndarray) else x.new_zeros(x.shape)


def _fit(d: Any, shape: Any) -> Any:
    return d if tuple(d.shape) == tuple(shape) else sum_to(d, shape=shape)


@primitive(
    lambda g, out: -product(product(out.mT, g), out.mT),
    promote=None,
    method=False,
    title="LinalgInvEx",
    samples=[sample(_SQUARE), sample(Real("2 n n", through=regular))],
)
def inverted(x: Any) -> Any:
    """The inverse of each matrix. LinAlgError if one is singular."""
    try:
        return lapack.inv(x)
    except np.linalg.LinAlgError:
        raise _singular(x, "inv") from None


def _solve_towards_matrix(g: Any, A: Any, out: Any) -> Any:
    return _fit(-product(solved(A.mT, g), out.mT), A.shape)


@primitive(
    _solve_towards_matrix,
    lambda g, A, B_shape: _fit(solved(A.mT, g), B_shape),
    promote=None,
    method=False,
    title="LinalgSolveEx",
    samples=[
        sample(_SQUARE, Real("n m")),
        sample(Real("2 n n", through=regular), Real("n m")),
    ],
)
def solved(A: Any, B: Any) -> Any:
    """X with A @ X = B. LinAlgError if A is singular."""
    try:
        return lapack.solve(A, B)
    except np.linalg.LinAlgError:
        raise _singular(A, "solve") from None


def _determinant_rule(g: Any, x: Any, out: Any) -> Any:
    scaled = g[..., None, None]
    if not isinstance(x, np.ndarray):
        return scaled * out[..., None, None] * inverted(x).mT
    return scaled * cofactors(x)


def cofactors(x: np.ndarray) -> np.ndarray:
    """det(x) * inv(x).T, and its limit at singular matrices, from the singular values.

    The inverse serves while it loses less than three quarters of the digits.
    """
    try:
        inverse = lapack.inv(x)
        size = np.abs(x).sum(-1).max(-1, initial=0) * np.abs(inverse).sum(-1).max(-1, initial=0)
        if (size < np.finfo(x.dtype).eps ** -0.75).all():
            return np.asarray(lapack.det(x))[..., None, None] * np.swapaxes(inverse, -1, -2)
    except np.linalg.LinAlgError:
        pass
    u, s, v = lapack.svd(x)
    sign = lapack.det(u) * lapack.det(v)
    weights = _products_of_others(s)
    return np.asarray((sign[..., None, None] * ((u * weights[..., None, :]) @ v)).astype(x.dtype))


def _products_of_others(s: np.ndarray) -> np.ndarray:
    """out[i] = prod of s[j] over j != i, along the last axis: those before times those after."""
    before, after = np.ones_like(s), np.ones_like(s)
    np.multiply.accumulate(s[..., :-1], axis=-1, out=before[..., 1:])
    np.multiply.accumulate(s[..., :0:-1], axis=-1, out=after[..., -2::-1])
    return before * after


@primitive(
    _determinant_rule,
    promote=None,
    method=False,
    title="LinalgDet",
    samples=[sample(_SQUARE), sample(Real("2 3 3", through=regular))],
)
def determinant(x: Any) -> Any:
    """The determinant of each matrix. Its first derivative exists at singular matrices too."""
    return np.asarray(lapack.det(x))


@primitive(
    lambda g, x: g[..., None, None] * inverted(x).mT,
    promote=None,
    method=False,
    title="LinalgSlogdet",
    samples=[sample(_SQUARE), sample(Real("2 3 3", through=regular))],
)
def log_determinant(x: Any) -> Any:
    """log |det x| of each matrix, -inf if it is singular."""
    return np.asarray(lapack.slogdet(x).logabsdet)


def _symmetrized(x: Any) -> Any:
    return (x + x.mT) * 0.5


def _lower_half(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    return tril(x) - _diagonal_matrix(diagonal_of(x, offset=0)) * 0.5


def _diagonal_matrix(d: Any) -> Any:
    n = d.shape[-1]
    return on_diagonal(d, shape=(*d.shape[:-1], n, n), offset=0)


def _cholesky_rule(g: Any, out: Any) -> Any:
    back = inverted(out)
    middle = _lower_half(product(out.mT, tril(g)))
    return _symmetrized(product(product(back.mT, middle), back))


@primitive(
    _cholesky_rule,
    promote=None,
    method=False,
    title="LinalgCholeskyEx",
    samples=[sample(Real("n n", through=_positive)), sample(Real("2 n n", through=_positive))],
)
def cholesky_factor(x: Any) -> Any:
    """The lower triangular L with L @ L.mH = (x + x.mH) / 2, or LinAlgError."""
    symmetric = (x + np.conj(np.swapaxes(x, -1, -2))) * 0.5
    try:
        return lapack.cholesky(symmetric).astype(x.dtype, copy=False)
    except np.linalg.LinAlgError:
        which, order = _first_failure(symmetric, _leading_minor)
        raise LinAlgError(
            f"linalg.cholesky: {which}The factorization could not be completed because the input "
            f"is not positive-definite (the leading minor of order {order} is not "
            "positive-definite)."
        ) from None


def _gaps(d: Any) -> Any:
    """d[j] - d[i] at (i, j), with inf on the diagonal: what the derivative divides by."""
    n = d.shape[-1]
    gaps = d[..., None, :] - d[..., :, None]
    return gaps + _infinite_diagonal(n, d)


def _infinite_diagonal(n: int, like: Any) -> np.ndarray:
    dtype = like.array.dtype if isinstance(like, Tensor) else like.dtype
    return np.where(np.eye(n, dtype=bool), np.array(np.inf, dtype), np.array(0, dtype))


def _eigh_rule(g: Any, out: Any) -> Any:
    g_values, g_vectors = g
    values, vectors = out
    inner: Any = 0.0
    if g_values is not None:
        inner = _diagonal_matrix(g_values)
    if g_vectors is not None:
        inner = inner + product(vectors.mT, g_vectors) / _gaps(values)
    return _symmetrized(product(product(vectors, inner), vectors.mT))


@primitive(
    _eigh_rule,
    outputs=True,
    promote=None,
    method=False,
    title="LinalgEigh",
    samples=[sample(Real("n n", through=_symmetric)), sample(Real("2 3 3", through=_symmetric))],
)
def symmetric_eigen(x: Any) -> Any:
    """(w, V): ascending eigenvalues and orthonormal eigenvectors of (x + x.mH) / 2.

    The derivative of V divides by differences of eigenvalues: infinite or NaN where two are equal.
    """
    w, V = lapack.eigh((x + np.conj(np.swapaxes(x, -1, -2))) * 0.5)
    return w.astype(x.real.dtype, copy=False), V.astype(x.dtype, copy=False)


def _eig_rule(g: Any, out: Any) -> Any:
    """V^-T (diag(gw) + (V^T gV - V^T conj(V) Re diag(V^T gV)) / gaps) V^T; columns have norm 1."""
    g_values, g_vectors = g
    values, V = out
    inner: Any = 0.0
    if g_vectors is not None:
        towards = product(V.mT, g_vectors)
        length = diagonal_of(towards, offset=0)
        if isinstance(length, np.ndarray) and np.abs(length.imag).max(initial=0.0) > 1e-2:
            raise RuntimeError(
                "linalg_eig_backward: The eigenvectors in the complex case are specified up to "
                "multiplication by e^{i phi}. The specified loss function depends on this "
                "quantity, so it is ill-defined."
            )
        kept = real_part(length) + 0j
        gaps = values[..., None, :] - values[..., :, None]
        one = np.eye(values.shape[-1], dtype=np.float32)
        towards = towards - product(V.mT, conjugate(V)) * kept[..., None, :]
        inner = towards / (gaps + (one if isinstance(gaps, np.ndarray) else make(one)))
    if g_values is not None:
        inner = inner + _diagonal_matrix(g_values)
    return solved(V.mT, product(inner, V.mT))


@primitive(_eig_rule, outputs=True, promote=None, method=False, title="LinalgEig")
def eigen(x: Any) -> Any:
    """(w, V), complex: eigenvalues and eigenvectors of norm 1 of square matrices."""
    if not np.isfinite(x).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
    w, V = lapack.eig(x)
    dtype = np.result_type(x.dtype, np.complex64)
    return w.astype(dtype, copy=False), V.astype(dtype, copy=False)


def _svd_rule(g: Any, out: Any) -> Any:
    gU, gS, gV = g
    U, S, Vh = out
    m, n = U.shape[-2], Vh.shape[-1]
    k = S.shape[-1]
    inner: Any = 0.0
    if gS is not None:
        inner = _diagonal_matrix(gS)
    if gU is not None or gV is not None:
        squares = S * S
        gaps = _gaps(squares)
        if gU is not None:
            UgU = product(U.mT, gU)
            inner = inner + (UgU - UgU.mT) / gaps * S[..., None, :]
        if gV is not None:
            VgV = product(Vh, gV.mT)
            inner = inner + S[..., :, None] * ((VgV - VgV.mT) / gaps)
    d = product(product(U, inner), Vh)
    if gU is not None and m > k:
        beside = gU - product(U, product(U.mT, gU))
        d = d + product(beside / S[..., None, :], Vh)
    if gV is not None and n > k:
        beside = gV - product(product(gV, Vh.mT), Vh)
        d = d + product(U, beside / S[..., :, None])
    return d


@primitive(
    _svd_rule,
    outputs=True,
    promote=None,
    method=False,
    title="LinalgSvd",
    samples=[
        sample(Real("n n", through=_spread_out)),
        sample(Real("4 2", through=_spread_out)),
        sample(Real("2 2 3", through=_spread_out)),
    ],
)
def singular(x: Any) -> Any:
    """(U, S, Vh) with x = U @ diag(S) @ Vh, S descending; U (..., m, k), Vh (..., k, n).

    The derivatives of U and Vh divide by differences of squared singular values (and by singular
    values if m != n): infinite or NaN where these vanish. That of S alone always exists.
    """
    try:
        return tuple(lapack.svd(x, full_matrices=False))
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.svd: The algorithm failed to converge because the input matrix contained "
            "non-finite values."
        ) from None


def _qr_rule(g: Any, out: Any) -> Any:
    gQ, gR = g
    Q, R = out
    if gQ is None:
        gQ = blank_like(Q)
    M = -product(gQ.mT, Q) if gR is None else product(R, gR.mT) - product(gQ.mT, Q)
    lower = tril(M)
    mirrored = lower + tril(M, diagonal=-1).mT
    return solved(R, (gQ + product(Q, mirrored)).mT).mT


@primitive(
    _qr_rule,
    outputs=True,
    promote=None,
    method=False,
    title="LinalgQr",
    samples=[
        sample(_SQUARE),
        sample(Real("4 2", through=_spread_out)),
        sample(Real("2 3 3", through=regular)),
    ],
)
def orthogonal_triangular(x: Any) -> Any:
    """(Q, R) with x = Q @ R, for at least as many rows as columns; Q (..., m, n), R (..., n, n)."""
    return tuple(lapack.qr(x))


def _pinv_rule(g: Any, x: Any, out: Any) -> Any:
    m, n = x.shape[-2:]
    gt, P, Pt = g.mT, out, out.mT
    if m <= n:
        K = product(gt, P)
        KPt = product(K, Pt)
        return (
            -product(P, K).mT
            + KPt
            - product(product(x, P), KPt)
            + product(product(Pt, P), gt - product(K, x))
        )
    K = product(P, gt)
    PtK = product(Pt, K)
    return (
        -product(K, P).mT
        + product(product(gt - product(x, K), P), Pt)
        + PtK
        - product(product(PtK, P), x)
    )


@primitive(
    _pinv_rule,
    promote=None,
    method=False,
    title="LinalgPinv",
    samples=[
        sample(_SQUARE, rcond=1e-12),
        sample(Real("4 2", through=_spread_out), rcond=1e-12),
        sample(Real("2 4", through=_spread_out), rcond=1e-12),
    ],
)
def pseudo_inverse(x: Any, *, rcond: Any) -> Any:
    """The Moore-Penrose inverse; singular values up to rcond times the largest count as 0.

    Its derivative is that at constant rank.
    """
    return lapack.pinv(x, rcond).astype(x.dtype, copy=False)


def _exponential_rule(g: Any, x: Any) -> Any:
    """The upper right block of exp([[x.T, g], [0, x.T]])."""
    n = x.shape[-1]
    top = joined(x.mT, g, dim=g.ndim - 1)
    bottom = joined(blank_like(g), x.mT, dim=g.ndim - 1)
    return matrix_exponential(joined(top, bottom, dim=g.ndim - 2))[..., :n, n:]


_PADE = {  # degree: (largest 1-norm it is exact for in double precision, coefficients)
    3: (1.495585217958292e-2, (120.0, 60.0, 12.0, 1.0)),
    5: (2.53939833006323e-1, (30240.0, 15120.0, 3360.0, 420.0, 30.0, 1.0)),
    7: (
        9.504178996162932e-1,
        (17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0),
    ),
}


@primitive(
    _exponential_rule,
    promote=None,
    method=False,
    title="LinalgMatrixExp",
    samples=[sample(Real("n n", -1.0, 1.0)), sample(Real("2 2 2", -1.0, 1.0))],
)
def matrix_exponential(x: Any) -> Any:
    """The sum of x**k / k! by Pade approximation, scaled down by a power of 2 and squared up.

    Source: Higham, "The scaling and squaring method for the matrix exponential revisited" (2005).
    """
    a = x.astype(np.result_type(x.dtype, np.float64))
    size = np.abs(a).sum(axis=-2).max(initial=0.0)
    limit, c = _PADE[7]
    squarings = max(0, math.ceil(math.log2(size / limit))) if size > 0 and np.isfinite(size) else 0
    for degree in (3, 5, 7):
        if size <= _PADE[degree][0]:
            c = _PADE[degree][1]
            break
    a = a / 2.0**squarings
    square = a @ a
    power = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    even, odd = np.zeros_like(a), np.zeros_like(a)
    for k in range(0, len(c), 2):
        even += c[k] * power
        odd += c[k + 1] * power
        power = power @ square
    odd = a @ odd
    out = lapack.solve(even - odd, even + odd)
    for _ in range(squarings):
        out = out @ out
    return out.astype(x.dtype, copy=False)
