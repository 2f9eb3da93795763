"""Sums, products, quotients, powers, and what selects between values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Boolean, Real, reals, sample


@primitive(
    lambda g: g,
    lambda g: g,
    broadcasts=True,
    method=False,
    title="Add",
    samples=reals(2),
)
def plus(x: Any, y: Any) -> Any:
    """x + y, elementwise (for bool: x or y)."""
    return np.add(x, y)


@primitive(
    lambda g: g,
    lambda g: -g,
    broadcasts=True,
    method=False,
    title="Sub",
    samples=reals(2),
)
def minus(x: Any, y: Any) -> Any:
    """x - y, elementwise."""
    return np.subtract(x, y)


@primitive(
    lambda g, y: g * y,
    lambda g, x: g * x,
    broadcasts=True,
    operator="mul",
    inplace=True,
    samples=reals(2),
)
def mul(x: Any, y: Any) -> Any:
    """x * y, elementwise."""
    return np.multiply(x, y)


@primitive(
    lambda g, y: g / y,
    lambda g, x, y: -g * (x / y) / y,
    broadcasts=True,
    promote="float",
    method=False,
    operator="truediv",
    title="Div",
    samples=[sample(Real(broadcast=True), Real(broadcast=True, avoid=(0.0,), margin=0.3))],
)
def quotient(x: Any, y: Any) -> Any:
    """x / y, elementwise; integers become the default float; x / 0 is inf or NaN."""
    return np.true_divide(x, y)


@primitive(
    lambda g: -g,
    operator="neg",
    inplace=True,
    samples=reals(1),
)
def neg(x: Any) -> Any:
    """-x, elementwise."""
    return np.negative(x)


def _scaled(other: Any, alpha: Any) -> Any:
    return other if alpha == 1 else other * alpha


@composed(operator="add", inplace=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input + alpha * other, elementwise, with broadcasting and promotion."""
    return plus(input, _scaled(other, alpha))


@composed(operator="sub", inplace=True)
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input - alpha * other, elementwise, with broadcasting and promotion."""
    return minus(input, _scaled(other, alpha))
