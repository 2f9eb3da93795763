"""The parts of floating numbers: mantissa and exponent, neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.chain import cast
from ..core.doors import composed, primitive
from ..core.samples import Integer, Real, sample
from ..core.tensor import make
from .arguments import require_tensor, unsupported
from .arithmetic import mul, zero
from .extremes import returned
from .powers import pow

frexp_values = returned("frexp", "mantissa", "exponent")


@composed(inplace=True, samples=[sample(Real("n"), Integer("n", low=0, high=4))])
def ldexp(input: Any, other: Any) -> Any:
    """input * 2 ** other, elementwise.

    The derivative is 2 ** other for negative integers too, where PyTorch's is 0.
    """
    require_tensor("ldexp", input)
    require_tensor("ldexp", other, "other", 2)
    d = input.array.dtype
    if other.array.dtype.kind == "f":
        return mul(input, pow(2.0, other))
    out = mul(input, pow(2.0, cast(other, dtype=d) if d == np.float64 else other))
    return cast(out, dtype=d) if d == np.float16 else out


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
    d = input.array.dtype
    if d == np.float16:  # 2 ** -exponent may be too large for it
        return frexp_values(cast(mul(input, pow(2.0, -exponent)), dtype=d), exponent)
    return frexp_values(mul(input, cast(pow(2.0, -exponent), dtype=d)), exponent)


@primitive(
    lambda g: g,
    zero,
    broadcasts=True,
    tensors=(0, 1),
    inplace=True,
    samples=[sample(Real(broadcast=True), Real(broadcast=True), smooth=False)],
)
def nextafter(x: Any, y: Any) -> Any:
    """The floating number next to x towards y, elementwise; counted as x by its derivative."""
    if x.dtype.kind != "f":
        raise unsupported("nextafter", x.dtype)
    return np.nextafter(x, y)
