"""LU factorization with partial pivoting: A = P @ L @ U."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Real, sample
from ..core.tensor import Tensor, bind, make
from ..kernels import lapack
from .arguments import kind, no_out, of_tensors, require_tensor
from .decompositions import LinAlgError, inverted, regular, solved
from .extremes import returned
from .joining import joined
from .linalg import cholesky, solve
from .linalg_norms import require_matrices
from .matrix import matmul, product
from .rearranging import tril, triu
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
        below = u[j:, j]
        size = np.abs(below.real) + np.abs(below.imag) if u.dtype.kind == "c" else np.abs(below)
        p = j + int(np.argmax(size))  # of complex numbers as LAPACK measures them
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
    """gA = P L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T, with gL, gU the parts of g.

    A tall matrix [A1; A2] has L2 = A2 U^-1, a wide one [A1, A2] has U2 = L^-1 A2: there
    gA2 = g2 U^-T or L^-T g2, and what U or L had to do with it goes to the square part.
    """
    m, n = x_shape[-2:]
    k = min(m, n)
    square = out[..., :k, :k]
    L = tril(square, diagonal=-1) + np.eye(k, dtype=residual.dtype)
    U = triu(square)
    g1 = g[..., :k, :k]
    rest: Any = None
    if m > n:
        rest = solved(U, g[..., k:, :].mT).mT
        g1 = g1 - triu(product(out[..., k:, :].mT, rest))
    elif m < n:
        rest = solved(L.mT, g[..., k:])
        g1 = g1 - tril(product(rest, out[..., k:].mT), diagonal=-1)
    inner = tril(product(L.mT, tril(g1, diagonal=-1)), diagonal=-1)
    inner = inner + triu(product(triu(g1), U.mT))
    first = solved(L.mT, solved(U, inner.mT).mT)
    if rest is not None:
        first = joined(first, rest, dim=g.ndim - (2 if m > n else 1))
    return product(residual, first)


@primitive(
    _packed_rule,
    residual=True,
    promote=None,
    method=False,
    title="LinalgLuFactorEx",
    samples=[
        sample(Real("n n", through=regular)),
        sample(Real("2 3 3", through=regular)),
        sample(Real("4 3", distinct=True)),
        sample(Real("2 4", distinct=True)),
    ],
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
    """(LU, pivots): L and U of each matrix packed in one, and LAPACK's row exchanges.

    RuntimeError for a pivot that is 0: see `lu_factor_ex`.
    """
    no_out("linalg.lu_factor", out)
    return lu_factor_values(*_factored("linalg.lu_factor", A, pivot, True)[:2])


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """(LU, pivots, info): `lu_factor`, with info > 0 the first pivot that is 0, counted from 1."""
    no_out("linalg.lu_factor_ex", out)
    return lu_factor_ex_values(*_factored("linalg.lu_factor_ex", A, pivot, check_errors))


def _factored(name: str, A: Any, pivot: bool, check_errors: bool) -> tuple[Any, Tensor, Tensor]:
    require_matrices(name, A)
    if not pivot:
        raise NotImplementedError(f"{name}: LU without pivoting is not implemented on CPU")
    packed, rows = lu_packed(A), _batched(A.array)[1]
    zero = np.diagonal(packed.array, axis1=-2, axis2=-1) == 0
    info = np.where(zero.any(-1), zero.argmax(-1) + 1, 0) if zero.shape[-1] else zero.sum(-1)
    if check_errors and info.any():
        raise LinAlgError(
            f"torch.{name}: U[{info.max()},{info.max()}] is zero and using it on lu_solve "
            "would result in a division by zero"
        )
    pivots = _swaps(rows, min(A.array.shape[-2:]))
    return packed, make(pivots), make(np.asarray(info, np.int32))


def lu(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """(P, L, U) with A = P @ L @ U: P a permutation, L unit lower and U upper triangular."""
    no_out("linalg.lu", out)
    require_matrices("linalg.lu", A)
    if not pivot:
        raise NotImplementedError("linalg.lu: LU without pivoting is not implemented on CPU")
    m, n = A.array.shape[-2:]
    k = min(m, n)
    packed, rows = lu_packed(A), _batched(A.array)[1]
    P = permutation(rows, A.array.dtype)
    one = make(np.eye(m, k, dtype=A.array.dtype))
    return lu_values(make(P), tril(packed[..., :k], diagonal=-1) + one, triu(packed[..., :k, :]))


def _whole_pivots(message: str, pivots: Tensor) -> None:
    if pivots.array.dtype.kind not in "iu":
        raise RuntimeError(f"{message}, but is {kind(pivots.array.dtype)}")


@of_tensors
def lu_solve(
    LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False, out: Any = None
) -> Any:
    """X with A @ X = B (X @ A = B for left=False), given the factorization of A."""
    no_out("linalg.lu_solve", out)
    _whole_pivots("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32", pivots)
    n = LU.array.shape[-1]
    P = make(permutation(_rows_of(pivots.array, n), LU.array.dtype))
    L = tril(LU, diagonal=-1) + make(np.eye(n, dtype=LU.array.dtype))
    A = matmul(matmul(P, L), triu(LU))
    return solve(A.mH if adjoint else A, B, left=left)


@of_tensors
def old_lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """`linalg.lu_solve` with its older order of arguments."""
    return lu_solve(LU_data, LU_pivots, b)


bind("lu_solve", old_lu_solve)


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


@of_tensors
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


lu_with_pivots = returned("lu", "LU", "pivots")
lu_with_info = returned("lu", "LU", "pivots", "infos")
geqrf_values = returned("geqrf", "a", "tau")


@composed(method="lu", name="lu")
def old_lu(A: Any, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """(LU, pivots), and with `get_infos` the info: the older form of `linalg.lu_factor_ex`."""
    no_out("lu", out)
    LU, pivots, info = _factored("linalg.lu_factor", A, pivot, not get_infos)
    return lu_with_info(LU, pivots, info) if get_infos else lu_with_pivots(LU, pivots)


@composed()
def geqrf(input: Any) -> Any:
    """(a, tau): the QR factorization as LAPACK packs it, R above and reflections v_i below.

    Q = H_1 H_2 ..., H_i = I - tau_i v_i v_i^H with v_i = (0, ..., 0, 1, a[i + 1:, i]).
    `linalg.qr` unpacks it and has a derivative, which this has not.
    """
    require_matrices("geqrf", input)
    packed, tau = lapack.qr(input.array, mode="raw")
    return geqrf_values(make(np.swapaxes(packed, -1, -2).copy()), make(tau))


@composed()
def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    """Q @ other (other @ Q for left=False) of the Q that `geqrf` packed; `transpose` takes Q^H."""
    require_matrices("torch.ormqr", input)
    for name, x in (("tau", tau), ("other", other)):
        require_tensor("ormqr", x, name)
    m, k = input.array.shape[-2], tau.array.shape[-1]
    side = other.array.shape[-2 if left else -1] if other.array.ndim >= 2 else -1
    if other.array.ndim < 2 or side < k or side != m:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2] "
            f"({m}) and at least tau.shape[-1] ({k}), but is {side}"
        )
    if tau.array.ndim != input.array.ndim - 1 or k > input.array.shape[-1]:
        raise RuntimeError(
            "torch.ormqr: tau must have one dimension less than input and at most its columns"
        )
    one = make(np.eye(m, k, dtype=input.array.dtype))
    V = tril(input, diagonal=-1)[..., :k] + one
    C = other
    for i in range(k) if left == transpose else reversed(range(k)):
        v = V[..., i : i + 1]
        t = tau[..., i, None, None]
        t = t.conj() if transpose else t
        C = C - (t * v) @ (v.mH @ C) if left else C - (C @ v) @ (t * v.mH)
    return C


@of_tensors
def householder_product(A: Any, tau: Any) -> Any:
    """The first columns of the product of reflections I - tau[i] * v[i] @ v[i].mH.

    v[i] is column i of A below its diagonal, with 1 on it and 0 above.
    """
    require_matrices("linalg.householder_product", A)
    m, n = A.array.shape[-2:]
    columns = tau.array.shape[-1]
    if m < n or n < columns:
        less = "input.shape[-1]" if m < n else "tau.shape[-1]"
        more = "input.shape[-2]" if m < n else "input.shape[-1]"
        raise RuntimeError(
            f"torch.linalg.householder_product: {more} must be greater than or equal to {less}"
        )
    k = tau.array.shape[-1]
    dtype = A.array.dtype
    V = tril(A, diagonal=-1) + make(np.eye(m, n, dtype=dtype))
    out: Any = make(np.eye(m, n, dtype=dtype))
    for i in reversed(range(k)):
        v = V[..., i]
        column = reshaped(v, shape=(*v.array.shape, 1))
        out = out - tau[..., i, None, None] * matmul(column, matmul(column.mH, out))
    return out


@composed(method=False)
@of_tensors
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """(P, L, U) from the packed factorization of `linalg.lu_factor`."""
    _whole_pivots(
        "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype",
        LU_pivots,
    )
    m, n = LU_data.array.shape[-2:]
    k = min(m, n)
    P = make(permutation(_rows_of(LU_pivots.array, m), LU_data.array.dtype))
    one = make(np.eye(m, k, dtype=LU_data.array.dtype))
    L = tril(LU_data[..., :k], diagonal=-1) + one
    return lu_values(P, L, triu(LU_data[..., :k, :]))


orgqr = householder_product
bind("orgqr", orgqr)
