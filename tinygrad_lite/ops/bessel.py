"""The modified Bessel functions of orders 0 and 1. Relative accuracy in float64: 4e-15.

I_n(x) = 1/pi * integral of exp(x cos t) cos(n t) from 0 to pi. The trapezoidal rule is exact to
rounding with 48 points up to |x| = 30 (the integrand is periodic and entire); beyond, Hankel's
expansion in 1 / x.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import reals
from .arguments import in_double
from .arithmetic import where
from .signs import sign

_POINTS = 48
_COSINES = np.cos(np.pi * np.arange(_POINTS + 1) / (2 * _POINTS))  # t in [0, pi / 2]
_WEIGHTS = np.full(_POINTS + 1, 1.0 / _POINTS)
_WEIGHTS[[0, -1]] /= 2


def _bessel(x: Any, order: int) -> Any:
    """exp(-|x|) I_order(x) for order 0 or 1."""
    a = np.abs(x)
    near = np.minimum(a, 30.0)[:, None]
    up = np.exp(near * (_COSINES - 1))
    both = -np.expm1(near * _COSINES * -2)  # 1 - exp(-2 a cos t): keeps the digits of I_1 near 0
    terms = up * (2 - both) / 2 if order == 0 else up * both / 2 * _COSINES
    out = terms @ _WEIGHTS
    far = a > 30
    v = a[far]
    term, total = np.ones_like(v), np.ones_like(v)
    for k in range(1, 25):
        term = term * (-(4 * order * order - (2 * k - 1) ** 2)) / (8 * k * v)
        total += term
    out[far] = total / np.sqrt(2 * math.pi * v)
    return np.copysign(out, x) if order else out


def _unscaled(x: Any, order: int) -> Any:
    return _bessel(x, order) * np.exp(np.abs(x))


@primitive(lambda g, x: g * i1(x), promote="float", inplace=True, samples=reals(1))
def i0(x: Any) -> Any:
    """The modified Bessel function of order 0, elementwise."""
    return in_double(_unscaled, x, 0)


@primitive(
    lambda g, x, out: g * (i1e(x) - sign(x) * out),
    promote="float",
    method=False,
    samples=reals(1, avoid=(0.0,)),
)
def i0e(x: Any) -> Any:
    """exp(-|x|) i0(x), elementwise."""
    return in_double(_bessel, x, 0)


@primitive(
    lambda g, x, out: g * where(x == 0, 0.5, i0(x) - out / where(x == 0, 1.0, x)),
    promote="float",
    method=False,
    samples=reals(1, avoid=(0.0,), margin=0.3),
)
def i1(x: Any) -> Any:
    """The modified Bessel function of order 1, elementwise."""
    return in_double(_unscaled, x, 1)


@primitive(
    lambda g, x, out: g * where(x == 0, 0.5, i0e(x) - out * (sign(x) + 1 / where(x == 0, 1.0, x))),
    promote="float",
    method=False,
    samples=reals(1, avoid=(0.0,), margin=0.3),
)
def i1e(x: Any) -> Any:
    """exp(-|x|) i1(x), elementwise."""
    return in_double(_bessel, x, 1)
