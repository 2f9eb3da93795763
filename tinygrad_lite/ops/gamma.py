"""The gamma family: lgamma, digamma, polygamma, zeta, mvlgamma.

Accuracy in float64, against 40-digit values (tests/ops/test_special.py): lgamma 4e-15 relative for
x > 0, digamma 1e-14 (near its zeros 1e-15 absolute), polygamma 2e-14, zeta 1e-14.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.dtypes import get_default_dtype
from ..core.samples import Integer, Real, one_of, reals, sample
from ..core.tensor import Tensor, make
from .arguments import also, in_double, not_complex, of_tensors, require_tensor, unsupported

EULER = 0.57721566490153286061

#: B_2k / (2k)!, for the tails of sums (Euler and Maclaurin)
_BERNOULLI = (
    1 / 6,
    -1 / 30,
    1 / 42,
    -1 / 30,
    5 / 66,
    -691 / 2730,
    7 / 6,
    -3617 / 510,
    43867 / 798,
    -174611 / 330,
)


def hurwitz(s: Any, q: Any) -> Any:
    """zeta(s, q) = sum over k >= 0 of (q + k) ** -s, s > 1, q > 0: twelve terms and the tail."""
    out = np.zeros_like(q + s)
    for k in range(12):
        out = out + (q + k) ** -s
    a = q + 12
    out = out + a ** (1 - s) / (s - 1) - a**-s / 2 + a**-s
    rising = s * a ** (-s - 1)
    for k, b in enumerate(_BERNOULLI):
        out = out + b / math.factorial(2 * k + 2) * rising
        rising = rising * (s + 2 * k + 1) * (s + 2 * k + 2) / (a * a)
    return out


def _zeta_minus_one(k: int) -> float:
    return float(hurwitz(np.float64(k), np.float64(2.0)))


_ZETA = [_zeta_minus_one(k) for k in range(2, 32)]


def _near_two(w: Any) -> Any:
    """lgamma(2 + w) for |w| <= 0.5: w (1 - gamma) + sum of (-1)^k (zeta(k) - 1) w^k / k."""
    out = np.zeros_like(w)
    for k in range(31, 1, -1):
        out = (out + (_ZETA[k - 2] if k % 2 == 0 else -_ZETA[k - 2]) / k) * w
    return (out + (1 - EULER)) * w


def _positive(x: Any) -> Any:
    """lgamma of x > 0: a series around 2, shifted there from below 10, Stirling's above."""
    out = np.empty_like(x)
    small, large = x < 1.5, x >= 10
    v = x[small]
    tiny = v < 0.5  # 1 + x first, then around 2
    base = np.where(tiny, v + 1, v)
    value = _near_two(base - 1) - np.log1p(base - 1)
    out[small] = np.where(tiny, value - np.log(v), value)
    middle = ~(small | large)
    v = x[middle]
    factor = np.ones_like(v)
    for _ in range(8):
        above = v > 2.5
        v = np.where(above, v - 1, v)
        factor = np.where(above, factor * v, factor)
    out[middle] = _near_two(v - 2) + np.log(factor)
    v = x[large]
    r = 1 / v
    tail = np.zeros_like(v)
    for k in range(7, -1, -1):
        tail = tail * r * r + _BERNOULLI[k] / ((2 * k + 1) * (2 * k + 2))
    stirling = (v - 0.5) * np.log(v) - v + 0.5 * math.log(2 * math.pi) + tail * r
    out[large] = np.where(np.isinf(v), v, stirling)
    return out


def _log_gamma(x: Any) -> Any:
    with np.errstate(all="ignore"):
        out = _positive(np.where(x > 0, x, 1 - x))
        reflected = np.log(math.pi / np.abs(sin_pi(x))) - out
        out = np.where(x > 0, out, np.where(x == 0, np.inf, reflected))
        return np.where((x == -np.inf) | (x == np.inf), np.inf, out)


def sin_pi(x: Any) -> Any:
    """sin(pi x), exact at whole x."""
    r = np.remainder(x, 2.0)
    r = np.where(r > 1, r - 2, r)
    r = np.where(r > 0.5, 1 - r, np.where(r < -0.5, -1 - r, r))
    return np.sin(math.pi * r)


def _tan_pi(x: Any) -> Any:
    r = np.remainder(x, 1.0)
    return np.tan(math.pi * np.where(r > 0.5, r - 1, r))


def _psi(x: Any) -> Any:
    """Shifted up to 10, then log x - 1 / 2x - sum of B_2k / (2k x^2k); reflected below 0."""
    with np.errstate(all="ignore"):
        y = np.where(x > 0, x, 1 - x)
        out = np.zeros_like(y)
        for _ in range(10):
            low = y < 10
            out = np.where(low, out - 1 / y, out)
            y = np.where(low, y + 1, y)
        r = 1 / (y * y)
        tail = np.zeros_like(y)
        for k in range(7, -1, -1):
            tail = (tail + _BERNOULLI[k] / (2 * k + 2)) * r
        out = out + np.log(y) - 0.5 / y - tail
        out = np.where(x > 0, out, out - math.pi / _tan_pi(x))
        whole = (x <= 0) & (np.floor(x) == x)
        out = np.where(whole, np.where(x == 0, np.copysign(np.inf, -x), np.nan), out)
        return np.where(x == -np.inf, np.nan, np.where(x == np.inf, np.inf, out))


_POSITIVE = reals(1, low=0.3, high=4.0)


_FEW = 256  # so many numbers are faster one by one than as an array


@primitive(
    lambda g, x: g * digamma(x),
    promote="float",
    inplace=True,
    check=not_complex("lgamma_vml_cpu"),
    samples=_POSITIVE,
)
def lgamma(x: Any) -> Any:
    """log |Gamma(x)|, elementwise; inf at 0, -1, -2, ..."""
    if x.size <= _FEW and x.dtype == np.float32:
        try:  # one by one; off by 1e-15 near the zeros at 1 and 2, where float32 has no numbers
            values = [math.lgamma(v) for v in x.reshape(-1).tolist()]
        except (ValueError, OverflowError):  # a pole, or beyond float64
            pass
        else:
            return np.array(values, np.float32).reshape(x.shape)
    return in_double(_log_gamma, x)


@primitive(
    lambda g, x: g * derivative_of_psi(x, n=1), promote="float", inplace=True, samples=_POSITIVE
)
def digamma(x: Any) -> Any:
    """Gamma'(x) / Gamma(x), elementwise; -inf at 0, NaN at -1, -2, ..."""
    return in_double(_psi, x)


def _polygamma(x: Any, n: int) -> Any:
    with np.errstate(all="ignore"):
        sign = -1.0 if n % 2 == 0 else 1.0
        y = np.where(x > 0, x, 1 - x)
        out = sign * math.factorial(n) * hurwitz(float(n + 1), y)
        if n == 1:
            return np.where(x > 0, out, (math.pi / sin_pi(x)) ** 2 - out)
        if (x > 0).all():
            return out
        poles = (x <= 0) & (np.floor(x) == x)
        return np.where(x > 0, out, np.where(poles, sign * np.inf, _reflected(x, n)))


def _reflected(x: Any, n: int) -> Any:
    """psi_n(x) = (-1)^n psi_n(1 - x) - pi d^n cot(pi x) / dx^n, for x < 0.

    The derivative is pi^n P_n(c) with c = cot(pi x), P_0 = c, P_(k+1) = -P_k' (1 + c^2).
    """
    p = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n):
        p = -p.deriv() * np.polynomial.Polynomial([1.0, 0.0, 1.0])
    beyond = -math.factorial(n) * hurwitz(float(n + 1), np.where(x > 0, 1.0, 1 - x))
    return beyond - math.pi ** (n + 1) * p(1 / _tan_pi(x))


@primitive(
    lambda g, x, n: g * derivative_of_psi(x, n=n + 1),
    promote="float",
    method=False,
    title="Polygamma",
    samples=[sample(Real(low=0.5, high=4.0), n=one_of(1, 2))],
)
def derivative_of_psi(x: Any, *, n: int) -> Any:
    """The n-th derivative of digamma, n >= 1; infinite at 0, -1, -2, ..."""
    return in_double(_polygamma, x, n)


@composed(method=False)
def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma, elementwise. RuntimeError for negative n."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    require_tensor("polygamma", input)
    not_complex("digamma" if n == 0 else "polygamma")(input.array)
    return digamma(input) if n == 0 else derivative_of_psi(input, n=n)


@composed(method="polygamma", inplace=True, name="polygamma_method")
def _polygamma_method(self: Tensor, n: int) -> Any:
    """The n-th derivative of digamma, elementwise."""
    return polygamma(n, self)


@composed(inplace=True)
@of_tensors
def mvlgamma(input: Any, p: int) -> Any:
    """log of the p-dimensional gamma function: p (p - 1) / 4 log(pi) + sum of lgamma(x - i / 2)."""
    if input.array.dtype.kind not in "biuf":
        raise unsupported("mvlgamma", input.array.dtype)
    if input.array.dtype.kind == "b":
        raise RuntimeError("The input tensor may not be a boolean tensor.")
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    floating = input.array.dtype if input.array.dtype.kind == "f" else get_default_dtype().numpy
    steps = make((np.arange(p) * -0.5).astype(floating))
    constant = p * (p - 1) / 4 * math.log(math.pi)
    return lgamma(input.unsqueeze(-1) + steps).sum(-1) + constant


_MANY = 100_000.0


def _zeta_of(s: Any, q: Any) -> Any:
    s, q = np.broadcast_arrays(s.astype(np.float64), q.astype(np.float64))
    with np.errstate(all="ignore"):
        below = np.where(q > 0, 0.0, -np.floor(q))  # how many terms have a base below 0
        known = (q > 0) | ((np.floor(s) == s) & (below < _MANY))
        out = hurwitz(s, np.where(known & (q + below > 0), q + below, 1.0))
        for k in range(int(below[known].max(initial=0))):
            out = out + np.where(k < below, (q + k) ** -s, 0.0)
        out = np.where(known, out, np.nan)
        out = np.where((q <= 0) & (np.floor(q) == q), np.inf, out)
        return np.where(s == 1, np.inf, np.where(s < 1, np.nan, out))


@primitive(
    None,
    None,
    broadcasts=True,
    promote="float",
    method=False,
    samples=[
        sample(Real(low=1.5, high=5.0), Real(low=0.5, high=5.0), smooth=False),
        sample(Integer(low=2, high=6), Integer(low=1, high=6), smooth=False),
    ],
)
def zeta(x: Any, y: Any) -> Any:
    """Hurwitz's zeta(x, y) = sum over k >= 0 of (y + k) ** -x, x > 1.

    At y = 0, -1, ... infinite; between these the powers exist for whole x, else it is NaN (and so
    below -100,000, which would take as many terms).
    """
    dtype = np.result_type(x, y)  # before a Python number becomes a float64 array
    return _zeta_of(np.asarray(x), np.asarray(y)).astype(dtype)


multigammaln = also("multigammaln", mvlgamma)
gammaln, psi = lgamma, digamma
