"""Nested sequences and numbers of Python's as arrays, with the dtype that PyTorch infers."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.dtypes import from_numpy_dtype, get_default_dtype
from ..core.tensor import Tensor


def from_python(data: Any) -> np.ndarray:
    """The array NumPy makes of numbers or nested sequences; the errors are PyTorch's."""
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    if data is None:
        raise RuntimeError("Could not infer dtype of NoneType")
    if isinstance(data, (list, tuple, Sequence)):
        if len(data) and type(data[0]) is np.ndarray and data[0].ndim:
            warnings.warn(
                "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please "
                "consider converting the list to a single numpy.ndarray with numpy.array() before "
                "converting to a tensor.",
                UserWarning,
                stacklevel=4,
            )
        data = _untensored(data)
    try:
        array = np.array(data)
    except RuntimeError:  # a Tensor that requires grad, after a first number
        array = np.array([_untensored(d) for d in data])
    except ValueError:
        raise _ragged(data, 0) from None
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None
    if array.dtype.kind in "biufc":
        return array
    first = _first_leaf(data)
    if array.dtype.kind == "U":
        if not isinstance(first, str):
            raise TypeError("new(): invalid data type 'str'")
        raise ValueError("too many dimensions 'str'")
    if isinstance(first, int):
        raise ValueError("Overflow when unpacking long long")
    if isinstance(first, float):  # with integers among them that are too large for one
        return array.astype(np.float64)
    raise RuntimeError(f"Could not infer dtype of {type(first).__name__}")


def _untensored(data: Any) -> Any:
    """Nested sequences with the Tensors in them replaced by arrays (detached, as in PyTorch)."""
    if isinstance(data, Tensor):
        if data.array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return data.array.reshape(())
    if isinstance(data, (list, tuple)):
        if data and type(data[0]) in (int, float, bool):
            return data
        return [_untensored(d) for d in data]
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [_untensored(d) for d in data]
    return data


def _ragged(data: Any, depth: int) -> Exception:
    """The error for sequences of unequal length, naming the first one."""
    lengths = [len(d) if isinstance(d, (list, tuple, np.ndarray)) else -1 for d in data]
    for n in lengths[1:]:
        if n != lengths[0]:
            if n == -1:
                return TypeError("not a sequence")
            if lengths[0] == -1:
                name = type(data[lengths.index(n)]).__name__
                return TypeError(f"'{name}' object cannot be interpreted as an integer")
            return ValueError(
                f"expected sequence of length {lengths[0]} at dim {depth + 1} (got {n})"
            )
    for d in data:
        if isinstance(d, (list, tuple)):
            inner = _ragged(d, depth + 1)
            if "of equal" not in str(inner):
                return inner
    return ValueError("expected sequences of equal length at every depth")


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple, np.ndarray)) and len(data):
        data = data[0]
    return data


def inferred(array: np.ndarray, data: Any) -> Any:
    """The NumPy dtype of a Tensor made of `data`, of which `array` holds the values."""
    if array.size == 0 and array.dtype == np.float64:
        return get_default_dtype().numpy
    kinds = _kinds_of(data) if isinstance(data, (list, tuple)) else {type(data)}
    found = [d for d in map(_dtype_of, kinds) if d is not None]
    if found and len(found) == len(kinds):
        if array.dtype.kind == "u" and kinds == {int}:
            raise ValueError("Overflow when unpacking long long")
        return functools.reduce(dtypes.promote_types, found).numpy
    if array.dtype.kind == "f":
        return get_default_dtype().numpy
    if array.dtype.kind == "c":
        return get_default_dtype().to_complex().numpy
    return array.dtype


def _kinds_of(data: Any) -> set[Any]:
    """The types of what nested sequences hold; of arrays and Tensors in them, the dtypes."""
    found: set[Any] = set(map(type, data))
    if found.isdisjoint(_HOLDERS):
        return found
    kinds = found - _HOLDERS
    for part in data:
        if isinstance(part, (list, tuple)):
            kinds |= _kinds_of(part)
        elif type(part) in _HOLDERS:
            if type(part) is np.ndarray and part.ndim == 0:
                raise TypeError("len() of unsized object")
            kinds.add(part.dtype)
    return kinds


_HOLDERS = {list, tuple, np.ndarray, Tensor}


def _dtype_of(kind: Any) -> dtypes.dtype | None:
    """The dtype of elements of a type, or for a NumPy dtype; None: it has none."""
    if kind is float:
        return get_default_dtype()
    if kind is complex:
        return get_default_dtype().to_complex()
    if kind is int or kind is bool:
        return dtypes.int64 if kind is int else dtypes.bool_
    if isinstance(kind, dtypes.dtype):
        return kind
    if isinstance(kind, np.dtype) or (isinstance(kind, type) and issubclass(kind, np.generic)):
        return from_numpy_dtype(np.dtype(kind))
    return None
