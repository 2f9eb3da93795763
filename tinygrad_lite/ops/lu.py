"""LU factorization with partial pivoting: A = P @ L @ U."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Real, sample
from ..core.tensor import Tensor, make
from .decompositions import LinAlgError, inverted, regular, solved
from .extremes import returned
from .linalg import cholesky, solve
from .linalg_norms import require_matrices
from .matrix import matmul, product
from .rearranging import tril, triu
from .shaping import no_out
from .views import reshaped

lu_values = returned("linalg_lu", "P", "L", "U")
lu_factor_values = returned("linalg_lu_factor", "LU", "pivots")
lu_factor_ex_values = returned("linalg_lu_factor_ex", "LU", "pivots", "info")
inv_ex_values = returned("linalg_inv_ex", "inverse", "info")
cholesky_ex_values = returned("linalg_cholesky_ex", "L", "info")
solve_ex_values = returned("linalg_solve_ex", "result", "info")


def eliminated(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(packed L and U, rows): rows[i] is the row of `a` that became row i. One matrix.

    Gaussian elimination, the largest element of the column as pivot:
    for each column j: swap, divide the column below by the pivot, subtract the outer product.
    """
    u = np.array(a)
    m, n = u.shape
    rows = np.arange(m)
    for j in range(min(m, n)):
        p = j + int(np.argmax(np.abs(u[j:, j])))
        if p != j:
            u[[j, p]] = u[[p, j]]
            rows[[j, p]] = rows[[p, j]]
        if u[j, j] != 0:
            u[j + 1 :, j] /= u[j, j]
            u[j + 1 :, j + 1 :] -= np.outer(u[j + 1 :, j], u[j, j + 1 :])
    return u, rows


def _batched(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    packed = np.empty_like(a)
    rows = np.empty(a.shape[:-1], np.int64)
    for i in np.ndindex(a.shape[:-2]):
        packed[i], rows[i] = eliminated(a[i])
    return packed, rows


def _packed_rule(g: Any, x_shape: Any, out: Any, residual: Any) -> Any:
    """gA = P L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T, with gL, gU the parts of g."""
    if x_shape[-1] != x_shape[-2]:
        raise RuntimeError("the derivative of an LU factorization exists for square matrices only")
    n = x_shape[-1]
    L = tril(out, diagonal=-1) + np.eye(n, dtype=residual.dtype)
    U = triu(out)
    inner = tril(product(L.mT, tril(g, diagonal=-1)), diagonal=-1)
    inner = inner + triu(product(triu(g), U.mT))
    return product(residual, solved(L.mT, solved(U, inner.mT).mT))


@primitive(
    _packed_rule,
    residual=True,
    promote=None,
    method=False,
    title="LinalgLuFactorEx",
    samples=[sample(Real("n n", through=regular)), sample(Real("2 3 3", through=regular))],
)
def lu_packed(x: Any) -> Any:
    """L (below the diagonal, its own being 1) and U of each matrix in one; the residual is P."""
    packed, rows = _batched(x)
    return packed, permutation(rows, x.dtype)


def permutation(rows: np.ndarray, dtype: Any) -> np.ndarray:
    """The matrices P with P[rows[i], i] = 1, so that A = P @ L @ U."""
    m = rows.shape[-1]
    P = np.zeros((*rows.shape, m), dtype)
    np.put_along_axis(P, rows[..., None, :], 1, axis=-2)
    return P


def _swaps(rows: np.ndarray, count: int) -> np.ndarray:
    """The pivots as LAPACK gives them: row i was exchanged with row pivots[i], counted from 1."""
    pivots = np.empty((*rows.shape[:-1], count), np.int32)
    for i in np.ndindex(rows.shape[:-1]):
        now = list(range(rows.shape[-1]))
        for j in range(count):
            p = now.index(rows[i][j])
            now[j], now[p] = now[p], now[j]
            pivots[(*i, j)] = p + 1
    return pivots


def _rows_of(pivots: np.ndarray, m: int) -> np.ndarray:
    rows = np.empty((*pivots.shape[:-1], m), np.int64)
    for i in np.ndindex(pivots.shape[:-1]):
        now = np.arange(m)
        for j, p in enumerate(pivots[i]):
            now[[j, p - 1]] = now[[p - 1, j]]
        rows[i] = now
    return rows


def lu_factor(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """(LU, pivots): L and U of each matrix packed in one, and LAPACK's row exchanges."""
    no_out("linalg.lu_factor", out)
    require_matrices("linalg.lu_factor", A)
    if not pivot:
        raise NotImplementedError("linalg.lu_factor: LU without pivoting is not implemented on CPU")
    count = min(A.array.shape[-2:])
    return lu_factor_values(lu_packed(A), make(_swaps(_batched(A.array)[1], count)))


def lu(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """(P, L, U) with A = P @ L @ U: P a permutation, L unit lower and U upper triangular."""
    no_out("linalg.lu", out)
    require_matrices("linalg.lu", A)
    if not pivot:
        raise NotImplementedError("linalg.lu: LU without pivoting is not implemented on CPU")
    m, n = A.array.shape[-2:]
    k = min(m, n)
    packed = lu_packed(A)
    P = permutation(_batched(A.array)[1], A.array.dtype)
    one = make(np.eye(m, k, dtype=A.array.dtype))
    return lu_values(make(P), tril(packed[..., :k], diagonal=-1) + one, triu(packed[..., :k, :]))


def lu_solve(
    LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False, out: Any = None
) -> Any:
    """X with A @ X = B (X @ A = B for left=False), given the factorization of A."""
    no_out("linalg.lu_solve", out)
    n = LU.array.shape[-1]
    P = make(permutation(_rows_of(pivots.array, n), LU.array.dtype))
    L = tril(LU, diagonal=-1) + make(np.eye(n, dtype=LU.array.dtype))
    A = matmul(matmul(P, L), triu(LU))
    return solve(A.mT if adjoint else A, B, left=left)


def old_lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """`linalg.lu_solve` with its older order of arguments."""
    return lu_solve(LU_data, LU_pivots, b)


# -- forms that report failure instead of raising --------------------------------------------------


def _info(x: Tensor, wrong: Any) -> Tensor:
    return make(np.full(x.array.shape[:-2], wrong, np.int32))


def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> Any:
    """(inverse, info): `inv`, with info > 0 (and a useless inverse) for singular matrices."""
    no_out("linalg.inv_ex", out)
    require_matrices("linalg.inv", A, square=True)
    try:
        return inv_ex_values(inverted(A), _info(A, 0))
    except LinAlgError:
        if check_errors:
            raise
        return inv_ex_values(make(np.full_like(A.array, np.inf)), _info(A, A.array.shape[-1]))


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """(L, info): `cholesky`, with info > 0 (and a useless L) where A is not positive definite."""
    no_out("linalg.cholesky_ex", out)
    try:
        return cholesky_ex_values(cholesky(A, upper), _info(A, 0))
    except LinAlgError:
        if check_errors:
            raise
        return cholesky_ex_values(make(np.array(A.array)), _info(A, 1))


def solve_ex(
    A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None
) -> Any:
    """(result, info): `solve`, with info > 0 (and a useless result) for singular matrices."""
    no_out("linalg.solve_ex", out)
    try:
        return solve_ex_values(solve(A, B, left=left), _info(A, 0))
    except LinAlgError:
        if check_errors:
            raise
        return solve_ex_values(make(np.full_like(B.array, np.inf)), _info(A, A.array.shape[-1]))


def householder_product(A: Any, tau: Any) -> Any:
    """The first columns of the product of reflections I - tau[i] * v[i] @ v[i].T.

    v[i] is column i of A below its diagonal, with 1 on it and 0 above.
    """
    require_matrices("linalg.householder_product", A)
    m, n = A.array.shape[-2:]
    k = tau.array.shape[-1]
    dtype = A.array.dtype
    V = tril(A, diagonal=-1) + make(np.eye(m, n, dtype=dtype))
    out: Any = make(np.eye(m, n, dtype=dtype))
    for i in reversed(range(k)):
        v = V[..., i]
        column = reshaped(v, shape=(*v.array.shape, 1))
        out = out - tau[..., i, None, None] * matmul(column, matmul(column.mT, out))
    return out


@composed(method=False)
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """(P, L, U) from the packed factorization of `linalg.lu_factor`."""
    m, n = LU_data.array.shape[-2:]
    k = min(m, n)
    P = make(permutation(_rows_of(LU_pivots.array, m), LU_data.array.dtype))
    one = make(np.eye(m, k, dtype=LU_data.array.dtype))
    L = tril(LU_data[..., :k], diagonal=-1) + one
    return lu_values(P, L, triu(LU_data[..., :k, :]))
