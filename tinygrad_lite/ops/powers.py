"""Powers, roots and the reciprocal."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.rules import pointwise, with_kernel
from ..core.samples import Real, reals, sample
from ..core.tensor import Tensor
from ..kernels import elementwise
from ..kernels.formulas import compiled
from .arguments import converted, no_kernel, of_tensors, renamed
from .arithmetic import AWAY, is_bool, where, zero
from .exponential import log

_number = (int, float, complex, np.number)


def _power_by_base(g: Any, x: Any, y: Any) -> Any:
    """d(x ** y)/dx = y x ** (y - 1), and 0 for x = y = 0, where that would be 0 * inf."""
    if isinstance(y, _number):
        if y == 2:
            return g * (2 * x)
        return zero(g) if y == 0 else g * (y * pow(x, y - 1))
    return where((x == 0) & (y == 0), 0.0, g * (y * pow(x, y - 1)))


_TWICE = compiled(lambda g, x: g * (2 * x))
_THRICE = compiled(lambda g, x: g * (3 * (x * x)))


def _power_kernel(g: Any, x: Any, y: Any) -> Any:
    if type(y) in (int, float) and y in (2, 3):
        return _TWICE(g, x) if y == 2 else _THRICE(g, x)
    return _power_by_base(g, x, y)


def _power_by_exponent(g: Any, x: Any, y: Any, out: Any) -> Any:
    """d(x ** y)/dy = x ** y log x, and 0 for x = 0, y >= 0, where that would be 0 * inf."""
    logarithm = np.log(x) if isinstance(x, _number) else log(x)
    return where((y >= 0) & (x == 0), 0.0, g * (out * logarithm))


def _raisable(x: Any, y: Any) -> None:
    """bool ** bool exists for a number as exponent only, negative exponents of integers only as
    Tensors."""
    if isinstance(y, int) and y < 0 and not isinstance(y, bool) and x.dtype.kind in "iub":
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if isinstance(y, np.ndarray) and is_bool(y) and is_bool(x):
        raise no_kernel("pow", np.bool_)


@primitive(
    with_kernel(_power_kernel)(_power_by_base),
    _power_by_exponent,
    broadcasts=True,
    check=_raisable,
    operator="pow",
    inplace=True,
    samples=[
        sample(Real(low=0.3, high=2.0, broadcast=True), Real(low=-2.0, high=2.0, broadcast=True)),
    ],
)
def pow(x: Any, y: Any) -> Any:
    """x ** y, elementwise. 0 ** 0 is 1; its derivative towards x is 0.

    RuntimeError for integers with a negative exponent that is a number.
    """
    if isinstance(y, (int, float)):
        if y == 2:
            return elementwise.square(x)
        if y == 3:
            return elementwise.cube(x)
        if y == 0.5:
            return elementwise.sqrt(x)
        if x.dtype.kind == "f" and y in (-0.5, -1, -2):
            return 1 / (x if y == -1 else np.sqrt(x) if y == -0.5 else np.square(x))
        return x**y
    if y.dtype.kind in "iu" and y.size and np.less(y, 0).any():
        return _integer_power(x, y)
    if y.dtype.kind == "b":
        return np.logical_or(x, np.logical_not(y))
    return np.power(x, y)


def _integer_power(x: Any, y: Any) -> Any:
    """Integer powers with negative exponents: 0 except for the bases 1 and -1."""
    inverse = np.where(x == 1, 1, np.where(x == -1, np.where(y % 2 == 0, 1, -1), 0))
    return np.where(y < 0, inverse, np.power(x, np.maximum(y, 0))).astype(y.dtype)


@primitive(pointwise(lambda g, x: g * (2 * x)), inplace=True, title="Pow", samples=reals(1))
def square(x: Any) -> Any:
    """x * x, elementwise; bool gives int64."""
    return x.astype(np.int64) if x.dtype.kind == "b" else elementwise.square(x)


@primitive(
    pointwise(lambda g, out: g / (2 * out)),
    promote="float",
    inplace=True,
    ufunc=elementwise.sqrt,
    samples=reals(1, low=0.2, high=3.0),
)
def sqrt(x: Any) -> Any:
    """Square root, elementwise; NaN for negative x. Its derivative at 0 is infinite."""
    return elementwise.sqrt(x)


@primitive(
    pointwise(lambda g, out: -0.5 * g * (out * out * out)),
    promote="float",
    inplace=True,
    ufunc=elementwise.rsqrt,
    samples=reals(1, low=0.2, high=3.0),
)
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x), elementwise; inf at 0, NaN below."""
    return elementwise.rsqrt(x)


@primitive(
    pointwise(lambda g, out: -g * (out * out)),
    promote="float",
    inplace=True,
    ufunc=elementwise.reciprocal,
    samples=[sample(AWAY)],
)
def reciprocal(x: Any) -> Any:
    """1 / x, elementwise; integers become the default float."""
    return elementwise.reciprocal(x)


@composed(inplace=True, samples=[])
@of_tensors
def float_power(input: Any, exponent: Any, **names: Any) -> Any:
    """input ** exponent, computed in float64 (complex128 if either is complex)."""
    renamed("float_power", names)
    imaginary = any(
        isinstance(a, complex) or (isinstance(a, Tensor) and a.array.dtype.kind == "c")
        for a in (input, exponent)
    )
    target = np.complex128 if imaginary else np.float64
    wide = [converted(a, target) if isinstance(a, Tensor) else a for a in (input, exponent)]
    return pow(wide[0], wide[1])
