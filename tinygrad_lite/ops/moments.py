"""Variance, standard deviation, and both with the mean."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Real, one_of, sample
from ..kernels.copying import row_major
from .arguments import (
    add_up,
    axes_of,
    extent,
    renamed,
    require_tensor,
)
from .arithmetic import where
from .reduction import AXES, average, dtype_of, spread


def _variance_rule(g: Any, x: Any, axes: Any, correction: Any, keepdim: bool) -> Any:
    shape = tuple(x.shape)
    n = extent(shape, axes) - correction
    away = x - average(x, axes=axes, keepdim=True)
    if dtype_of(away).kind == "c":  # the derivative of |away| ** 2
        away = away.conj()
    g = spread(g, shape=shape, axes=axes, keepdim=keepdim)
    if n <= 0:  # 0 / 0 at the mean, infinite elsewhere
        return g * where(away == 0, math.nan, math.inf)
    return g * (away * (2.0 / n))


_MOMENTS: dict[str, Any] = {**AXES, "correction": one_of(0, 1)}
_TALL = Real("2 3", distinct=True)


@primitive(
    _variance_rule,
    promote=None,
    method=False,
    title="Var",
    samples=[sample(_TALL, **_MOMENTS)],
)
def variance(x: Any, *, axes: Any = None, correction: Any = 1, keepdim: bool = False) -> Any:
    """sum((x - mean) ** 2) / (n - correction) over `axes`; NaN or inf if n <= correction."""
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    n = extent(x.shape, axes)
    middle = add_up(wide, axis=axes, keepdims=True) / np.asarray(n, wide.dtype)
    away = wide - middle
    squares = row_major(np.asarray(add_up(away * away, axis=axes, keepdims=keepdim)))
    if squares.dtype.kind == "c":  # |away| ** 2
        squares = add_up((away * away.conj()).real, axis=axes, keepdims=keepdim)
        return squares / max(n - correction, 0)
    if n > correction:
        return (squares / np.asarray(n - correction, wide.dtype)).astype(x.dtype, copy=False)
    return np.where(squares > 0, np.inf, np.nan).astype(x.dtype)


def _deviation_rule(g: Any, x: Any, out: Any, axes: Any, correction: Any, keepdim: bool) -> Any:
    g = where(out == 0, 0.0, g / (2 * out))
    return _variance_rule(g, x, axes, correction, keepdim)


@primitive(
    _deviation_rule,
    promote=None,
    method=False,
    title="Std",
    samples=[sample(_TALL, **_MOMENTS)],
)
def deviation(x: Any, *, axes: Any = None, correction: Any = 1, keepdim: bool = False) -> Any:
    """The square root of the variance. Where it is 0, so is its derivative."""
    return np.sqrt(variance(x, axes=axes, correction=correction, keepdim=keepdim))


def _moment_arguments(
    name: str, input: Any, dim: Any, unbiased: Any, correction: Any, keepdim: Any, names: Any
) -> tuple[Any, Any, Any, bool]:
    """(input, axes, correction, keepdim) of var and std, whose first argument may be `unbiased`."""
    if names:
        input, dim, keepdim = renamed(name, names, input=input, dim=dim, keepdim=keepdim)
    require_tensor(name, input)
    if isinstance(dim, bool):  # var(input, unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    elif unbiased is not None:
        raise TypeError(f"{name}() takes unbiased or correction, not both")
    a = input.array
    if a.dtype.kind not in "fc":
        which = name if name.endswith("_mean") else "std and var"
        raise RuntimeError(f"{which} only support floating point and complex dtypes")
    axes = axes_of(dim, a.ndim)
    if (a.size or name == "std") and extent(a.shape, axes) - correction <= 0:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "reduction factor (input numel divided by output numel).",
            UserWarning,
            stacklevel=4,
        )
    return input, axes, correction, bool(keepdim)


def _moments(name: str, single: bool, functions: Any, doc: str) -> Any:
    def moment(
        input: Any,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: Any = None,
        **names: Any,
    ) -> Any:
        input, axes, correction, keepdim = _moment_arguments(
            name, input, dim, unbiased, correction, keepdim, names
        )
        first = functions[0](input, axes=axes, correction=correction, keepdim=keepdim)
        if single:
            return first
        return first, average(input, axes=axes, keepdim=keepdim)

    moment.__name__ = moment.__qualname__ = name
    moment.__doc__ = doc
    dims: dict[str, Any] = {"dim": one_of(0, -1, (0, 1)), "unbiased": one_of(True, False)}
    return composed(method=single, samples=[sample(Real("2 3", distinct=True), **dims)])(moment)


_MOMENT_DOC = """

    n - correction is what is divided by (`unbiased` means correction 1, its default). UserWarning,
    and NaN or inf, if n <= correction; RuntimeError for integers.
    """
var = _moments("var", True, (variance,), "Variance over `dim`." + _MOMENT_DOC)
std = _moments(
    "std",
    True,
    (deviation,),
    "Standard deviation over `dim`; where it is 0 its derivative is 0." + _MOMENT_DOC,
)
var_mean = _moments("var_mean", False, (variance,), "(variance, mean) over `dim`." + _MOMENT_DOC)
std_mean = _moments(
    "std_mean", False, (deviation,), "(standard deviation, mean) over `dim`." + _MOMENT_DOC
)
