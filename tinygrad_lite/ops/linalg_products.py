"""Powers, exponentials and products of matrices, and what else `linalg` holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import broadcast
from ..core.doors import composed
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import make
from ..kernels import lapack
from .arguments import array_of, kind, no_out, of_tensors
from .axes import permute
from .decompositions import (
    inverted,
    matrix_exponential,
)
from .linalg import solve
from .linalg_norms import require_float, require_matrices
from .matrix import matmul
from .parts import diagonal as _diagonal
from .products import chain_matmul
from .products import cross as _cross
from .reduction import sum as total
from .shaping import reshape
from .views import reshaped


@composed(samples=[sample(Real("3 3", through=lambda x: x + 4 * np.eye(3)), n=one_of(0, 1, 3, -2))])
def matrix_power(input: Any, n: int) -> Any:
    """The product of n copies of each square matrix by repeated squaring; n < 0: of the inverse."""
    if not isinstance(n, (int, np.integer)):
        raise TypeError(
            f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    if n < 0 or input.array.dtype.kind == "c" or input.array.ndim < 2:
        require_matrices("linalg.matrix_power", input, square=True)
    if input.array.shape[-1] != input.array.shape[-2]:
        raise RuntimeError(
            "linalg.matrix_power: A must be batches of square matrices, but they are "
            f"{input.array.shape[-2]} by {input.array.shape[-1]} matrices"
        )
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
    require_matrices("linalg.matrix_exp", input, square=True)
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
            place = {0: "the first tensor", len(xs) - 1: "the last tensor"}.get(i, f"tensor {i}")
            wanted = "2D" if 0 < i < len(xs) - 1 else "1D or 2D"
            raise RuntimeError(f"multi_dot(): {place} must be {wanted} but got {x.array.ndim}D")
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
    require_matrices("torch.linalg.matrix_rank", A, square=hermitian)
    atol = tol if atol is None else atol
    m, n = A.array.shape[-2:]
    if hermitian:
        S = np.abs(lapack.eigvalsh(A.array))
    else:
        S = lapack.svd(A.array, compute_uv=False)
    if rtol is None:
        rtol = 0.0 if atol is not None else np.finfo(A.array.dtype).eps * max(m, n)
    relative, absolute = [np.asarray(array_of(0.0 if t is None else t)) for t in (rtol, atol)]
    bound = np.maximum(relative * S.max(axis=-1, initial=0), absolute)
    return make(np.asarray((bound[..., None] < S).sum(axis=-1), np.int64))


# -- small ones ------------------------------------------------------------------------------------


@of_tensors
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


@of_tensors
def vecdot(x: Any, y: Any, *, dim: int = -1, out: Any = None) -> Any:
    """Products of elements summed along `dim`; complex x are conjugated."""
    no_out("linalg.vecdot", out)
    require_float("linalg.vecdot", x)
    if x.array.dtype != y.array.dtype:
        raise RuntimeError(
            "linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{kind(x.array.dtype)} and y of type {kind(y.array.dtype)} instead"
        )
    return total((x.conj() if x.array.dtype.kind == "c" else x) * y, dim)


@of_tensors
def vander(x: Any, N: int | None = None) -> Any:
    """The matrix of powers x ** 0, x ** 1, ..., x ** (N - 1) along a new last axis."""
    if N is None and x.array.ndim == 0:
        raise RuntimeError("N must be greater than 1.")
    x = x if x.array.ndim else reshaped(x, shape=(1,))
    n = x.array.shape[-1] if N is None else N
    if n <= 1 and N is not None:
        raise RuntimeError(f"N must be greater than 1. Got {n}.")
    return reshaped(x, shape=(*x.array.shape, 1)) ** make(np.arange(n))


@of_tensors
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


@of_tensors
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
