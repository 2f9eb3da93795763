"""Reverse-mode differentiation on one page: one number, no arrays, no graph but the numbers.

A `Scalar` knows its value, the Scalars it was computed from, and its slope (partial derivative)
towards each. The chain rule says: the gradient of the result by a Scalar is the sum, over every
Scalar computed from it, of that one's gradient times the slope between them.

    x, y = Scalar(2.0), Scalar(3.0)
    z = x * y + x.sin()
    gradient(z)[x]        # 3 + cos(2)

This is everything `core/` does, without arrays, memory and speed; the tests hold the two equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable


class Scalar:
    """A number that remembers how it was made. `slopes[i]` is d self / d parents[i]."""

    __slots__ = ("hooks", "parents", "slopes", "value")

    def __init__(
        self, value: float, parents: tuple[Scalar, ...] = (), slopes: tuple[float, ...] = ()
    ) -> None:
        self.value = value
        self.parents = parents
        self.slopes = slopes
        self.hooks: list[Callable[[float], float]] = []

    def __add__(self, other: Scalar) -> Scalar:
        return Scalar(self.value + other.value, (self, other), (1.0, 1.0))

    def __sub__(self, other: Scalar) -> Scalar:
        return Scalar(self.value - other.value, (self, other), (1.0, -1.0))

    def __mul__(self, other: Scalar) -> Scalar:
        return Scalar(self.value * other.value, (self, other), (other.value, self.value))

    def __truediv__(self, other: Scalar) -> Scalar:
        quotient = self.value / other.value
        return Scalar(quotient, (self, other), (1 / other.value, -quotient / other.value))

    def __neg__(self) -> Scalar:
        return Scalar(-self.value, (self,), (-1.0,))

    def sin(self) -> Scalar:
        """sin x, with slope cos x."""
        return Scalar(math.sin(self.value), (self,), (math.cos(self.value),))

    def tanh(self) -> Scalar:
        """tanh x, with slope 1 - tanh(x)^2."""
        y = math.tanh(self.value)
        return Scalar(y, (self,), (1 - y * y,))

    def exp(self) -> Scalar:
        """e^x, its own slope."""
        y = math.exp(self.value)
        return Scalar(y, (self,), (y,))

    def relu(self) -> Scalar:
        """max(x, 0), with slope 0 at 0."""
        return Scalar(max(self.value, 0.0), (self,), (float(self.value > 0),))

    def same(self) -> Scalar:
        """The same number at a new place: what a view is."""
        return Scalar(self.value, (self,), (1.0,))

    def constant(self) -> Scalar:
        """The number alone: what `detach` leaves."""
        return Scalar(self.value)


def gradient(result: Scalar) -> dict[Scalar, float]:
    """d result / d s for every Scalar s that `result` was computed from, through their hooks."""
    found = {result: 1.0}
    for s in reversed(in_order(result)):  # every Scalar after all those computed from it
        for hook in s.hooks:
            found[s] = hook(found[s])
        for parent, slope in zip(s.parents, s.slopes, strict=True):
            found[parent] = found.get(parent, 0.0) + found[s] * slope
    return found


def in_order(result: Scalar) -> list[Scalar]:
    """Every Scalar that `result` was computed from, parents before children; no recursion."""
    order: list[Scalar] = []
    seen: set[Scalar] = set()
    stack = [(result, False)]
    while stack:
        s, expanded = stack.pop()
        if expanded:
            order.append(s)
        elif s not in seen:
            seen.add(s)
            stack.append((s, True))
            stack.extend((parent, False) for parent in s.parents)
    return order
