"""Special functions on NumPy alone: the error function and its relatives.

Accuracy (against 50-digit values, tests/ops/test_special.py): erf and erfc 1 ulp in float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import reals
from .exponential import exp

_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)


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


def _in_double(function: Any, x: Any, *options: Any) -> Any:
    """`function` computed in float64, given back in x's dtype."""
    x = np.asarray(x)
    wide = function(x.astype(np.float64, copy=False).reshape(-1), *options)
    return wide.reshape(x.shape).astype(x.dtype, copy=False)


# numerator and denominator of erf in float32, x^2 the variable (Eigen's fast erf)
_ERF_32 = (
    (
        -1.60960333262415e-02,
        -2.95459980854025e-03,
        -7.34990630326855e-04,
        -5.69250639462346e-05,
        -2.10102402082508e-06,
        2.77068142495902e-08,
        -2.72614225801306e-10,
    ),
    (
        -1.42647390514189e-02,
        -7.37332916720468e-03,
        -1.68282697438203e-03,
        -2.13374055278905e-04,
        -1.45660718464996e-05,
    ),
)


@primitive(
    lambda g, x: g * (exp(-(x * x)) * _TWO_BY_ROOT_PI),
    promote="float",
    inplace=True,
    samples=reals(1),
)
def erf(x: Any) -> Any:
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, elementwise."""
    if x.dtype == np.float32:
        x = np.minimum(np.maximum(x, np.float32(-4)), np.float32(4))
        return x * _ratio(_ERF_32, np.asarray(x * x))
    return _in_double(_pieces, x, False)


@primitive(
    lambda g, x: -g * (exp(-(x * x)) * _TWO_BY_ROOT_PI),
    promote="float",
    inplace=True,
    samples=reals(1),
)
def erfc(x: Any) -> Any:
    """1 - erf(x), elementwise, accurate where that is tiny."""
    return _in_double(_pieces, x, True)
