"""Hypothesis strategies for Tensors, shapes and the inputs an op declares.

    tensors("b c h w")                          # any sizes
    tensors((3, 4), dtype=float32, elements=st.floats(-1, 1))
    broadcastable(2)                            # a tuple of two Tensors
    shared("n k", "k m")                        # a tuple of Tensors that share the size k

Everything shrinks: towards fewer axes, smaller sizes, then simple numbers (1, 2, 0.5, -1, ...), so
that a reported failure is the smallest there is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.samples import (
    Axis,
    Boolean,
    Integer,
    OneOf,
    Real,
    Sample,
    draw_values,
    input_shape,
    letters,
)
from ..core.tensor import make

try:
    from hypothesis import strategies as st
except ImportError as error:  # pragma: no cover
    raise ImportError(
        "check_op and testing.strategies draw inputs with Hypothesis, which is not installed: "
        'pip install "tinygrad_lite[check]", or just hypothesis (gradcheck works without)'
    ) from error

__all__ = [
    "axes",
    "broadcastable",
    "from_sample",
    "from_samples",
    "indices",
    "labels",
    "reals",
    "shapes",
    "shared",
    "sizes",
    "st",
    "tensors",
]

Strategy = Any
SIMPLE = (1.0, 2.0, 0.5, -1.0, 3.0, -0.5, 1.5, -2.0, 0.25)
_GRID = 1000  # values are multiples of 1 / _GRID: they print short and differ generically
_ONE_BY_ONE = 24  # arrays up to this size draw every element, so that each can shrink


def sizes(max_size: int = 4, min_size: int = 1) -> Strategy:
    """A size of an axis."""
    return st.integers(min_size, max_size)


@st.composite
def shapes(draw: Any, max_dims: int = 3, max_size: int = 4, min_size: int = 1) -> Any:
    """A shape of up to `max_dims` axes."""
    ndim = draw(st.integers(0, max_dims))
    return tuple(draw(st.integers(min_size, max_size)) for _ in range(ndim))


def reals(low: float = -2.0, high: float = 2.0, avoid: Sequence[float] = ()) -> Strategy:
    """Finite numbers in [low, high], away from `avoid`, that shrink to simple ones."""
    return _reals(Real("", low, high, avoid=tuple(avoid)))


def _reals(spec: Real) -> Strategy:
    simple = [v for v in SIMPLE if _valid(v, spec)]
    first, last = math.ceil(spec.low * _GRID), math.floor(spec.high * _GRID)
    grid = st.integers(first, last).map(lambda k: k / _GRID).filter(lambda v: _valid(v, spec))
    return st.one_of(st.sampled_from(simple), grid) if simple else grid


def _valid(v: float, spec: Real) -> bool:
    return spec.low <= v <= spec.high and all(abs(v - p) >= spec.margin for p in spec.avoid)


@st.composite
def arrays(draw: Any, spec: Any, shape: tuple[int, ...], sizes: dict[str, int]) -> np.ndarray:
    """An array of the kind a sample's input spec names."""
    n = math.prod(shape)
    if isinstance(spec, Boolean):
        return np.array(draw(_lists(st.booleans(), n)), dtype=bool).reshape(shape)
    if isinstance(spec, Integer):
        high = sizes[spec.high] if isinstance(spec.high, str) else spec.high
        elements = st.integers(spec.low, max(high - 1, spec.low))
        return np.array(draw(_lists(elements, n)), dtype=np.int64).reshape(shape)
    if n > _ONE_BY_ONE or spec.distinct or spec.low > spec.high:
        seed = draw(st.integers(0, 2**16))
        return draw_values(spec, shape, sizes, np.random.default_rng(seed))
    elements = _reals(spec)
    x = np.array(draw(_lists(elements, n)), dtype=np.float64).reshape(shape)
    return np.asarray(spec.through(x) if spec.through else x)


def _lists(elements: Strategy, n: int) -> Strategy:
    return st.lists(elements, min_size=n, max_size=n)


def tensors(
    shape: Any = None, dtype: Any = dtypes.float64, elements: Any = None, **options: Any
) -> Strategy:
    """Tensors of a shape, dtype and elements.

    shape     a tuple, a strategy of tuples, words ("b c h w", "... n"), or None for any
    dtype     a dtype, or a strategy of dtypes
    elements  a strategy of numbers; default simple ones in [-2, 2] (integers: 0 to 4)
    options   of samples.Real: low, high, avoid, distinct
    """
    return _tensors(shape, dtype, elements, options)


@st.composite
def _tensors(draw: Any, shape: Any, dtype: Any, elements: Any, options: Any) -> Any:
    words = shape if isinstance(shape, str) else "..."
    if isinstance(dtype, st.SearchStrategy):
        dtype = draw(dtype)
    numpy_dtype = dtypes.to_numpy(dtype)
    if shape is None:
        concrete = draw(shapes())
    elif isinstance(shape, st.SearchStrategy):
        concrete = draw(shape)
    elif isinstance(shape, str):
        known = {w: draw(sizes()) for w in _names([words])}
        lead = draw(shapes(2, 3)) if "..." in words.split() else ()
        concrete = input_shape(words, known, lead)
    else:
        concrete = tuple(shape)
    if elements is not None:
        values = draw(_lists(elements, math.prod(concrete)))
        return make(np.array(values, dtype=numpy_dtype).reshape(concrete))
    spec: Any = Real("...", **options)
    if numpy_dtype.kind == "b":
        spec = Boolean()
    elif numpy_dtype.kind in "iu":
        spec = Integer()
    return make(draw(arrays(spec, concrete, {})).astype(numpy_dtype))


def _names(specs: Sequence[str]) -> list[str]:
    words = [w for spec in specs for w in spec.split()]
    return [w for w in dict.fromkeys(words) if w != "..." and not w.isdigit()]


def shared(*shapes_: str, dtype: Any = dtypes.float64, **options: Any) -> Strategy:
    """A tuple of Tensors whose shape words share sizes: shared("n k", "k m")."""
    return from_sample(Sample(tuple(Real(s, **options) for s in shapes_))).map(
        lambda drawn: tuple(make(a.astype(dtypes.to_numpy(dtype))) for a in drawn[0])
    )


def broadcastable(n: int, dtype: Any = dtypes.float64, **options: Any) -> Strategy:
    """A tuple of `n` Tensors that broadcast against each other."""
    one = Sample(tuple(Real("...", broadcast=True, **options) for _ in range(n)))
    return from_sample(one).map(
        lambda drawn: tuple(make(a.astype(dtypes.to_numpy(dtype))) for a in drawn[0])
    )


def axes(ndim: int) -> Strategy:
    """An axis of an array with `ndim` axes, negative ones included."""
    extent = max(ndim, 1)
    return st.integers(-extent, extent - 1)


def indices(size: int, shape: Any = ()) -> Strategy:
    """A Tensor of valid indices into an axis of `size`, negative ones included."""
    return tensors(shape, dtypes.int64, st.integers(-size, size - 1))


def labels(classes: int, shape: Any = (3,)) -> Strategy:
    """A Tensor of class numbers in [0, classes)."""
    return tensors(shape, dtypes.int64, st.integers(0, classes - 1))


@st.composite
def from_sample(draw: Any, s: Sample) -> Any:
    """(arrays, metadata) of a valid call that a declared sample describes."""
    known = {name: draw(st.integers(1, 4)) for name in letters(s)}
    lead: tuple[int, ...] = ()
    if any("..." in spec.shape.split() for spec in s.inputs):
        lead = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    concrete = []
    for spec in s.inputs:
        mine = lead
        if getattr(spec, "broadcast", False) and lead:
            mine = tuple(draw(st.sampled_from((n, 1))) if n > 1 else 1 for n in lead)
            mine = mine[draw(st.integers(0, len(mine))) :]
        concrete.append(input_shape(spec.shape, known, mine))
    values = [
        draw(arrays(spec, shape, known)) for spec, shape in zip(s.inputs, concrete, strict=True)
    ]
    return values, draw(_meta(s, known, concrete))


@st.composite
def _meta(draw: Any, s: Sample, known: dict[str, int], concrete: list[tuple[int, ...]]) -> Any:
    found: dict[str, Any] = {}
    for name, value in s.meta.items():
        if isinstance(value, OneOf):
            found[name] = draw(st.sampled_from(value.choices))
        elif isinstance(value, Axis):
            found[name] = draw(axes(len(concrete[value.of])))
        elif callable(value) and hasattr(value, "__code__"):
            facts: dict[str, Any] = {**known, "shapes": concrete}
            code = value.__code__
            found[name] = value(*[facts[p] for p in code.co_varnames[: code.co_argcount]])
        else:
            found[name] = value
    return found


def from_samples(op: Any) -> Strategy:
    """(sample, arrays, metadata) of a valid call of a registered op, or of its public function."""
    entry = getattr(op, "op", op)
    declared = entry.samples
    declared = [declared] if isinstance(declared, Sample) else list(declared)
    if not declared:
        raise ValueError(f"{entry.name} declares no samples; give strategies for its inputs")
    return st.sampled_from(range(len(declared))).flatmap(
        lambda i: from_sample(declared[i]).map(lambda drawn: (declared[i], *drawn))
    )
