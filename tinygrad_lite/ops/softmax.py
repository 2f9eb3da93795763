"""softmax and log_softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.rules import with_kernel
from ..core.samples import Real, axis, sample
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor
from ..kernels import softmax as rows
from .arguments import converted, no_kernel, numpy_names, renamed, require_tensor
from .exponential import exp
from .reduction import total
from .trigonometric import tanh as tanh


@with_kernel(lambda g, out, axis: rows.softmax_backward(g, out, axis))
def _softmax_rule(g: Any, out: Any, axis: int) -> Any:
    """dx = out * (g - sum(g * out))."""
    product = g * out
    return product - out * total(product, axes=_valid(axis, out), keepdim=True)


@with_kernel(lambda g, out, axis: rows.log_softmax_backward(g, out, axis))
def _log_softmax_rule(g: Any, out: Any, axis: int) -> Any:
    """dx = g - softmax(x) * sum(g)."""
    return g - exp(out) * total(g, axes=_valid(axis, out), keepdim=True)


def _valid(axis: int, x: Any) -> Any:
    return axis % x.ndim if x.ndim else ()


_ALONG = [sample(Real("n m"), axis=axis()), sample(Real("n 3 m"), axis=axis())]


@primitive(
    _softmax_rule,
    method=False,
    promote=None,
    title="Softmax",
    samples=_ALONG,
)
def softmax_along(x: Any, *, axis: int) -> Any:
    """exp(x) / sum(exp(x)) along `axis`, without overflow; NaN where all are -inf."""
    if not x.size:
        return x.copy()
    if x.dtype.itemsize == 2:
        return rows.softmax(x.astype(np.float32), axis).astype(x.dtype)
    return rows.softmax(x, axis)


@primitive(
    _log_softmax_rule,
    method=False,
    promote=None,
    title="LogSoftmax",
    samples=_ALONG,
)
def log_softmax_along(x: Any, *, axis: int) -> Any:
    """x - log(sum(exp(x))) along `axis`, without overflow."""
    if not x.size:
        return x.copy()
    if x.dtype.itemsize == 2:
        return rows.log_softmax(x.astype(np.float32), axis).astype(x.dtype)
    return rows.log_softmax(x, axis)


def _prepared(name: str, input: Any, dim: Any, dtype: Any) -> tuple[Tensor, int]:
    require_tensor(name, input)
    if dtype is not None:
        input = converted(input, dtype)
    axis = canonical_axis(dim, input.array.ndim)
    if input.array.dtype.kind != "f":
        last = "_lastdim" if axis >= input.array.ndim - 1 else ""
        raise no_kernel(f"{name}{last}_kernel_impl", input.array.dtype)
    return input, axis


@composed(samples=[sample(Real("n m"), dim=axis())])
@numpy_names
def softmax(input: Any, dim: Any, dtype: Any = None, **names: Any) -> Any:
    """exp(input) / sum(exp(input)) along `dim`, without overflow. NotImplementedError for integers
    without `dtype`."""
    if names:
        input, dim = renamed("softmax", names, input=input, dim=dim)
    x, at = _prepared("softmax", input, dim, dtype)
    return softmax_along(x, axis=at)


@composed(samples=[sample(Real("n m"), dim=axis())])
@numpy_names
def log_softmax(input: Any, dim: Any, dtype: Any = None, **names: Any) -> Any:
    """input - log(sum(exp(input))) along `dim`, without overflow."""
    if names:
        input, dim = renamed("log_softmax", names, input=input, dim=dim)
    x, at = _prepared("log_softmax", input, dim, dtype)
    return log_softmax_along(x, axis=at)
