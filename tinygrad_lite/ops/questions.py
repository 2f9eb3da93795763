"""What a Tensor is: of which dtype, how large, whether it holds a value, and its type's name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.dtypes import dtype
from ..core.tensor import Tensor, bind
from .arguments import of_tensors, require_tensor


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is floating."""
    require_tensor("is_floating_point", input)
    return input.array.dtype.kind == "f"


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    require_tensor("is_complex", input)
    return input.array.dtype.kind == "c"


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not 0; RuntimeError unless there is exactly one."""
    require_tensor("is_nonzero", input)
    return bool(input)


def numel(input: Tensor) -> int:
    """Number of elements."""
    require_tensor("numel", input)
    return input.array.size


@of_tensors
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return input.array.shape == other.array.shape


@of_tensors
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same elements of the same memory."""
    a, b = self, tensor
    return (a.data_ptr(), a.shape, a.stride()) == (b.data_ptr(), b.shape, b.stride())


def is_signed(input: Tensor) -> bool:
    """Whether the dtype can hold negative numbers."""
    return input.is_signed()


def is_inference(input: Tensor) -> bool:
    """False: what is made in `inference_mode` is an ordinary Tensor here."""
    return False


def get_device(input: Tensor) -> int:
    """-1, PyTorch's number for the CPU."""
    return -1


def typename(obj: Any) -> str:
    """The name of a Tensor's legacy type, of a class or function, or of an object's class."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if hasattr(obj, "__qualname__") else type(obj)  # a class or function names itself
    module = kind.__module__
    return kind.__qualname__ if module in (None, "builtins") else f"{module}.{kind.__qualname__}"


def _contains(self: Tensor, element: Any) -> bool:
    """Whether any element equals `element`, a number or a Tensor."""
    value = element.array if isinstance(element, Tensor) else element
    if not isinstance(element, (Tensor, int, float, complex, np.number, np.bool_)):
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )
    return bool((self.array == value).any())


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype an op of the two (Tensors or numbers) would compute in."""
    levels: tuple[list[dtype], ...] = ([], [], [])
    for x in (tensor1, tensor2):
        if isinstance(x, Tensor):
            levels[0 if x.array.ndim else 1].append(x.dtype)
        else:
            levels[2].append(dtypes.number_dtype(x))
    return dtypes.combine(*levels)


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether PyTorch's promotion rules let `from_` be written into `to`."""
    for position, d in enumerate((from_, to), 1):
        if not isinstance(d, dtype):
            raise TypeError(
                f"can_cast(): argument '{'from_' if position == 1 else 'to'}' (position {position})"
                f" must be torch.dtype, not {type(d).__name__}"
            )
    return dtypes.can_cast(from_, to)


for _function in (is_nonzero, is_same_size, is_set_to, is_inference):
    bind(_function.__name__, _function)
bind("__contains__", _contains)
