"""Numerical derivatives to ten digits, and what happens where there is none.

The central difference D(h) = (f(t+h) - f(t-h)) / 2h has an error in even powers of h. Ridders'
method evaluates it for a falling sequence of h and extrapolates the table to h = 0 (Richardson),
keeping the entry whose neighbours disagree least: value and error estimate in one. Where the
estimate is poor (a kink, a jump or the edge of the domain lies within h), it starts again closer.
Source: C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), 1982; Numerical
Recipes 5.7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Starting steps: within the margin of 0.05 that samples keep from kinks, then ever closer.
STEPS = (0.04, 0.004, 4e-4, 4e-5)
_SHRINK = 1.6
_COLUMNS = 6

Curve = Callable[[float], list[np.ndarray]]


@dataclass(frozen=True)
class Estimate:
    """A derivative `value`, with an `error` that is believed to bound what it is off by."""

    value: float
    error: float

    def good(self, scale: float, limit: float = 1e-6) -> bool:
        """Whether it is worth comparing with: known to `limit` of `scale`."""
        return bool(np.isfinite(self.value) and self.error <= limit * scale)


def derivative(
    curve: Curve, weights: list[np.ndarray], *, steps: tuple[float, ...] = STEPS
) -> Estimate:
    """d/dt sum(weights * curve(t)) at t = 0."""
    best = Estimate(np.nan, np.inf)
    for h in steps:
        estimate = ridders(curve, weights, h)
        if estimate.error < best.error:
            best = estimate
        if best.error <= 1e-10 * abs(best.value):
            break
    return best


def magnitude(weights: list[np.ndarray], values: list[np.ndarray]) -> float:
    """The size of the numbers that rounding errors are a part of. At least that of ones: a small
    value may be the difference of such (1 - sigmoid(x))."""
    return sum(
        float(np.sum(np.abs(w) * np.maximum(np.abs(a), 1.0)))
        for w, a in zip(weights, values, strict=True)
    )


def ridders(curve: Curve, weights: list[np.ndarray], h: float) -> Estimate:
    """One extrapolation table, starting with step `h`."""
    row: list[float] = []
    best = Estimate(np.nan, np.inf)
    for i in range(_COLUMNS):
        up, down = curve(h), curve(-h)
        size = magnitude(weights, up)
        eps = max((float(np.finfo(a.dtype).eps) for a in up if a.dtype.kind == "f"), default=2e-16)
        noise = 2 * eps * size / h
        difference = sum(
            float(np.sum(w * (a - b))) for w, a, b in zip(weights, up, down, strict=True)
        )
        new = [difference / (2 * h)]
        if not np.isfinite(new[0]):
            row = []
            h /= _SHRINK
            continue
        factor = _SHRINK**2
        for j in range(len(row)):
            new.append((new[j] * factor - row[j]) / (factor - 1))
            factor *= _SHRINK**2
            error = max(abs(new[j + 1] - new[j]), abs(new[j + 1] - row[j])) + noise
            if error < best.error:
                best = Estimate(new[j + 1], error)
        if i > 2 and row and abs(new[-1] - row[-1]) > 2 * best.error and best.error < np.inf:
            break
        row = new
        h /= _SHRINK
    return best


@dataclass(frozen=True)
class OneSided:
    """The derivatives towards t < 0 and t > 0; a kink if they differ."""

    left: float
    right: float
    noise: float

    @property
    def kink(self) -> bool:
        """Whether they differ by more than noise and curvature explain."""
        return abs(self.right - self.left) > self.noise

    def between(self, value: float) -> bool:
        """Whether `value` is a subgradient: between the two, ends included."""
        low, high = sorted((self.left, self.right))
        return low - self.noise <= value <= high + self.noise


def one_sided(curve: Curve, weights: list[np.ndarray], h: float = 1e-5) -> OneSided:
    """Both one-sided derivatives of sum(weights * curve(t)) at 0, to second order in h.

    A curvature of order one leaves h of difference between them; a kink leaves as much at every h.
    So they are taken at two steps: the noise is what the smaller one does not confirm.
    """

    def side(step: float) -> float:
        at, near, far = curve(0.0), curve(step), curve(2 * step)
        return sum(
            float(np.sum(w * (4 * (b - a) - (c - a)))) / (2 * step)
            for w, a, b, c in zip(weights, at, near, far, strict=True)
        )

    with np.errstate(all="ignore"):
        right, left = side(h), side(-h)
        right2, left2 = side(h / 8), side(-h / 8)
        scale = max(abs(right), abs(left), 1e-300)
        jump, jump2 = right - left, right2 - left2
        confirmed = np.isfinite(jump) and abs(jump2 - jump) <= 0.1 * abs(jump)
    noise = 1e-6 * scale if confirmed else max(abs(jump), 1e-6 * scale)
    return OneSided(left, right, float(noise))
