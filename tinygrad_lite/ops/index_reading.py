"""An index read as PyTorch reads it: its basic parts, and the arrays and masks behind them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from ..core.tensor import Tensor

Index = tuple[Any, ...]
_BASIC = frozenset({int, slice, NoneType, EllipsisType})
INT64, _BOOL = np.dtype(np.int64), np.dtype(np.bool_)


def parse(index: Any, shape: Sequence[int]) -> tuple[Index, Index | None]:
    """The basic part of an index into `shape`, and the arrays (None if there are none).

    IndexError in PyTorch's words for what is no index.
    """
    entries = list(index) if isinstance(index, tuple) else [index]
    entries = [_entry(i) for i in entries]
    taken = sum(_axes_of(i) for i in entries)
    if taken > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    basic: list[Any] = []
    advanced: list[Any] = []
    axis = 0
    for place, entry in enumerate(entries):
        if entry is Ellipsis:
            skipped = len(shape) - taken
            if any(b is Ellipsis for b in basic):  # PyTorch lets it skip as many axes again
                rest = [e for e in entries[place:] if e is not Ellipsis and e != slice(None)]
                if not rest:
                    break
                if skipped:
                    raise IndexError("an index can only have a single ellipsis ('...')")
                continue
            basic.append(Ellipsis)
            advanced.extend([slice(None)] * skipped)
            axis += skipped
        elif entry is None or type(entry) is bool:
            basic.append(None)
            advanced.append(slice(None) if entry is None else np.array([entry]))
        elif isinstance(entry, int):
            basic.append(entry)
            axis += 1
        elif isinstance(entry, slice):
            basic.append(entry)
            advanced.append(slice(None))
            axis += 1
        else:
            _check_array(entry, shape, axis)
            basic.extend([slice(None)] * _axes_of(entry))
            advanced.append(entry)
            axis += _axes_of(entry)
    arrays = [a for a in advanced if isinstance(a, np.ndarray)]
    if not arrays:
        return tuple(basic), None
    while not isinstance(advanced[-1], np.ndarray):
        advanced.pop()
    return tuple(basic), tuple(advanced)


def _entry(i: Any) -> Any:
    """One entry of an index as an int, bool, slice, None, Ellipsis or array."""
    if isinstance(i, Tensor):
        i = i.array
    elif isinstance(i, (list, tuple, range)):
        try:
            i = np.array(_plain(i))
        except ValueError as error:
            raise IndexError(f"a list as an index must be rectangular: {error}") from None
        if i.size == 0:
            i = i.astype(np.int64)
    if isinstance(i, (np.ndarray, np.generic)):
        kind = i.dtype.kind
        if kind not in "biu":
            raise IndexError(
                "tensors used as indices must be long, int, byte or bool tensors, "
                f"got {i.dtype.name}"
            )
        if i.ndim == 0:
            return bool(i) if kind == "b" or i.dtype == np.uint8 else int(i)
        if i.dtype == np.uint8:
            warnings.warn(
                "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool "
                "instead.",
                UserWarning,
                stacklevel=5,
            )
            return i.astype(bool)
        return np.asarray(i)
    if isinstance(i, slice):
        return _slice(i)
    if i is None or i is Ellipsis or type(i) is bool:
        return i
    if isinstance(i, str):
        raise TypeError(f"new(): invalid data type '{type(i).__name__}' for an index")
    if hasattr(i, "__index__"):
        return i.__index__()
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(i).__name__})"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.array
    return [_plain(v) for v in value] if isinstance(value, (list, tuple, range)) else value


def _slice(s: slice) -> slice:
    if s.step is not None and s.step == 0:
        raise ValueError("slice step cannot be zero")
    if s.step is not None and s.step < 0:
        raise ValueError("step must be greater than zero (use flip to reverse an axis)")
    try:
        bounds = [None if b is None else b.__index__() for b in (s.start, s.stop, s.step)]
    except AttributeError:
        raise TypeError(
            "slice indices must be integers or None or have an __index__ method"
        ) from None
    return slice(*bounds)


def _axes_of(i: Any) -> int:
    if i is None or i is Ellipsis or type(i) is bool:
        return 0
    return i.ndim if isinstance(i, np.ndarray) and i.dtype.kind == "b" else 1


def _check_array(i: np.ndarray, shape: Sequence[int], axis: int) -> None:
    if i.dtype.kind == "b":
        for k, n in enumerate(i.shape):
            if shape[axis + k] != n:
                raise IndexError(
                    f"The shape of the mask {list(i.shape)} at index {k} does not match the shape "
                    f"of the indexed tensor {list(shape)} at index {axis + k}"
                )
    elif i.size:
        n = shape[axis]
        low, high = i.min(), i.max()
        if low < -n or high >= n:
            wrong = high if high >= n else low
            raise IndexError(f"index {wrong} is out of bounds for dimension {axis} with size {n}")


def complaint(error: IndexError, x: np.ndarray, index: Any) -> IndexError:
    """NumPy's IndexError in PyTorch's words."""
    text = str(error)
    if "broadcast" in text:
        shapes = ", ".join(str(list(a.shape)) for a in index if isinstance(a, np.ndarray))
        return IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        )
    if x.ndim == 0:
        first = index[0] if isinstance(index, tuple) and index else index
        if isinstance(first, slice):
            return IndexError("slice() cannot be applied to a 0-dim tensor.")
        return IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
            "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
        )
    if text.startswith("too many indices"):
        return IndexError(f"too many indices for tensor of dimension {x.ndim}")
    if "ellipsis" in text:
        return IndexError("an index can only have a single ellipsis ('...')")
    return IndexError(text.replace("for axis", "for dimension"))


def is_basic(index: Any) -> bool:
    """Whether NumPy reads the index as PyTorch does: integers, slices, None and Ellipsis only."""
    if type(index) is not tuple:
        return type(index) in _BASIC and (type(index) is not slice or _is_plain(index))
    for i in index:
        kind = type(i)
        if kind not in _BASIC or (kind is slice and not _is_plain(i)):
            return False
    return True


def is_simple(i: np.ndarray, a: np.ndarray) -> bool:
    """Whether i alone is a good index into a: integers (NumPy checks bounds), or a fitting mask."""
    if i.dtype is INT64:
        return i.ndim > 0 and a.ndim > 0
    return i.dtype is _BOOL and i.ndim > 0 and i.shape == a.shape[: i.ndim]


def _is_plain(s: slice) -> bool:
    step = s.step
    return (step is None or (type(step) is int and step > 0)) and not (
        isinstance(s.start, Tensor) or isinstance(s.stop, Tensor)
    )
