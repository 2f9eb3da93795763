"""What a Tensor answers first: how large it is, and where it lives."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any


class Size(tuple[int, ...]):
    """The shape of a Tensor: a tuple of ints that can count its elements."""

    __slots__ = ()
    __module__ = __package__.partition(".")[0]  # as it is imported, and shown

    def __new__(cls, sizes: Iterable[Any] = ()) -> Size:
        """TypeError unless `sizes` are integers (0-d Tensors of one are)."""
        return tuple.__new__(cls, [_integer(n, i) for i, n in enumerate(sizes)])

    def numel(self) -> int:
        """Product of the sizes."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        item = tuple.__getitem__(self, index)
        return Size(item) if isinstance(index, slice) else item

    def __add__(self, other: Any) -> Any:
        if isinstance(other, tuple):
            return Size(tuple(self) + other)
        if hasattr(type(other), "__radd__") and not hasattr(type(other), "array"):
            return NotImplemented
        raise TypeError(f"can only concatenate tuple (not {type(other).__name__}) to torch.Size")

    def __radd__(self, other: Any) -> Any:
        return Size(other + tuple(self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: Any) -> Any:
        return Size(tuple(self) * times)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


def _integer(n: Any, place: int) -> int:
    if type(n) is int:
        return n
    try:
        return operator.index(n)
    except TypeError:
        raise TypeError(
            f"torch.Size() takes an iterable of 'int' (item {place} is '{type(n).__name__}')"
        ) from None


class device:
    """Where a Tensor lives: here always the CPU. Another device raises when it is used."""

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cuda", type
        elif not isinstance(type, str):
            raise TypeError(f"device must be a string such as 'cpu', not {type!r}")
        if ":" in type:
            type, number = type.split(":", 1)
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}:{number}'")
            index = int(number)
        known = ("cpu", "cuda", "mps", "xpu", "meta", "hpu", "mtia", "xla", "ipu", "vulkan", "hip")
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        if type not in known:
            raise RuntimeError(
                f"Expected one of {', '.join(known)} device type at start of device string: {type}"
            )
        self.type = type
        self.index = index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        suffix = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{suffix})"

    def __enter__(self) -> device:
        require_cpu(self)
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __reduce__(self) -> Any:
        return device, (self.type, self.index)


CPU = device("cpu")


class NoCuda(AssertionError, RuntimeError):
    """What PyTorch without CUDA raises when a program asks for it: an AssertionError. It is a
    RuntimeError too, as for any other device that is not there."""


def require_cpu(where: Any) -> None:
    """Raise RuntimeError unless `where` (None, a string or a device) is the CPU."""
    if where is not None and device(where).type != "cpu":
        reason = (
            f"tinygrad_lite runs on the CPU only, not on device '{device(where)}'; "
            "use device='cpu' (cuda.is_available() is False)"
        )
        if device(where).type == "cuda":
            raise NoCuda(f"Torch not compiled with CUDA enabled: {reason}")
        raise RuntimeError(reason)
