"""Counts and places: nonzero, bincount, histc, searchsorted, unique, one_hot.

Nothing here has a derivative: the results are integers, or jump.
"""

from __future__ import annotations

import builtins
import math
import warnings
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor, make
from ..kernels import masks
from .arguments import kind, no_kernel, of_tensors, require_tensor, unsupported
from .extremes import returned

histogram_values = returned("histogram", "hist", "bin_edges")
histogramdd_values = returned("histogramdd", "hist", "bin_edges")


@composed()
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not 0: (count, ndim), or one vector for each axis."""
    require_tensor("nonzero", input)
    a = input.array
    if as_tuple:
        return tuple([make(i) for i in masks.positions(a.reshape(a.shape or (1,)), True)])
    return make(masks.positions(a, False))


@composed()
def argwhere(input: Any) -> Any:
    """The indices of the elements that are not 0: (count, ndim)."""
    return nonzero(input)


@composed()
@of_tensors
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number from 0 to the largest occurs in a vector; or the sum of its weights."""
    a = input.array
    if a.dtype.kind not in "iu":
        raise unsupported("bincount", a.dtype)
    if a.ndim != 1 or (a.size and a.min() < 0):
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs. (got {a.ndim}-d, "
            f"smallest {a.min() if a.size else None})"
        )
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is None:
        return make(np.bincount(a.astype(np.int64), minlength=minlength))
    w = weights.array
    if w.shape != a.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    total = np.bincount(a.astype(np.int64), w.astype(np.float64), minlength)
    return make(total.astype(np.float32 if w.dtype == np.float32 else np.float64))


@composed()
@of_tensors
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """Counts in `bins` equal bins between min and max (if both are 0: of the input), as floats."""
    a = input.array
    if a.dtype.kind not in "f":
        raise unsupported("histogram", a.dtype)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    low, high = float(min), float(max)
    if low == high and a.size:
        low, high = float(a.min()), float(a.max())
    if low == high:
        low, high = low - 1, high + 1
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"torch.histc: range of [{low:g}, {high:g}] is not finite")
    return make(_counts(a.reshape(-1), _edges(low, high, bins), None).astype(a.dtype))


def _edges(low: float, high: float, bins: int) -> np.ndarray:
    return np.linspace(low, high, bins + 1)


def _counts(x: np.ndarray, edges: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Sums of weights in [e0, e1), [e1, e2), ..., [.., en]."""
    inside = (x >= edges[0]) & (x <= edges[-1])
    place = np.searchsorted(edges, x[inside], side="right") - 1
    place[place == len(edges) - 1] -= 1
    weight = None if weight is None else weight[inside]
    return np.bincount(place, weight, minlength=len(edges) - 1)


@composed()
@of_tensors
def histogram(
    input: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False
) -> Any:
    """(hist, bin_edges): counts in equal bins (their number given) or between given edges."""
    a = input.array
    if a.dtype.kind != "f":
        raise no_kernel("histogramdd", a.dtype)
    x = a.reshape(-1)
    if isinstance(bins, Tensor):
        edges = bins.array
    else:
        if bins <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins}")
        low, high = (x.min(), x.max()) if range is None and x.size else (range or (0.0, 1.0))
        if low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} "
                "for dimension 0"
            )
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
        edges = np.linspace(low, high, bins + 1, dtype=a.dtype)
    if weight is not None and weight.array.shape != a.shape:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the "
            f"input tensor excluding its innermost dimension, but got input with shape "
            f"{list(a.shape)} and weight with shape {list(weight.array.shape)}"
        )
    hist = _counts(x, edges, None if weight is None else weight.array.reshape(-1)).astype(a.dtype)
    if density:
        hist = hist / (hist.sum() * np.diff(edges))
    return histogram_values(make(np.asarray(hist, a.dtype)), make(edges))


@composed(method=False)
@of_tensors
def histogramdd(
    input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False
) -> Any:
    """(hist, bin_edges): counts of the points input[..., :] in boxes of D dimensions.

    `bins`: a number, one for each dimension, or the edges, a vector for each. `range`: the lowest
    and highest edge of each dimension in turn. `weight`: one for each point.
    """
    a = input.array
    if a.dtype.kind != "f":
        raise no_kernel("histogramdd", a.dtype)
    if a.ndim < 2:
        raise RuntimeError(
            f"torch.histogramdd: input tensor should have at least 2 dimensions, but got {a.ndim}"
        )
    D = a.shape[-1]
    x = a.reshape(-1, D)
    given = [bins] * D if isinstance(bins, int) else list(bins)
    if len(given) != D:
        raise RuntimeError(
            f"torch.histogramdd: expected {D} sequences of bin edges for a {D}-dimensional "
            f"histogram but got {len(given)}"
        )
    edges = [_edges_of(x[:, i], b, i, range) for i, b in enumerate(given)]
    w = None if weight is None else weight.array.reshape(-1)
    inside = np.ones(len(x), bool)
    places = []
    for column, e in zip(x.T, edges, strict=True):
        inside &= (column >= e[0]) & (column <= e[-1])
        places.append(np.minimum(np.searchsorted(e, column, side="right") - 1, len(e) - 2))
    shape = tuple([len(e) - 1 for e in edges])
    flat = np.ravel_multi_index([p[inside] for p in places], shape)
    w = None if w is None else w[inside]
    hist = np.bincount(flat, w, minlength=math.prod(shape)).reshape(shape).astype(a.dtype)
    if density:
        hist = hist / hist.sum()
        for i, e in enumerate(edges):
            hist = hist / np.diff(e).reshape([-1 if k == i else 1 for k in builtins.range(D)])
    return histogramdd_values(make(hist.astype(a.dtype)), tuple([make(e) for e in edges]))


def _edges_of(x: np.ndarray, bins: Any, i: int, limits: Any) -> np.ndarray:
    if isinstance(bins, Tensor):
        return bins.array
    if bins <= 0:
        raise RuntimeError(
            f"torch.histogramdd(): bins must be > 0, but got {bins} for dimension {i}"
        )
    if limits is not None:
        low, high = limits[2 * i], limits[2 * i + 1]
    else:
        low, high = (x.min(), x.max()) if x.size else (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(
            f"torch.histogramdd: dimension {i}'s range [{low}, {high}] is not finite"
        )
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1, dtype=x.dtype)


@composed()
def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """The first `size` rows of `nonzero`, with rows of `fill_value` if there are fewer."""
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = nonzero(input).array[:size]
    out = np.full((size, input.array.ndim), fill_value, np.int64)
    out[: len(found)] = found
    return make(out)


@composed(method=False)
@of_tensors
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Where each value would be inserted into the sorted last axis: left (or right) of its equals.

    A batch of sequences takes a batch of values; one sequence takes any values.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    where: Any = "right" if right or side == "right" else "left"
    edges = sorted_sequence.array
    x = np.asarray(input.array if isinstance(input, Tensor) else input)
    if edges.ndim == 0:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 "
            "dimension"
        )
    if x.ndim == 0 and edges.ndim > 1:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
            f"dimension is 1, but we got boundaries tensor dim({edges.ndim}) and input value's "
            "dim(0) numel(1)"
        )
    if sorter is not None:
        edges = _sorted_by(edges, sorter.array)
    for name, a in (("boundary", edges), ("input value", x)):
        if not a.flags.c_contiguous:
            warnings.warn(
                f"torch.searchsorted(): {name} tensor is non-contiguous, this will lower the "
                "performance due to extra data copy when converting non-contiguous tensor to "
                f"contiguous, please use contiguous {name} tensor if possible.",
                UserWarning,
                stacklevel=3,
            )
    if edges.ndim == 1:
        found = np.asarray(np.searchsorted(edges, x, where))
    else:
        if edges.shape[:-1] != x.shape[:-1] or x.ndim == 0:
            raise RuntimeError(
                "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
                "dimensions of boundaries tensor and input value tensor must match, but we got "
                f"boundaries tensor {list(edges.shape)} and input value tensor {list(x.shape)}"
            )
        found = np.empty(x.shape, np.int64)
        for i in np.ndindex(x.shape[:-1]):
            found[i] = np.searchsorted(edges[i], x[i], where)
    return make(found.astype(np.int32 if out_int32 else np.int64))


def _sorted_by(edges: np.ndarray, sorter: np.ndarray) -> np.ndarray:
    if sorter.shape != edges.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary "
            f"tensor {list(edges.shape)} and got sorter tensor {list(sorter.shape)}"
        )
    if sorter.dtype != np.int64:
        raise RuntimeError(
            "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
            f"{kind(sorter.dtype)}"
        )
    if sorter.size and not (sorter.min() >= 0 and sorter.max() < edges.shape[-1]):
        raise RuntimeError("torch.searchsorted(): sorter index out of range")
    return np.take_along_axis(edges, sorter, -1)


@composed(method=False)
@of_tensors
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The bucket of each value: boundaries[i - 1] < value <= boundaries[i] (right: <=, <)."""
    if boundaries.array.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries.array.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@composed()
@of_tensors
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`), sorted; optionally inverse and counts."""
    a = input.array
    if a.dtype.kind == "c":
        name = "unique" if dim is None else "unique_dim"
        raise no_kernel(name, a.dtype)
    if dim is not None:
        dim = canonical_axis(dim, a.ndim)
        if a.shape.count(0) > 1:
            raise RuntimeError(
                "Number of zero sized dimensions is more than one, so unique cannot be applied "
                f"(shape {list(a.shape)})"
            )
        if a.size == 0 and a.shape[dim]:
            raise RuntimeError(
                "There are 0 sized dimensions, and they aren't selected, so unique cannot be "
                f"applied (shape {list(a.shape)}, dim {dim})"
            )
    values, inverse, counts = np.unique(
        a, return_inverse=True, return_counts=True, axis=dim, equal_nan=False
    )
    inverse = inverse.reshape(-1 if dim is not None else a.shape)
    return _chosen(values, inverse, counts, return_inverse, return_counts)


def _chosen(
    values: np.ndarray, inverse: np.ndarray, counts: np.ndarray, inverted: bool, counted: bool
) -> Any:
    out = [make(values)]
    if inverted:
        out.append(make(inverse.astype(np.int64)))
    if counted:
        out.append(make(counts.astype(np.int64)))
    return out[0] if len(out) == 1 else tuple(out)


@composed()
@of_tensors
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Each run of equal elements (or of equal slices along `dim`) once."""
    a = input.array
    rows = a.reshape(-1) if dim is None else np.moveaxis(a, canonical_axis(dim, a.ndim), 0)
    new = np.ones(len(rows), bool)
    if len(rows) > 1:
        new[1:] = (rows[1:] != rows[:-1]).reshape(len(rows) - 1, -1).any(axis=1)
    starts = np.flatnonzero(new)
    values = rows[starts]
    if dim is not None:
        values = np.moveaxis(values, 0, canonical_axis(dim, a.ndim))
    inverse = np.cumsum(new) - 1
    counts = np.diff(np.append(starts, len(rows)))
    inverse = inverse if dim is not None else inverse.reshape(a.shape)
    return _chosen(np.ascontiguousarray(values), inverse, counts, return_inverse, return_counts)


@composed(method=False)
@of_tensors
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """A new last axis with 1 at the class number and 0 elsewhere, int64."""
    a = tensor.array
    if a.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if a.size == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return make(np.zeros((*a.shape, num_classes), np.int64))
    if a.min() < 0:
        raise RuntimeError(f"Class values must be non-negative, got {a.min()}.")
    if num_classes == -1:
        num_classes = int(a.max()) + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    elif a.max() >= num_classes:
        raise RuntimeError(
            f"Class values must be smaller than num_classes, got {a.max()} of {num_classes}."
        )
    out = np.zeros((*a.shape, num_classes), np.int64)
    out.reshape(-1, num_classes)[np.arange(a.size), a.reshape(-1)] = 1
    return make(out)


@composed(method=False)
def _sizes(shape: Any) -> tuple[int, ...]:
    """The shape that `unravel_index` is given, checked."""
    if isinstance(shape, int):
        shape = (shape,)
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    for n in shape:
        if not isinstance(n, (int, np.integer)):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(n)}")
        if n < 0:
            raise ValueError(f"'shape' cannot have negative values, but got {tuple(shape)}")
    return tuple(map(int, shape))


def unravel_index(indices: Any, shape: Any) -> Any:
    """The index along every axis of elements counted as if flattened."""
    a = indices.array
    if a.dtype.kind in "iu":
        sizes = _sizes(shape)
    else:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    try:
        return tuple([make(np.asarray(i, np.int64)) for i in np.unravel_index(a, sizes)])
    except ValueError as error:
        raise ValueError(f"indices out of range for shape {list(sizes)}: {error}") from None
