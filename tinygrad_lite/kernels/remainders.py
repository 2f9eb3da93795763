"""Remainders and rounded quotients of float32, in vectors; what NumPy gives, to the last bit.

    x - y trunc(x / y)       fmod
    x - y floor(x / y)       remainder, from it

NumPy asks the C library, one number at a time. Here float64 does the work: with q = trunc(x / y) as
near as float64 comes, x - q y is exact (it is a multiple of 2^-75 x and below 2^-51 x, so it has
few bits), and smaller by a factor of 2^51 at least. Quotients of float32 stay below 2^277, so six
steps leave a remainder of the size of y, off by one y at most.
"""

from __future__ import annotations

import numpy as np

from ._jit import fma, where
from ._math import exact_number
from .arithmetic import binary

SINGLE = (np.dtype(np.float32),)
D = np.float64
SIGN = np.int32(-(1 << 31))


@exact_number
def _signed(r, x):
    """r, of no sign, with the sign of x."""
    bits = np.float32(r).view(np.int32) | (np.float32(x).view(np.int32) & SIGN)
    return np.int32(bits).view(np.float32)


@exact_number
def _step(r, y, inverse):
    return fma(-np.trunc(r * inverse), y, r)


@exact_number
def _fmod(x, y):
    """x - y trunc(x / y): the remainder with the sign of x."""
    a, b = abs(D(x)), abs(D(y))
    inverse = D(1) / b
    r = _step(_step(_step(a, b, inverse), b, inverse), b, inverse)
    r = _step(_step(_step(r, b, inverse), b, inverse), b, inverse)
    r = where(r < D(0), r + b, r)
    r = where(r >= b, r - b, r)
    r = where((b == D(np.inf)) & (a < b), a, r)
    return _signed(np.float32(r), x)


@exact_number
def _remainder(x, y):
    """x - y floor(x / y): the remainder with the sign of y."""
    m = _fmod(x, y)
    zero = np.float32(0)
    other_side = (m < zero) != (y < zero)
    return where(m == zero, _signed(zero, y), where(other_side, m + y, m))


@exact_number
def _floor_divide(x, y):
    """floor(x / y), from the remainder: x / y alone may be rounded up to a whole number."""
    m = _fmod(x, y)
    zero, one = np.float32(0), np.float32(1)
    q = (x - m) / y
    q = where((m != zero) & ((m < zero) != (y < zero)), q - one, q)
    whole = np.floor(q)
    whole = where(q - whole > np.float32(0.5), whole + one, whole)
    whole = where(q == zero, _signed(zero, x / y), whole)
    return where(y == zero, x / y, whole)


@exact_number
def _fmod_of(x, y):
    """fmod(y, x)."""
    return _fmod(y, x)


@exact_number
def _remainder_of(x, y):
    """remainder(y, x)."""
    return _remainder(y, x)


@exact_number
def _floor_divide_into(x, y):
    """floor(y / x)."""
    return _floor_divide(y, x)


fmod = binary("fmod", _fmod, _fmod_of, np.fmod, SINGLE)
remainder = binary("remainder", _remainder, _remainder_of, np.remainder, SINGLE)
floor_divide = binary("floor_divide", _floor_divide, _floor_divide_into, np.floor_divide, SINGLE)
