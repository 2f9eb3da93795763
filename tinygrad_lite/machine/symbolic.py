"""Arithmetic of sizes. In PyTorch's tracers a size may be a symbol; here it is always a number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_NUMBERS = (np.integer, np.floating, int, float)
_FLOATS = (np.floating, float)


def sym_float(a: Any) -> float:
    """float(a)."""
    return float(a)


def sym_int(a: Any) -> int:
    """int(a)."""
    return int(a)


def sym_not(a: Any) -> bool:
    """not a."""
    return not a


def sym_sqrt(a: Any) -> float:
    """The square root of a number."""
    return math.sqrt(a)


def sym_max(a: Any, b: Any) -> Any:
    """The larger of two numbers; a float if either is one. AssertionError for other things."""
    return _extreme(max, a, b)


def sym_min(a: Any, b: Any) -> Any:
    """The smaller of two numbers; a float if either is one. AssertionError for other things."""
    return _extreme(min, a, b)


def _extreme(function: Any, a: Any, b: Any) -> Any:
    for x in (a, b):
        if not isinstance(x, _NUMBERS):
            raise AssertionError(f"expected {_NUMBERS}, got {type(x)}")
    found = function(a, b)
    return float(found) if isinstance(a, _FLOATS) or isinstance(b, _FLOATS) else found


def sym_sum(*args: Any) -> Any:
    """The sum of the numbers given, or of one list of numbers."""
    return sum(args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args)


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """`t` if `b`, else `f`. AssertionError if `b` is no bool or the others differ in type."""
    if not isinstance(b, bool):
        raise AssertionError(f"expected SymBool or bool, got {type(b)}")
    if type(t) is not type(f):
        raise AssertionError(f"type mismatch: {type(t)} vs {type(f)}")
    return t if b else f
