"""Padding layers: `F.pad` with its arguments held by a module."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from .. import functional as F
from .module import Module


class _Pad(Module):
    """`padding` is one number for every side, or (before, after) from the last axis backwards."""

    dims: int
    mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        sides = 2 * self.dims
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * sides
        if len(self.padding) != sides:
            raise ValueError(
                f"{type(self).__name__}: padding must be an int or {sides} ints, got {padding}"
            )

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A border of `value` along the last axis."""

    dims = 1


class ConstantPad2d(_ConstantPadNd):
    """A border of `value` along the last two axes."""

    dims = 2


class ConstantPad3d(_ConstantPadNd):
    """A border of `value` along the last three axes."""

    dims = 3


class ZeroPad1d(_Pad):
    """A border of zeros along the last axis."""

    dims = 1


class ZeroPad2d(_Pad):
    """A border of zeros along the last two axes."""

    dims = 2


class ZeroPad3d(_Pad):
    """A border of zeros along the last three axes."""

    dims = 3


class _ReflectionPadNd(_Pad):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """The last axis continued by reflection about its ends."""

    dims = 1


class ReflectionPad2d(_ReflectionPadNd):
    """The last two axes continued by reflection about their ends."""

    dims = 2


class ReflectionPad3d(_ReflectionPadNd):
    """The last three axes continued by reflection about their ends."""

    dims = 3


class _ReplicationPadNd(_Pad):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """The last axis continued by its end elements."""

    dims = 1


class ReplicationPad2d(_ReplicationPadNd):
    """The last two axes continued by their end elements."""

    dims = 2


class ReplicationPad3d(_ReplicationPadNd):
    """The last three axes continued by their end elements."""

    dims = 3


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        low = self.dims + 1  # without a batch axis
        if input.array.ndim not in (low, low + 1):
            raise ValueError(f"expected {low}D or {low + 1}D input (got {input.array.ndim}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPad):
    """The last axis continued from its other end."""

    dims = 1


class CircularPad2d(_CircularPad):
    """The last two axes continued from their other ends."""

    dims = 2


class CircularPad3d(_CircularPad):
    """The last three axes continued from their other ends."""

    dims = 3
