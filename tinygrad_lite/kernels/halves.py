"""float32 to float16 and back, by the bits: NumPy converts them one by one.

A float16 has 1 bit of sign, 5 of exponent (bias 15) and 10 of fraction; a float32 has 1, 8 (bias
127) and 23. Sources: F. Giesen, "float->half variants" (2012); IEEE 754.
"""

from __future__ import annotations

import numpy as np

from ._jit import jit, prange, where
from ._math import exact_number

U = np.uint32
SIGN, EVERYTHING_ELSE = U(0x8000), U(0x7FFF)
INFINITE, NAN = U(0x7C00), U(0x7E00)
INFINITE32 = U(0x7F800000)
TOO_LARGE, NORMAL = U(143 << 23), U(113 << 23)  # 2^16 and 2^-14, the smallest with full precision
HALF = np.float32(0.5)  # whose last bit is that of the smallest float16, 2^-24
UNIT = U(126 << 23)  # its bits
BIAS = U(112 << 23)  # by how much the exponents differ
SCALE = np.float32(2.0**112)


@exact_number
def _to_half(bits):
    """The float16, as bits, nearest to the float32 with these bits; of two, the even one."""
    sign, a = U(bits >> U(16)) & SIGN, bits & U(0x7FFFFFFF)
    odd = U(a >> U(13)) & U(1)
    normal = U(U(a - BIAS) + U(0xFFF) + odd) >> U(13)
    # Added to 1/2, the number is rounded where float16 ends, and its bits are the lowest ones.
    small = U(np.float32(U(a).view(np.float32) + HALF).view(np.uint32) - UNIT)
    h = where(a < NORMAL, U(small), U(normal))
    h = where(a >= TOO_LARGE, where(a > INFINITE32, NAN, INFINITE), h)
    return np.uint16(h | sign)


@exact_number
def _from_half(h):
    """The bits of the float32 that is the float16 with these bits."""
    sign, a = U(U(h) & SIGN) << U(16), U(h) & EVERYTHING_ELSE
    moved = U(a << U(13))
    scaled = np.float32(U(moved).view(np.float32) * SCALE).view(np.uint32)
    return U(where(a >= INFINITE, U(moved | INFINITE32), U(scaled)) | U(sign))


@jit(parallel=True)
def to_halves(x, out):
    """out[i] = x[i]; x are the bits of float32, out those of float16."""
    for i in prange(x.size):
        out[i] = _to_half(x[i])


@jit(parallel=True)
def from_halves(x, out):
    """out[i] = x[i]; x are the bits of float16, out those of float32."""
    for i in prange(x.size):
        out[i] = _from_half(x[i])
