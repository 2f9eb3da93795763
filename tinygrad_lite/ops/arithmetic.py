"""Sums, products, quotients, powers, signs, and `where`, which other rules are built of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.chain import blank
from ..core.doors import composed, primitive
from ..core.primitive import pointwise, with_kernel
from ..core.samples import Boolean, Real, one_of, reals, sample
from ..core.tensor import Tensor, bind
from ..kernels import arithmetic as kernels
from ..kernels import elementwise, select
from ..kernels.formulas import compiled
from .arguments import (
    also,
    converted,
    deprecated,
    not_complex,
    renamed,
    require_tensor,
    unsupported,
)

_number = (int, float, complex, np.number)
_AWAY = Real(broadcast=True, avoid=(0.0,), margin=0.3)


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
    booleans = [_is_bool(x), _is_bool(y)]
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


def _is_bool(x: Any) -> bool:
    return x.dtype.kind == "b" if isinstance(x, np.ndarray) else isinstance(x, bool)


@primitive(
    lambda g: g,
    lambda g: g,
    broadcasts=True,
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
    promote="float",
    method=False,
    operator="truediv",
    title="Div",
    ufunc=np.true_divide,
    kernel=kernels.divide,
    samples=[sample(Real(broadcast=True), _AWAY)],
)
def quotient(x: Any, y: Any) -> Any:
    """x / y, elementwise; integers become the default float; x / 0 is inf or NaN."""
    return np.true_divide(x, y)


def _negatable(x: Any) -> None:
    if _is_bool(x):
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


def alike(x: Any, y: Any) -> tuple[Any, Any]:
    """x and y as arrays of one dtype, where one of them may be a Python number."""
    if isinstance(y, np.ndarray):
        return np.asarray(x, y.dtype), y
    return x, np.asarray(y, x.dtype)


# -- powers ----------------------------------------------------------------------------------------


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
    if isinstance(y, np.ndarray) and _is_bool(y) and _is_bool(x):
        raise NotImplementedError("\"pow\" not implemented for 'Bool'")


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
    samples=[sample(_AWAY)],
)
def reciprocal(x: Any) -> Any:
    """1 / x, elementwise; integers become the default float."""
    return 1 / x


@primitive(
    with_kernel(kernels.over)(lambda g, x: g / x),
    promote="float",
    inplace=True,
    ufunc=elementwise.log,
    samples=reals(1, low=0.2, high=3.0),
)
def log(x: Any) -> Any:
    """Natural logarithm, elementwise; -inf at 0, NaN below."""
    return elementwise.log(x)


@composed(inplace=True, samples=[])
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


# -- sign and size ---------------------------------------------------------------------------------


def _conjugate_sign(x: Any) -> Any:
    """The sign of real x; conj(x) / |x| of complex x: what d|x| is multiplied with."""
    if getattr(x, "array", x).dtype.kind != "c":
        return sign(x)
    size = abs(x)
    return x.conj() / (size + (size == 0))


def _abs_kernel(g: Any, x: Any) -> Any:
    return elementwise.absolute_backward(g, x) if x.dtype.kind == "f" else g * _conjugate_sign(x)


def _measurable(x: Any) -> None:
    if _is_bool(x):
        raise unsupported("abs", np.bool_)


@primitive(
    with_kernel(_abs_kernel)(lambda g, x: g * _conjugate_sign(x)),
    operator="abs",
    inplace=True,
    check=_measurable,
    ufunc=elementwise.absolute,
    samples=reals(1, avoid=(0.0,)),
)
def abs(x: Any) -> Any:
    """|x|, elementwise. The derivative at 0 is 0."""
    return elementwise.absolute(x)


def _with_a_sign(x: Any) -> None:
    if x.dtype.kind == "c":
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. "
            "Please use torch.sgn instead."
        )


@primitive(
    zero,
    inplace=True,
    check=_with_a_sign,
    samples=reals(1, avoid=(0.0,)),
)
def sign(x: Any) -> Any:
    """-1, 0 or 1 by the sign of x; NaN counts as 0, as in PyTorch. The derivative is 0."""
    if x.dtype.kind == "f":
        return elementwise.sign(x)
    return x.copy() if x.dtype.kind == "b" else np.sign(x)


@primitive(
    lambda g, x, out: g * (where(x == 0, 0.0, sign(x)) * sign(out)),
    zero,
    broadcasts=True,
    tensors=(0,),
    promote="float",
    inplace=True,
    check=not_complex("copysign_cpu"),
    samples=[sample(_AWAY, _AWAY)],
)
def copysign(x: Any, y: Any) -> Any:
    """|x| with the sign of y (of -0.0 too). The derivative towards x at 0 is 0, towards y 0."""
    return np.copysign(x, y)


def _with_a_sign_bit(x: Any) -> None:
    if x.dtype.kind == "c":
        raise NotImplementedError("signbit is not implemented for complex tensors.")


@primitive(check=_with_a_sign_bit, samples=[sample(Real(avoid=(0.0,)), smooth=False)])
def signbit(x: Any) -> Any:
    """True where the sign bit of x is set (-0.0 included)."""
    if x.dtype.kind in "bu":
        return np.zeros(x.shape, np.bool_)
    return x < 0 if x.dtype.kind == "i" else np.signbit(x)


@composed(operator="pos", samples=reals(1))
def positive(input: Any) -> Any:
    """+input: itself."""
    require_tensor("positive", input)
    if input.array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# -- in place, and under other names ---------------------------------------------------------------

multiply = also("multiply", mul, inplace=True)
subtract = also("subtract", sub, inplace=True)
negative = also("negative", neg, inplace=True)
absolute = also("absolute", abs, inplace=True)


def _towards_signed(g: Any, x: Any, out: Any) -> Any:
    """0 for real x; for complex x what of g is across x, over |x|."""
    if getattr(x, "array", x).dtype.kind != "c":
        return zero(g)
    size = abs(x)
    along = g * out
    return (g - (along + along.conj()) / 2 * out.conj()) * (size != 0) / (size + (size == 0))


@primitive(_towards_signed, inplace=True, samples=reals(1, avoid=(0.0,)))
def sgn(x: Any) -> Any:
    """-1, 0 or 1 by the sign of real x; x / |x|, or 0, of complex x."""
    return np.sign(x) if x.dtype.kind == "c" else sign(x)


for _operator, _method in (("add", "add_"), ("sub", "sub_")):
    bind(f"__i{_operator}__", Tensor.__dict__[_method])
