"""`out=`: a result that is written into a Tensor the caller has.

It saves no memory here, the result is computed first; it is for programs that are written so. As in
PyTorch nothing of it is recorded, and the Tensor takes the result's shape if it has another one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from .dtypes import from_numpy_dtype
from .modes import current, no_grad
from .tensor import Tensor, live_node, stamp


def into(out: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, written into `out` (a Tensor, or a tuple of them), which is
    returned.

    RuntimeError if a gradient is wanted, or if out's dtype cannot hold the result's; a warning if
    `out` has elements and another shape. Without an `out` (None) just the value.
    """
    if out is None:
        return function(*args, **kwargs)
    result = _computed(function, out, args, kwargs)
    if not isinstance(result, tuple):
        return _written(out, result, _name(function))
    if not isinstance(out, (tuple, list)) or len(out) != len(result):
        raise TypeError(f"{_name(function)}(): out must be a tuple of {len(result)} Tensors")
    filled = [_written(o, r, _name(function)) for o, r in zip(out, result, strict=True)]
    return type(result)(*filled) if hasattr(result, "_fields") else tuple(filled)


def made_into(out: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """The same for functions that make values of their own: they are made in out's dtype."""
    if out is None:
        return function(*args, **kwargs)
    made = _computed(function, out, args, kwargs)
    if isinstance(out, Tensor) and made.array.dtype != out.array.dtype:
        made.array = made.array.astype(out.array.dtype)
    return _written(out, made, _name(function))


def _computed(function: Callable[..., Any], out: Any, args: Any, kwargs: Any) -> Any:
    for o in _each(out):
        if not isinstance(o, Tensor):
            raise TypeError(
                f"{_name(function)}(): argument 'out' must be Tensor, not {type(o).__name__}"
            )
    if current().grad:
        listed = [a for x in (*args, *kwargs.values(), out) for a in _each(x)]
        if any(isinstance(a, Tensor) and live_node(a) is not None for a in listed):
            raise RuntimeError(
                f"{_name(function)}(): functions with out=... arguments don't support automatic "
                "differentiation, but one of the arguments requires grad."
            )
    with no_grad():
        return function(*args, **kwargs)


def _name(function: Any) -> str:
    return getattr(function, "name", None) or function.__name__


def _each(x: Any) -> Any:
    return x if isinstance(x, (tuple, list)) else (x,)


def _written(out: Any, result: Tensor, name: str) -> Tensor:
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    value, a = result.array, out.array
    if not dtypes.can_cast(from_numpy_dtype(value.dtype), from_numpy_dtype(a.dtype)):
        kinds = [from_numpy_dtype(x.dtype).name.capitalize() for x in (value, a)]
        names = [_WORDS.get(kind, kind) for kind in kinds]
        raise RuntimeError(
            f"result type {names[0]} can't be cast to the desired output type {names[1]}"
        )
    if a.shape != value.shape:
        if a.size:
            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(a.shape)}, which does not match the required output shape "
                f"{list(value.shape)}. This behavior is deprecated: pass an output of that shape, "
                "or an empty one.",
                UserWarning,
                stacklevel=4,
            )
        a = out.array = np.empty(value.shape, a.dtype)
    np.copyto(a, value, casting="unsafe")
    stamp(out, f"{name}(out=)")
    return out


_WORDS = {"Float32": "Float", "Float64": "Double", "Float16": "Half", "Int64": "Long"}
_WORDS |= {"Int32": "Int", "Int16": "Short", "Int8": "Char", "Uint8": "Byte"}
_WORDS |= {"Complex64": "ComplexFloat", "Complex128": "ComplexDouble"}
