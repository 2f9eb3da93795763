"""Elements by index along one axis: gather, scatter, scatter_add, scatter_reduce.

gather and scatter_add are each other's adjoint.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import blank, broadcast, cast
from ..core.doors import composed, primitive
from ..core.samples import Integer, Real, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, make
from ..kernels import lines
from .arguments import kind, numpy_names, require_tensor
from .views import reshaped, sliced

_FEW = 4096
"""Elements of an index up to which the way to its places is worth remembering."""


def _check_index(name: str, index: Any, shape: Sequence[int], dim: int) -> None:
    """Raise unless `index` is an integer Tensor that fits an input of `shape` along `dim`."""
    if not isinstance(index, Tensor):
        raise TypeError(
            f"{name}(): argument 'index' (position 2) must be Tensor, not {type(index).__name__}"
        )
    i = index.array
    if i.size == 0:
        return
    if i.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, got {kind(i.dtype)}")
    if max(i.ndim, 1) != max(len(shape), 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as "
            f"{'input' if name == 'gather' else 'self'} tensor ({i.ndim} and {len(shape)})"
        )
    for k, n in enumerate(i.shape):
        if k != dim and n > shape[k]:
            raise RuntimeError(
                f"Size does not match at dimension {k} expected index {list(i.shape)} to be no "
                f"larger than self {list(shape)} apart from dimension {dim}"
            )
    _check_bounds(i, shape[dim] if shape else 1, dim)


def _check_bounds(i: np.ndarray, n: int, dim: int) -> None:
    if i.size and lines.largest(i.astype(np.int64, copy=False)) >= n:
        wrong = i[(i < 0) | (i >= n)].flat[0]
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {n}")


def places(index: np.ndarray, dim: int) -> tuple[Any, ...]:
    """The full index of the elements (i, .., index[i, .., k], .., k)."""
    shape = index.shape
    full = [np.arange(n).reshape(-1, *(1,) * (len(shape) - 1 - i)) for i, n in enumerate(shape)]
    full[dim] = index
    return tuple(full)


@functools.lru_cache(256)
def _first_places(shape: tuple[int, ...], of: tuple[int, ...], dim: int) -> np.ndarray:
    """Where the lines along `dim` that an index of `shape` names begin, in an array of shape `of`
    as it lies in memory."""
    steps = [math.prod(of[k + 1 :]) for k in range(len(of))]
    lengths = [1 if k == dim else n for k, n in enumerate(shape)]
    first = np.zeros(lengths, np.int64)
    for grid, step in zip(np.ogrid[tuple([slice(n) for n in lengths])], steps, strict=True):
        first += grid * step
    return first


def flat_places(index: np.ndarray, of: tuple[int, ...], dim: int) -> np.ndarray | None:
    """The places of (i, .., index[i, .., k], .., k) in the memory of a row-major array of shape
    `of`. None where that is not worth remembering how the lines begin."""
    if index.size > _FEW or index.ndim != len(of):
        return None
    first, inner = _first_places(index.shape, of, dim), math.prod(of[dim + 1 :])
    return first + (index if inner == 1 else index * inner)


@primitive(
    lambda g, index, x_shape, dim: scattered_along(g, index, shape=x_shape, dim=dim),
    None,
    promote=None,
    method=False,
    title="Gather",
    samples=[
        sample(Real("n 4 m"), Integer("n 3 m", 0, 4), dim=1),
        sample(Real("3 4"), Integer("2 2", 0, 3), dim=0),
    ],
)
def gathered(x: Any, index: Any, *, dim: int) -> Any:
    """out[i, .., k] = x[i, .., index[i, .., k], .., k], the index at axis `dim`."""
    if index.ndim == 0:
        return np.array(x if x.ndim == 0 else x[index])
    if index.size == 0:
        return np.empty(index.shape, x.dtype)
    if (flat := flat_places(index, x.shape, dim)) is not None:
        return x.reshape(-1).take(flat)
    if (found := lines.take_along(x, index, dim)) is not None:
        return found
    return x.reshape(x.shape or (1,))[places(index, dim)]


@primitive(
    lambda g, index, dim: gathered(g, index, dim=dim),
    None,
    promote=None,
    method=False,
    title="ScatterAdd",
    samples=[sample(Real("2 3"), Integer("2 3", 0, 4), shape=(3, 4), dim=1)],
)
def scattered_along(g: Any, index: Any, *, shape: Sequence[int], dim: int) -> Any:
    """Zeros of `shape` with g[i, .., k] added at (i, .., index[i, .., k], .., k)."""
    if index.ndim and (sums := lines.add_along(g, index, tuple(shape), dim)) is not None:
        return sums
    out = np.zeros(shape, g.dtype)
    if index.ndim == 0:
        out.reshape(-1)[index] += g.reshape(())
    elif index.size:
        flat = flat_places(index, out.shape, dim)
        if flat is None:
            flat = np.ravel_multi_index(places(index, dim), out.shape or (1,))
        np.add.at(out.reshape(-1), flat.reshape(-1), np.ascontiguousarray(g).reshape(-1))
    return out


@primitive(
    lambda g, index, dim: written_along(g, index, blank(g, index.shape), dim=dim),
    None,
    lambda g, index, dim: gathered(g, index, dim=dim),
    promote=None,
    method=False,
    title="Scatter",
    samples=[sample(Real("n 4"), Integer("n 1", 0, 4), Real("n 1"), dim=1)],
)
def written_along(x: Any, index: Any, y: Any, *, dim: int) -> Any:
    """x with y[i, .., k] at (i, .., index[i, .., k], .., k); of several, one is kept."""
    few = index.size <= _FEW
    if index.ndim and not few and (written := lines.put_along(x, index, y, dim)) is not None:
        return written
    out = np.array(x, order="C")
    if index.ndim == 0:
        out.reshape(-1)[index] = y
    elif index.size:
        flat = flat_places(index, out.shape, dim)
        if flat is None:
            out.reshape(out.shape or (1,))[places(index, dim)] = y
        else:
            out.reshape(-1)[flat] = y
    return out


@composed()
@numpy_names
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on for other axes.

    The index may be smaller than the input along the other axes. RuntimeError out of bounds.
    """
    shape = input.array.shape
    d = canonical_axis(dim, len(shape))
    _check_index("gather", index, shape, d)
    return gathered(input, index, dim=d)


def _source(name: str, index: Tensor, src: Any, x: Tensor) -> Tensor:
    """The part of `src` that an index of this shape uses, in the dtype of x."""
    if not isinstance(src, Tensor):
        return make(np.full(index.array.shape, src, x.array.dtype))
    i, a = index.array, src.array
    if a.dtype != x.array.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype "
            f"(got {x.dtype} and {src.dtype})"
        )
    if a.shape == i.shape:
        return src
    if max(a.ndim, 1) != max(i.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as src tensor "
            f"({i.ndim} and {a.ndim})"
        )
    if any(n > m for n, m in zip(i.shape, a.shape, strict=False)):
        raise RuntimeError(
            f"Expected index {list(i.shape)} to be no larger than self {list(x.array.shape)} "
            f"apart from dimension and to be no larger size than src {list(a.shape)}"
        )
    part = sliced(src, index=tuple([slice(n) for n in i.shape])) if i.ndim and a.ndim else src
    return part if part.array.shape == i.shape else reshaped(part, shape=i.shape)


@composed(inplace=True, apart=True)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Any:
    """The input with src[i][j] at [index[i][j]][j] for dim 0, and so on for other axes.

    `src` is a Tensor at least as large as the index, or one number. `reduce` "add" or "multiply"
    combines with what is there. Where an index occurs twice, one of the values is kept, and the
    gradient towards `src` is that of every one (as in PyTorch).
    """
    src = value if src is None else src
    if src is None:
        raise TypeError("scatter() missing 1 required positional argument: 'src' or 'value'")
    if reduce is not None:
        kinds = {"add": "sum", "multiply": "prod"}
        if reduce not in kinds:
            raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}")
        if isinstance(src, Tensor):
            warnings.warn(
                "The reduce argument of torch.scatter with Tensor src is deprecated and will be "
                "removed in a future PyTorch release. Use torch.scatter_reduce instead for more "
                "reduction options.",
                UserWarning,
                stacklevel=2,
            )
        return reduced(input, dim, index, src, kinds[reduce], True, "scatter")
    shape = input.array.shape
    d = canonical_axis(dim, len(shape))
    _check_index("scatter", index, shape, d)
    if isinstance(src, Tensor) and src.array.ndim == 0 and index.array.ndim:
        src = broadcast(src, shape=index.array.shape)
    return written_along(input, index, _source("scatter", index, src, input), dim=d)


@composed(inplace=True, apart=True)
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """The input with src[i][j] added at [index[i][j]][j] for dim 0, and so on for other axes."""
    require_tensor("scatter_add", src, "src", 3)
    return reduced(input, dim, index, src, "sum", True, "scatter_add")


@composed(inplace=True, apart=True)
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Any:
    """Elements of src that share a place reduced by sum, prod, mean, amax or amin.

    `include_self` False leaves out the input's own value at the places that receive any. Ties of
    amax and amin share their gradient evenly.
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    return reduced(input, dim, index, src, reduce, include_self, "scatter_reduce")


def reduced(
    x: Tensor, dim: int, index: Any, src: Any, reduce: str, include_self: bool, name: str
) -> Any:
    """`x` with the values of `src` reduced into the places that `index` names along `dim`.

    What `scatter_reduce` and its kin share; `name` is the one that errors speak of.
    """
    shape = x.array.shape
    d = canonical_axis(dim, len(shape))
    _check_index(name, index, shape, d)
    y = _source(name, index, src, x)
    if index.array.size == 0:
        return x.clone()
    if not include_self and reduce in ("sum", "mean"):
        x = written_along(x, index, make(np.zeros(index.array.shape, x.array.dtype)), dim=d)
    if reduce in ("amax", "amin", "prod"):
        op = product_along if reduce == "prod" else extreme_along
        more = {} if reduce == "prod" else {"largest": reduce == "amax"}
        return op(x, index, y, dim=d, include=include_self, **more)
    total = x + scattered_along(y, index, shape=shape, dim=d)
    if reduce == "sum":
        return total
    ones = np.ones(index.array.shape, np.int64)
    count = scattered_along(ones, index.array, shape=shape, dim=d) + (1 if include_self else 0)
    count = np.maximum(count, 1)
    if total.array.dtype.kind == "f":
        return total / make(count.astype(total.array.dtype))
    return make(np.floor_divide(total.array, count).astype(total.array.dtype))


def _written(x: Any, index: Any, y: Any, dim: int) -> tuple[np.ndarray, Any]:
    """A copy of x with at least one axis, and the full index."""
    out = np.array(x).reshape(x.shape or (1,))
    return out, places(index.reshape(index.shape or (1,)), dim)


@primitive(
    lambda g, residual: g * residual[0],
    None,
    lambda g, index, residual, dim: gathered(g, index, dim=dim) * residual[1],
    promote=None,
    method=False,
    residual=True,
    title="ScatterReduce",
    samples=[
        sample(
            Real("3 4", distinct=True),
            Integer("3 2", 0, 4),
            Real("3 2", -2.05, 2.05, distinct=True),
            dim=1,
            include=True,
            largest=True,
        )
    ],
)
def extreme_along(
    x: Any, index: Any, y: Any, *, dim: int, include: bool, largest: bool
) -> tuple[Any, Any]:
    """x with the largest (or smallest) of y at each place of `index`, as in `scatter_reduce`.

    The residual is the share of the gradient that each element of x and y receives.
    """
    out, at = _written(x, index, y, dim)
    if not include:
        out[at] = y.reshape(y.shape or (1,))
    (np.maximum if largest else np.minimum).at(out, at, y.reshape(y.shape or (1,)))
    out = out.reshape(x.shape)
    of_x = x == out
    if not include:
        hit = np.zeros(out.shape or (1,), bool)
        hit[at] = True
        of_x = of_x & ~hit.reshape(x.shape)
    of_y = y == gathered(out, index, dim=dim)
    ties = of_x + scattered_along(of_y.astype(x.dtype), index, shape=x.shape, dim=dim)
    ties = np.maximum(ties, 1)
    return out, (
        (of_x / ties).astype(x.dtype),
        (of_y / gathered(ties, index, dim=dim)).astype(x.dtype),
    )


def _towards_factor_x(g: Any, x: Any, index: Any, y: Any, dim: int, include: bool) -> Any:
    ones = cast(x == x, dtype=_dtype(x))
    others = product_along(ones, index, y, dim=dim, include=True)
    if include:
        return g * others
    kept = written_along(ones, index, blank(y, y.shape), dim=dim)
    return g * kept


def _towards_factor_y(g: Any, x: Any, index: Any, y: Any, dim: int, include: bool) -> Any:
    """The product of the others at a place: out / y, computed without y where y is 0."""
    zero = cast(y == 0, dtype=_dtype(y))
    zeros = scattered_along(zero, index, shape=x.shape, dim=dim)
    alone = zero * cast(gathered(zeros, index, dim=dim) == 1, dtype=_dtype(y))
    rest = product_along(x, index, y + alone, dim=dim, include=include)
    whole = product_along(x, index, y, dim=dim, include=include)
    quotient = gathered(g * whole, index, dim=dim) / (y + zero)
    return alone * gathered(g * rest, index, dim=dim) + (1 - alone) * quotient


def _dtype(x: Any) -> Any:
    return x.array.dtype if isinstance(x, Tensor) else x.dtype


@primitive(
    _towards_factor_x,
    None,
    _towards_factor_y,
    promote=None,
    method=False,
    title="ScatterReduce",
    samples=[
        sample(
            Real("3 4", 0.5, 2.0), Integer("3 2", 0, 4), Real("3 2", 0.5, 2.0), dim=1, include=True
        ),
        sample(Real("3"), Integer("2", 0, 3), Real("2", 0.5, 2.0), dim=0, include=False),
    ],
)
def product_along(x: Any, index: Any, y: Any, *, dim: int, include: bool) -> Any:
    """x times every element of y that `index` sends to its place, as in `scatter_reduce`."""
    out, at = _written(x, index, y, dim)
    if not include:
        out[at] = 1
    np.multiply.at(out, at, y.reshape(y.shape or (1,)))
    return out.reshape(x.shape)
