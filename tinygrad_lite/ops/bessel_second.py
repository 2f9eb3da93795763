"""Bessel's functions of orders 0 and 1 of both kinds, modified ones of the second kind, Airy's.

Values only: PyTorch has no derivatives of these either. All are computed in float64.

J_n(x) is the n-th Fourier coefficient of exp(i x sin t): one transform gives all of them, exactly
to rounding while the points are more than |x| + 40 (the integrand is periodic and entire), and
Neumann's series in them gives Y_n. K_n(x) is the integral of exp(-x cosh t) cosh(n t), which falls
off doubly exponentially, where the trapezoidal rule converges like exp(-pi^2 / h); below x = 1 its
power series. Beyond |x| = 30 Hankel's expansion in 1 / x. Formulas: Abramowitz and Stegun,
"Handbook of Mathematical Functions", 9.1.21, 9.1.88, 9.2.5, 9.6.11, 9.6.24, 10.4.2, 10.4.59.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Real, reals, sample
from .arguments import in_double
from .bessel import _unscaled

_FAR = 30.0
_EULER = 0.57721566490153286061
_POINTS = 128
_SINES = np.sin(2 * np.pi * np.arange(_POINTS) / _POINTS)
_HARMONICS = np.arange(1, 31)
_STEP = 0.125
_COSH = np.cosh(_STEP * np.arange(240))


def _coefficients(x: np.ndarray) -> np.ndarray:
    """J_0(x) ... J_63(x), for |x| <= 30, along a new last axis."""
    waves = np.exp(1j * x[:, None] * _SINES)
    return np.fft.fft(waves, axis=1).real[:, : _POINTS // 2] / _POINTS


def _hankel(x: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P, Q and the phase with J = sqrt(2 / pi x) (P cos - Q sin), Y = ... (P sin + Q cos)."""
    p, q, term = np.ones_like(x), np.zeros_like(x), np.ones_like(x)
    for k in range(1, 25):
        term = term * (4 * order * order - (2 * k - 1) ** 2) / (8 * k * x)
        sign = 1 if k % 4 < 2 else -1
        if k % 2:
            q = q + sign * term
        else:
            p = p + sign * term
    return p, q, x - (order / 2 + 0.25) * math.pi


def _first(x: np.ndarray, order: int) -> np.ndarray:
    a = np.abs(x)
    out = _coefficients(np.minimum(a, _FAR))[:, order]
    far = a > _FAR
    if far.any():
        p, q, phase = _hankel(a[far], order)
        out[far] = np.sqrt(2 / (math.pi * a[far])) * (p * np.cos(phase) - q * np.sin(phase))
        out[np.isinf(a)] = 0.0
    out[np.isnan(x)] = np.nan
    return np.where(x < 0, -out, out) if order else out


def _second(x: np.ndarray, order: int) -> np.ndarray:
    near = np.clip(x, np.finfo(float).tiny, _FAR)
    J = _coefficients(near)
    k = _HARMONICS
    signs = np.where(k % 2, -1.0, 1.0)
    log = np.log(near / 2) + _EULER
    if order == 0:
        out = (2 * log * J[:, 0] - 4 * (J[:, 2 * k] * (signs / k)).sum(1)) / math.pi
    else:
        weights = signs * (1 + 2 * k) / (k * (k + 1))
        tail = (J[:, 2 * k + 1] * weights).sum(1)
        out = (2 * (log - 1) * J[:, 1] - 2 * J[:, 0] / near - 2 * tail) / math.pi
    far = x > _FAR
    if far.any():
        v = x[far]
        p, q, phase = _hankel(v, order)
        out[far] = np.sqrt(2 / (math.pi * v)) * (p * np.sin(phase) + q * np.cos(phase))
        out[np.isinf(x)] = 0.0
    out = np.where(x == 0, -np.inf, out)
    return np.where(x >= 0, out, np.nan)


def _modified(x: np.ndarray, order: int, scaled: bool) -> np.ndarray:
    """K_order(x), or exp(x) K_order(x)."""
    v = np.where((x > 0) & (x < _FAR), x, 1.0)
    terms = np.exp(-v[:, None] * (_COSH - 1)) * (_COSH if order else 1.0)
    terms[:, 0] /= 2
    out = terms.sum(1) * _STEP
    near = (x > 0) & (x < 1)
    if near.any():
        out[near] = _modified_near(x[near], order) * np.exp(x[near])
    far = x >= _FAR
    if far.any():
        a = x[far]
        term, total = np.ones_like(a), np.ones_like(a)
        for k in range(1, 25):
            term = term * (4 * order * order - (2 * k - 1) ** 2) / (8 * k * a)
            total += term
        out[far] = np.sqrt(math.pi / (2 * a)) * total
        v = np.where(far, x, v)
    out = out if scaled else out * np.exp(-v)
    out = np.where(x == 0, np.inf, out)
    return np.where(x >= 0, out, np.nan)


def _modified_near(x: np.ndarray, order: int) -> np.ndarray:
    """K_order(x) for 0 < x < 1 by its power series, for the integral reaches ever farther out."""
    log, q = np.log(x / 2) + _EULER, x * x / 4
    term, harmonic = np.ones_like(x), 0.0  # q^k / k!^2, 1 + 1/2 + ... + 1/k
    total = -log if order == 0 else (2 * log - 1) * x / 4
    for k in range(1, 12):
        term, harmonic = term * q / (k * k), harmonic + 1 / k
        if order == 0:
            total = total + term * (harmonic - log)
        else:
            total = total + term / (k + 1) * (log - harmonic - 0.5 / (k + 1)) * x / 2
    return total if order == 0 else 1 / x + total


def _airy(x: np.ndarray) -> np.ndarray:
    """Ai: its power series for |x| < 6 (10 digits at the ends), beyond the expansions in 1 / z."""
    near = np.clip(x, -6.0, 6.0)
    f, g = np.ones_like(x), near.copy()
    u, w = np.ones_like(x), near.copy()
    for k in range(1, 60):
        u = u * near**3 / ((3 * k) * (3 * k - 1))
        w = w * near**3 / ((3 * k) * (3 * k + 1))
        f, g = f + u, g + w
    out = 0.355028053887817239260 * f - 0.258819403792806798405 * g
    far = np.abs(x) > 6
    if far.any():
        a = np.abs(x[far])
        z = 2 / 3 * a**1.5
        terms, c = [np.ones_like(a)], np.ones_like(a)
        for k in range(1, 14):
            c = c * (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1)) / z
            terms.append(c)
        falling = np.exp(-z) / 2 * sum((-1) ** k * t for k, t in enumerate(terms))
        even = sum((-1) ** (k // 2) * t for k, t in enumerate(terms) if k % 2 == 0)
        odd = sum((-1) ** (k // 2) * t for k, t in enumerate(terms) if k % 2)
        waves = np.sin(z + math.pi / 4) * even - np.cos(z + math.pi / 4) * odd
        out[far] = np.where(x[far] > 0, falling, waves) / (math.sqrt(math.pi) * a**0.25)
    return np.where(np.isposinf(x), 0.0, out)


def _spherical(x: np.ndarray) -> np.ndarray:
    small = np.abs(x) < 1e-4
    v = np.where(small, 1.0, x)
    return np.where(np.isinf(x), 0.0, np.where(small, 1 - x * x / 6, np.sin(v) / v))


_POSITIVE = [sample(Real(low=0.2, high=4.0), smooth=False)]
_ANY = [sample(reals(1)[0].inputs[0], smooth=False)]


@primitive(promote="float", method=False, samples=_ANY)
def bessel_j0(x: Any) -> Any:
    """Bessel's function of the first kind of order 0, elementwise."""
    return np.asarray(in_double(_first, x, 0), order="C")


@primitive(promote="float", method=False, samples=_ANY)
def bessel_j1(x: Any) -> Any:
    """Bessel's function of the first kind of order 1, elementwise."""
    return np.asarray(in_double(_first, x, 1), order="C")


@primitive(promote="float", method=False, samples=_POSITIVE)
def bessel_y0(x: Any) -> Any:
    """Bessel's function of the second kind of order 0: -inf at 0, NaN below."""
    return in_double(_second, x, 0)


@primitive(promote="float", method=False, samples=_POSITIVE)
def bessel_y1(x: Any) -> Any:
    """Bessel's function of the second kind of order 1: -inf at 0, NaN below."""
    return in_double(_second, x, 1)


@primitive(promote="float", method=False, samples=_ANY)
def modified_bessel_i0(x: Any) -> Any:
    """I_0, elementwise; `special.i0` has a derivative too."""
    return in_double(_unscaled, x, 0)


@primitive(promote="float", method=False, samples=_ANY)
def modified_bessel_i1(x: Any) -> Any:
    """I_1, elementwise; `special.i1` has a derivative too."""
    return in_double(_unscaled, x, 1)


@primitive(promote="float", method=False, samples=_POSITIVE)
def modified_bessel_k0(x: Any) -> Any:
    """K_0: inf at 0, NaN below."""
    return in_double(_modified, x, 0, False)


@primitive(promote="float", method=False, samples=_POSITIVE)
def modified_bessel_k1(x: Any) -> Any:
    """K_1: inf at 0, NaN below."""
    return in_double(_modified, x, 1, False)


@primitive(promote="float", method=False, samples=_POSITIVE)
def scaled_modified_bessel_k0(x: Any) -> Any:
    """exp(x) K_0(x)."""
    return in_double(_modified, x, 0, True)


@primitive(promote="float", method=False, samples=_POSITIVE)
def scaled_modified_bessel_k1(x: Any) -> Any:
    """exp(x) K_1(x)."""
    return in_double(_modified, x, 1, True)


@primitive(promote="float", method=False, samples=_ANY)
def airy_ai(x: Any) -> Any:
    """Airy's function Ai, elementwise, to ten digits."""
    return in_double(_airy, x)


@primitive(promote="float", method=False, samples=_ANY)
def spherical_bessel_j0(x: Any) -> Any:
    """sin(x) / x, 1 at 0 and 0 at infinity."""
    return in_double(_spherical, x)
