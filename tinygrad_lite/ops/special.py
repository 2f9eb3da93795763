"""Special functions on NumPy alone: the error function and its relatives, logit, sinc.

Relative accuracy in float64, against 40-digit values (tests/ops/test_special.py): erf 2 ulp, erfc
and erfcx 2e-15, erfinv and ndtri 1e-14, log_ndtr 5e-15, ndtr x^2 ulp in
its lower tail (2e-13 at -37, where the value is 6e-300).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.rules import pointwise, with_kernel
from ..core.samples import Real, reals, sample
from ..kernels import elementwise
from ..kernels._jit import enabled
from .arguments import as_arrays, in_double, not_complex
from .arithmetic import where
from .exponential import exp, log, log1p
from .trigonometric import cos

_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)
_FEW = 2048  # elements up to which the C library's erf, one number at a time, is fastest


# -- the error function ----------------------------------------------------------------------------
# Rational approximations on four intervals, from FreeBSD's s_erf.c (Sun Microsystems, 1993):
# erf = x + x R(x^2) below 0.84375; 0.845... + R(|x| - 1) below 1.25; beyond that
# erfc = exp(-x^2) / x * exp(R(1 / x^2) - 0.5625), the exponent split so that x^2 loses no digits.

_C = 8.45062911510467529297e-01
_NEAR = (
    (
        1.28379167095512558561e-01,
        -3.25042107247001499370e-01,
        -2.84817495755985104766e-02,
        -5.77027029648944159157e-03,
        -2.37630166566501626084e-05,
    ),
    (
        1.0,
        3.97917223959155352819e-01,
        6.50222499887672944485e-02,
        5.08130628187576562776e-03,
        1.32494738004321644526e-04,
        -3.96022827877536812320e-06,
    ),
)
_ONE = (
    (
        -2.36211856075265944077e-03,
        4.14856118683748331666e-01,
        -3.72207876035701323847e-01,
        3.18346619901161753674e-01,
        -1.10894694282396677476e-01,
        3.54783043256182359371e-02,
        -2.16637559486879084300e-03,
    ),
    (
        1.0,
        1.06420880400844228286e-01,
        5.40397917702171048937e-01,
        7.18286544141962662868e-02,
        1.26171219808761642112e-01,
        1.36370839120290507362e-02,
        1.19844998467991074170e-02,
    ),
)
_FAR = (
    (
        -9.86494403484714822705e-03,
        -6.93858572707181764372e-01,
        -1.05586262253232909814e01,
        -6.23753324503260060396e01,
        -1.62396669462573470355e02,
        -1.84605092906711035994e02,
        -8.12874355063065934246e01,
        -9.81432934416914548592e00,
    ),
    (
        1.0,
        1.96512716674392571292e01,
        1.37657754143519042600e02,
        4.34565877475229228821e02,
        6.45387271733267880336e02,
        4.29008140027567833386e02,
        1.08635005541779435134e02,
        6.57024977031928170135e00,
        -6.04244152148580987438e-02,
    ),
)
_FARTHER = (
    (
        -9.86494292470009928597e-03,
        -7.99283237680523006574e-01,
        -1.77579549177547519889e01,
        -1.60636384855821916062e02,
        -6.37566443368389627722e02,
        -1.02509513161107724954e03,
        -4.83519191608651397019e02,
    ),
    (
        1.0,
        3.03380607434824582924e01,
        3.25792512996573918826e02,
        1.53672958608443695994e03,
        3.19985821950859553908e03,
        2.55305040643316442583e03,
        4.74528541206955367215e02,
        -2.24409524465858183362e01,
    ),
)


def _horner(coefficients: Any, x: Any) -> Any:
    """The polynomial with these coefficients, lowest first, at x."""
    out = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        out *= x
        out += c
    return out


def _ratio(pair: Any, x: Any) -> Any:
    return _horner(pair[0], x) / _horner(pair[1], x)


def _erfc_tail(a: Any) -> Any:
    """erfc(a) for a >= 1.25: exp(-a^2) / a * exp(R - 0.5625)."""
    s = 1 / (a * a)
    r = np.where(a < 1 / 0.35, _ratio(_FAR, s), _ratio(_FARTHER, s))
    z = (a.view(np.uint64) & np.uint64(0xFFFFFFFF00000000)).view(
        np.float64
    )  # few digits: z * z exact
    return np.exp(-z * z - 0.5625) * np.exp((z - a) * (z + a) + r) / a


def _pieces(x: Any, complement: bool) -> Any:
    """erf(x), or erfc(x), of a float64 array, each interval by its own formula."""
    x = np.ascontiguousarray(x)
    a = np.abs(x)
    out = np.empty_like(x)
    near, far = a < 0.84375, a >= 1.25
    one = ~(near | far)  # NaN lands here and stays NaN
    if near.any():
        v = x[near]
        small = v + v * _ratio(_NEAR, v * v)
        out[near] = 1 - small if complement else small
    if one.any():
        v = x[one]
        middle = _C + _ratio(_ONE, np.abs(v) - 1)
        if complement:
            out[one] = np.where(v > 0, 1 - _C - (middle - _C), 1 + middle)
        else:
            out[one] = np.copysign(middle, v)
    if far.any():
        v = x[far]
        tail = _erfc_tail(np.minimum(np.abs(v), 28.0))
        out[far] = np.where(v > 0, tail, 2 - tail) if complement else np.copysign(1 - tail, v)
    return out


@with_kernel(elementwise.erf_backward)
def _erf_rule(g: Any, x: Any) -> Any:
    return g * (exp(-(x * x)) * _TWO_BY_ROOT_PI)


@primitive(
    _erf_rule,
    promote="float",
    inplace=True,
    check=not_complex("erf_vml_cpu"),
    samples=reals(1),
)
def erf(x: Any) -> Any:
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, elementwise."""
    if x.size < _FEW:
        return elementwise.erf.numpy(x)
    return elementwise.erf(x) if enabled() else in_double(_pieces, x, False)


@primitive(
    pointwise(lambda g, x: -g * (exp(-(x * x)) * _TWO_BY_ROOT_PI)),
    promote="float",
    inplace=True,
    check=not_complex("erfc_vml_cpu"),
    samples=reals(1),
)
def erfc(x: Any) -> Any:
    """1 - erf(x), elementwise, accurate where that is tiny."""
    return in_double(_pieces, x, True)


def _scaled_complement(x: Any) -> Any:
    """exp(x^2) erfc(x), by the tail formula above 1.25, where neither factor need be computed."""
    out = np.exp(x * x) * _pieces(np.minimum(x, 1.25), True)
    far = x >= 1.25
    a = x[far]
    s = 1 / (a * a)
    r = np.where(a < 1 / 0.35, _ratio(_FAR, s), _ratio(_FARTHER, s))
    out[far] = np.exp(r - 0.5625) / a
    return out


@primitive(
    pointwise(lambda g, x, out: g * (x * out * 2 - _TWO_BY_ROOT_PI)),
    promote="float",
    method=False,
    samples=reals(1),
)
def erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x), elementwise, without overflow for large x."""
    return in_double(_scaled_complement, x)


# Central and tail approximations, each then improved by Newton's method (as in PyTorch).
_CENTRAL = (
    (0.886226899, -1.645349621, 0.914624893, -0.140543331),
    (1.0, -2.118377725, 1.442710462, -0.329097515, 0.012229801),
)
_TAIL = (
    (-1.970840454, -1.624906493, 3.429567803, 1.641345311),
    (1.0, 3.543889200, 1.637067800),
)


def _inverse_erf(y: Any) -> Any:
    a = np.abs(y)
    x = a * _ratio(_CENTRAL, np.minimum(a * a, 0.49))
    far = a > 0.7
    x[far] = _ratio(_TAIL, np.sqrt(-np.log((1 - a[far]) / 2)))
    inside = a < 1
    for _ in range(2):
        v = x[inside]
        # from the side where no digits cancel
        error = np.where(v > 1, 1 - a[inside] - _pieces(v, True), _pieces(v, False) - a[inside])
        x[inside] = v - error / (_TWO_BY_ROOT_PI * np.exp(-v * v))
    return np.copysign(np.where(a == 1, np.inf, np.where(a > 1, np.nan, x)), y)


@primitive(
    pointwise(lambda g, out: g * (exp(out * out) / _TWO_BY_ROOT_PI)),
    promote="float",
    inplace=True,
    rewritable=True,
    samples=reals(1, low=-0.9, high=0.9),
)
def erfinv(x: Any) -> Any:
    """The x with erf(x) = y, elementwise; infinite at -1 and 1, NaN beyond."""
    return in_double(_inverse_erf, x)


# -- the normal distribution -----------------------------------------------------------------------

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


@primitive(
    pointwise(lambda g, x: g * (exp(x * x * -0.5) * _DENSITY)),
    promote="float",
    method=False,
    samples=reals(1),
)
def ndtr(x: Any) -> Any:
    """The normal distribution function, erfc(-x / sqrt 2) / 2, elementwise."""
    return in_double(lambda v: _pieces(v * -_ROOT_HALF, True) / 2, x)


def _log_normal(x: Any) -> Any:
    low = x < -1
    tail = np.log(_scaled_complement(np.where(low, -x, 1.0) * _ROOT_HALF) / 2) - x * x / 2
    return np.where(low, tail, np.log1p(-_pieces(x * _ROOT_HALF, True) / 2))


@primitive(
    pointwise(lambda g, x, out: g * (exp(x * x * -0.5 - out) * _DENSITY)),
    promote="float",
    method=False,
    samples=reals(1),
)
def log_ndtr(x: Any) -> Any:
    """log of the normal distribution function, elementwise, finite far below 0."""
    return in_double(_log_normal, x)


def _quantile(p: Any) -> Any:
    """A first guess (Abramowitz and Stegun 26.2.23), then Halley's method on the smaller tail."""
    tail = np.minimum(p, 1 - p)
    t = np.sqrt(-2 * np.log(tail))
    x = -(
        t
        - _horner((2.515517, 0.802853, 0.010328), t)
        / _horner((1.0, 1.432788, 0.189269, 0.001308), t)
    )
    for _ in range(3):
        u = (_pieces(x * -_ROOT_HALF, True) / 2 - tail) / _DENSITY * np.exp(x * x / 2)
        x = np.where(tail > 0, x - u / (1 + x * u / 2), x)
    x = np.where(p > 0.5, -x, x)
    x = np.where(np.abs(p - 0.5) < 0.3, _inverse_erf(2 * p - 1) / _ROOT_HALF, x)
    return np.where(p == 0, -np.inf, np.where(p == 1, np.inf, x))


@primitive(
    pointwise(lambda g, out: g * (exp(out * out * 0.5) / _DENSITY)),
    promote="float",
    method=False,
    samples=reals(1, low=0.1, high=0.9),
)
def ndtri(x: Any) -> Any:
    """The quantile of the normal distribution, elementwise; infinite at 0 and 1, NaN beyond."""
    return in_double(_quantile, x)


def _log(y: Any, shift: int) -> Any:
    """log(shift + y), y an array, a Tensor or a number."""
    if isinstance(y, (int, float)):
        return np.log(shift + y)
    return log1p(y) if shift else log(y)


# -- logit, entropy, sinc --------------------------------------------------------------------------


def _logit_rule(g: Any, x: Any, eps: Any) -> Any:
    low = 0.0 if eps is None else eps
    inside = (x >= low) & (x <= 1 - low)
    return where(inside, g / (x * (1 - x)), math.nan if eps is None else 0.0)


@primitive(
    _logit_rule,
    promote="float",
    inplace=True,
    check=not_complex("logit_cpu"),
    samples=[
        sample(Real(low=0.1, high=0.9)),
        sample(Real(low=0.1, high=0.9, avoid=(0.3, 0.7)), eps=0.3),
    ],
)
def logit(x: Any, *, eps: float | None = None) -> Any:
    """log(x / (1 - x)), elementwise, x limited to [eps, 1 - eps] (derivative 0 beyond) if given."""
    if eps is not None:
        x = np.minimum(np.maximum(x, eps), 1 - eps)
    return np.log(x / (1 - x))


@primitive(
    lambda g, x, y: where((x == 0) & (y <= 0), 0.0, g * _log(y, 0)),
    pointwise(lambda g, x, y: g * (x / y)),
    broadcasts=True,
    promote="float",
    inplace=True,
    check=not_complex("xlogy_cpu"),
    samples=[sample(Real(broadcast=True), Real(low=0.3, high=3.0, broadcast=True))],
)
def xlogy(x: Any, y: Any) -> Any:
    """x log y, elementwise; 0 for x = 0 unless y is NaN."""
    x, y = as_arrays(x, y)
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y)).astype(x.dtype)


@primitive(
    lambda g, x, y: where((x == 0) & (y <= -1), 0.0, g * _log(y, 1)),
    pointwise(lambda g, x, y: g * (x / (y + 1))),
    broadcasts=True,
    promote="float",
    method=False,
    samples=[sample(Real(broadcast=True), Real(low=-0.7, high=3.0, broadcast=True))],
)
def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), elementwise; 0 for x = 0 unless y is NaN."""
    x, y = as_arrays(x, y)
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log1p(y)).astype(x.dtype)


@primitive(
    pointwise(lambda g, x: g * -(log(x) + 1)),
    promote="float",
    method=False,
    samples=reals(1, low=0.2, high=3.0),
)
def entr(x: Any) -> Any:
    """-x log x, elementwise; 0 at 0, -inf below."""
    safe = np.where(x > 0, x, 1)
    out = np.where(x > 0, -x * np.log(safe), np.where(x == 0, 0.0, -np.inf))
    return np.where(np.isnan(x), x, out).astype(x.dtype)


def _sinc_rule(g: Any, x: Any, out: Any) -> Any:
    safe = where(x == 0, 1.0, x)
    return g * where(x == 0, 0.0, (cos(x * math.pi) - out) / safe)


@primitive(
    _sinc_rule,
    promote="float",
    inplace=True,
    rewritable=True,
    samples=reals(1, avoid=(0.0,), margin=0.3),
)
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), elementwise; 1 at 0, where the derivative is 0."""
    return np.sinc(x).astype(x.dtype, copy=False)
