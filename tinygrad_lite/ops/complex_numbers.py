"""Complex numbers: their parts, conjugates and angles, and the ops whose gradients pass them.

Between nodes travels the c for which dL = Re(c dz) (core/engine.py). So a rule g f'(x) of an
analytic f holds for complex x as it stands. What takes a number apart says how c comes back: from
the conjugate as conj(c), from the real part as c, from the imaginary part as -i c. Of which ops
this is known and tested, analytic.py says; others refuse a gradient through complex numbers.

The primitives here have no samples, for the laws draw real inputs: `complex_pairs` is held instead.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.chain import complex_to_pairs, conjugate, pairs_to_complex
from ..core.doors import composed, primitive
from ..core.inplace import in_place
from ..core.primitive import shares_memory
from ..core.samples import Real, reals, sample
from ..core.tensor import Tensor, bind, make_view
from .arguments import kind, require_tensor
from .joining import stack
from .trigonometric import atan2


@primitive(lambda g: g, promote=None, method=False, title="Select")
def real_part(x: Any) -> Any:
    """The real parts of complex x, on its memory."""
    return x.real


@primitive(lambda g: g * -1j, promote=None, method=False, title="Select")
def imaginary_part(x: Any) -> Any:
    """The imaginary parts of complex x, on its memory."""
    return x.imag


def _seen(out: Tensor, of: Tensor) -> Tensor:
    """A part of a complex Tensor (or the whole of two parts): a view, where memory is shared."""
    return make_view(out.array, out.node, of) if shares_memory(out.array, of.array) else out


def real(input: Tensor) -> Tensor:
    """The real part, on the same memory; a real Tensor itself."""
    require_tensor("real", input)
    return _seen(real_part(input), input) if input.array.dtype.kind == "c" else input


def imag(input: Tensor) -> Tensor:
    """The imaginary part, on the same memory. RuntimeError for a real Tensor."""
    require_tensor("imag", input)
    if input.array.dtype.kind != "c":
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _seen(imaginary_part(input), input)


def conj(input: Tensor) -> Tensor:
    """The complex conjugate; a real Tensor itself."""
    return conjugate(input) if input.array.dtype.kind == "c" else input


@primitive(
    lambda g: g * 0.0,
    promote="float",
    method=False,
    samples=reals(1, avoid=(0.0,)),
)
def angle_of_reals(x: Any) -> Any:
    """0 for x >= 0, pi for x < 0, NaN for NaN."""
    return np.where(np.isnan(x), x, np.where(x < 0, math.pi, 0.0)).astype(x.dtype)


@composed(samples=reals(1, avoid=(0.0,)))
def angle(input: Any) -> Any:
    """The angle in the plane: atan2(imag, real), of a real number 0 or pi (derivative 0)."""
    require_tensor("angle", input)
    if input.array.dtype.kind == "c":
        return atan2(imag(input), real(input))
    return angle_of_reals(input)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    """real + i imag, of two Tensors of one floating dtype."""
    require_tensor("complex", real, "real")
    require_tensor("complex", imag, "imag", 2)
    a, b = real.array, imag.array
    floats = (np.float32, np.float64)
    if a.dtype in floats and b.dtype in floats and a.dtype != b.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {kind(a.dtype)} but got scalar type {kind(b.dtype)} "
            "for second argument"
        )
    if a.dtype != b.dtype or a.dtype not in floats:
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{real.dtype} and {imag.dtype}"
        )
    shape = np.broadcast_shapes(a.shape, b.shape)
    return pairs_to_complex(stack([real.expand(shape), imag.expand(shape)], -1))


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """abs * exp(i angle), of two Tensors of one floating dtype."""
    require_tensor("polar", abs, "abs")
    require_tensor("polar", angle, "angle", 2)
    if abs.array.dtype != angle.array.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {kind(abs.array.dtype)} but got scalar type "
            f"{kind(angle.array.dtype)} for second argument"
        )
    if abs.array.dtype.kind != "f":
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{kind(abs.array.dtype)} and {kind(angle.array.dtype)}"
        )
    return complex(abs * angle.cos(), abs * angle.sin())


def view_as_complex(input: Tensor) -> Tensor:
    """(..., 2) floats as (...) complex numbers, on the same memory.

    RuntimeError unless each pair lies together, at an even distance from the first one.
    """
    require_tensor("view_as_complex", input)
    if input.array.ndim == 0:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.array.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.array.dtype not in (np.float32, np.float64):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {kind(input.array.dtype)}"
        )
    stride = input.stride()
    if stride[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s, n in zip(stride[:-1], input.array.shape, strict=False) if n != 1):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if input.storage_offset() % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    return _seen(pairs_to_complex(input), input)


def view_as_real(input: Tensor) -> Tensor:
    """(...) complex numbers as (..., 2) floats, on the same memory."""
    require_tensor("view_as_real", input)
    if input.array.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return _seen(complex_to_pairs(input), input)


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


def _set_real(self: Tensor, value: Any) -> None:
    """Write `value`, a number or a Tensor, into the real part."""
    _write_part(real(self), value)


def _set_imag(self: Tensor, value: Any) -> None:
    """Write `value`, a number or a Tensor, into the imaginary part."""
    _write_part(imag(self), value)


def _write_part(part: Any, value: Any) -> None:
    part.copy_(value) if isinstance(value, Tensor) else part.fill_(value)


bind("real", property(real, _set_real))
bind("imag", property(imag, _set_imag))
conj_physical = conj
bind("conj_physical", conj)
conj_physical_ = in_place(conj, "conj_physical_")
bind("conj_physical_", conj_physical_)


@composed(method=False, samples=[sample(Real("n 2", low=0.3), Real("n 2", low=0.3))])
def complex_pairs(input: Any, other: Any) -> Any:
    """|z| + arg w + Re(z w / (1 + w)) + Im(conj(z) w) of rows (re, im): what the laws hold."""
    z, w = [view_as_complex(x.contiguous().clone()) for x in (input, other)]
    return z.abs() + angle(w) + real(z * w / (1 + w)) + imag(conj(z) * w)
