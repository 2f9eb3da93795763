"""Short programs, run by PyTorch and by this package: values, strides, errors, warnings.

A program is a line, statements divided by `;`, the last one an expression. `t` is the package, `F`
its functional room. What is compared: the value with dtype, shape and strides, or the type and the
first letters of the error; and the categories of the warnings.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch

import tinygrad_lite as tl
from tests.oracle.behaviours import same, seen

LETTERS = 25


def _strides(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_strides(v) for v in value]
    return value.stride() if hasattr(value, "stride") and value.numel() else None


def outcome(program: str, library: Any) -> Any:
    """What a program does under one library."""
    *statements, last = [part.strip() for part in program.split(";")]
    names = {"t": library, "F": library.nn.functional, "np": np, "math": math, "inf": math.inf}
    names["nan"] = math.nan
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            for statement in statements:
                exec(statement, names)
            value = eval(last, names)
            found = [seen(value, library), _strides(value)]
        except Exception as e:
            found = [
                type(e).__name__.lstrip("_"),
                str(e).replace("tinygrad_lite", "torch")[:LETTERS],
            ]
    return [found, sorted({w.category.__name__ for w in record})]


def programs(text: str) -> list[str]:
    """The lines of a text that hold a program."""
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def agree(program: str) -> None:
    """Assert that a program does the same under both libraries."""
    once = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # some warnings come once a process: in whichever test is first
    try:
        expected, found = outcome(program, torch), outcome(program, tl)
    finally:
        torch.set_warn_always(once)
    assert same(expected, found), f"torch: {expected}\ntinygrad_lite: {found}"
