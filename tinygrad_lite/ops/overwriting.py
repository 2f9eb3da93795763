"""All elements of a Tensor written at once: copy_, fill_, and what Python computes one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.chain import overwrite
from ..core.inplace import in_place, require_apart, require_writable
from ..core.modes import current
from ..core.shapes import broadcast_shape
from ..core.tensor import Tensor, bind, live_node, make, stamp
from ..kernels import copying
from .arguments import fitting
from .conversion import clone

_write = in_place(overwrite, "copy_")


def _overwritten(self: Tensor, src: Any, write: Any) -> Tensor:
    """`src` written into `self` by `write`, or at once where no history is at stake."""
    if current().grad and not (live_node(self) is None and _is_constant(src)):
        return write(self, src)
    require_writable(self, one_value=write is not _write)
    if isinstance(src, Tensor) and (src.array.base is not None or self.array.base is not None):
        require_apart(self.array, src.array)
    stamp(self, write.__name__)
    copying.assign(self.array, src.array if isinstance(src, Tensor) else src)
    return self


def _is_constant(x: Any) -> bool:
    return not isinstance(x, Tensor) or live_node(x) is None


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write `src`, broadcast and converted, into this Tensor; gradients then flow to `src`."""
    if isinstance(src, (int, float)):
        return _overwritten(self, src, _write)
    if not isinstance(src, Tensor):
        raise TypeError(
            f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}"
        )
    to, of = self.array.shape, src.array.shape
    if of != to and broadcast_shape([to, of]) != to:
        raise RuntimeError(
            f"output with shape {list(self.array.shape)} doesn't match the broadcast shape of "
            f"the source, {list(src.array.shape)} (copy_)"
        )
    return _overwritten(self, src, _write)


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write `value`, a number or a 0-d Tensor, into every element."""
    if isinstance(value, Tensor) and value.array.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value.array.ndim} dimensions."
        )
    if isinstance(value, (int, float, complex)):
        value = fitting(value, self.array.dtype)
    elif not isinstance(value, (Tensor, np.ndarray, np.generic)):
        raise TypeError(
            f"fill_(): argument 'value' (position 1) must be Number, not {type(value).__name__}"
        )
    return _overwritten(self, value, _fill)


_fill = in_place(overwrite, "fill_")
_zero = in_place(overwrite, "zero_")


def zero_(self: Tensor) -> Tensor:
    """Write 0 into every element."""
    return _overwritten(self, 0, _zero)


def fill(input: Tensor, value: Any) -> Tensor:
    """A Tensor like `input` with `value` in every element."""
    return fill_(clone(input), value)


# -- by a Python function, element by element ------------------------------------------------------


def apply_(self: Tensor, callable: Any) -> Tensor:
    """Write callable(element) into each element; slow, and only without gradients."""
    _no_gradient("apply_", self)
    values = [callable(v) for v in self.array.reshape(-1).tolist()]
    return copy_(self, make(_as_elements(values, self.array)))


def _no_gradient(name: str, *tensors: Tensor) -> None:
    if any(t.requires_grad for t in tensors):
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
            "instead."
        )


def _as_elements(values: Sequence[Any], like: np.ndarray) -> np.ndarray:
    """What a function gave for each element, as an array like that of the elements."""
    for v in values:
        if not isinstance(v, (int, float, complex, np.generic)):
            raise TypeError(f"{type(v).__name__!r} object cannot be interpreted as a number")
    return np.array(values, like.dtype).reshape(like.shape)


def map_(self: Tensor, tensor: Tensor, callable: Any) -> Tensor:
    """Write callable(element, other element) into each element; slow, without gradients."""
    return _mapped("map_", self, (tensor,), callable)


def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Any) -> Tensor:
    """Write callable(element, element of x, element of y) into each element; slow, as `map_`."""
    return _mapped("map2_", self, (x, y), callable)


def _mapped(name: str, self: Tensor, others: Sequence[Tensor], callable: Any) -> Tensor:
    _no_gradient(name, self, *others)
    for t in others:
        if t.array.dtype != self.array.dtype:
            raise TypeError(f"{name}: expected {self.type()} for 'other' (got {t.type()})")
    shape = self.array.shape
    columns = [t.detach().expand(shape).array for t in others]
    rows = zip(*[a.reshape(-1).tolist() for a in (self.array, *columns)], strict=True)
    return copy_(self, make(_as_elements([callable(*row) for row in rows], self.array)))


for _function in (copy_, fill_, zero_, apply_, map_, map2_):
    bind(_function.__name__, _function)
