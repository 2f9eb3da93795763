"""Orders: sort, argsort, topk, kthvalue.

The order is found on the array; the values are then gathered in it, so their gradient is gather's.
"""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from ..core.tensor import make
from ..kernels import copying, extremes
from .arguments import renamed, require_tensor, unsupported
from .extremes import returned
from .scattering import gathered
from .views import reshaped

sort_values = returned("sort", "values", "indices")
topk_values = returned("topk", "values", "indices")
kthvalue_values = returned("kthvalue", "values", "indices")

_DISTINCT = Real("n 5", distinct=True)


LARGE = 1024
"""Elements from which sorting keys is faster than sorting indices."""
_SIGN = np.int32(0x7FFFFFFF)


def _keys(a: np.ndarray, axis: int, descending: bool) -> np.ndarray | None:
    """int64 numbers in the order of `a`, `axis` last: rank in the upper half, index in the lower.

    NumPy sorts such numbers ten times as fast as indices, and no two are equal. None where `a` has
    more than 32 bits to tell.
    """
    x = copying.contiguous(np.moveaxis(a, axis, -1))
    if x.shape[-1] >= 1 << 31:
        return None
    if x.dtype == np.float32:
        bits = (-x if descending else x) + np.float32(0)  # -0 becomes 0, which it equals
        rank = bits.view(np.int32)
        rank ^= (rank >> np.int32(31)) & _SIGN
        missing = np.isnan(x)
        if missing.any():
            rank[missing] = ~_SIGN if descending else _SIGN
    elif x.dtype.kind in "biu" and x.size:
        low, high = int(x.min()), int(x.max())
        if high - low >= 1 << 31:
            return None
        wide = x.astype(np.int64, copy=False)
        rank = (high - wide if descending else wide - low).astype(np.int32)
    else:
        return None
    keys = np.empty(x.shape, np.int64)
    halves = keys.view(np.int32)
    lower = 0 if sys.byteorder == "little" else 1
    halves[..., 1 - lower :: 2] = rank
    halves[..., lower::2] = np.arange(x.shape[-1], dtype=np.int32)
    return keys


def _indices(keys: np.ndarray, axis: int) -> np.ndarray:
    """The indices in sorted keys, at their axis."""
    lower = 0 if sys.byteorder == "little" else 1
    found = keys.view(np.int32)[..., lower::2].astype(np.int64)
    return copying.contiguous(np.moveaxis(found, -1, axis))


def order(a: np.ndarray, axis: int, descending: bool = False) -> np.ndarray:
    """Indices that sort `a` along an axis, equal elements in their order; NaN counts as largest."""
    if a.ndim == 0:
        return np.zeros((), np.int64)
    keys = _keys(a, axis, descending) if a.size >= LARGE else None
    if keys is not None:
        keys.sort(axis=-1)
        return _indices(keys, axis)
    if not descending:
        return np.argsort(a, axis=axis, kind="stable")
    if a.dtype.kind in "biu":
        return np.argsort(~a, axis=axis, kind="stable")
    if not np.isnan(a).any():
        return np.argsort(-a, axis=axis, kind="stable")
    # ascending from the far end, then reversed twice: stays stable, and NaN comes first
    back = np.flip(np.argsort(np.flip(a, axis), axis=axis, kind="stable"), axis)
    return np.asarray(a.shape[axis] - 1 - back, order="C")


@composed(samples=[sample(_DISTINCT, dim=one_of(0, -1), descending=one_of(False, True))])
def sort(
    input: Any, dim: int = -1, descending: bool = False, stable: bool = False, **names: Any
) -> Any:
    """(values, indices) in ascending (or descending) order along `dim`.

    Always stable; NaN counts as larger than every number.
    """
    if isinstance(dim, bool):  # sort(stable, dim, descending), keywords aside
        raise TypeError("sort(): dim must be int, not bool; pass stable= by keyword")
    dim = renamed("sort", names, dim=dim)
    require_tensor("sort", input)
    axis = canonical_axis(dim, input.array.ndim)
    _require_order(input.array)
    index = make(order(input.array, axis, descending))
    return sort_values(gathered(input, index, dim=axis), index)


@composed()
def argsort(
    input: Any, dim: int = -1, descending: bool = False, stable: bool = False, **names: Any
) -> Any:
    """The indices that `sort` returns."""
    dim = renamed("argsort", names, dim=dim)
    require_tensor("argsort", input)
    axis = canonical_axis(dim, input.array.ndim)
    _require_order(input.array)
    return make(order(input.array, axis, descending))


def _require_order(a: np.ndarray) -> None:
    if a.dtype.kind == "c":
        raise RuntimeError(" Sort does not support complex dtypes on CPU")


@composed()
def msort(input: Any) -> Any:
    """Sorted along axis 0."""
    return sort(input, 0).values


@composed(samples=[sample(_DISTINCT, k=3, dim=-1, largest=one_of(True, False))])
def topk(
    input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, **names: Any
) -> Any:
    """(values, indices) of the k largest (or smallest) along `dim`, in order."""
    dim = renamed("topk", names, dim=dim)
    require_tensor("topk", input)
    a = input.array
    if a.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    if a.dtype.kind == "c":
        raise RuntimeError(" topk does not support complex dtypes on CPU")
    axis = canonical_axis(dim, a.ndim)
    k = operator.index(k)
    if not 0 <= k <= (a.shape[axis] if a.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if a.ndim == 0:
        index = np.zeros((), np.int64)
    else:
        index = _first(a, k, axis, largest)
    found = make(index)
    return topk_values(gathered(input, found, dim=axis), found)


def _first(a: np.ndarray, k: int, axis: int, largest: bool) -> np.ndarray:
    """Indices of the k first in the order; for small k of many, only those are sorted."""
    n = a.shape[axis]
    lead = (slice(None),) * axis
    found = extremes.first(np.moveaxis(a, axis, -1), k, largest)
    if found is not None:
        return copying.contiguous(np.moveaxis(found, -1, axis))
    keys = _keys(a, axis, largest) if a.size >= LARGE and 0 < k < n else None
    if keys is not None:
        keys = keys if k * 8 > n else np.partition(keys, k - 1, axis=-1)[..., :k]
        keys.sort(axis=-1)
        return _indices(np.ascontiguousarray(keys[..., :k]), axis)
    if not 0 < k * 8 < n or a.dtype.kind == "b":
        return np.ascontiguousarray(order(a, axis, largest)[(*lead, slice(k))])
    if largest:
        some = np.argpartition(a, n - k, axis=axis)[(*lead, slice(n - k, None))]
    else:
        some = np.argpartition(a, k - 1, axis=axis)[(*lead, slice(k))]
    some = np.sort(some, axis=axis)  # equal values in the order of their indices
    ranked = order(np.take_along_axis(a, some, axis), axis, largest)
    return np.take_along_axis(some, ranked, axis)


def _kth(a: np.ndarray, k: int, axis: int) -> np.ndarray:
    """The index of the k-th smallest, in an axis of size 1."""
    keys = _keys(a, axis, False) if a.size >= LARGE else None
    if keys is None:
        place = (slice(None),) * axis + (slice(k - 1, k),)
        return np.ascontiguousarray(order(a, axis)[place])
    part = np.partition(keys, k - 1, axis=-1)[..., k - 1 : k]
    return _indices(np.ascontiguousarray(part), axis)


@composed(samples=[sample(_DISTINCT, k=2, dim=one_of(1, -1), keepdim=one_of(False, True))])
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False, **names: Any) -> Any:
    """(values, indices) of the k-th smallest along `dim`; the first is k = 1."""
    dim, keepdim = renamed("kthvalue", names, dim=dim, keepdim=keepdim)
    require_tensor("kthvalue", input)
    a = input.array
    if a.dtype.kind == "b":
        raise unsupported("kthvalue", a.dtype)
    axis = canonical_axis(dim, a.ndim)
    if a.ndim and a.shape[axis] == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {axis} to have non-zero size.")
    if not 1 <= k <= (a.shape[axis] if a.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    if a.ndim == 0:
        zero = make(np.zeros((), np.int64))
        return kthvalue_values(gathered(input, zero, dim=0), zero)
    index = make(_kth(a, k, axis))
    values = gathered(input, index, dim=axis)
    if keepdim:
        return kthvalue_values(values, index)
    shape = a.shape[:axis] + a.shape[axis + 1 :]
    return kthvalue_values(reshaped(values, shape=shape), make(index.array.reshape(shape)))
