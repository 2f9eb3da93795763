"""Size and sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.rules import with_kernel
from ..core.samples import Real, reals, sample
from ..kernels import elementwise
from .arguments import also, not_complex, require_tensor, unsupported
from .arithmetic import AWAY, is_bool, where, zero


def _conjugate_sign(x: Any) -> Any:
    """The sign of real x; conj(x) / |x| of complex x: what d|x| is multiplied with."""
    if getattr(x, "array", x).dtype.kind != "c":
        return sign(x)
    size = abs(x)
    return x.conj() / (size + (size == 0))


def _abs_kernel(g: Any, x: Any) -> Any:
    return elementwise.absolute_backward(g, x) if x.dtype.kind == "f" else g * _conjugate_sign(x)


def _measurable(x: Any) -> None:
    if is_bool(x):
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
    samples=[sample(AWAY, AWAY)],
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


absolute = also("absolute", abs, inplace=True)
