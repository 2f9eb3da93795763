"""Products and order statistics: prod, median, mode, quantile."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.fused import fused
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, make
from . import sorting
from .arguments import add_up, axes_of, converted, multiply_up, renamed, require_tensor, unsupported
from .axes import movedim
from .extremes import (
    _evenly,
    median_values,
    mode_values,
    nanmedian_values,
    picked,
    take_along,
)
from .joining import cat
from .reduction import kept_shape, total
from .shaping import reshape
from .weighted_sums import lerp

_DIM: dict[str, Any] = {"dim": one_of(0, 1, -1), "keepdim": one_of(False, True)}
_DISTINCT = Real("n m", distinct=True)


# -- prod ------------------------------------------------------------------------------------------


def _product_rule(g: Any, x: Any, out: Any, axes: Any, keepdim: bool) -> Any:
    """dx_i = g times the product of the others: out / x_i without zeros; with one zero, only that
    element gets a gradient; with two or more, none."""
    kept = kept_shape(x.shape, axes)
    g, out = g.reshape(kept), out.reshape(kept)
    zero = x == 0
    if not zero.any():
        return g * out / x
    count = add_up(zero, axis=axes, keepdims=True)
    rest = multiply_up(np.where(zero, 1, x), axis=axes, keepdims=True)
    others = np.where(zero, np.where(count == 1, rest, 0), out / np.where(zero, 1, x))
    return g * others


def _product_tree(x: Any, axes: Any, keepdim: bool) -> Any:
    """The product by halving, x[:h] * x[h:], exact at zeros to every order."""
    shape = tuple(x.shape)
    gone = tuple(range(len(shape))) if axes is None else (axes,) if isinstance(axes, int) else axes
    out_shape = tuple(
        [1 if i in gone else n for i, n in enumerate(shape) if keepdim or i not in gone]
    )
    n = math.prod(shape[i] for i in gone)
    y = reshape(movedim(x, gone, tuple(range(len(gone)))), (n, *[math.prod(out_shape)]))
    while n > 1:
        half = n // 2
        pairs = y[:half] * y[half : 2 * half]
        y = cat([pairs, y[2 * half :]]) if n % 2 else pairs
        n = half + n % 2
    return reshape(y, out_shape) if n else total(x, axes=axes, keepdim=keepdim) + 1


@fused(
    backward=_product_rule,
    reference=_product_tree,
    promote=None,
    title="Prod",
    samples=[sample(Real("n m"), axes=one_of(None, 0, 1), keepdim=one_of(False, True))],
)
def total_product(x: Any, *, axes: Any = None, keepdim: bool = False) -> Any:
    """The product of x over `axes`; integers give int64."""
    wide = np.int64 if x.dtype.kind in "biu" else None
    return multiply_up(x, axis=axes, dtype=wide, keepdims=keepdim)


@composed(samples=[sample(Real("n m"), dim=one_of(0, 1, -1), keepdim=one_of(False, True))])
def prod(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **names: Any
) -> Any:
    """Product over `dim` (one axis, or None: all). Exact derivatives at zeros."""
    if names:
        input, dim, keepdim = renamed("prod", names, input=input, dim=dim, keepdim=keepdim)
    require_tensor("prod", input)
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
    axes = axes_of(dim, input.array.ndim)
    return converted(total_product(converted(input, dtype), axes=axes, keepdim=keepdim), dtype)


# -- median and mode -------------------------------------------------------------------------------


@primitive(
    lambda g, x, out: _evenly(g, x, out, None, False, True),
    promote=None,
    method=False,
    title="Median",
    samples=[sample(_DISTINCT, skip_nan=one_of(False, True))],
)
def middle(x: Any, *, skip_nan: bool = False) -> Any:
    """The lower median of all elements; NaN if there is one (unless `skip_nan`). Ties share g."""
    if not x.size:
        return np.asarray(np.nan).astype(x.dtype)
    flat = x.reshape(-1)
    if x.dtype.kind == "f":
        bad = np.isnan(flat)
        if bad.any() and not skip_nan:
            return flat[bad][0]
        flat = flat[~bad] if not bad.all() else flat
    k = (flat.size - 1) // 2
    return np.partition(flat, k)[k]


def _median(name: str, skip_nan: bool, kind: Any, doc: str) -> Any:
    def call(input: Any, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
        if names:
            input, dim, keepdim = renamed(name, names, input=input, dim=dim, keepdim=keepdim)
        require_tensor(name, input)
        if input.array.dtype.kind in "bc" and (input.array.size or dim is not None):
            raise unsupported("median" if dim is None else "median_out", input.array.dtype)
        if dim is None:
            return middle(input, skip_nan=skip_nan)
        a = input.array
        axis = canonical_axis(dim, a.ndim)
        if a.ndim == 0:
            return kind(take_along(input, index=np.asarray(0), axis=0), make(np.asarray(0)))
        if a.shape[axis] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
        order = sorting.order(a, axis)  # NaN last
        place = np.full(kept_shape(a.shape, axis), (a.shape[axis] - 1) // 2)
        if a.dtype.kind == "f":
            bad = add_up(np.isnan(a), axis=axis, keepdims=True)
            present = a.shape[axis] - bad
            if skip_nan:
                place = np.maximum(present - 1, 0) // 2
            else:
                place = np.where(bad > 0, present, place)
        return kind(*picked(input, np.take_along_axis(order, place, axis), axis, keepdim))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composed(samples=[sample(_DISTINCT, **_DIM)])(call)


median = _median(
    "median",
    False,
    median_values,
    """The lower median: of everything (ties share the gradient), or (values, indices) over `dim`.

    NaN if there is one.
    """,
)
nanmedian = _median(
    "nanmedian", True, nanmedian_values, "The lower median of what is not NaN (see `median`)."
)


@composed(samples=[sample(_DISTINCT, **_DIM)])
def mode(input: Any, dim: Any = -1, keepdim: bool = False, **names: Any) -> Any:
    """(values, indices): the most frequent value over `dim`, the smallest at a tie, and where it is
    last; there goes the gradient."""
    if names:
        input, dim, keepdim = renamed("mode", names, input=input, dim=dim, keepdim=keepdim)
    require_tensor("mode", input)
    a = input.array
    axis = canonical_axis(dim, a.ndim)
    if a.ndim == 0:
        return mode_values(take_along(input, index=np.asarray(0), axis=0), make(np.asarray(0)))
    if a.shape[axis] == 0:
        raise IndexError(f"mode(): Expected reduction dim {axis} to have non-zero size.")
    if a.dtype.kind == "c":
        raise unsupported("mode", a.dtype)
    rows = np.moveaxis(a, axis, -1)
    index = np.apply_along_axis(_most_frequent, -1, rows)[..., None] if a.size else rows[..., :1]
    return mode_values(*picked(input, np.moveaxis(index, -1, axis).astype(np.int64), axis, keepdim))


def _most_frequent(row: np.ndarray) -> int:
    values, counts = np.unique(row, return_counts=True, equal_nan=False)
    places = np.flatnonzero(row == values[counts.argmax()])
    return int(places[-1]) if places.size else int(np.isnan(row).argmax())


# -- quantiles -------------------------------------------------------------------------------------

_BETWEEN = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, skip_nan: bool, doc: str) -> Any:
    def call(
        input: Any,
        q: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
        **names: Any,
    ) -> Any:
        if names:
            input, dim, keepdim = renamed(name, names, input=input, dim=dim, keepdim=keepdim)
        require_tensor(name, input)
        wanted, q = q, _checked(name, input, q, interpolation)
        x, axis = (
            (input.reshape(-1), 0) if dim is None else (input, canonical_axis(dim, input.ndim))
        )
        if x.array.ndim == 0:
            x = x.reshape(1)
        moving = wanted.reshape(-1) if isinstance(wanted, Tensor) and wanted.requires_grad else None
        out = _at_ranks(
            x, q.reshape(-1), axis, interpolation, skip_nan, moving
        )  # quantiles along `axis`
        out = movedim(out, axis, 0)
        rest = tuple(out.array.shape[1:])
        if keepdim:
            rest = kept_shape(input.array.shape, None if dim is None else axis)
        elif dim is None or input.array.ndim == 0:
            rest = ()
        return reshape(out, (*q.shape, *rest))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composed(
        samples=[sample(_DISTINCT, q=0.4, interpolation=one_of("linear", "lower"), **_DIM)]
    )(call)


def _checked(name: str, x: Tensor, q: Any, interpolation: str) -> np.ndarray:
    if x.array.size == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if x.array.dtype not in (np.float32, np.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    values = q.array if isinstance(q, Tensor) else np.asarray(q, x.array.dtype)
    if values.dtype != x.array.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if values.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if not isinstance(q, Tensor) and not 0 <= q <= 1:
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
    if not ((values >= 0) & (values <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if interpolation not in _BETWEEN:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    return values


def _at_ranks(
    x: Tensor, q: np.ndarray, axis: int, interpolation: str, skip_nan: bool, moving: Any
) -> Tensor:
    """Quantiles of x along `axis`: the two neighbours of rank q (n - 1), and what lies between.

    `moving` is q as a Tensor that wants a gradient, or None.
    """
    a = x.array
    order = np.argsort(a, axis=axis, kind="stable")
    bad = add_up(np.isnan(a), axis=axis, keepdims=True)
    ranks_shape = [-1 if i == axis else 1 for i in range(a.ndim)]
    last = (
        np.maximum(a.shape[axis] - bad - 1, 0) if skip_nan else np.full_like(bad, a.shape[axis] - 1)
    )
    rank = (q.reshape(ranks_shape) * last).astype(a.dtype)
    if not skip_nan:
        rank = np.where(bad > 0, last, rank)  # NaN sorts last
    if interpolation == "nearest":
        rank = np.rint(rank)
    low, high = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
    if interpolation in ("lower", "nearest"):
        return take_along(x, index=np.take_along_axis(order, low, axis), axis=axis)
    above = take_along(x, index=np.take_along_axis(order, high, axis), axis=axis)
    if interpolation == "higher":
        return above
    below = take_along(x, index=np.take_along_axis(order, low, axis), axis=axis)
    weight = np.full_like(rank, 0.5) if interpolation == "midpoint" else rank - low
    share = make(weight.astype(a.dtype))
    if moving is not None and interpolation == "linear":
        still = moving - moving.detach()  # 0, with the derivative 1
        share = share + reshape(still, tuple(ranks_shape)) * make(np.asarray(last, a.dtype))
    return lerp(below, above, share)


_QUANTILE_DOC = """

    `q`: a number or a 1-d Tensor of the input's dtype, in [0, 1]; its axis comes first in the
    result. `interpolation`: linear, lower, higher, midpoint or nearest.
    """
quantile = _quantile(
    "quantile",
    False,
    "The q-th quantile over `dim` (None: of all); NaN if there is one." + _QUANTILE_DOC,
)
nanquantile = _quantile(
    "nanquantile", True, "The q-th quantile over `dim` of what is not NaN." + _QUANTILE_DOC
)
