"""A Tensor as values of NumPy and Python: its array, its only number, its printed form.

These are Tensor's methods, bound to it when this file is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from .modes import current
from .node import Leaf
from .printing import format_tensor
from .tensor import Tensor, bind, live_node

PACKAGE = __package__.partition(".")[0] + "."


def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The array itself (memory is shared). RuntimeError if it requires grad, unless `force`.

    Within `no_grad()` it may require grad: nothing is recorded there anyway.
    """
    if not force and live_node(self) is not None and current().grad:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    return self.array


def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = self.numpy()
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return array.copy() if copy else array


def item(self: Tensor) -> Any:
    """The only element as a Python number."""
    if self.array.size != 1:
        raise RuntimeError(
            f"a Tensor with {self.array.size} elements cannot be converted to Scalar"
        )
    return self.array.item()


def tolist(self: Tensor) -> Any:
    """Nested lists of Python numbers (a number for a 0-d Tensor)."""
    return self.array.tolist()


def __bool__(self: Tensor) -> bool:
    if self.array.size != 1:
        state = "no values" if self.array.size == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {state} is ambiguous")
    return bool(self.array.item())


def __float__(self: Tensor) -> float:
    return float(_real_only(self, "double"))


def __int__(self: Tensor) -> int:
    return int(_real_only(self, "int64_t"))


def _real_only(self: Tensor, kind: str) -> Any:
    only = _only(self)
    if isinstance(only, complex):
        if only.imag:
            raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
        return only.real
    return only


def __complex__(self: Tensor) -> complex:
    return complex(_only(self))


def _only(self: Tensor) -> Any:
    if self.array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return self.array.item()


def __index__(self: Tensor) -> int:
    if self.array.dtype.kind not in "biu" or self.array.size != 1:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(self.array.item())


def __len__(self: Tensor) -> int:
    if self.array.ndim == 0:
        raise TypeError("len() of a 0-d tensor")
    return self.array.shape[0]


def __reversed__(self: Tensor) -> Tensor:
    """The elements along the first axis in reverse order, as one Tensor."""
    return self.flip(0) if self.array.ndim else self


def __format__(self: Tensor, spec: str) -> str:
    if self.array.ndim == 0 and type(self) is Tensor:
        return format(self.array.item(), spec)
    return object.__format__(self, spec)


def __repr__(self: Tensor, *, tensor_contents: Any = None) -> str:
    node, kind = live_node(self), type(self)
    default = dtypes.get_default_dtype()
    plain = (default, default.to_complex(), dtypes.int64, dtypes.bool_)
    suffix = None if self.dtype in plain else repr(self.dtype)
    return format_tensor(
        self.array,
        dtype_suffix=suffix,
        requires_grad=isinstance(node, Leaf),
        grad_fn=None if node is None or isinstance(node, Leaf) else f"<{node.name()}>",
        name="tensor" if kind.__module__.startswith(PACKAGE) else kind.__name__,
    )


for _method in (
    numpy,
    __array__,
    item,
    tolist,
    __bool__,
    __float__,
    __int__,
    __complex__,
    __index__,
    __len__,
    __reversed__,
    __format__,
    __repr__,
):
    bind(_method.__name__, _method)
