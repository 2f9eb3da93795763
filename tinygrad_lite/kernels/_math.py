"""exp, log, tanh, erf and their kin for one number, in forms the compiler turns into vector code.

numba calls the C library for these, one number at a time: 2.3 ns for exp, 15 for tanh, where the
forms here take 0.2 to 0.6. Each is within 2 ulp of the exact value for every float32, infinities,
NaN, denormals and signed zeros included. Docstrings state the largest error found: over all 2**32
floats for exp, expm1, log, tanh, sigmoid, erf and gelu of float32, over samples for the others.

Rules that keep a function vectorizable: no branches, only selections with `where`; no
conversion of a float to an integer that could be NaN (undefined), but bits; float32 constants.
A comparison with NaN is false, so `where(x > a, a, x)` lets NaN pass.

Sources: Cody & Waite (1980) for the reduction of exp; FreeBSD's s_log.c and e_logf.c; Moshier's
Cephes for tanh; N. Juffa's erff for the polynomial of erf; the polynomial of the normal tail is
our own minimax fit.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import FMA, ByDtype, fma, jit, where

# Always inlined: a loop around a call is not vectorized.
number = jit(fastmath=FMA, forceinline=True)
exact_number = jit(forceinline=True)

F = np.float32
D = np.float64

# ln 2 in two parts: n * HI is exact for every exponent n.
LOG2E32, LN2_HI32, LN2_LO32 = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
LOG2E64, LN2_HI64, LN2_LO64 = D(1.4426950408889634), D(0.6931471805598903), D(5.497923018708371e-14)
# x + ROUND has the integer nearest to x in its lowest bits.
ROUND32, ROUND64 = F(12582912.0), D(6755399441055744.0)
BITS32, BITS64 = np.int32(0x4B400000), np.int64(0x4338000000000000)

ONE32, HALF32, TWO32 = F(1), F(0.5), F(2)
DOWN32 = F(2.0**-64)
# sqrt(1 / 2) in two parts
R64, R64_LO = D(0.7071067811865476), D(-4.833646656726457e-17)

# -- exp ------------------------------------------------------------------------------------------


@number
def _power32(n):
    """2**n for -126 <= n <= 127."""
    return np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@number
def _power64(n):
    """2**n for -1022 <= n <= 1023."""
    return np.int64((n + np.int64(1023)) << np.int64(52)).view(np.float64)


@number
def _reduce32(x):
    """x = n ln 2 + r: n as an integer, r, and expm1(r) = r + r^2 q(r)."""
    shifted = x * LOG2E32 + ROUND32
    n = np.int32(np.float32(shifted).view(np.int32) - BITS32)
    whole = shifted - ROUND32
    r = x - whole * LN2_HI32
    r = r - whole * LN2_LO32
    return n, r


@number
def _expm1_core32(r):
    q = r * F(1.9875691500e-4) + F(1.3981999507e-3)
    q = q * r + F(8.3334519073e-3)
    q = q * r + F(4.1665795894e-2)
    q = q * r + F(1.6666665459e-1)
    q = q * r + F(5.0000001201e-1)
    return q * (r * r) + r


@number
def exp32(x):
    """e**x; 1.02 ulp."""
    x = where(x > F(89.0), F(89.0), x)
    x = where(x < F(-104.0), F(-104.0), x)
    n, r = _reduce32(x)
    y = ONE32 + _expm1_core32(r)
    half = np.int32(n >> np.int32(1))  # in two steps: 2**n itself may be out of range
    return y * _power32(half) * _power32(np.int32(n - half))


@number
def exp32_nonpositive(x):
    """e**x for x <= 0, without the care for results below 1e-38, which become 0."""
    x = where(x < F(-87.0), F(-87.0), x)
    n, r = _reduce32(x)
    y = (ONE32 + _expm1_core32(r)) * _power32(n)
    return where(x <= F(-87.0), F(0.0), y)


@number
def expm1_32(x):
    """e**x - 1, also near 0; 1.5 ulp."""
    x = where(x > F(89.0), F(89.0), x)
    x = where(x < F(-30.0), F(-30.0), x)
    n, r = _reduce32(x)
    m = _expm1_core32(r)
    half = np.int32(n >> np.int32(1))
    a = _power32(half)
    b = _power32(np.int32(n - half))
    scale = a * b
    y = scale * m + (scale - ONE32)
    y = where(x > F(40.0), (ONE32 + m) * a * b, y)
    return where((n == np.int32(0)) & (m == F(0.0)), x, y)


@number
def _reduce64(x):
    shifted = x * LOG2E64 + ROUND64
    n = np.float64(shifted).view(np.int64) - BITS64
    whole = shifted - ROUND64
    r = x - whole * LN2_HI64
    r = r - whole * LN2_LO64
    return n, r


@number
def _expm1_core64(r):
    """The Taylor series to r**13: its remainder is below 4e-18 for |r| <= ln(2) / 2."""
    q = r * D(1 / 6227020800) + D(1 / 479001600)
    q = q * r + D(1 / 39916800)
    q = q * r + D(1 / 3628800)
    q = q * r + D(1 / 362880)
    q = q * r + D(1 / 40320)
    q = q * r + D(1 / 5040)
    q = q * r + D(1 / 720)
    q = q * r + D(1 / 120)
    q = q * r + D(1 / 24)
    q = q * r + D(1 / 6)
    q = q * r + D(1 / 2)
    return q * (r * r) + r


@number
def exp64(x):
    """e**x; 1 ulp."""
    x = where(x > 710.0, 710.0, x)
    x = where(x < -746.0, -746.0, x)
    n, r = _reduce64(x)
    y = 1.0 + _expm1_core64(r)
    half = n >> 1
    return y * _power64(half) * _power64(n - half)


@number
def expm1_64(x):
    """e**x - 1, also near 0; 1.5 ulp."""
    x = where(x > 710.0, 710.0, x)
    x = where(x < -60.0, -60.0, x)
    n, r = _reduce64(x)
    m = _expm1_core64(r)
    half = n >> 1
    a = _power64(half)
    b = _power64(n - half)
    scale = a * b
    y = scale * m + (scale - 1.0)
    y = where(x > 60.0, (1.0 + m) * a * b, y)
    return where((n == 0) & (m == 0.0), x, y)


# -- log ------------------------------------------------------------------------------------------


@number
def log32(x):
    """The natural logarithm; 0.9 ulp. -inf at 0, NaN below."""
    tiny = x < F(1.17549435e-38)
    y = where(tiny, x * F(33554432.0), x)
    # The mantissa m from sqrt(1/2) to sqrt(2).
    bits = np.int32(np.float32(y).view(np.int32) - np.int32(0x3F3504F3))
    k = np.int32(bits >> np.int32(23))
    m = np.int32((bits & np.int32(0x007FFFFF)) + np.int32(0x3F3504F3)).view(np.float32)
    k = np.int32(k - where(tiny, np.int32(25), np.int32(0)))
    n = F(k)
    f = m - ONE32
    s = f / (TWO32 + f)
    z = s * s
    w = z * z
    r = z * (F(0.66666662693) + w * F(0.28498786688)) + w * (
        F(0.40000972152) + w * F(0.24279078841)
    )
    h = HALF32 * f * f
    y = n * F(9.0580006145e-06) + s * (h + r)
    y = y - h
    y = y + f
    y = y + n * F(6.9313812256e-01)
    y = where(x == F(np.inf), x, y)
    y = where(x == F(0), F(-np.inf), y)
    y = where(x >= F(0), y, x)
    return where(x < F(0), F(np.nan), y)


@number
def log64(x):
    """The natural logarithm; 1 ulp. -inf at 0, NaN below."""
    tiny = x < 2.2250738585072014e-308
    y = where(tiny, x * 18014398509481984.0, x)
    bits = np.float64(y).view(np.int64) - 0x3FE6A09E667F3BCD
    k = (bits >> 52) - where(tiny, 54, 0)
    m = np.int64((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD).view(np.float64)
    n = D(k)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = w * (
        3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01)
    )
    even = z * (
        6.666666666666735130e-01
        + w
        * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    h = 0.5 * f * f
    y = n * 1.90821492927058770002e-10 + s * (h + (odd + even))
    y = y - h
    y = y + f
    y = y + n * 6.93147180369123816490e-01
    y = where(x == np.inf, x, y)
    y = where(x == 0.0, -np.inf, y)
    y = where(x >= 0.0, y, x)
    return where(x < 0.0, np.nan, y)


@exact_number  # without FMA: the correction is exactly what rounding 1 + x lost
def log1p32(x):
    """log(1 + x) for x >= 0, also near 0; 1.5 ulp."""
    u = ONE32 + x
    c = (x - (u - ONE32)) / u
    y = log32(u) + where(u < F(1e30), c, F(0))
    return where(u == ONE32, x, y)


@exact_number
def log1p64(x):
    """log(1 + x) for x >= 0, also near 0; 1.5 ulp."""
    u = 1.0 + x
    c = (x - (u - 1.0)) / u
    y = log64(u) + where(u < 1e30, c, 0.0)
    return where(u == 1.0, x, y)


# -- tanh, sigmoid --------------------------------------------------------------------------------


@number
def tanh32(x):
    """The hyperbolic tangent; 1.3 ulp."""
    a = abs(x)
    z = x * x
    p = z * F(-5.70498872745e-3) + F(2.06390887954e-2)
    p = p * z + F(-5.37397155531e-2)
    p = p * z + F(1.33314422036e-1)
    p = p * z + F(-3.33332819422e-1)
    small = p * z * x + x
    small = where(z == F(0), x, small)
    large = ONE32 - TWO32 / (exp32(a + a) + ONE32)
    large = where(x < F(0), -large, large)
    return where(a < F(0.625), small, large)


@number
def tanh64(x):
    """The hyperbolic tangent; 1.5 ulp."""
    a = abs(x)
    a = where(a > 30.0, 30.0, a)
    z = a * a
    p = (z * -9.64399179425052238628e-1 + -9.92877231001918586564e1) * z + -1.61468768441708447952e3
    q = (
        (z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3
    ) * z + 4.84406305325125486048e3
    small = x * z * (p / q) + x
    small = where(z == 0.0, x, small)
    large = 1.0 - 2.0 / (exp64(a + a) + 1.0)
    large = where(x < 0.0, -large, large)
    return where(a < 0.625, small, large)


@number
def sigmoid32(x):
    """1 / (1 + e**-x), accurate in the tail too; 1.6 ulp.

    With e = y 2**n: what rounding lost of y, of 1 + e and of its inverse is added back.
    """
    a = abs(x)
    n, r = _reduce32(-where(a > F(104), F(104), a))
    c = _expm1_core32(r)
    y = ONE32 + c
    power = _power32(np.int32(n + np.int32(64)))  # 2**n itself may be out of range
    e = y * power * DOWN32
    d = ONE32 + e
    inverse = ONE32 / d
    off = fma(-inverse, d, ONE32) - inverse * (e - (d - ONE32))
    tail = fma(y, inverse, inverse * fma(y, off, c - (y - ONE32))) * power * DOWN32
    return where(x >= F(0), inverse, where(x < F(0), tail, x))


@number
def sigmoid64(x):
    """1 / (1 + e**-x), accurate in the tail too; 2 ulp."""
    a = abs(x)
    n, r = _reduce64(-where(a > 746.0, 746.0, a))
    c = _expm1_core64(r)
    y = 1.0 + c
    lost = c - (y - 1.0)
    half = n >> 1
    first, second = _power64(half), _power64(n - half)
    e = y * first * second
    d = 1.0 + e
    inverse = 1.0 / d
    off = fma(-inverse, d, 1.0) - inverse * (e - (d - 1.0))
    tail = fma(y, inverse, inverse * fma(y, off, lost)) * first * second
    return where(x >= 0.0, inverse, where(x < 0.0, tail, x))


# -- erf and the normal distribution --------------------------------------------------------------


@number
def erf32(x):
    """The error function; 1.1 ulp."""
    a = abs(x)
    z = x * x
    p = F(-1.72853470e-5) * a + F(3.83197126e-4)
    u = F(-3.88396438e-3) * a + F(2.42546219e-2)
    p = p * z + u
    p = p * a + F(-1.06777877e-1)
    p = p * a + F(-6.34846687e-1)
    p = p * a + F(-1.28717512e-1)
    p = p * a - a
    large = ONE32 - exp32(p)
    large = where(a > F(4.0), ONE32, large)
    large = where(x < F(0), -large, large)
    large = where(x != x, x, large)
    q = F(-5.96761703e-4) * z + F(4.99119423e-3)
    q = q * z + F(-2.67681349e-2)
    q = q * z + F(1.12819925e-1)
    q = q * z + F(-3.76125336e-1)
    q = q * z + F(1.28379166e-1)
    small = q * x + x
    return where(a <= F(0.927734375), small, large)


@exact_number
def erf64(x):
    """The error function, of the C library."""
    return math.erf(x)


@number
def _tail32(t):
    """Parts of the integral of the normal density up to -t, for 0 <= t <= 15.

    It is u p(u) exp(-t^2 / 2), u = 1 / (1 + 0.4 t), p a minimax fit. Rounding t^2 costs 45 ulp at
    the far end, u up to 2, p 1: what each of them lost is carried along. Returned are u, p, what p
    lost, y and 2**n of exp(-t^2 / 2) = 2**-64 y 2**n (2**n itself may be out of range), and what
    y and u p lost, both as a share of u p.
    """
    square = t * t
    n, r = _reduce32(-HALF32 * square)  # -163 <= n <= 0
    c = _expm1_core32(r - HALF32 * fma(t, t, -square))
    y = ONE32 + c
    d = fma(F(0.4), t, ONE32)
    u = ONE32 / d
    # 1 - u d, where d lost something as well; p grows with u, which doubles the error at u = 1.
    lost = fma(-u, fma(F(0.4), t, ONE32 - d), fma(-u, d, ONE32)) * (ONE32 + F(0.995) * u)
    p = u * F(3.223011643e-02) + F(-1.768875718e-01)
    p = p * u + F(3.824401498e-01)
    p = p * u + F(-3.741433024e-01)
    p = p * u + F(1.195117682e-01)
    p = p * u + F(-2.681145258e-02)
    p = p * u + F(9.131023288e-02)
    p = p * u + F(1.331478506e-01)
    q = p * u + F(1.596262455e-01)
    p = fma(q, u, F(1.595759690e-01))
    rest = fma(q, u, F(1.595759690e-01) - p)
    lost = lost * y + (c - (y - ONE32))
    return u, p, rest, y, _power32(np.int32(n + np.int32(64))), lost


@number
def normal32(x):
    """The standard normal distribution: its integral up to x, and exp(-x^2 / 2).

    5 ulp, for negative x too, where 1 + erf would lose all digits; the density 1.5. (The gradient
    of gelu, a difference, is not improved by more.)
    """
    t = abs(x)
    t = where(t > F(15), F(15), t)
    u, p, _, y, power, _ = _tail32(t)
    e = y * power * DOWN32
    tail = u * p * e
    body = ONE32 - tail
    return where(x > F(0), body, tail), e


@number
def gelu32(x):
    """x times the normal integral up to x; 1.97 ulp. NaN at -inf, as 0 times infinity.

    For x > 0 it is x less the value at -x: no second rounding of the integral.
    """
    t = abs(x)
    t = where(t > F(15), F(15), t)
    u, p, rest, y, power, lost = _tail32(t)
    v = t * u
    w = v * p
    low = fma(v, p, -w) + fma(t, u, -v) * p + v * rest
    below = fma(w, y, fma(w, lost, low * y)) * power * DOWN32
    return where(x >= F(0), x, x * F(0)) - below


@number
def normal64(x):
    """The standard normal distribution: its integral up to x, and exp(-x^2 / 2); 6 ulp.

    By the C library's erfc. Rounding x / sqrt(2) and x^2 costs up to x^2 ulp in the tail: what they
    lost is added to first order.
    """
    x = where(x > 40.0, 40.0, x)
    x = where(x < -40.0, -40.0, x)
    z = x * -R64
    lost = fma(x, -R64, -z) - x * R64_LO
    square = x * x
    e = exp64(-0.5 * square)
    below = 0.5 * math.erfc(z) - lost * (e * 0.5641895835477563)
    return below, e - e * (0.5 * fma(x, x, -square))


@number
def gelu64(x):
    """x times the normal integral up to x; 6 ulp, where that is no denormal (x > -37.5)."""
    return x * normal64(x)[0]


@number
def gauss32(x):
    """exp(-x^2); 2 ulp."""
    t = where(abs(x) > F(15), F(15), x)
    square = t * t
    e = exp32(-square)
    return e - e * fma(t, t, -square)


@number
def gauss64(x):
    """exp(-x^2); 2 ulp."""
    t = where(abs(x) > 40.0, 40.0, x)
    square = t * t
    e = exp64(-square)
    return e - e * fma(t, t, -square)


exp = ByDtype(exp32, exp64)
expm1 = ByDtype(expm1_32, expm1_64)
log = ByDtype(log32, log64)
log1p = ByDtype(log1p32, log1p64)
tanh = ByDtype(tanh32, tanh64)
sigmoid = ByDtype(sigmoid32, sigmoid64)
erf = ByDtype(erf32, erf64)
normal = ByDtype(normal32, normal64)
gelu = ByDtype(gelu32, gelu64)
gauss = ByDtype(gauss32, gauss64)
exp_nonpositive = ByDtype(exp32_nonpositive, exp64)
