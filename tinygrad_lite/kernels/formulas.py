"""Formulas of numbers, as the rules of derivatives are, on large arrays in one pass.

    halved = compiled(lambda g, out: g / (2 * out))

The same function is read twice: by NumPy, operator by operator, and beyond PARALLEL elements by
numba, which puts it into a loop as it stands. It may use operators, numbers, and `KNOWN` functions.
A number in a formula makes numba compute in float64: the result is then rounded once.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _math
from ._jit import Kernel, ready
from ._math import number
from .arithmetic import PARALLEL, are_alike, map3, map3_1
from .copying import dense
from .elementwise import map1, map1_1, map2, map2_1, map2_2

Array = np.ndarray

_LOOPS = {
    (1, 0): map1, (1, 1): map1_1, (2, 0): map2, (2, 1): map2_1, (2, 2): map2_2, (3, 0): map3,
    (3, 1): map3_1,
}  # fmt: skip
"""By the numbers of arrays and of numbers, which follow the arrays."""


@number
def _rsqrt(x):
    """1 / sqrt(x)."""
    return 1 / np.sqrt(x)


KNOWN: dict[str, Any] = {"exp": _math.exp, "log": _math.log, "rsqrt": _rsqrt}
"""What the names of ops mean of a single number."""


def compiled(formula: Callable[..., Any]) -> Callable[..., Any]:
    """`formula`, in one pass where its arguments are large arrays that are alike, and numbers."""

    @functools.cache
    def loop(arrays: int, numbers: int) -> Kernel | None:
        found = _LOOPS.get((arrays, numbers))
        if found is None:
            return None
        code = formula.__code__
        content = repr((code.co_code, code.co_consts, code.co_names))
        name = f"formula_{zlib.crc32(content.encode()):08x}"
        scalar = number(formula).bind(name, **KNOWN)
        return found.bind(name, f=scalar)

    def call(g: Array, *rest: Any) -> Any:
        if g.size < PARALLEL or not ready(g.size):
            return formula(g, *rest)
        arrays = [g, *[a for a in rest if isinstance(a, np.ndarray)]]
        numbers = rest[len(arrays) - 1 :]
        run = loop(len(arrays), len(numbers))
        if run is None or not all(type(a) in (float, int) for a in numbers):
            return formula(g, *rest)
        flat = dense(g) if are_alike(arrays, None) else None
        if flat is None:
            return formula(g, *rest)
        out = np.empty_like(g)
        values = [g.dtype.type(a) for a in numbers]
        run(flat, *[dense(a) for a in arrays[1:]], *values, dense(out))
        return out

    call.formula, call.loop = formula, loop  # type: ignore[attr-defined]
    return call
