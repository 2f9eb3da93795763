"""Reductions: sums, means, logic, logarithms of sums and norms over some axes or over all.

`axes` inside is None (all), a number or a tuple, already canonical; `spread` is the adjoint of
summing: it repeats a reduced value over the axes it was reduced along.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.chain import cast
from ..core.doors import composed, primitive
from ..core.rules import with_kernel
from ..core.samples import Real, one_of, sample
from ..core.tensor import Tensor, make
from ..kernels import reduce
from ..kernels import softmax as kernels
from ..kernels.copying import row_major
from ..kernels.reduce import dots
from .arguments import (
    add_up,
    axes_of,
    bottom_of,
    converted,
    extent,
    kind,
    numpy_names,
    renamed,
    require_tensor,
    top_of,
)
from .arithmetic import where
from .comparison import isnan
from .exponential import exp
from .powers import pow
from .signs import abs, sign

AXES: dict[str, Any] = {"axes": one_of(None, 0, 1, (0, 1), (1,)), "keepdim": one_of(False, True)}
_MATRIX = Real("n m")
_SMALL = 4096  # elements below which filling an array beats making a view of one number

#: how an axis reads in public samples
_DIMS: dict[str, Any] = {"dim": one_of(None, 0, -1, (0, 1)), "keepdim": one_of(False, True)}


def kept_shape(shape: tuple[int, ...], axes: Any) -> tuple[int, ...]:
    """`shape` with the reduced axes of size 1."""
    if axes is None:
        return (1,) * len(shape)
    gone = (axes,) if isinstance(axes, int) else axes
    return tuple([1 if i in gone else n for i, n in enumerate(shape)])


@primitive(
    lambda g, axes, keepdim: total(g, axes=axes, keepdim=keepdim),
    promote=None,
    method=False,
    title="Expand",
    samples=[
        sample(Real("n"), shape=lambda n: (n, 3), axes=1),
    ],
)
def spread(x: Any, *, shape: Any, axes: Any = None, keepdim: bool = False) -> Any:
    """x repeated over `axes` up to `shape`: what `total` took together, handed out again."""
    kept = x if keepdim else x.reshape(kept_shape(shape, axes))
    if math.prod(shape) <= _SMALL:
        out = np.empty(shape, x.dtype)
        out[...] = kept
        return out
    return np.broadcast_to(kept, shape)


# -- sums and means --------------------------------------------------------------------------------


def _accumulator(dtype: Any) -> Any:
    """The dtype to add up in: int64 for integers, float32 for float16."""
    if dtype.kind in "biu":
        return np.int64
    return np.float32 if dtype.itemsize == 2 else None


@primitive(
    lambda g, x_shape, axes, keepdim: spread(g, shape=x_shape, axes=axes, keepdim=keepdim),
    promote=None,
    method=False,
    title="Sum",
    named=lambda node: "SumBackward1" if node.shape else "SumBackward0",
    samples=[sample(_MATRIX, **AXES)],
)
def total(x: Any, *, axes: Any = None, keepdim: bool = False) -> Any:
    """The sum of x over `axes`; bool and integers give int64."""
    wide = _accumulator(x.dtype)
    if wide is None:
        return reduce.total(x, axes, keepdim)
    if x.dtype.kind == "b" and axes is None and not keepdim:
        return np.asarray(np.count_nonzero(x))
    out = row_major(np.asarray(add_up(x, axes, wide, None, keepdim)))
    return out.astype(x.dtype) if wide is np.float32 else out


@composed(samples=[sample(_MATRIX, **_DIMS)])
def sum(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **names: Any
) -> Any:
    """Sum over `dim` (a number, a tuple, or None: all). bool and integers give int64.

    `dtype`: convert before adding up.
    """
    if names:
        input, dim, keepdim = renamed("sum", names, input=input, dim=dim, keepdim=keepdim)
    if not isinstance(input, Tensor):
        require_tensor("sum", input)
    if dtype is not None:
        input = converted(input, dtype)
        return converted(total(input, axes=axes_of(dim, input.array.ndim), keepdim=keepdim), dtype)
    return total(input, axes=axes_of(dim, input.array.ndim), keepdim=keepdim)


@primitive(
    lambda g, x_shape, axes, keepdim: spread(
        g / extent(x_shape, axes), shape=x_shape, axes=axes, keepdim=keepdim
    ),
    promote=None,
    method=False,
    title="Mean",
    named=lambda node: "MeanBackward1" if node.shape else "MeanBackward0",
    samples=[sample(_MATRIX, **AXES)],
)
def average(x: Any, *, axes: Any = None, keepdim: bool = False) -> Any:
    """The sum of x over `axes` divided by the number of elements; NaN for none."""
    wide = _accumulator(x.dtype)
    if wide is None:
        out = reduce.total(x, axes, keepdim)
    else:
        out = row_major(np.asarray(add_up(x, axes, wide, None, keepdim)))
    out = out / extent(x.shape, axes) if x.size else out * np.float32(np.nan)
    return out.astype(x.dtype, copy=False)


@composed(samples=[sample(_MATRIX, **_DIMS)])
def mean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **names: Any
) -> Any:
    """Mean over `dim` (a number, a tuple, or None: all).

    RuntimeError for integers without `dtype`.
    """
    if names:
        input, dim, keepdim = renamed("mean", names, input=input, dim=dim, keepdim=keepdim)
    if not isinstance(input, Tensor):
        require_tensor("mean", input)
    if dtype is not None:
        input = converted(input, dtype)
    if input.array.dtype.kind not in "fc":
        which = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            f"mean(): could not infer output dtype. {which} dtype must be either a floating point "
            f"or complex dtype. Got: {kind(input.array.dtype)}"
        )
    return average(input, axes=axes_of(dim, input.array.ndim), keepdim=keepdim)


@composed(samples=[sample(_MATRIX, **_DIMS)])
def nansum(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **names: Any
) -> Any:
    """Sum over `dim` with NaN counted as 0."""
    if names:
        input, dim, keepdim = renamed("nansum", names, input=input, dim=dim, keepdim=keepdim)
    require_tensor("nansum", input)
    if input.array.dtype.kind == "c":
        raise RuntimeError("nansum on CPU does not support complex inputs")
    return sum(where(isnan(input), 0, input), dim, keepdim, dtype=dtype)


@composed(samples=[sample(_MATRIX, **_DIMS)])
def nanmean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **names: Any
) -> Any:
    """Mean over `dim` of what is not NaN."""
    if names:
        input, dim, keepdim = renamed("nanmean", names, input=input, dim=dim, keepdim=keepdim)
    require_tensor("nanmean", input)
    if input.array.dtype.kind != "f":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got "
            f"{kind(input.array.dtype)}"
        )
    present = make(np.asarray(~np.isnan(input.array)))
    return nansum(input, dim, keepdim, dtype=dtype) / sum(present, dim, keepdim)


# -- logic -----------------------------------------------------------------------------------------


def _logic(name: str, ufunc: Any, doc: str) -> Any:
    def reduce(input: Any, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
        if names:
            input, dim, keepdim = renamed(name, names, input=input, dim=dim, keepdim=keepdim)
        require_tensor(name, input)
        a = input.array
        if isinstance(dim, (tuple, list)) and not dim:  # no axis at all
            return make((a != 0).astype(np.uint8 if a.dtype == np.uint8 else np.bool_))
        out = np.asarray(ufunc.reduce(a, axis=axes_of(dim, a.ndim), keepdims=keepdim))
        out = row_major(out)
        return make(out.astype(np.uint8 if a.dtype == np.uint8 else np.bool_, copy=False))

    reduce.__name__ = reduce.__qualname__ = name
    reduce.__doc__ = doc
    return composed(samples=[sample(_MATRIX, smooth=False, **_DIMS)])(reduce)


all = _logic("all", np.logical_and, "Whether all elements over `dim` are true (uint8 for uint8).")
any = _logic("any", np.logical_or, "Whether any element over `dim` is true (uint8 for uint8).")


@composed(samples=[sample(_MATRIX, dim=one_of(None, 0, (0, 1)), smooth=False)])
def count_nonzero(input: Any, dim: Any = None, **names: Any) -> Any:
    """How many elements over `dim` are not 0 (int64)."""
    if names:
        input, dim = renamed("count_nonzero", names, input=input, dim=dim)
    require_tensor("count_nonzero", input)
    axes = axes_of(dim, input.array.ndim)
    return make(row_major(np.asarray(add_up(input.array != 0, axis=axes, dtype=np.int64))))


# -- logarithm of a sum ----------------------------------------------------------------------------


def _weights_kernel(g: Any, x: Any, out: Any, axes: Any, keepdim: bool) -> Any:
    return kernels.logsumexp_backward(g, x, out, _all_axes(x, axes))


def _all_axes(x: Any, axes: Any) -> Any:
    return tuple(range(x.ndim)) if axes is None else axes


@with_kernel(_weights_kernel)
def _weights(g: Any, x: Any, out: Any, axes: Any, keepdim: bool) -> Any:
    shape = tuple(x.shape)
    level = spread(out, shape=shape, axes=axes, keepdim=keepdim)
    return spread(g, shape=shape, axes=axes, keepdim=keepdim) * exp(x - level)


@primitive(
    _weights,
    promote="float",
    method=False,
    title="Logsumexp",
    samples=[sample(_MATRIX, **AXES)],
)
def log_total(x: Any, *, axes: Any = None, keepdim: bool = False) -> Any:
    """log(sum(exp(x))) over `axes`, without overflow; -inf, derivative NaN, if all are -inf."""
    if not x.size:
        return np.log(add_up(x, axis=axes, keepdims=keepdim))
    if x.dtype.kind != "c":
        return kernels.logsumexp(x, _all_axes(x, axes), keepdim)
    top = top_of(x.real if x.dtype.kind == "c" else x, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    out = np.log(add_up(np.exp(x - top), axis=axes, keepdims=True)) + top
    return out if keepdim else out.reshape(_dropped(x.shape, axes))


def _dropped(shape: tuple[int, ...], axes: Any) -> tuple[int, ...]:
    gone = range(len(shape)) if axes is None else (axes,) if isinstance(axes, int) else axes
    return tuple([n for i, n in enumerate(shape) if i not in gone])


@composed(samples=[sample(_MATRIX, dim=one_of(0, -1, (0, 1)), keepdim=one_of(False, True))])
@numpy_names
def logsumexp(input: Any, dim: Any, keepdim: bool = False, **names: Any) -> Any:
    """log(sum(exp(input))) over `dim`, without overflow. The derivative is the softmax."""
    if names:
        input, keepdim = renamed("logsumexp", names, input=input, keepdim=keepdim)
    require_tensor("logsumexp", input)
    return log_total(input, axes=axes_of(dim, input.array.ndim), keepdim=keepdim)


# -- norms -----------------------------------------------------------------------------------------


def _norm_slope(g: Any, x: Any, out: Any, p: float, axes: Any, keepdim: bool) -> Any:
    if p != 2:
        return _norm_rule(g, x, out, p, axes, keepdim)
    ratio = np.where(out == 0, 0, g / out).astype(x.dtype, copy=False)
    return x * spread(ratio, shape=tuple(x.shape), axes=axes, keepdim=keepdim)


@with_kernel(_norm_slope)
def _norm_rule(g: Any, x: Any, out: Any, p: float, axes: Any, keepdim: bool) -> Any:
    """d|x|_p/dx = sign(x) |x| ** (p - 1) / |x|_p ** (p - 1), and 0 wherever that is 0 / 0."""
    shape = tuple(x.shape)
    if p == 0:
        return x * 0.0
    g = spread(g, shape=shape, axes=axes, keepdim=keepdim)
    if p == 1:
        return g * sign(x)
    level = spread(out, shape=shape, axes=axes, keepdim=keepdim)
    if p == 2:
        return where(level == 0, 0.0, g * (x / level))
    if math.isinf(p):
        hit = abs(x) == level
        ties = cast(total(hit, axes=axes, keepdim=True), dtype=dtype_of(g))
        return where(hit, g * sign(x) / ties, 0.0)
    ratio = where((level == 0) | (x == 0), 0.0, pow(abs(x) / level, p - 1))
    return g * sign(x) * ratio


def dtype_of(x: Any) -> Any:
    """The NumPy dtype of an array or a Tensor: rules see either."""
    return x.array.dtype if isinstance(x, Tensor) else x.dtype


@primitive(
    _norm_rule,
    promote="float",
    method=False,
    title="LinalgVectorNorm",
    samples=[
        sample(
            Real("n m", avoid=(0.0,), margin=0.2, distinct=True),
            p=one_of(1.0, 2.0, 3.0, 1.5, 0.5),
            **AXES,
        ),
        sample(
            Real("n m", low=0.2, high=2.0, distinct=True), p=one_of(math.inf, -math.inf), **AXES
        ),
    ],
)
def p_norm(x: Any, *, p: float = 2.0, axes: Any = None, keepdim: bool = False) -> Any:
    """(sum |x| ** p) ** (1 / p) over `axes`; the largest |x| for inf, the smallest for -inf, the
    number of elements that are not 0 for p = 0. Ties of an infinite p share g evenly."""
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    if x.dtype.kind == "c":
        x = wide = np.abs(x)
    if p == 2:
        out = np.sqrt(dots(wide, wide, axes, keepdim))
    elif p == 0:
        out = add_up(wide != 0, axis=axes, keepdims=keepdim, dtype=wide.dtype)
    elif p == 1:
        out = add_up(np.abs(wide), axis=axes, keepdims=keepdim)
    elif math.isinf(p):
        extreme = top_of if p > 0 else bottom_of
        out = extreme(np.abs(wide), axis=axes, keepdims=keepdim)
    else:
        out = add_up(np.abs(wide) ** p, axis=axes, keepdims=keepdim) ** (1 / p)
    return row_major(np.asarray(out).astype(x.dtype, copy=False))
