"""NumPy functions applied to Tensors: np.exp(x), np.mean(x), array + x, np.concatenate([x, y]).

A function that has a counterpart here runs it and records its gradient. Any other works on the
bare arrays if no gradient is wanted, and raises TypeError if one is, instead of losing it. What
comes out is a Tensor or an array as with PyTorch's tensors, where those do not raise.
Sources: NumPy enhancement proposals 13 (`__array_ufunc__`) and 18 (`__array_function__`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import Tensor, bind, make
from . import (
    arithmetic,
    bitwise,
    bounds,
    comparison,
    cumulative,
    division,
    exponential,
    extremes,
    joining,
    matrix,
    moments,
    powers,
    reduction,
    rounding,
    selection,
    shaping,
    signs,
    sorting,
    statistics,
    trigonometric,
)
from .axes import permute, transpose

UFUNCS: dict[Any, Any] = {
    np.add: arithmetic.plus,
    np.subtract: arithmetic.minus,
    np.multiply: arithmetic.mul,
    np.true_divide: arithmetic.quotient,
    np.floor_divide: division.floor_divide,
    np.remainder: division.remainder,
    np.fmod: division.fmod,
    np.power: powers.pow,
    np.negative: arithmetic.neg,
    np.positive: signs.positive,
    np.absolute: signs.abs,
    np.sign: signs.sign,
    np.copysign: signs.copysign,
    np.square: powers.square,
    np.sqrt: powers.sqrt,
    np.reciprocal: powers.reciprocal,
    np.exp: exponential.exp,
    np.exp2: exponential.exp2,
    np.expm1: exponential.expm1,
    np.log: exponential.log,
    np.log2: exponential.log2,
    np.log10: exponential.log10,
    np.log1p: exponential.log1p,
    np.logaddexp: exponential.logaddexp,
    np.logaddexp2: exponential.logaddexp2,
    np.sin: trigonometric.sin,
    np.cos: trigonometric.cos,
    np.tan: trigonometric.tan,
    np.arcsin: trigonometric.asin,
    np.arccos: trigonometric.acos,
    np.arctan: trigonometric.atan,
    np.arctan2: trigonometric.atan2,
    np.sinh: trigonometric.sinh,
    np.cosh: trigonometric.cosh,
    np.tanh: trigonometric.tanh,
    np.arcsinh: trigonometric.asinh,
    np.arccosh: trigonometric.acosh,
    np.arctanh: trigonometric.atanh,
    np.hypot: trigonometric.hypot,
    np.maximum: bounds.maximum,
    np.minimum: bounds.minimum,
    np.fmax: bounds.fmax,
    np.fmin: bounds.fmin,
    np.floor: rounding.floor,
    np.ceil: rounding.ceil,
    np.trunc: rounding.trunc,
    np.rint: rounding.round,
    np.equal: comparison.eq,
    np.not_equal: comparison.ne,
    np.less: comparison.lt,
    np.less_equal: comparison.le,
    np.greater: comparison.gt,
    np.greater_equal: comparison.ge,
    np.logical_and: comparison.logical_and,
    np.logical_or: comparison.logical_or,
    np.logical_xor: comparison.logical_xor,
    np.logical_not: comparison.logical_not,
    np.isnan: comparison.isnan,
    np.isinf: comparison.isinf,
    np.isfinite: comparison.isfinite,
    np.bitwise_and: bitwise.bitwise_and,
    np.bitwise_or: bitwise.bitwise_or,
    np.bitwise_xor: bitwise.bitwise_xor,
    np.invert: bitwise.bitwise_not,
    np.matmul: matrix.matmul,
}


def _spread(function: Any) -> Any:
    """np.var and np.std divide by n - ddof, and ddof is 0."""

    def call(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        return function(x, axis, correction=ddof, keepdim=keepdims)

    return call


def _reduced(function: Any) -> Any:
    def call(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return function(x, axis, keepdims) if axis is not None or keepdims else function(x)

    return call


#: NumPy's functions that are not ufuncs, with NumPy's signatures as far as they go here
FUNCTIONS: dict[Any, Any] = {
    np.sum: _reduced(reduction.sum),
    np.mean: _reduced(reduction.mean),
    np.prod: _reduced(statistics.prod),
    np.var: _spread(moments.var),
    np.std: _spread(moments.std),
    np.amax: _reduced(extremes.amax),
    np.amin: _reduced(extremes.amin),
    np.max: _reduced(extremes.amax),
    np.min: _reduced(extremes.amin),
    np.argmax: _reduced(extremes.argmax),
    np.argmin: _reduced(extremes.argmin),
    np.all: _reduced(reduction.all),
    np.any: _reduced(reduction.any),
    np.cumsum: lambda v, axis=None: cumulative.cumsum(*_flat(v, axis)),
    np.cumprod: lambda v, axis=None: cumulative.cumprod(*_flat(v, axis)),
    np.concatenate: lambda arrays, axis=0: joining.cat([_tensor(v) for v in arrays], axis),
    np.stack: lambda arrays, axis=0: joining.stack([_tensor(v) for v in arrays], axis),
    np.reshape: lambda v, shape: shaping.reshape(v, shape),
    np.transpose: lambda v, axes=None: permute(v, _order(v, axes)),
    np.squeeze: lambda v, axis=None: shaping.squeeze(*((v,) if axis is None else (v, axis))),
    np.expand_dims: lambda v, axis: shaping.unsqueeze(v, axis),
    np.ravel: lambda v: shaping.reshape(v, (-1,)),
    np.where: lambda condition, v, w: selection.where(_tensor(condition), v, w),
    np.swapaxes: lambda v, axis1, axis2: transpose(v, axis1, axis2),
    np.round: lambda v, decimals=0: rounding.round(v, decimals=decimals),
    np.argsort: lambda v, axis=-1: sorting.argsort(v, axis),
    np.clip: lambda v, a_min=None, a_max=None: bounds.clamp(v, a_min, a_max),
    np.dot: lambda v, w: matrix.matmul(_tensor(v), _tensor(w)),
    np.allclose: lambda v, w, rtol=1e-5, atol=1e-8, equal_nan=False: bool(
        np.allclose(_array(v), _array(w), rtol, atol, equal_nan)
    ),
}

#: of PyTorch's tensors these make arrays, and programs go on with `.astype` or the mean of a bool:
#: a Tensor comes out only where there is a gradient to keep (PyTorch raises there)
TO_ARRAYS = frozenset({np.concatenate, np.stack, np.where, np.dot, np.expand_dims, np.ravel})


def _flat(v: Any, axis: Any) -> tuple[Any, int]:
    return (shaping.reshape(v, (-1,)), 0) if axis is None else (v, axis)


def _order(v: Any, axes: Any) -> tuple[int, ...]:
    return tuple(range(v.ndim))[::-1] if axes is None else tuple(axes)


def _tensor(v: Any) -> Any:
    return v if isinstance(v, Tensor) else make(np.asarray(v))


def _array(v: Any) -> Any:
    """`v` with the Tensors in it replaced by their arrays; TypeError if one requires grad."""
    if isinstance(v, Tensor):
        return v.numpy()
    if isinstance(v, (list, tuple)):
        return type(v)(_array(w) for w in v)
    return {k: _array(w) for k, w in v.items()} if isinstance(v, dict) else v


def _bare(name: str, call: Any, args: Any, options: dict[str, Any]) -> Any:
    try:
        arrays, named = _array(args), _array(options)
    except RuntimeError:
        raise TypeError(
            f"np.{name} has no counterpart that records a gradient (with these arguments); use a "
            "function of this package, or pass x.detach() if no gradient is wanted"
        ) from None
    return call(*arrays, **named)


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    counterpart = UFUNCS.get(ufunc)
    if method == "__call__" and counterpart is not None and not options:
        known = [make(v) if isinstance(v, np.ndarray) else v for v in inputs]
        return counterpart(*[v.item() if isinstance(v, np.generic) else v for v in known])
    out = _bare(ufunc.__name__, getattr(ufunc, method), inputs, options)
    return make(out) if isinstance(out, np.ndarray) and "out" not in options else out


def _array_function(self: Tensor, function: Any, types: Any, args: Any, options: Any) -> Any:
    counterpart = FUNCTIONS.get(function)
    if function in TO_ARRAYS:
        try:
            arrays, named = _array(args), _array(options)
        except RuntimeError:  # a gradient is wanted
            pass
        else:
            return function(*arrays, **named)
    if counterpart is not None:
        try:
            return counterpart(*args, **{k: v for k, v in options.items() if v is not None})
        except TypeError:  # an argument that the counterpart does not know
            pass
    return _bare(function.__name__, function, args, options)


bind("__array_ufunc__", _array_ufunc)
bind("__array_function__", _array_function)
