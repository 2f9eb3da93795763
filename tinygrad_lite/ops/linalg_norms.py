"""Norms of vectors and matrices, as `linalg` names them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.dtypes import to_numpy
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import make
from .arguments import converted, kind, no_out, require_tensor
from .arithmetic import where
from .axes import movedim
from .decompositions import (
    LinAlgError,
    inverted,
    singular,
)
from .extremes import amax, amin
from .reduction import p_norm
from .reduction import sum as total
from .shaping import reshape
from .signs import abs
from .views import reshaped, sliced


@composed(
    inplace=True, samples=[sample(Real("3 4"), p=one_of(2.0, 1.0), dim=one_of(0, 1), maxnorm=1.0)]
)
def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """The slices along `dim` scaled down to a p-norm of `maxnorm` where theirs is larger.

    By maxnorm / (norm + 1e-7), as in PyTorch.
    """
    require_float("renorm", input)
    if p <= 0:
        raise RuntimeError("non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.array.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.array.ndim} dimensions"
        )
    axis = canonical_axis(dim, input.array.ndim)
    others = tuple([i for i in range(input.array.ndim) if i != axis])
    size = abs(input) if input.array.dtype.kind == "c" else input
    norm = p_norm(size, p=float(p), axes=others, keepdim=True)
    return input * where(norm > maxnorm, maxnorm / (norm + 1e-7), 1.0)


def require_float(name: str, x: Any) -> None:
    """Raise unless x is a floating Tensor."""
    require_tensor(name, x)
    if x.array.dtype.kind not in "fc":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {kind(x.array.dtype)}"
        )
    if x.array.dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got Half")


def require_matrices(name: str, x: Any, square: bool = False) -> None:
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
    require_float(name, x)


def _axes(dim: Any, ndim: int) -> tuple[int, ...]:
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    axes = tuple([canonical_axis(d, ndim) for d in dims])
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"dim {axes[0]} appears multiple times in the list of dims")
    return axes


def _widened(x: Any, dtype: Any) -> Any:
    """x in `dtype`, in which its numbers have room."""
    target = x.array.dtype if dtype is None else to_numpy(dtype)
    if target.itemsize < x.array.dtype.itemsize:
        raise RuntimeError(
            f"linalg.vector_norm: the dtype of the input ({kind(x.array.dtype)}) should be "
            f"convertible without narrowing to the specified dtype ({kind(target)})"
        )
    return converted(x, dtype)


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
    require_tensor("linalg.vector_norm", x)
    x = _widened(x, dtype)
    if isinstance(ord, str):
        raise TypeError("linalg_vector_norm(): argument 'ord' (position 2) must be Number, not str")
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
    x = abs(x) if x.array.dtype.kind == "c" else x
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
    require_float("linalg.matrix_norm", A)
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
        A = abs(A) if A.array.dtype.kind == "c" else A
        return p_norm(A, p=2.0, axes=(rows, columns), keepdim=keepdim)
    if isinstance(ord, str) and ord != "nuc":
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if ord == "nuc" or builtin_abs(ord) == 2:
        S = singular(movedim(A, (rows, columns), (-2, -1)))[1]
        if S.array.shape[-1] == 0 and ord == 2:  # the largest of none
            S = total(S, -1, keepdim=True)
        if ord == "nuc":
            value = total(S, -1)
        else:
            value = amax(S, -1) if ord == 2 else amin(S, -1)
    elif builtin_abs(ord) in (1, math.inf):
        along, other = (rows, columns) if builtin_abs(ord) == 1 else (columns, rows)
        sums = total(abs(A), along, keepdim=True)
        if A.array.shape[other] == 0 and ord > 0:  # the largest of no sums
            sums = total(sums, other, keepdim=True)
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
    if isinstance(dim, (tuple, list)) and len(dim) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}"
        )
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
        if dim is not None:
            raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions. "
            f"(got {A.array.ndim}; ord={ord!r} is a norm of matrices)"
        )
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None, *, out: Any = None) -> Any:
    """The condition number |A| |inv(A)| in the norm p (2 by default: of singular values)."""
    no_out("linalg.cond", out)
    if p is None or p in (2, -2):
        require_matrices("linalg.cond", A)
        S = singular(A)[1]
        first, last = sliced(S, index=(..., 0)), sliced(S, index=(..., -1))
        return last / first if p == -2 else first / last
    if p not in ("fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    require_matrices("linalg.cond", A, square=True)
    try:
        inverse = inverted(A)
    except LinAlgError:
        return make(np.full(A.array.shape[:-2], np.inf, A.array.dtype))
    return matrix_norm(A, p) * matrix_norm(inverse, p)
