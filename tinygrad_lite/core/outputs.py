"""`out=`: the value of a function written into a Tensor that the caller gives.

No op knows of `out`. The value is computed as always and then copied: `out=` saves the caller no
memory here, it is there for programs that use it.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from .dtypes import from_numpy_dtype
from .modes import current
from .node import _LEGACY, touch
from .tensor import Tensor, live_node


def into(name: str, out: Any, value: Any) -> Any:
    """Write `value`, a Tensor or a tuple of them, into `out` and return `out`.

    `out` takes the value's shape (with a UserWarning if it had elements) and keeps its dtype.
    RuntimeError if a gradient is wanted of either, or if the dtype cannot take the value.
    """
    if isinstance(value, (tuple, list)):
        if not isinstance(out, (tuple, list)) or len(out) != len(value):
            raise TypeError(f"{name}(): argument 'out' must be tuple of {len(value)} Tensors")
        written = [into(name, o, v) for o, v in zip(out, value, strict=True)]
        return type(value)(*written) if hasattr(value, "_fields") else type(value)(written)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if current().grad and (live_node(out) is not None or live_node(value) is not None):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )
    a, v = out.array, value.array
    wide, narrow = from_numpy_dtype(v.dtype), from_numpy_dtype(a.dtype)
    if not dtypes.can_cast(wide, narrow):
        raise RuntimeError(
            f"result type {_LEGACY.get(wide.name, wide.name)} can't be cast to the desired output "
            f"type {_LEGACY.get(narrow.name, narrow.name)}"
        )
    if a.shape != v.shape:
        if a.size:
            warnings.warn(
                f"An output with one or more elements was resized since it had shape "
                f"{list(a.shape)}, which does not match the required output shape "
                f"{list(v.shape)}. This behavior is deprecated: reuse an out tensor t with "
                "t.resize_(0) first.",
                UserWarning,
                stacklevel=4,
            )
        out.array = a = np.empty(v.shape, a.dtype)
    np.copyto(a, v, casting="unsafe")
    touch(a, f"{name}(out=)")
    return out


def takes_dtype(out: Any, given: Any) -> Any:
    """The dtype for a function that computes in one: that of `out`, which `given` must be."""
    if not isinstance(out, Tensor):
        return given
    if given is not None and given != out.dtype:
        raise RuntimeError(f"dtype {given} does not match dtype of out parameter ({out.dtype})")
    return out.dtype


def with_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` that also knows `out`."""
    code = inspect.unwrap(function).__code__  # `inspect.signature` would slow the import down
    typed = "dtype" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    name = function.__name__

    @functools.wraps(function)
    def call(*args: Any, out: Any = None, **named: Any) -> Any:
        if out is None:
            return function(*args, **named)
        if typed:
            named["dtype"] = takes_dtype(out, named.get("dtype"))
        return into(name, out, function(*args, **named))

    call.without_out = function  # type: ignore[attr-defined]  # what methods are bound to
    return call


def give_out(namespace: dict[str, Any]) -> None:
    """Let the functions of ops/ in `namespace` know `out`. Declared primitives do already."""
    for name, value in list(namespace.items()):
        if not inspect.isfunction(value) or hasattr(value, "op"):
            continue
        if value.__module__.startswith("tinygrad_lite.ops.") and not name.startswith("_"):
            namespace[name] = with_out(value)
