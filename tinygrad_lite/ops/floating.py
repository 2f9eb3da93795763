"""The parts of floating numbers: mantissa and exponent, neighbours, angles; complex numbers.

Complex Tensors are values only: no gradient flows through them (core/primitive.py says so when one
is asked for).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.chain import cast
from ..core.doors import composed, primitive
from ..core.samples import Integer, Real, reals, sample
from ..core.tensor import Tensor, bind, make
from .arguments import require_tensor, unsupported
from .arithmetic import mul, pow, zero
from .extremes import returned

frexp_values = returned("frexp", "mantissa", "exponent")


@composed(inplace=True, samples=[sample(Real("n"), Integer("n", low=0, high=4))])
def ldexp(input: Any, other: Any) -> Any:
    """input * 2 ** other, elementwise.

    The derivative is 2 ** other for negative integers too, where PyTorch's is 0.
    """
    return mul(input, pow(2.0, other))


@composed()
def frexp(input: Any) -> Any:
    """(mantissa, exponent) with input = mantissa * 2 ** exponent, 0.5 <= |mantissa| < 1.

    The exponent is int32. The derivative of the mantissa is 2 ** -exponent.
    """
    require_tensor("frexp", input)
    if input.array.dtype.kind != "f":
        raise RuntimeError(
            "torch.frexp() only supports floating-point dtypes, got " + str(input.dtype)
        )
    exponent = make(np.asarray(np.frexp(input.array)[1], np.int32))
    return frexp_values(mul(input, cast(pow(2.0, -exponent), dtype=input.array.dtype)), exponent)


@primitive(
    None,
    None,
    broadcasts=True,
    inplace=True,
    samples=[sample(Real(broadcast=True), Real(broadcast=True), smooth=False)],
)
def nextafter(x: Any, y: Any) -> Any:
    """The floating number next to x towards y, elementwise."""
    return np.nextafter(x, y)


# -- complex numbers -------------------------------------------------------------------------------


def real(input: Tensor) -> Tensor:
    """The real part, a view; a real Tensor itself."""
    return make(input.array.real) if input.array.dtype.kind == "c" else input


def imag(input: Tensor) -> Tensor:
    """The imaginary part, a view. RuntimeError for a real Tensor."""
    if input.array.dtype.kind != "c":
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return make(input.array.imag)


def conj(input: Tensor) -> Tensor:
    """The complex conjugate; a real Tensor itself."""
    return make(np.conj(input.array)) if input.array.dtype.kind == "c" else input


@primitive(
    zero,
    promote="float",
    samples=reals(1, avoid=(0.0,)),
)
def angle(x: Any) -> Any:
    """The angle of x in the plane: 0 or pi for a real number, NaN for NaN. Its derivative is 0."""
    if x.dtype.kind == "c":
        return np.angle(x)
    return np.where(np.isnan(x), x, np.where(x < 0, math.pi, 0.0)).astype(x.dtype)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    """real + i imag, of two Tensors of one floating dtype."""
    a, b = real.array, imag.array
    if a.dtype != b.dtype or a.dtype not in (np.float32, np.float64):
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{real.dtype} and {imag.dtype}"
        )
    _refuse_gradient("complex", real, imag)
    return make(np.asarray(a + b * np.asarray(1j, np.result_type(a, np.complex64))))


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """abs * exp(i angle), of two Tensors of one floating dtype."""
    _refuse_gradient("polar", abs, angle)
    r, t = abs.array, angle.array
    return complex(make(np.asarray(r * np.cos(t))), make(np.asarray(r * np.sin(t))))


def view_as_complex(input: Tensor) -> Tensor:
    """(..., 2) floats as (...) complex numbers, on the same memory where that is contiguous."""
    if input.array.ndim == 0:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.array.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.array.dtype not in (np.float32, np.float64):
        raise unsupported("view_as_complex", input.array.dtype)
    _refuse_gradient("view_as_complex", input)
    a = np.ascontiguousarray(input.array)
    return make(a.view(np.result_type(a, np.complex64))[..., 0])


def view_as_real(input: Tensor) -> Tensor:
    """(...) complex numbers as (..., 2) floats, on the same memory."""
    a = input.array
    if a.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return make(np.ascontiguousarray(a)[..., None].view(a.real.dtype))


def _refuse_gradient(function: str, *inputs: Tensor) -> None:
    if any(x.requires_grad for x in inputs):
        raise RuntimeError(
            f"{function}(): no gradient flows through complex numbers here; "
            "compute with the real and imaginary parts as two Tensors"
        )


def is_conj(input: Tensor) -> bool:
    """False: conjugation is carried out at once."""
    return False


def is_neg(input: Tensor) -> bool:
    """False: negation is carried out at once."""
    return False


def resolve_conj(input: Tensor) -> Tensor:
    """The Tensor itself: nothing is left to be carried out."""
    return input


def resolve_neg(input: Tensor) -> Tensor:
    """The Tensor itself: nothing is left to be carried out."""
    return input


for _function in (conj, is_conj, is_neg, resolve_conj, resolve_neg):
    bind(_function.__name__, _function)
bind("real", property(real))
bind("imag", property(imag))
conj_physical = conj
bind("conj_physical", conj)
