"""Other memory, or another shape of it, for a Tensor that exists: set_, resize_."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.determinism import settled
from ..core.node import _LEGACY, Leaf, owner
from ..core.shapes import shape_from
from ..core.tensor import CHANNELS_LAST, Tensor, bind
from .arguments import of_tensors


def set_(
    self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None
) -> Tensor:
    """Make this Tensor look at the memory of `source`, a Tensor or a storage (None: become empty).

    size    its new shape; by default that of `source`, or all elements of the storage
    stride  steps in elements; by default those of row-major order

    RuntimeError for another dtype, or for a shape that reaches beyond the memory.
    """
    _point_at(self, source, storage_offset, size, stride)
    node = self.node
    if isinstance(node, Leaf):  # what was computed from the old memory is no business of the new
        self.node = Leaf(self)
        self.node.hooks, self.node.after = node.hooks, node.after
    return self


def _point_at(self: Tensor, source: Any, storage_offset: int, size: Any, stride: Any) -> None:
    if source is None:
        self.array = np.zeros(0, self.array.dtype)
        return
    if isinstance(source, Tensor):
        if source.array.dtype != self.array.dtype:
            raise RuntimeError(
                f"Could not set tensor of type {_type_name(source)} to a tensor of type "
                f"{_type_name(self)}"
            )
        if size is None:
            self.array = source.array
            return
        memory = _whole(source.array)
    else:
        memory = source.elements_for(self.dtype)
    shape = (memory.size - storage_offset,) if size is None else tuple(size)
    self.array = _region(memory, storage_offset, shape, stride)


def _type_name(x: Tensor) -> str:
    return _LEGACY.get(x.dtype.name, x.dtype.name).lower()


def _region(memory: np.ndarray, offset: int, shape: Any, stride: Any) -> np.ndarray:
    if stride is None:
        stride = [math.prod(shape[d + 1 :]) for d in range(len(shape))]
    last = offset + sum([(n - 1) * s for n, s in zip(shape, stride, strict=True)])
    if 0 not in shape and last >= memory.size:
        raise RuntimeError(
            f"set_(): a tensor of shape {list(shape)} with strides {list(stride)} from element "
            f"{offset} on needs {last + 1} elements, but the storage has {memory.size}"
        )
    steps = [s * memory.itemsize for s in stride]
    return np.ndarray(shape, memory.dtype, memory, offset * memory.itemsize, steps)


def _whole(a: np.ndarray) -> np.ndarray:
    """The memory that `a` is a view of, as a vector of elements of its dtype."""
    root = owner(a)
    if not isinstance(root, np.ndarray) or not (root.flags.c_contiguous or root.flags.f_contiguous):
        return a.reshape(-1)
    return np.ndarray(root.nbytes // a.itemsize, a.dtype, root.ravel("K"))


def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Change the shape in place, the elements in the order in which they lie in memory.

    The memory stays, shared as it was, if it is large enough; else it is copied, and new elements
    are 0. RuntimeError if gradients are recorded for it.
    """
    shape = shape_from(sizes)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if self.array.shape != shape:
        memory = _whole(self.array)[self.storage_offset() :]
        n = math.prod(shape)
        if memory.size < n:
            fresh = settled(np.zeros(n, self.array.dtype))
            fresh[: memory.size] = memory
            memory = fresh
        self.array = memory[:n].reshape(shape)
    if getattr(memory_format, "name", "") in CHANNELS_LAST:
        n, c, *plane = shape
        self.array = np.moveaxis(self.array.reshape(n, *plane, c), -1, 1)
    return self


@of_tensors
def resize_as_(self: Tensor, the_template: Tensor, memory_format: Any = None) -> Tensor:
    """`resize_` to the shape of another Tensor."""
    return resize_(self, *the_template.array.shape, memory_format=memory_format)


for _function in (set_, resize_, resize_as_):
    bind(_function.__name__, _function)
