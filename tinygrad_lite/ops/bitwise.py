"""Bits of integers and bools; none of these has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Boolean, Integer, sample
from ..core.tensor import Tensor, bind
from .arguments import as_arrays, unsupported

_PAIR = [
    sample(Integer(high=9), Integer(high=9), smooth=False),
    sample(Boolean(broadcast=True), Boolean(broadcast=True), smooth=False),
]
_INTEGERS = [sample(Integer(low=-9, high=9), Integer(high=5), smooth=False)]


def _on_bits(ufunc: Any, function: str, *operands: Any) -> Any:
    """ufunc(*operands); NotImplementedError for floats, in PyTorch's words."""
    try:
        return ufunc(*operands)
    except TypeError:
        floating = next(a.dtype for a in operands if isinstance(a, np.ndarray))
        raise unsupported(function, floating) from None


@primitive(broadcasts=True, operator="and", inplace=True, samples=_PAIR)
def bitwise_and(x: Any, y: Any) -> Any:
    """Bits set in both x and y; for bool: x and y."""
    return _on_bits(np.bitwise_and, "bitwise_and", x, y)


@primitive(broadcasts=True, operator="or", inplace=True, samples=_PAIR)
def bitwise_or(x: Any, y: Any) -> Any:
    """Bits set in x or y; for bool: x or y."""
    return _on_bits(np.bitwise_or, "bitwise_or", x, y)


@primitive(broadcasts=True, operator="xor", inplace=True, samples=_PAIR)
def bitwise_xor(x: Any, y: Any) -> Any:
    """Bits set in one of x and y; for bool: x or y but not both."""
    return _on_bits(np.bitwise_xor, "bitwise_xor", x, y)


@primitive(
    inplace=True,
    samples=[sample(Integer(), smooth=False), sample(Boolean(), smooth=False)],
)
def bitwise_not(x: Any) -> Any:
    """Every bit inverted; for bool: not x."""
    return _on_bits(np.invert, "bitwise_not", x)


def _invert(self: Tensor) -> Any:
    """~x. TypeError for floats."""
    if self.array.dtype.kind not in "biu":
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return bitwise_not(self)


bind("__invert__", _invert)


def _shifted(ufunc: Any, function: str, x: Any, y: Any, beyond: Any) -> Any:
    """ufunc(x, y), and `beyond` where y is a shift that C leaves undefined."""
    x, y = as_arrays(x, y)
    x, y = np.broadcast_arrays(x, y)
    if x.dtype.kind not in "iu":
        raise unsupported(function, x.dtype)
    undefined = (y < 0) | (y >= 8 * x.dtype.itemsize)
    safe = np.where(undefined, 0, y).astype(x.dtype)
    return np.where(undefined, beyond, ufunc(x, safe)).astype(x.dtype)


@primitive(
    broadcasts=True,
    operator="lshift",
    inplace=True,
    samples=_INTEGERS,
)
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """x * 2 ** y without the bits that leave; 0 for y negative or not below the width of x."""
    return _shifted(np.left_shift, "lshift", x, y, 0)


@primitive(
    broadcasts=True,
    operator="rshift",
    inplace=True,
    samples=_INTEGERS,
)
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """floor(x / 2 ** y); the sign alone (0 or -1) for y negative or not below the width of x."""
    return _shifted(np.right_shift, "rshift", x, y, np.where(np.less(x, 0), -1, 0))


@primitive(broadcasts=True, tensors=(0, 1), inplace=True, samples=_INTEGERS)
def gcd(x: Any, y: Any) -> Any:
    """The greatest common divisor, elementwise; gcd(0, 0) = 0."""
    return _on_bits(np.gcd, "gcd", x, y)


@primitive(broadcasts=True, tensors=(0, 1), inplace=True, samples=_INTEGERS)
def lcm(x: Any, y: Any) -> Any:
    """The least common multiple, elementwise."""
    return _on_bits(np.lcm, "lcm", x, y)
