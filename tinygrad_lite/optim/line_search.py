"""Line search for a step that satisfies the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Evaluation = tuple[float, np.ndarray]


class Point(NamedTuple):
    """A trial step t with the loss f, the gradient g and the slope g . d there."""

    t: float
    f: float
    g: np.ndarray
    slope: float


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their slopes is least, within the bounds.

    The bounds default to the two points; without a minimum their middle is returned. On a straight
    line the minimum is infinitely far, so the bound downhill is. Source: Nocedal and Wright,
    "Numerical optimization", equation 3.59.
    """
    if a.t > b.t:
        a, b = b, a
    low, high = bounds if bounds is not None else (a.t, b.t)
    with np.errstate(all="ignore"):
        d1 = a.slope + b.slope - 3 * np.float64(a.f - b.f) / (a.t - b.t)
        square = d1**2 - a.slope * b.slope
        if not square >= 0:
            return (low + high) / 2.0
        d2 = square**0.5
        least = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return float(min(max(least, low), high))


def strong_wolfe(
    evaluate: Callable[[float], Evaluation],
    t: float,
    direction: np.ndarray,
    f: float,
    g: np.ndarray,
    slope: float,
    *,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
    max_ls: int = 25,
) -> tuple[float, np.ndarray, float, int]:
    """(loss, gradient, step, evaluations) of a step t with

        f(t) <= f(0) + c1 t f'(0)   and   |f'(t)| <= c2 |f'(0)|,

    or the best found in max_ls evaluations. evaluate(t) gives loss and gradient at t along the
    direction. First a bracket is sought by lengthening the step, then it is narrowed by cubic
    interpolation. Source: Nocedal and Wright, algorithms 3.5 and 3.6.
    """

    def at(t: float) -> Point:
        value, gradient = evaluate(t)
        return Point(t, value, gradient, float(gradient @ direction))

    start = before = Point(0.0, f, g, slope)
    now = at(t)
    evaluations, rounds = 1, 0
    ends = (start, now)
    while rounds < max_ls:
        too_high = now.f > f + c1 * now.t * slope or (rounds > 1 and now.f >= before.f)
        if not too_high and abs(now.slope) <= -c2 * slope:
            return now.f, now.g, now.t, evaluations
        ends = (before, now)
        if too_high or now.slope >= 0:
            break
        further = now.t + 0.01 * (now.t - before.t), now.t * 10
        t = cubic_minimum(before, now, further)
        before, now = now, at(t)
        evaluations += 1
        rounds += 1
        ends = (start, now)
    bracket = list(ends)
    low = _lower(bracket)
    stalled = False
    while rounds < max_ls:
        left, right = sorted((bracket[0].t, bracket[1].t))
        if (right - left) * np.abs(direction).max() < tolerance_change:
            break
        t = cubic_minimum(bracket[0], bracket[1])
        # A trial close to an end of the bracket hardly narrows it: allowed once, then moved in.
        margin = 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (stalled or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            stalled = False
        else:
            stalled = close
        now = at(t)
        evaluations += 1
        rounds += 1
        if now.f > f + c1 * now.t * slope or now.f >= bracket[low].f:
            bracket[1 - low] = now
            low = _lower(bracket)
            continue
        if abs(now.slope) <= -c2 * slope:
            return now.f, now.g, now.t, evaluations
        if now.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = now
    best = bracket[low]
    return best.f, best.g, best.t, evaluations


def _lower(bracket: list[Point]) -> int:
    """Which end is lower; of equal ones the first."""
    return 0 if bracket[0].f <= bracket[1].f else 1
