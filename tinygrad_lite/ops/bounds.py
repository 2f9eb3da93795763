"""The larger and the smaller of two, and values kept between bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Real, sample
from ..core.tensor import Tensor
from ..kernels import activations, elementwise
from ..kernels import arithmetic as kernels
from .arguments import also, not_complex, ordered, renamed, require_tensor
from .arithmetic import where
from .comparison import isnan

_TWO = [sample(Real(broadcast=True), Real(low=-2.03, high=2.01, broadcast=True))]


# -- the larger, the smaller -----------------------------------------------------------------------


def _larger(g: Any, x: Any, y: Any) -> Any:
    """All of g where x > y, half where they are equal; all where either is NaN, as in PyTorch."""
    return where(x == y, g * 0.5, where(x < y, 0.0, g))


@primitive(
    _larger,
    lambda g, x, y: _larger(g, y, x),
    broadcasts=True,
    tensors=(0, 1),
    ufunc=np.maximum,
    kernel=kernels.maximum,
    check=ordered("maximum"),
    samples=_TWO,
)
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y, elementwise; NaN if either is. At a tie each gets half of g."""
    return np.maximum(x, y)


@primitive(
    lambda g, x, y: _larger(g, -x, -y),
    lambda g, x, y: _larger(g, -y, -x),
    broadcasts=True,
    tensors=(0, 1),
    ufunc=np.minimum,
    kernel=kernels.minimum,
    check=ordered("minimum"),
    samples=_TWO,
)
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y, elementwise; NaN if either is. At a tie each gets half of g."""
    return np.minimum(x, y)


@primitive(
    lambda g, x, y: where((x >= y) | isnan(y), g, 0.0),
    lambda g, x, y: where((x >= y) | isnan(y), 0.0, g),
    broadcasts=True,
    tensors=(0, 1),
    check=ordered("fmax"),
    samples=_TWO,
)
def fmax(x: Any, y: Any) -> Any:
    """The larger of x and y, elementwise, ignoring NaN. At a tie x gets all of g."""
    return np.fmax(x, y)


@primitive(
    lambda g, x, y: where((x <= y) | isnan(y), g, 0.0),
    lambda g, x, y: where((x <= y) | isnan(y), 0.0, g),
    broadcasts=True,
    tensors=(0, 1),
    check=ordered("fmin"),
    samples=_TWO,
)
def fmin(x: Any, y: Any) -> Any:
    """The smaller of x and y, elementwise, ignoring NaN. At a tie x gets all of g."""
    return np.fmin(x, y)


# -- clamp -----------------------------------------------------------------------------------------


def _bounded(kernel: str) -> Any:
    complex_ones = not_complex(kernel)

    def check(x: Any, bound: Any) -> None:
        if not isinstance(bound, np.ndarray) and np.iscomplexobj(x):
            raise NotImplementedError("clamp is not supported for complex types")
        complex_ones(x, bound)

    return check


@primitive(
    lambda g, x, low: where(x >= low, g, 0.0),
    lambda g, x, low: where(x < low, g, 0.0),
    broadcasts=True,
    method=False,
    title="ClampMin",
    ufunc=np.maximum,
    kernel=kernels.maximum,
    check=_bounded("maximum_cpu"),
    samples=_TWO,
)
def at_least(x: Any, low: Any) -> Any:
    """max(x, low), elementwise. At the bound x gets all of g."""
    return np.maximum(x, low)


@primitive(
    lambda g, x, high: where(x <= high, g, 0.0),
    lambda g, x, high: where(x > high, g, 0.0),
    broadcasts=True,
    method=False,
    title="ClampMax",
    ufunc=np.minimum,
    kernel=kernels.minimum,
    check=_bounded("minimum_cpu"),
    samples=_TWO,
)
def at_most(x: Any, high: Any) -> Any:
    """min(x, high), elementwise. At the bound x gets all of g."""
    return np.minimum(x, high)


@primitive(
    lambda g, x, low, high: where((x >= low) & (x <= high), g, 0.0),
    lambda g, x, low, high: where((x < low) & (low < high), g, 0.0),
    lambda g, x, low, high: where((x > high) | (high < low), g, 0.0),
    broadcasts=True,
    method=False,
    title="Clamp",
    samples=[
        sample(
            Real(avoid=(-1.0, 1.0)),
            Real(low=-1.02, high=-0.98, broadcast=True),
            Real(low=0.98, high=1.02, broadcast=True),
        )
    ],
)
def between(x: Any, low: Any, high: Any) -> Any:
    """min(max(x, low), high), elementwise; high where low > high. At a bound x gets all of g."""
    if low.ndim == high.ndim == 0:
        return np.clip(x, low, high)
    return np.minimum(np.maximum(x, low), high)


def _inside(x: Any, low: Any, high: Any) -> Any:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


def _limit(x: Any, out: Any = None, *, low: Any, high: Any) -> Any:
    if x.size >= elementwise.SMALL and low == low and high == high:
        number = x.dtype.type
        least, most = -np.inf if low is None else low, np.inf if high is None else high
        return activations.hardtanh(x, number(least), number(most), out=out)
    if low is not None:
        x = np.maximum(x, x.dtype.type(low), out=out)
    return x if high is None else np.minimum(x, x.dtype.type(high), out=out)


@primitive(
    lambda g, x, low, high: where(_inside(x, low, high), g, 0.0),
    method=False,
    title="Clamp",
    ufunc=_limit,
    samples=[
        sample(Real(avoid=(-1.0, 0.5)), low=-1.0, high=0.5),
        sample(Real(avoid=(0.5,)), low=0.5),
        sample(Real(avoid=(0.5,)), high=0.5),
    ],
)
def limited(x: Any, *, low: Any = None, high: Any = None) -> Any:
    """`between` with numbers for bounds, in x's dtype. At a bound x gets all of g."""
    return _limit(x, low=low, high=high)


_BOUNDS = frozenset({int, float, type(None)})


def _as_limited(min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise TypeError("clamp() without bounds")
    return limited, (), {"low": min, "high": max}


@composed(
    inplace=True,
    comes_to=_as_limited,
    samples=[
        sample(Real(avoid=(-1.0, 0.5)), min=-1.0, max=0.5),
        sample(Real(avoid=(0.5,)), min=0.5),
        sample(Real(avoid=(0.5,)), max=0.5),
    ],
)
def clamp(input: Any, min: Any = None, max: Any = None, **names: Any) -> Any:
    """input limited to [min, max], numbers or Tensors that broadcast; None: no limit there.

    The derivative at a bound is 1. RuntimeError if both are None.
    """
    if names:
        renamed("clamp", names)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if input.array.dtype.kind == "f" and type(min) in _BOUNDS and type(max) in _BOUNDS:
        return limited(input, low=min, high=max)
    if any(isinstance(a, complex) or _is_complex(a) for a in (input, min, max)):
        raise NotImplementedError("clamp is not supported for complex types")
    if max is None:
        return at_least(input, min)
    if min is None:
        return at_most(input, max)
    return between(input, min, max)


def _is_complex(x: Any) -> bool:
    return isinstance(x, Tensor) and x.array.dtype.kind == "c"


@composed(inplace=True, samples=[sample(Real(avoid=(0.5,)), min=0.5)])
def clamp_min(input: Any, min: Any) -> Any:
    """The larger of input and min."""
    require_tensor("clamp_min", input)
    return at_least(input, min)


@composed(inplace=True, samples=[sample(Real(avoid=(0.5,)), max=0.5)])
def clamp_max(input: Any, max: Any) -> Any:
    """The smaller of input and max."""
    require_tensor("clamp_max", input)
    return at_most(input, max)


clip = also("clip", clamp, inplace=True)
