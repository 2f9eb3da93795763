"""Copies of Tensors: `pickle`, `copy.copy` and `copy.deepcopy`, by PyTorch's rules.

All three give a leaf: a graph is not copied. They are bound to Tensor when this file is imported.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .node import owner
from .tensor import Tensor, bind


def _blank(kind: type[Tensor]) -> Tensor:
    """An instance whose fields `__setstate__` is about to fill."""
    return object.__new__(kind)  # not its own `__new__`, which may want arguments


def reduce_tensor(self: Tensor, protocol: Any = None) -> tuple[Any, ...]:
    """What pickle stores: the array, whether a gradient is wanted, and the attributes.

    `copy.copy` goes the same way and shares the memory. The gradient itself is left behind, as is
    the history: a non-leaf comes back as a leaf. A class that has a `__getstate__` or
    `__setstate__` gets the array first, then the state it gave, or the attributes.
    """
    kind: Any = type(self)
    if not _own_state(kind):
        return _blank, (kind,), (self.array, self.requires_grad, self.__dict__)
    given = kind.__getstate__ is not object.__getstate__
    state = self.__getstate__() if given else self.__dict__
    return _restored, (kind, self.array, self.requires_grad, state)


def __setstate__(self: Tensor, state: Any) -> None:
    """What `reduce_tensor` took apart, put into a blank Tensor."""
    array, requires_grad, extra = state
    self.array = array
    self.node = self._grad = self.base = self.seen = None
    self.__dict__.update(extra)
    if requires_grad:
        self.requires_grad_()


def _own_state(kind: Any) -> bool:
    """Whether the class says itself what its pickles hold, or what to do with that."""
    return (
        kind.__setstate__ is not Tensor.__setstate__ or kind.__getstate__ is not object.__getstate__
    )


def _restored(kind: type[Tensor], array: np.ndarray, requires_grad: bool, state: Any) -> Tensor:
    found = _blank(kind)
    Tensor.__setstate__(found, (array, requires_grad, {}))
    if kind.__setstate__ is Tensor.__setstate__:
        found.__dict__.update(state)
    else:
        found.__setstate__(state)
    return found


def deepcopy_tensor(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with memory of its own, its `.grad` and its attributes copied too.

    Tensors that share memory and are copied together share their new memory. RuntimeError for a
    non-leaf: what its copy should be connected to nobody can know.
    """
    if id(self) in memo:
        done: Tensor = memo[id(self)]
        return done
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment; detach() this one first. If you were attempting to deepcopy a "
            "module, one of its attributes is the result of a recorded computation."
        )
    twin = memo[id(self)] = _blank(type(self))
    Tensor.__setstate__(twin, (copied_memory(self.array, memo), self.requires_grad, {}))
    twin._grad = copy.deepcopy(self._grad, memo)
    twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return twin


def copied_memory(array: np.ndarray, memo: dict[int, Any]) -> np.ndarray:
    """A copy of `array` with the same strides, in a copy of all the memory it is a view of."""
    root = owner(array)
    plain = isinstance(root, np.ndarray) and (root.flags.c_contiguous or root.flags.f_contiguous)
    if not plain or array.size == 0:
        return array.copy()
    key = -id(root)  # ids are positive, so this is nobody's; memo[id(root)] may be the array's own
    if key not in memo:
        memo[key] = root, root.copy(order="K")  # the root too, lest its id be given to another
    new = memo[key][1]
    if array is root:
        return new
    offset = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    # of a contiguous array, of either order, K-order is the memory as it lies: no copy
    return np.ndarray(array.shape, array.dtype, new.ravel(order="K"), offset, array.strides)


bind("__setstate__", __setstate__)
bind("__reduce_ex__", reduce_tensor)
bind("__deepcopy__", deepcopy_tensor)
