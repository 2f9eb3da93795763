"""The functions of `linalg`: norms, determinants, solutions, factorizations, with PyTorch's names.

Primitives and their derivatives are in decompositions.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import broadcast
from ..core.doors import composed
from ..core.modes import current
from ..core.samples import Real, one_of, sample
from ..core.shapes import broadcast_shape, canonical_axis
from ..core.tensor import Tensor, bind, live_node, make
from .arguments import converted, kind, require_tensor
from .arithmetic import abs
from .decompositions import (
    LinAlgError,
    cholesky_factor,
    determinant,
    inverted,
    log_determinant,
    matrix_exponential,
    orthogonal_triangular,
    pseudo_inverse,
    singular,
    solved,
    symmetric_eigen,
)
from .extremes import amax, amin, returned
from .joining import cat
from .matrix import matmul
from .products import chain_matmul
from .products import cross as _cross
from .rearranging import tril, triu
from .reduction import p_norm
from .reduction import sum as total
from .shaping import diagonal as _diagonal
from .shaping import movedim, no_out, permute, reshape
from .views import reshaped, sliced

slogdet_values = returned("linalg_slogdet", "sign", "logabsdet")
eigh_values = returned("linalg_eigh", "eigenvalues", "eigenvectors")
eig_values = returned("linalg_eig", "eigenvalues", "eigenvectors")
qr_values = returned("linalg_qr", "Q", "R")
svd_values = returned("linalg_svd", "U", "S", "Vh")
lstsq_values = returned("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


def _float(name: str, x: Any) -> None:
    """Raise unless x is a floating Tensor."""
    require_tensor(name, x)
    if x.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {kind(x.array.dtype)}"
        )
    if x.array.dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got Half")


def _matrices(name: str, x: Any, square: bool = False) -> None:
    """Raise unless x is a floating matrix or batch of matrices (square if so asked)."""
    require_tensor(name, x)
    shape = x.array.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"{name}: The input tensor {'input' if name.startswith('torch') else 'A'} must have at "
            f"least 2 dimensions. (got {len(shape)})"
        )
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, "
            f"but they are {shape[-2]} by {shape[-1]} matrices"
        )
    _float(name, x)


# -- norms -----------------------------------------------------------------------------------------


def _axes(dim: Any, ndim: int) -> tuple[int, ...]:
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    axes = tuple([canonical_axis(d, ndim) for d in dims])
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"dim {axes[0]} appears multiple times in the list of dims")
    return axes


@composed(
    method=False,
    name="linalg.vector_norm",
    samples=[sample(Real("n 3", avoid=(0.0,)), ord=one_of(2, 1, 3.0), dim=one_of(None, 0, (0, 1)))],
)
def vector_norm(
    x: Any,
    ord: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """(sum |x| ** ord) ** (1 / ord) over `dim`; inf, -inf and 0 (elements not 0) as limits.

    The derivative at 0 is 0.
    """
    no_out("linalg.vector_norm", out)
    x = converted(x, dtype)
    require_tensor("linalg.vector_norm", x)
    if x.array.dtype.kind not in "fc":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. "
            f"Got {kind(x.array.dtype)}"
        )
    axes = None if dim is None or dim in ((), []) else _axes(dim, x.array.ndim)
    if math.isinf(ord) or ord < 0:
        taken = x.array.shape if axes is None else [x.array.shape[a] for a in axes if x.array.ndim]
        if 0 in taken:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the "
                "operation does not have an identity"
            )
    return p_norm(x, p=float(ord), axes=axes if x.array.ndim else None, keepdim=keepdim)


@composed(
    method=False,
    name="linalg.matrix_norm",
    samples=[
        sample(
            Real("3 4", avoid=(0.0,), distinct=True),
            ord=one_of("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf),
            keepdim=one_of(False, True),
        )
    ],
)
def matrix_norm(
    A: Any,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """The norm of each matrix over the axes `dim`.

    "fro": root of the sum of squares; "nuc": sum of singular values; 2, -2: the largest, the
    smallest singular value; 1, -1: largest, smallest sum of absolute values of a column; inf, -inf:
    of a row.
    """
    no_out("linalg.matrix_norm", out)
    A = converted(A, dtype)
    _float("linalg.matrix_norm", A)
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    if A.array.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions. "
            f"(got {A.array.ndim})"
        )
    rows, columns = [canonical_axis(d, A.array.ndim) for d in dim]
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return p_norm(A, p=2.0, axes=(rows, columns), keepdim=keepdim)
    if isinstance(ord, str) and ord != "nuc":
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if ord == "nuc" or builtin_abs(ord) == 2:
        S = singular(movedim(A, (rows, columns), (-2, -1)))[1]
        if ord == "nuc":
            value = total(S, -1)
        else:
            value = amax(S, -1) if ord == 2 else amin(S, -1)
    elif builtin_abs(ord) in (1, math.inf):
        along, other = (rows, columns) if builtin_abs(ord) == 1 else (columns, rows)
        sums = total(abs(A), along, keepdim=True)
        value = amax(sums, other, True) if ord > 0 else amin(sums, other, True)
        shape = [n for i, n in enumerate(A.array.shape) if i not in (rows, columns)]
        value = reshaped(value, shape=tuple(shape))
    else:
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if keepdim:
        kept = [1 if i in (rows, columns) else n for i, n in enumerate(A.array.shape)]
        return reshaped(value, shape=tuple(kept))
    return value


builtin_abs = math.fabs


@composed(method=False, name="linalg.norm")
def norm(
    A: Any,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    out: Any = None,
    dtype: Any = None,
) -> Any:
    """`matrix_norm` where an order and two axes (or a matrix) are given, else `vector_norm`."""
    no_out("linalg.norm", out)
    count = len(dim) if isinstance(dim, (tuple, list)) else None if dim is None else 1
    if ord is None:
        x = A if dim is not None else reshape(A, -1)
        value = vector_norm(x, 2, dim, keepdim and dim is not None, dtype=dtype)
        return reshape(value, (1,) * A.array.ndim) if dim is None and keepdim else value
    if count == 2 or (dim is None and A.array.ndim == 2):
        return matrix_norm(A, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    if dim is None and A.array.ndim != 1:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {A.array.ndim}D."
        )
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: ord={ord!r} needs a matrix: two axes in dim")
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None, *, out: Any = None) -> Any:
    """The condition number |A| |inv(A)| in the norm p (2 by default: of singular values)."""
    no_out("linalg.cond", out)
    if p is None or p in (2, -2):
        _matrices("linalg.cond", A)
        S = singular(A)[1]
        first, last = sliced(S, index=(..., 0)), sliced(S, index=(..., -1))
        return last / first if p == -2 else first / last
    _matrices("linalg.cond", A, square=True)
    try:
        inverse = inverted(A)
    except LinAlgError:
        return make(np.full(A.array.shape[:-2], np.inf, A.array.dtype))
    return matrix_norm(A, p) * matrix_norm(inverse, p)


# -- determinants and inverses ---------------------------------------------------------------------


@composed()
def det(A: Any, *, out: Any = None) -> Any:
    """The determinant of each square matrix. Its first derivative exists at singular ones too."""
    no_out("linalg.det", out)
    _matrices("linalg.det", A, square=True)
    return determinant(A)


@composed()
def slogdet(A: Any, *, out: Any = None) -> Any:
    """(sign, logabsdet) of each square matrix; (0, -inf) if it is singular."""
    no_out("linalg.slogdet", out)
    _matrices("linalg.slogdet", A, square=True)
    sign = np.asarray(np.linalg.slogdet(A.array).sign)
    return slogdet_values(make(sign), log_determinant(A))


@composed()
def logdet(input: Any) -> Any:
    """log det of each square matrix: -inf if singular, NaN if negative."""
    _matrices("logdet", input, square=True)
    sign = np.linalg.slogdet(input.array).sign
    value = log_determinant(input)
    if (np.asarray(sign) < 0).any():
        value = value + make(np.where(sign < 0, np.nan, 0.0).astype(input.array.dtype))
    return value


def inv(A: Any, *, out: Any = None) -> Any:
    """The inverse of each square matrix. LinAlgError if one is singular."""
    no_out("linalg.inv", out)
    _matrices("linalg.inv", A, square=True)
    return inverted(A)


bind("inverse", inv)
inverse = inv


@composed(samples=[sample(Real("3 4")), sample(Real("4 2"))])
def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """`linalg.pinv` with its older name and threshold."""
    return pinv(input, rtol=rcond)


def pinv(
    A: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False, rcond: Any = None
) -> Any:
    """The Moore-Penrose inverse; singular values up to max(atol, rtol * largest) count as 0."""
    require_tensor("linalg.pinv", A)
    if A.array.ndim < 2 or A.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.pinv({kind(A.array.dtype)}{{{list(A.array.shape)}}}): expected a tensor with "
            "2 or more dimensions of float, double, cfloat or cdouble types"
        )
    _matrices("linalg.pinv", A, square=hermitian)
    m, n = A.array.shape[-2:]
    rtol = rcond if rtol is None else rtol
    if 0 in A.array.shape:
        return make(np.zeros((*A.array.shape[:-2], n, m), A.array.dtype))
    if rtol is None:
        rtol = 0.0 if atol is not None else np.finfo(A.array.dtype).eps * max(m, n)
    if atol is not None:
        largest = np.linalg.svd(A.array, compute_uv=False).max(axis=-1)
        rtol = np.maximum(rtol, np.divide(atol, np.maximum(largest, np.finfo(float).tiny)))
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
    return len(b) == 1 or (len(a) - 1 == len(b) and a[:-1] == b)


@composed(method=False, name="linalg.solve")
def solve(A: Any, B: Any, *, left: bool = True, out: Any = None) -> Any:
    """X with A @ X = B (or X @ A = B with left=False); B: vectors or matrices of columns.

    LinAlgError if a matrix is singular, RuntimeError if shapes do not fit.
    """
    no_out("linalg.solve", out)
    _matrices("linalg.solve", A, square=True)
    vector = _as_columns("linalg.solve", A, B)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    X = reshaped(B, shape=(*B.array.shape, 1)) if vector else B
    _fitting("linalg.solve", A, X, left)
    X = solved(A, X) if left else solved(A.mT, X.mT).mT  # type: ignore[attr-defined]
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
    _matrices("linalg.solve_triangular", A, square=True)
    _matrices("linalg.solve_triangular", B)
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


def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values): X that makes |A @ X - B| least.

    The gradient is that of pinv(A) @ B. Residuals are the sums of squares for each column, empty
    unless A has more rows than columns and full rank, and `driver` names one but "gelsy".
    """
    _matrices("linalg.lstsq", A)
    a, b = A.array, B.array
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
    S = np.linalg.svd(a, compute_uv=False)
    rank = (rtol * S.max(axis=-1, keepdims=True, initial=0) < S).sum(axis=-1)
    solution = matmul(pinv(A, rtol=rtol), X)
    residuals = make(np.zeros(0, a.dtype))
    if m > n and (rank == n).all() and not gelsy:
        r = matmul(A, solution) - X
        residuals = total(r * r, -2)
        if vector:
            residuals = reshaped(residuals, shape=residuals.array.shape[:-1])
    if vector:
        solution = sliced(solution, index=(..., 0))
    return lstsq_values(
        solution,
        residuals,
        make(np.asarray(rank, np.int64)) if driver != "gels" else make(np.zeros(0, np.int64)),
        make(np.zeros(0, a.dtype)) if gelsy or driver == "gels" else make(S),
    )


# -- factorizations --------------------------------------------------------------------------------


def _mirrored(A: Any) -> Any:
    """A, if it is symmetric to rounding; else its lower triangle mirrored: all that is looked at.

    The gradient towards a symmetric A is symmetric, as PyTorch's.
    """
    a = A.array
    flipped = np.swapaxes(a, -1, -2)
    tolerance = 64 * np.finfo(a.dtype).eps * np.abs(a).max(initial=0.0)
    if np.abs(a - flipped).max(initial=0.0) <= tolerance or not np.isfinite(tolerance):
        return A
    return tril(A) + tril(A, diagonal=-1).mT


_PSD = Real("3 3", through=lambda x: x @ x.T + np.eye(3))


@composed()
def cholesky(input: Any, upper: bool = False) -> Any:
    """The lower triangular L with L @ L.mT = A (or its transpose with upper=True).

    LinAlgError unless A is positive definite. Only the lower triangle of A is looked at.
    """
    _matrices("linalg.cholesky", input, square=True)
    if upper and not np.allclose(input.array, np.swapaxes(input.array, -1, -2)):
        input = input.mT
    L = cholesky_factor(_mirrored(input))
    return L.mT if upper else L


def linalg_cholesky(A: Any, *, upper: bool = False, out: Any = None) -> Any:
    """The lower triangular L with L @ L.mT = A (or its transpose with upper=True).

    LinAlgError unless A is positive definite. Only the lower triangle of A is looked at.
    """
    no_out("linalg.cholesky", out)
    return cholesky(A, upper)


@composed()
def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:
    """X with A @ X = B, given the Cholesky factor of A."""
    F = L.mT if upper else L
    Y = solve_triangular(F, B, upper=False)
    return solve_triangular(F.mT, Y, upper=True)


@composed()
def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of A, given its Cholesky factor."""
    F = triu(L).mT if upper else tril(L)
    inverse_factor = inverted(F)
    return matmul(inverse_factor.mT, inverse_factor)


def eigh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """(eigenvalues, eigenvectors) of symmetric matrices, ascending.

    Only one triangle is looked at. The derivative of the eigenvectors divides by differences of
    eigenvalues: infinite or NaN where two are equal; that of the eigenvalues alone is not.
    """
    no_out("linalg.eigh", out)
    _matrices("linalg.eigh", A, square=True)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return eigh_values(*symmetric_eigen(_mirrored(A if UPLO.upper() == "L" else A.mT)))


def eigvalsh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """The eigenvalues of symmetric matrices, ascending."""
    return eigh(A, UPLO, out=out).eigenvalues


def _unrecorded(name: str, A: Any) -> None:
    if current().grad and live_node(A) is not None:
        raise RuntimeError(
            f"linalg.{name} has no derivative here, because its values are complex: use eigh or "
            "eigvalsh for symmetric matrices, or detach() the tensor first"
        )


def _complexed(values: np.ndarray, real: np.dtype) -> np.ndarray:
    return values.astype(np.complex64 if real == np.float32 else np.complex128)


def eig(A: Any, *, out: Any = None) -> Any:
    """(eigenvalues, eigenvectors) of square matrices, complex. Without derivatives: RuntimeError
    if A requires grad."""
    no_out("linalg.eig", out)
    _matrices("linalg.eig", A, square=True)
    _unrecorded("eig", A)
    w, V = np.linalg.eig(A.array)
    return eig_values(make(_complexed(w, A.array.dtype)), make(_complexed(V, A.array.dtype)))


def eigvals(A: Any, *, out: Any = None) -> Any:
    """The eigenvalues of square matrices, complex. RuntimeError if A requires grad."""
    no_out("linalg.eigvals", out)
    _matrices("linalg.eigvals", A, square=True)
    _unrecorded("eigvals", A)
    return make(_complexed(np.linalg.eigvals(A.array), A.array.dtype))


def svd(A: Any, full_matrices: bool = True, *, driver: Any = None, out: Any = None) -> Any:
    """(U, S, Vh) with A = U[..., :k] @ diag(S) @ Vh[..., :k, :], S descending.

    The derivatives of U and Vh divide by differences of squared singular values: infinite or NaN
    where two are equal. With `full_matrices`, the further columns are constants.
    """
    no_out("linalg.svd", out)
    _matrices("linalg.svd", A)
    U, S, Vh = singular(A)
    m, n = A.array.shape[-2:]
    if full_matrices and m != n:
        u, _, vh = np.linalg.svd(A.array)
        k = min(m, n)
        if m > n:
            U = cat([U, make(u[..., k:])], -1)
        else:
            Vh = cat([Vh, make(vh[..., k:, :])], -2)
    return svd_values(U, S, Vh)


def svdvals(A: Any, *, driver: Any = None, out: Any = None) -> Any:
    """The singular values, descending."""
    no_out("linalg.svdvals", out)
    _matrices("linalg.svd", A)
    return singular(A)[1]


def old_svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """(U, S, V) with input = U @ diag(S) @ V.mT: the older form of `linalg.svd`."""
    U, S, Vh = svd(input, full_matrices=not some)
    if not compute_uv:
        U, Vh = make(np.zeros_like(U.array)), make(np.zeros_like(Vh.array))
    return old_svd_values(U, S, Vh.mT)


old_svd_values = returned("svd", "U", "S", "V")
bind("svd", old_svd)


def qr(A: Any, mode: str = "reduced", *, out: Any = None) -> Any:
    """(Q, R) with A = Q @ R; mode "reduced", "complete" (Q square) or "r" (R alone).

    The derivative needs the leading columns to be independent; "complete" has one only where it
    is "reduced", "r" has none.
    """
    no_out("linalg.qr", out)
    _matrices("linalg.qr", A)
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
        Q, R = np.linalg.qr(A.array, "complete")
        return qr_values(make(Q), make(R))
    if m >= n:
        Q, R = orthogonal_triangular(A)
    else:  # the first m columns decide Q; the others are only seen from it
        Q, first = orthogonal_triangular(sliced(A, index=(..., slice(None, m))))
        R = cat([first, matmul(Q.mT, sliced(A, index=(..., slice(m, None))))], -1)
    return qr_values(make(np.zeros(0, A.array.dtype)) if mode == "r" else Q, R)


bind("qr", lambda input, some=True: qr(input, "reduced" if some else "complete"))


# -- powers and products ---------------------------------------------------------------------------


@composed(samples=[sample(Real("3 3", through=lambda x: x + 4 * np.eye(3)), n=one_of(0, 1, 3, -2))])
def matrix_power(input: Any, n: int) -> Any:
    """The product of n copies of each square matrix by repeated squaring; n < 0: of the inverse."""
    _matrices("linalg.matrix_power", input, square=True)
    if n == 0:
        size = input.array.shape[-1]
        one = make(np.eye(size, dtype=input.array.dtype))
        return broadcast(one, shape=input.array.shape) + input * 0
    x = inverted(input) if n < 0 else input
    n = n if n > 0 else -n
    result: Any = None
    while True:
        if n % 2:
            result = x if result is None else matmul(result, x)
        n //= 2
        if not n:
            return result.clone() if result is input else result
        x = matmul(x, x)


@composed()
def matrix_exp(input: Any) -> Any:
    """The exponential of each square matrix."""
    _matrices("linalg.matrix_exp", input, square=True)
    return matrix_exponential(input)


def multi_dot(tensors: Sequence[Any], *, out: Any = None) -> Any:
    """The product of two or more matrices in the cheapest order; the ends may be vectors."""
    no_out("linalg.multi_dot", out)
    xs = list(tensors)
    if len(xs) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(xs)}")
    row, column = xs[0].array.ndim == 1, xs[-1].array.ndim == 1
    if row:
        xs[0] = reshaped(xs[0], shape=(1, xs[0].array.size))
    if column:
        xs[-1] = reshaped(xs[-1], shape=(xs[-1].array.size, 1))
    for i, x in enumerate(xs):
        if x.array.ndim != 2:
            where = "first or last" if i in (0, len(xs) - 1) else "middle"
            raise RuntimeError(
                f"multi_dot(): the {where} tensors must be matrices (or vectors at the ends), but "
                f"tensor {i} is {x.array.ndim}D"
            )
    for i in range(len(xs) - 1):
        a, b = xs[i].array.shape, xs[i + 1].array.shape
        if a[1] != b[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a)} and {list(b)} cannot "
                "be multiplied"
            )
    result = chain_matmul(xs)
    shape = result.array.shape[1 if row else 0 : -1 if column else None]
    return reshaped(result, shape=shape) if row or column else result


def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    """How many singular values exceed max(atol, rtol * largest)."""
    _matrices("torch.linalg.matrix_rank", A, square=hermitian)
    atol = tol if atol is None else atol
    m, n = A.array.shape[-2:]
    S = np.linalg.svd(A.array, compute_uv=False)
    if rtol is None:
        rtol = 0.0 if atol is not None else np.finfo(A.array.dtype).eps * max(m, n)
    bound = np.maximum(
        rtol * S.max(axis=-1, keepdims=True, initial=0), 0.0 if atol is None else atol
    )
    return make(np.asarray((bound < S).sum(axis=-1), np.int64))


# -- small ones ------------------------------------------------------------------------------------


def cross(input: Any, other: Any, *, dim: int = -1, out: Any = None) -> Any:
    """The cross product of vectors of 3 along `dim`."""
    d = canonical_axis(dim, input.array.ndim)
    if input.array.ndim == other.array.ndim:
        n, m = input.array.shape[d], other.array.shape[d]
        if (n, m) != (3, 3):
            raise RuntimeError(
                f"linalg.cross: inputs dimension {dim} must have length 3. Got {n} and {m}"
            )
    return _cross(input, other, dim, out=out)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of matrices; a view."""
    return _diagonal(A, offset, dim1, dim2)


def vecdot(x: Any, y: Any, *, dim: int = -1, out: Any = None) -> Any:
    """Products of elements summed along `dim`."""
    no_out("linalg.vecdot", out)
    return total(x * y, dim)


def vander(x: Any, N: int | None = None) -> Any:
    """The matrix of powers x ** 0, x ** 1, ..., x ** (N - 1) along a new last axis."""
    n = x.array.shape[-1] if N is None else N
    if n <= 1 and N is not None:
        raise RuntimeError(f"N must be greater than 1. Got {n}.")
    return reshaped(x, shape=(*x.array.shape, 1)) ** make(np.arange(n))


def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse for `tensordot(A, ., ind)`."""
    shape = A.array.shape
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', got {ind}")
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {columns} != {rows}"
        )
    return reshaped(inverted(reshaped(A, shape=(rows, rows))), shape=(*shape[ind:], *shape[:ind]))


def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """X with tensordot(A, X, X.ndim) = B."""
    if dims is not None:
        front = [canonical_axis(d, A.array.ndim) for d in dims]
        rest = [i for i in range(A.array.ndim) if i not in front]
        A = permute(A, rest + front)
    shape = A.array.shape[B.array.ndim :]
    n = math.prod(shape)
    if math.prod(A.array.shape[: B.array.ndim]) != n:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {n} != {A.array.size // max(n, 1)}"
        )
    X = solve(reshaped(A, shape=(n, n)), reshape(B, -1))
    return reshaped(X, shape=shape)
