"""From a list of samples to one batch of Tensors.

Source: PyTorch documentation, `torch.utils.data.default_collate` and `default_convert`.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ....core.dtypes import float64
from ....core.tensor import Tensor
from ....ops.creation import as_tensor, tensor
from ....ops.joining import stack

UNKNOWN = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)

Collate = Callable[..., Any]


def default_convert(data: Any) -> Any:
    """`data` with every NumPy array and scalar in it made a Tensor; containers keep their type.

    A plain tuple becomes a list, as in PyTorch; numbers, strings and other objects stay.
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*[default_convert(item) for item in data])
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(item) for item in data])
    return data


def _like_mapping(model: Mapping[Any, Any], content: dict[Any, Any]) -> Any:
    """`content` in a mapping of `model`'s type (with its extra attributes), else in a dict."""
    try:
        if not isinstance(model, MutableMapping):
            return type(model)(content)  # type: ignore[call-arg]
        twin = copy.copy(model)
        twin.update(content)
        return twin
    except TypeError:
        return content


def _like_sequence(model: Sequence[Any], content: list[Any]) -> Any:
    """`content` in a sequence of `model`'s type (with its extra attributes), else in a list."""
    try:
        if not isinstance(model, MutableSequence):
            return type(model)(content)  # type: ignore[call-arg]
        twin = copy.copy(model)
        for i, item in enumerate(content):
            twin[i] = item
        return twin
    except TypeError:
        return content


def collate(batch: Any, *, collate_fn_map: dict[Any, Collate] | None = None) -> Any:
    """One batch out of a list of samples, by the functions of `collate_fn_map`.

    The map goes from a type (or a tuple of types) to a function `f(batch, *, collate_fn_map)`; the
    exact type of the first sample is looked up, then the first entry it is an instance of. Samples
    that are mappings, sequences or named tuples are collated entry by entry. RuntimeError for
    sequences of different lengths, TypeError for a type nobody can collate.
    """
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        function = collate_fn_map.get(kind)
        if function is None:
            known = (f for types, f in collate_fn_map.items() if isinstance(first, types))
            function = next(known, None)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        content = {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map)
            for key in first
        }
        return _like_mapping(first, content)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        columns = zip(*batch, strict=False)
        return kind(*[collate(column, collate_fn_map=collate_fn_map) for column in columns])
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            lengths = sorted({len(sample) for sample in batch})
            raise RuntimeError(
                f"each element in list of batch should be of equal size, got lengths {lengths}; "
                "pass a collate_fn that pads or cuts them"
            )
        columns = zip(*batch, strict=True)
        rows = [collate(column, collate_fn_map=collate_fn_map) for column in columns]
        return rows if isinstance(first, tuple) else _like_sequence(first, rows)
    raise TypeError(UNKNOWN.format(kind))


def collate_tensor_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """The Tensors stacked along a new first dimension; gradients flow through."""
    if all(type(sample) is Tensor for sample in batch):
        return stack(list(batch), 0)
    # the public function, which asks the class of the samples what it makes of it
    stacked: Tensor = sys.modules[__name__.partition(".")[0]].stack(list(batch), 0)
    return stacked


def collate_numpy_array_fn(batch: Any, *, collate_fn_map: Any = None) -> Any:
    """NumPy arrays as Tensors, stacked. TypeError for arrays of strings and objects."""
    if batch[0].dtype.kind in "SUO":
        raise TypeError(UNKNOWN.format(batch[0].dtype))
    return collate([as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """NumPy scalars as a 1-d Tensor of their dtype."""
    return as_tensor(np.asarray(batch))


def collate_float_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Python floats as a 1-d float64 Tensor, PyTorch's choice."""
    return tensor(batch, dtype=float64)


def collate_int_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Python ints as a 1-d int64 Tensor, bools as a bool one."""
    return tensor(batch)


def collate_str_fn(batch: Any, *, collate_fn_map: Any = None) -> Any:
    """Strings and bytes stay a list."""
    return batch


# The order counts: a sample belongs to the first entry it is an instance of, and a np.float64 is a
# Python float.
default_collate_fn_map: dict[Any, Collate] = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch: Any) -> Any:
    """A list of samples as one batch, with a new first dimension in every Tensor of it.

    Tensors and arrays are stacked; floats become float64, ints int64, bools bool Tensors; strings
    and bytes stay lists; dicts, lists, tuples and named tuples are collated entry by entry.
    `default_collate([(0, 1.5), (2, 2.5)])` is `[tensor([0, 2]), tensor([1.5, 2.5])]`.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
