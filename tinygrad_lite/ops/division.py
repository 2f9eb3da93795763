"""Division that rounds, and remainders: floor_divide, div with a rounding mode, remainder, fmod."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Real, sample
from ..core.tensor import Tensor, bind
from ..kernels import remainders
from .arguments import also, as_arrays, not_complex, renamed, unsupported
from .arithmetic import AWAY, quotient, zero

_LARGE = 1024  # integers from which three passes over them are faster than their remainders


def _divisible(x: Any, y: Any) -> tuple[Any, Any]:
    """x and y as arrays of one dtype; RuntimeError if they are integers and y has a zero."""
    x, y = as_arrays(x, y)
    if y.dtype.kind in "iub" and not y.all():
        raise RuntimeError("ZeroDivisionError")
    return x, y


@primitive(
    zero,
    zero,
    broadcasts=True,
    of_numbers="floor_divide",
    operator="floordiv",
    check=not_complex("div_floor_cpu"),
    inplace=True,
    ufunc=np.floor_divide,
    kernel=remainders.floor_divide,
    samples=[sample(Real(broadcast=True, margin=0.1), AWAY, smooth=False)],
)
def floor_divide(x: Any, y: Any) -> Any:
    """The largest whole number not above x / y, in the common dtype. Its derivative is 0.

    RuntimeError ("ZeroDivisionError") for integers by 0; floats give inf or NaN.
    """
    x, y = _divisible(x, y)
    if y.dtype.kind != "f":
        if y.dtype.kind == "b":
            raise unsupported("div_floor", y.dtype)
        return np.floor_divide(x, y)
    return np.floor_divide(x, y)


@primitive(
    zero,
    zero,
    broadcasts=True,
    method=False,
    title="Div",
    samples=[sample(Real(broadcast=True), AWAY, smooth=False)],
)
def truncated_quotient(x: Any, y: Any) -> Any:
    """x / y rounded towards zero, in the common dtype."""
    x, y = _divisible(x, y)
    if y.dtype.kind == "f":
        return np.trunc(np.true_divide(x, y))
    floor, rest = np.divmod(x, y)
    return floor + ((rest != 0) & ((x < 0) != (y < 0))).astype(y.dtype)


@composed(
    inplace=True,
    comes_to=lambda other: (quotient, (other,), {}),
    samples=[sample(Real(broadcast=True), AWAY)],
)
def div(input: Any, other: Any, *, rounding_mode: str | None = None, **names: Any) -> Any:
    """input / other; `rounding_mode` "trunc" or "floor" rounds it and keeps integers integers."""
    if names:
        renamed("div", names)
    if rounding_mode is None:
        return quotient(input, other)
    if rounding_mode == "trunc":
        return truncated_quotient(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    raise RuntimeError(
        "div expected rounding_mode to be one of None, 'trunc', or 'floor' "
        f"but found '{rounding_mode}'"
    )


@primitive(
    lambda g: g,
    lambda g, x, y: -g * floor_divide(x, y),
    broadcasts=True,
    operator="mod",
    check=not_complex("remainder_cpu"),
    inplace=True,
    ufunc=np.remainder,
    kernel=remainders.remainder,
    samples=[
        sample(Real(low=0.1, high=0.9, broadcast=True), Real(low=1.0, high=2.0, broadcast=True))
    ],
)
def remainder(x: Any, y: Any) -> Any:
    """x - y * floor(x / y): the remainder with the sign of y (Python's %).

    RuntimeError ("ZeroDivisionError") for integers by 0; floats give NaN. At the jumps, where x is
    a multiple of y, the derivative towards x is 1.
    """
    x, y = _divisible(x, y)
    if y.dtype.kind == "b":
        raise unsupported("remainder", y.dtype)
    if y.ndim == 0 and y.dtype.kind in "iu" and x.size >= _LARGE:
        return x - np.floor_divide(x, y) * y  # a constant divisor NumPy divides by in vectors
    return np.remainder(x, y)


@primitive(
    lambda g: g,
    lambda g, x, y: -g * truncated_quotient(x, y),
    broadcasts=True,
    tensors=(0,),
    inplace=True,
    check=not_complex("fmod_cpu"),
    ufunc=np.fmod,
    kernel=remainders.fmod,
    samples=[
        sample(Real(low=0.1, high=0.9, broadcast=True), Real(low=1.0, high=2.0, broadcast=True))
    ],
)
def fmod(x: Any, y: Any) -> Any:
    """x - y * trunc(x / y): the remainder with the sign of x (C's fmod).

    RuntimeError ("ZeroDivisionError") for integers by 0; floats give NaN.
    """
    x, y = _divisible(x, y)
    if y.dtype.kind == "b":
        raise unsupported("fmod", y.dtype)
    return np.fmod(x, y)


divide = also("divide", div, inplace=True)
true_divide = also("true_divide", div, inplace=True)
bind("__itruediv__", Tensor.__dict__["div_"])
bind("__rdiv__", Tensor.__dict__["__rtruediv__"])
