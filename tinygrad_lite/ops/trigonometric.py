"""Circular and hyperbolic functions and their inverses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.rules import pointwise, with_kernel
from ..core.samples import Real, reals, sample
from ..kernels import elementwise as kernels
from .arguments import also, floats_only, not_complex, of_tensors
from .arithmetic import where
from .powers import rsqrt

_INSIDE = reals(1, low=-0.9, high=0.9)
_AWAY = Real(broadcast=True, avoid=(0.0,), margin=0.3)


@primitive(lambda g, x: g * cos(x), promote="float", inplace=True, samples=reals(1))
def sin(x: Any) -> Any:
    """Sine, elementwise, of radians."""
    return np.sin(x)


@primitive(lambda g, x: -g * sin(x), promote="float", inplace=True, samples=reals(1))
def cos(x: Any) -> Any:
    """Cosine, elementwise, of radians."""
    return np.cos(x)


@primitive(
    pointwise(lambda g, out: g * (out * out + 1)),
    promote="float",
    inplace=True,
    samples=reals(1, low=-1.2, high=1.2),
)
def tan(x: Any) -> Any:
    """Tangent, elementwise, of radians."""
    return np.tan(x)


@primitive(
    pointwise(lambda g, x: g * rsqrt(1 - x * x)), promote="float", inplace=True, samples=_INSIDE
)
def asin(x: Any) -> Any:
    """Inverse sine, elementwise; NaN outside [-1, 1]."""
    return np.arcsin(x)


@primitive(
    pointwise(lambda g, x: -g * rsqrt(1 - x * x)), promote="float", inplace=True, samples=_INSIDE
)
def acos(x: Any) -> Any:
    """Inverse cosine, elementwise; NaN outside [-1, 1]."""
    return np.arccos(x)


@primitive(pointwise(lambda g, x: g / (x * x + 1)), promote="float", inplace=True, samples=reals(1))
def atan(x: Any) -> Any:
    """Inverse tangent, elementwise."""
    return np.arctan(x)


def _unless_origin(g: Any, x: Any, y: Any, numerator: Any) -> Any:
    square = x * x + y * y
    return g * where(square == 0, 0.0, numerator / square)


@primitive(
    lambda g, x, y: _unless_origin(g, x, y, y),
    lambda g, x, y: _unless_origin(g, x, y, -x),
    broadcasts=True,
    tensors=(0, 1),
    promote="float",
    inplace=True,
    check=not_complex("atan2_cpu"),
    samples=[sample(_AWAY, _AWAY)],
)
def atan2(x: Any, y: Any) -> Any:
    """The angle of the point (y, x): inverse tangent of x / y in the right quadrant.

    The derivative at the origin is 0.
    """
    return np.arctan2(x, y)


@primitive(lambda g, x: g * cosh(x), promote="float", inplace=True, samples=reals(1))
def sinh(x: Any) -> Any:
    """Hyperbolic sine, elementwise."""
    return np.sinh(x)


@primitive(lambda g, x: g * sinh(x), promote="float", inplace=True, samples=reals(1))
def cosh(x: Any) -> Any:
    """Hyperbolic cosine, elementwise."""
    return np.cosh(x)


@with_kernel(kernels.tanh_backward)
def _tanh_rule(g: Any, out: Any) -> Any:
    return g * (1 - out * out)


@primitive(_tanh_rule, promote="float", inplace=True, ufunc=kernels.tanh, samples=reals(1))
def tanh(x: Any) -> Any:
    """Hyperbolic tangent, elementwise."""
    return kernels.tanh(x)


@primitive(
    pointwise(lambda g, x: g * rsqrt(x * x + 1)), promote="float", inplace=True, samples=reals(1)
)
def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine, elementwise."""
    return np.arcsinh(x)


@primitive(
    pointwise(lambda g, x: g * rsqrt(x * x - 1)),
    promote="float",
    inplace=True,
    samples=reals(1, low=1.2, high=3.0),
)
def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine, elementwise; NaN below 1."""
    return np.arccosh(x)


@primitive(pointwise(lambda g, x: g / (1 - x * x)), promote="float", inplace=True, samples=_INSIDE)
def atanh(x: Any) -> Any:
    """Inverse hyperbolic tangent, elementwise; NaN outside [-1, 1]."""
    return np.arctanh(x)


@primitive(
    pointwise(lambda g, x, out: g * (x / out)),
    pointwise(lambda g, y, out: g * (y / out)),
    broadcasts=True,
    tensors=(0, 1),
    inplace=True,
    check=floats_only("hypot_cpu"),
    samples=[sample(_AWAY, _AWAY)],
)
def hypot(x: Any, y: Any) -> Any:
    """sqrt(x * x + y * y), elementwise, without overflow. The derivative at the origin is NaN."""
    return np.hypot(x, y)


def _no_complex(name: str, x: Any) -> None:
    if x.is_complex():
        raise RuntimeError(f"{name} is not supported for complex tensors.")


@composed(inplace=True, samples=reals(1))
@of_tensors
def deg2rad(input: Any) -> Any:
    """Degrees to radians, elementwise: input * pi / 180."""
    _no_complex("deg2rad", input)
    return input * (math.pi / 180)


@composed(inplace=True, samples=reals(1))
@of_tensors
def rad2deg(input: Any) -> Any:
    """Radians to degrees, elementwise: input * 180 / pi."""
    _no_complex("rad2deg", input)
    return input * (180 / math.pi)


arcsin = also("arcsin", asin, inplace=True)
arccos = also("arccos", acos, inplace=True)
arctan = also("arctan", atan, inplace=True)
arctan2 = also("arctan2", atan2, inplace=True)
arcsinh = also("arcsinh", asinh, inplace=True)
arccosh = also("arccosh", acosh, inplace=True)
arctanh = also("arctanh", atanh, inplace=True)
