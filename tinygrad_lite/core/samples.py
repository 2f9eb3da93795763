"""Specifications of valid inputs, from which tests, docs and gradient checks draw.

A declaration says for what inputs its op is meant, in a few words:

    samples=[sample(Real("n k"), Real("k m"))]
    samples=[sample(Real("n ...", avoid=(0.0,)), dim=axis(0), keepdim=one_of(False, True))]

Shapes are words: a letter is a size drawn once per sample and shared by its inputs, a number is
itself, "..." is any leading shape (shared too; broadcast against each other where `broadcast`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Real:
    """Floating input, uniform in [low, high].

    avoid     points (kinks, poles) from which values keep the distance `margin`
    distinct  no two elements closer than `margin` (ties have no derivative)
    through   a NumPy function that makes the drawn array valid (e.g. symmetric)
    """

    shape: str = "..."
    low: float = -2.0
    high: float = 2.0
    avoid: tuple[float, ...] = ()
    margin: float = 0.05
    distinct: bool = False
    broadcast: bool = False
    through: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class Integer:
    """Integer input in [low, high); `high` may be the name of a size."""

    shape: str = "..."
    low: int = 0
    high: int | str = 5


@dataclass(frozen=True)
class Boolean:
    """Boolean input."""

    shape: str = "..."
    broadcast: bool = False


@dataclass(frozen=True)
class OneOf:
    """Metadata chosen among `choices`."""

    choices: tuple[Any, ...]


@dataclass(frozen=True)
class Axis:
    """Metadata: an axis of input number `of`, negative ones included."""

    of: int = 0


@dataclass(frozen=True)
class Sample:
    """Inputs and metadata of a valid call.

    A metadata value is a constant, a `OneOf`, an `Axis`, or a function of drawn sizes, which it
    asks for by name (`lambda n, m: (n, m)`; `shapes` gives all input shapes).
    `smooth` False: not differentiable twice (or at all) on all of the domain.
    """

    inputs: tuple[Any, ...]
    meta: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True


def sample(*inputs: Any, smooth: bool = True, **meta: Any) -> Sample:
    """One kind of valid call: input specs by position, metadata by keyword."""
    return Sample(inputs, meta, smooth)


def one_of(*choices: Any) -> OneOf:
    """Metadata chosen among `choices`."""
    return OneOf(choices)


def axis(of: int = 0) -> Axis:
    """Metadata: an axis of input number `of`."""
    return Axis(of)


def reals(n: int, low: float = -2.0, high: float = 2.0, **options: Any) -> list[Sample]:
    """`n` floating inputs that broadcast against each other: the ordinary elementwise op."""
    return [Sample(tuple(Real("...", low, high, broadcast=n > 1, **options) for _ in range(n)))]


Sizes = dict[str, int]


def input_shape(spec: str, sizes: Sizes, lead: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that `spec` names, given sizes for its letters and a shape for "..."."""
    shape: list[int] = []
    for word in spec.split():
        if word == "...":
            shape.extend(lead)
        else:
            shape.append(int(word) if word.isdigit() else sizes[word])
    return tuple(shape)


def letters(s: Sample) -> list[str]:
    """The size names in a sample's shapes, in order."""
    words = [w for spec in s.inputs for w in spec.shape.split()]
    return [w for w in dict.fromkeys(words) if w != "..." and not w.isdigit()]


def draw_meta(s: Sample, sizes: Sizes, shapes: list[tuple[int, ...]], rng: Any) -> dict[str, Any]:
    """A choice of metadata for inputs of these sizes and shapes."""
    meta = {}
    for name, value in s.meta.items():
        if isinstance(value, OneOf):
            value = value.choices[int(rng.integers(len(value.choices)))]
        elif isinstance(value, Axis):
            ndim = max(len(shapes[value.of]), 1)
            value = int(rng.integers(-ndim, ndim))
        elif inspect.isfunction(value):
            known: dict[str, Any] = {**sizes, "shapes": shapes}
            value = value(*[known[p] for p in inspect.signature(value).parameters])
        meta[name] = value
    return meta


def draw_values(spec: Any, shape: tuple[int, ...], sizes: Sizes, rng: Any) -> np.ndarray:
    """Values of one input: float64, int64 or bool."""
    if isinstance(spec, Boolean):
        return rng.integers(2, size=shape).astype(bool)
    if isinstance(spec, Integer):
        high = sizes[spec.high] if isinstance(spec.high, str) else spec.high
        return rng.integers(spec.low, max(high, spec.low + 1), shape)
    if spec.distinct:
        steps = np.linspace(spec.low, spec.high, math.prod(shape))
        x = rng.permutation(steps).reshape(shape)
    else:
        x = rng.uniform(spec.low, spec.high, shape)
    for point in spec.avoid:
        near = np.abs(x - point) < spec.margin
        away = np.where(x >= point, point + spec.margin, point - spec.margin)
        away = np.where(away > spec.high, point - spec.margin, away)
        x = np.where(near, np.where(away < spec.low, point + spec.margin, away), x)
    return np.asarray(spec.through(x) if spec.through else x)


def draw(s: Sample, rng: np.random.Generator) -> tuple[list[np.ndarray], dict[str, Any]]:
    """One valid call drawn with `rng`: arrays and metadata."""
    sizes = {name: int(rng.integers(1, 5)) for name in letters(s)}
    lead = tuple(int(n) for n in rng.integers(1, 4, int(rng.integers(3))))
    shapes = []
    for spec in s.inputs:
        mine = lead
        if getattr(spec, "broadcast", False):
            keep = rng.integers(2, size=len(lead))
            mine = tuple(n if k else 1 for n, k in zip(lead, keep))
            mine = mine[int(rng.integers(len(mine) + 1)) :] if rng.integers(4) == 0 else mine
        shapes.append(input_shape(spec.shape, sizes, mine))
    arrays = [draw_values(spec, shape, sizes, rng) for spec, shape in zip(s.inputs, shapes)]
    return arrays, draw_meta(s, sizes, shapes, rng)
