"""Sums, products, quotients, and `where`, which other rules are built of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.chain import blank
from ..core.doors import composed, primitive
from ..core.rules import pointwise, with_kernel
from ..core.samples import Boolean, Real, one_of, reals, sample
from ..core.tensor import Tensor, bind
from ..kernels import arithmetic as kernels
from ..kernels import elementwise, select
from .arguments import (
    also,
    deprecated,
    renamed,
    require_tensor,
)

AWAY = Real(broadcast=True, avoid=(0.0,), margin=0.3)  # samples to divide by


def zero(g: Any) -> Any:
    """The rule of what does not depend on its input (rounding, signs): zeros like g."""
    return blank(g, g.shape)


# -- where: the branch not taken contributes nothing, not even a NaN -------------------------------


@primitive(
    None,
    lambda g, condition: where(condition, g, 0.0),
    lambda g, condition: where(condition, 0.0, g),
    broadcasts=True,
    method=False,
    samples=[sample(Boolean(broadcast=True), Real(broadcast=True), Real(broadcast=True))],
)
def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, y elsewhere. A NaN in the branch not taken does not matter."""
    if getattr(x, "size", 0) >= select.LARGE or getattr(y, "size", 0) >= select.LARGE:
        out = select.select(condition, x, y)
        if out is not None:
            return out
    if _is_zero(y) and hasattr(x, "dtype"):
        return _kept(x, condition)
    if _is_zero(x) and hasattr(y, "dtype"):
        return _kept(y, ~condition)
    if getattr(x, "size", 0) > _LARGE and x.dtype.kind == "f" and x.dtype == getattr(y, "dtype", 0):
        x_bits, y_bits = x.view(_BITS[x.itemsize]), y.view(_BITS[x.itemsize])
        return (((x_bits ^ y_bits) * condition) ^ y_bits).view(x.dtype)
    return np.where(condition, x, y)


# Selecting by arithmetic on the bits: np.where on a mask without a pattern mispredicts a branch per
# element (60,000 floats: 200 microseconds against 14), and a float product would let inf * 0 in.
_BITS = {2: np.int16, 4: np.int32, 8: np.int64}
_LARGE = 2048


def _is_zero(value: Any) -> bool:
    """Whether this is the number 0 (not -0.0), by itself or in a 0-d array."""
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and not any(value.tobytes())
    return isinstance(value, (int, float)) and value == 0 and math.copysign(1, value) > 0


def _kept(x: Any, condition: Any) -> Any:
    """x where the condition holds, else 0."""
    if x.dtype.kind != "f":
        return np.where(condition, x, np.zeros((), x.dtype))
    return (x.view(_BITS[x.itemsize]) * condition).view(x.dtype)


# -- the four operations ---------------------------------------------------------------------------


def _not_bool(x: Any, y: Any) -> None:
    booleans = [is_bool(x), is_bool(y)]
    if all(booleans):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if any(booleans):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are "
            "trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )


def is_bool(x: Any) -> bool:
    """Whether x, an array or a number, holds truth values."""
    return x.dtype.kind == "b" if isinstance(x, np.ndarray) else isinstance(x, bool)


@primitive(
    lambda g: g,
    lambda g: g,
    broadcasts=True,
    of_numbers="add",
    method=False,
    operator="add",
    title="Add",
    ufunc=np.add,
    kernel=kernels.add,
    samples=reals(2),
)
def plus(x: Any, y: Any) -> Any:
    """x + y, elementwise (for bool: x or y)."""
    return np.add(x, y)


@primitive(
    lambda g: g,
    with_kernel(elementwise.negative)(lambda g: -g),
    broadcasts=True,
    of_numbers="sub",
    method=False,
    operator="sub",
    title="Sub",
    ufunc=np.subtract,
    kernel=kernels.subtract,
    check=_not_bool,
    samples=reals(2),
)
def minus(x: Any, y: Any) -> Any:
    """x - y, elementwise. RuntimeError for bool."""
    return np.subtract(x, y)


@primitive(
    with_kernel(kernels.times)(lambda g, y: g * y),
    with_kernel(kernels.times)(lambda g, x: g * x),
    broadcasts=True,
    of_numbers="mul",
    operator="mul",
    ufunc=np.multiply,
    kernel=kernels.multiply,
    inplace=True,
    samples=reals(2),
)
def mul(x: Any, y: Any) -> Any:
    """x * y, elementwise (for bool: x and y)."""
    return np.multiply(x, y)


@primitive(
    with_kernel(kernels.over)(lambda g, y: g / y),
    pointwise(lambda g, x, y: -g * ((x / y) / y)),
    broadcasts=True,
    of_numbers="div",
    promote="float",
    method=False,
    operator="truediv",
    title="Div",
    ufunc=np.true_divide,
    kernel=kernels.divide,
    samples=[sample(Real(broadcast=True), AWAY)],
)
def quotient(x: Any, y: Any) -> Any:
    """x / y, elementwise; integers become the default float; x / 0 is inf or NaN."""
    return np.true_divide(x, y)


def _negatable(x: Any) -> None:
    if is_bool(x):
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )


@primitive(
    with_kernel(elementwise.negative)(lambda g: -g),
    operator="neg",
    ufunc=elementwise.negative,
    inplace=True,
    check=_negatable,
    samples=reals(1),
)
def neg(x: Any) -> Any:
    """-x, elementwise. RuntimeError for bool."""
    return elementwise.negative(x)


@primitive(
    lambda g: g,
    lambda g, alpha: g * alpha,
    broadcasts=True,
    method=False,
    title="Add",
    ufunc=kernels.add_scaled,
    samples=[sample(Real(broadcast=True), Real(broadcast=True), alpha=one_of(2, -0.5))],
)
def plus_scaled(x: Any, y: Any, *, alpha: Any) -> Any:
    """x + alpha y, elementwise, for a number alpha."""
    return kernels.add_scaled(x, y, alpha=alpha)


def are_floats(number: Any, *tensors: Any) -> bool:
    """Whether `number` is a plain one and all others are Tensors of one floating dtype."""
    return type(number) in (float, int) and all(
        isinstance(x, Tensor)
        and x.array.dtype.kind == "f"
        and x.array.dtype == tensors[0].array.dtype
        for x in tensors
    )


def _scaled(x: Any, other: Any, alpha: Any) -> Any:
    if isinstance(alpha, (float, complex)) and not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    if isinstance(alpha, bool) and x.array.dtype.kind != "b":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, complex) and not x.is_complex():
        raise RuntimeError(
            "For non-complex input tensors, argument alpha must not be a complex number."
        )
    if isinstance(other, Tensor) and other.array.dtype.kind == "b":
        return mul(other, bool(alpha))
    return other * alpha


def _is_one(alpha: Any) -> bool:
    """Whether alpha is the number 1; True is meant for bools."""
    return alpha is not True and alpha == 1


def _as_sum(other: Any, *, alpha: Any = 1) -> Any:
    if _is_one(alpha):
        return plus, (other,), {}
    return plus_scaled, (other,), {"alpha": alpha}


def _as_difference(other: Any, *, alpha: Any = 1) -> Any:
    if _is_one(alpha):
        return minus, (other,), {}
    if isinstance(alpha, bool):
        raise TypeError("sub knows what to say to it")  # and -True would be a number
    return plus_scaled, (other,), {"alpha": -alpha}


@composed(inplace=True, comes_to=_as_sum, samples=reals(2))
def add(input: Any, other: Any, *rest: Any, alpha: Any = 1, **names: Any) -> Any:
    """input + alpha * other, elementwise, with broadcasting and promotion."""
    if rest:  # add(alpha, other)
        deprecated("add", "Number alpha, Tensor other", "Tensor other, *, Number alpha = 1")
        (other,), alpha = rest, other
    if names:
        renamed("add", names)
    if _is_one(alpha):
        return plus(input, other)
    if are_floats(alpha, input, other):
        return plus_scaled(input, other, alpha=alpha)
    return plus(input, _scaled(input, other, alpha))


@composed(inplace=True, comes_to=_as_difference, samples=reals(2))
def sub(input: Any, other: Any, *rest: Any, alpha: Any = 1, **names: Any) -> Any:
    """input - alpha * other, elementwise, with broadcasting and promotion."""
    if rest:  # sub(alpha, other)
        deprecated("sub", "Number alpha, Tensor other", "Tensor other, *, Number alpha = 1")
        (other,), alpha = rest, other
    if names:
        renamed("sub", names)
    return minus(input, other if _is_one(alpha) else _scaled(input, other, alpha))


@composed(method=False, samples=reals(2))
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """other - alpha * input."""
    require_tensor("rsub", input)
    return sub(other, input, alpha=alpha)


# -- in place, and under other names ---------------------------------------------------------------

multiply = also("multiply", mul, inplace=True)
subtract = also("subtract", sub, inplace=True)
negative = also("negative", neg, inplace=True)


for _operator, _method in (("add", "add_"), ("sub", "sub_")):
    bind(f"__i{_operator}__", Tensor.__dict__[_method])
