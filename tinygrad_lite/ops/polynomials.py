"""Orthogonal polynomials p_n(x) by their three-term recurrences, elementwise in x and n.

    p_(k+1) = (a_k x + b_k) p_k - c_k p_(k-1),    p_0 = 1

Values only: PyTorch has no derivatives of these either. n is cut to an integer; a negative degree
gives 0. Inside [-1, 1] the Chebyshev polynomials are trigonometric functions, which a recurrence of
many steps would only approach: from degree 7 on they are computed as such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Integer, Real, sample

Step = Callable[[int, np.ndarray], tuple[Any, Any]]


def _recurrence(
    x: Any, n: Any, first: Callable[[np.ndarray], Any], step: Step, known: Any = False
) -> Any:
    """p_n(x): `first` is p_1, `step(k, x)` the factors of p_k and p_(k-1) in p_(k+1).

    Takes as many steps as the largest degree, those left out that are `known` otherwise.
    """
    dtype = np.result_type(x, n)
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float32)
    degree = np.asarray(np.trunc(n), np.float64)
    wide, degree = np.broadcast_arrays(np.asarray(x, np.float64), degree)
    before, now = np.ones_like(wide), np.asarray(first(wide), np.float64)
    out = np.where(degree == 0, before, np.where(degree == 1, now, 0.0))
    out = np.where(np.isnan(degree), np.nan, out)
    limit = degree[np.isfinite(degree) & ~np.asarray(known)].max(initial=0)
    for k in range(1, int(limit)):
        a, c = step(k, wide)
        before, now = now, a * now - c * before
        out = np.where(degree == k + 1, now, out)
    return out.astype(dtype)


def _two_x(k: int, x: np.ndarray) -> tuple[Any, Any]:
    return 2 * x, 1.0


def _chebyshev(
    x: Any, n: Any, first: Callable[[Any], Any], closed: Callable[[Any, Any], Any]
) -> Any:
    wide, degree = np.broadcast_arrays(np.asarray(x, np.float64), np.trunc(n))
    inside = (np.abs(wide) < 1) & (degree > 6)
    out = _recurrence(x, n, first, _two_x, inside)
    if inside.any():
        angle = np.arccos(np.where(inside, wide, 0.0))
        out = np.where(inside, closed(angle, degree), out).astype(out.dtype)
    return out


def _first_kind(x: Any, n: Any) -> Any:
    return _chebyshev(x, n, lambda x: x, lambda t, n: np.cos(n * t))


def _second_kind(x: Any, n: Any) -> Any:
    return _chebyshev(x, n, lambda x: 2 * x, lambda t, n: np.sin((n + 1) * t) / np.sin(t))


def _third_kind(x: Any, n: Any) -> Any:
    return _chebyshev(x, n, lambda x: 2 * x - 1, lambda t, n: np.cos((n + 0.5) * t) / np.cos(t / 2))


def _fourth_kind(x: Any, n: Any) -> Any:
    return _chebyshev(x, n, lambda x: 2 * x + 1, lambda t, n: np.sin((n + 0.5) * t) / np.sin(t / 2))


_OPTIONS: dict[str, Any] = {
    "broadcasts": True,
    "promote": "float",
    "method": False,
    "samples": [sample(Real(low=-0.9, high=0.9), Integer(low=0, high=6), smooth=False)],
}


@primitive(None, None, **_OPTIONS)
def chebyshev_polynomial_t(input: Any, n: Any) -> Any:
    """T_n(x): T_1 = x, T_(k+1) = 2 x T_k - T_(k-1)."""
    return _first_kind(input, n)


@primitive(None, None, **_OPTIONS)
def chebyshev_polynomial_u(input: Any, n: Any) -> Any:
    """U_n(x): U_1 = 2 x, U_(k+1) = 2 x U_k - U_(k-1)."""
    return _second_kind(input, n)


@primitive(None, None, **_OPTIONS)
def chebyshev_polynomial_v(input: Any, n: Any) -> Any:
    """V_n(x): V_1 = 2 x - 1, V_(k+1) = 2 x V_k - V_(k-1)."""
    return _third_kind(input, n)


@primitive(None, None, **_OPTIONS)
def chebyshev_polynomial_w(input: Any, n: Any) -> Any:
    """W_n(x): W_1 = 2 x + 1, W_(k+1) = 2 x W_k - W_(k-1)."""
    return _fourth_kind(input, n)


@primitive(None, None, **_OPTIONS)
def shifted_chebyshev_polynomial_t(input: Any, n: Any) -> Any:
    """T_n(2 x - 1)."""
    return _first_kind(2 * input - 1, n)


@primitive(None, None, **_OPTIONS)
def shifted_chebyshev_polynomial_u(input: Any, n: Any) -> Any:
    """U_n(2 x - 1)."""
    return _second_kind(2 * input - 1, n)


@primitive(None, None, **_OPTIONS)
def shifted_chebyshev_polynomial_v(input: Any, n: Any) -> Any:
    """V_n(2 x - 1)."""
    return _third_kind(2 * input - 1, n)


@primitive(None, None, **_OPTIONS)
def shifted_chebyshev_polynomial_w(input: Any, n: Any) -> Any:
    """W_n(2 x - 1)."""
    return _fourth_kind(2 * input - 1, n)


@primitive(None, None, **_OPTIONS)
def hermite_polynomial_h(input: Any, n: Any) -> Any:
    """H_n(x), the physicist's: H_1 = 2 x, H_(k+1) = 2 x H_k - 2 k H_(k-1)."""
    return _recurrence(input, n, lambda x: 2 * x, lambda k, x: (2 * x, 2.0 * k))


@primitive(None, None, **_OPTIONS)
def hermite_polynomial_he(input: Any, n: Any) -> Any:
    """He_n(x), the probabilist's: He_1 = x, He_(k+1) = x He_k - k He_(k-1)."""
    return _recurrence(input, n, lambda x: x, lambda k, x: (x, float(k)))


@primitive(None, None, **_OPTIONS)
def laguerre_polynomial_l(input: Any, n: Any) -> Any:
    """L_n(x): L_1 = 1 - x, (k + 1) L_(k+1) = (2 k + 1 - x) L_k - k L_(k-1)."""
    return _recurrence(
        input, n, lambda x: 1 - x, lambda k, x: ((2 * k + 1 - x) / (k + 1), k / (k + 1))
    )


@primitive(None, None, **_OPTIONS)
def legendre_polynomial_p(input: Any, n: Any) -> Any:
    """P_n(x): P_1 = x, (k + 1) P_(k+1) = (2 k + 1) x P_k - k P_(k-1)."""
    return _recurrence(input, n, lambda x: x, lambda k, x: ((2 * k + 1) * x / (k + 1), k / (k + 1)))
