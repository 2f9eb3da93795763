"""Exponentials and logarithms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.rules import pointwise, with_kernel
from ..core.samples import Real, reals, sample
from ..kernels import arithmetic as kernels
from ..kernels import elementwise

_POSITIVE = reals(1, low=0.2, high=3.0)
LN2, LN10 = math.log(2.0), math.log(10.0)


@primitive(
    with_kernel(kernels.times)(lambda g, out: g * out),
    promote="float",
    inplace=True,
    ufunc=elementwise.exp,
    samples=reals(1),
)
def exp(x: Any) -> Any:
    """e ** x, elementwise; integers become the default float. Overflows to inf."""
    return elementwise.exp(x)


@primitive(
    pointwise(lambda g, out: g * (out * LN2)), promote="float", inplace=True, samples=reals(1)
)
def exp2(x: Any) -> Any:
    """2 ** x, elementwise."""
    return np.exp2(x)


@primitive(pointwise(lambda g, out: g * (out + 1)), promote="float", inplace=True, samples=reals(1))
def expm1(x: Any) -> Any:
    """e ** x - 1, elementwise, accurate near 0."""
    return elementwise.expm1(x)


@primitive(
    with_kernel(kernels.over)(lambda g, x: g / x),
    promote="float",
    inplace=True,
    ufunc=elementwise.log,
    samples=_POSITIVE,
)
def log(x: Any) -> Any:
    """Natural logarithm, elementwise; -inf at 0, NaN below."""
    return elementwise.log(x)


@primitive(pointwise(lambda g, x: g / (x * LN2)), promote="float", inplace=True, samples=_POSITIVE)
def log2(x: Any) -> Any:
    """Logarithm to base 2, elementwise."""
    return np.log2(x)


@primitive(pointwise(lambda g, x: g / (x * LN10)), promote="float", inplace=True, samples=_POSITIVE)
def log10(x: Any) -> Any:
    """Logarithm to base 10, elementwise."""
    return np.log10(x)


@primitive(
    pointwise(lambda g, x: g / (x + 1)),
    promote="float",
    inplace=True,
    samples=reals(1, low=-0.7, high=3.0),
)
def log1p(x: Any) -> Any:
    """log(1 + x), elementwise, accurate near 0."""
    return np.log1p(x)


@primitive(
    pointwise(lambda g, x, out: g * exp(x - out)),
    pointwise(lambda g, y, out: g * exp(y - out)),
    broadcasts=True,
    tensors=(0, 1),
    promote="float",
    rewritable=True,
    samples=[sample(Real(broadcast=True), Real(broadcast=True))],
)
def logaddexp(x: Any, y: Any) -> Any:
    """log(exp x + exp y), elementwise, without overflow; derivative NaN where both are -inf."""
    if x.dtype.kind == "c":
        return complex_logaddexp(x, y)
    return np.logaddexp(x, y)


def complex_logaddexp(x: Any, y: Any) -> Any:
    """log(exp x + exp y) of complex numbers, from the one with the larger real part."""
    high = np.where(x.real >= y.real, x, y)
    low = np.where(x.real >= y.real, y, x)
    same = np.isinf(high) & (high.real == low.real)  # inf - inf says nothing
    out = high + np.log1p(np.exp(low - high))
    return np.where(same & (high.real < 0), high, out)


@primitive(
    lambda g, x, out: g * exp2(x - out),
    lambda g, y, out: g * exp2(y - out),
    broadcasts=True,
    tensors=(0, 1),
    promote="float",
    rewritable=True,
    samples=[sample(Real(broadcast=True), Real(broadcast=True))],
)
def logaddexp2(x: Any, y: Any) -> Any:
    """log2(2 ** x + 2 ** y), elementwise, without overflow."""
    return np.logaddexp2(x, y)
