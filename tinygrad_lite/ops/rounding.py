"""Rounding. Between the jumps the derivative is 0 (1 for `frac`), and so it is at the jumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Real, one_of, sample
from ..kernels import elementwise
from .arguments import also, unsupported
from .arithmetic import zero

_HALVES = tuple(k / 2 for k in range(-4, 5))
_BETWEEN = [sample(Real(avoid=_HALVES, margin=0.05))]


def _no_bool(function: str) -> Any:
    def check(x: Any) -> None:
        if x.dtype.kind == "b":
            raise unsupported(function, x.dtype)
        if x.dtype.kind == "c":
            if function == "round_vml":
                raise unsupported(function, x.dtype)
            raise NotImplementedError(
                f"{function.split('_')[0]} is not supported for complex inputs"
            )

    return check


def _floats_only(x: Any) -> None:
    if x.dtype.kind != "f":
        raise unsupported("frac", x.dtype)


@primitive(
    zero, inplace=True, check=_no_bool("floor_vml"), ufunc=elementwise.floor, samples=_BETWEEN
)
def floor(x: Any) -> Any:
    """The largest whole number not above x; integers stay as they are."""
    return elementwise.floor(x) if x.dtype.kind == "f" else x.copy()


@primitive(zero, inplace=True, check=_no_bool("ceil_vml"), ufunc=elementwise.ceil, samples=_BETWEEN)
def ceil(x: Any) -> Any:
    """The smallest whole number not below x; integers stay as they are."""
    return elementwise.ceil(x) if x.dtype.kind == "f" else x.copy()


@primitive(
    zero, inplace=True, check=_no_bool("trunc_vml"), ufunc=elementwise.trunc, samples=_BETWEEN
)
def trunc(x: Any) -> Any:
    """x without its fraction; integers stay as they are."""
    return elementwise.trunc(x) if x.dtype.kind == "f" else x.copy()


@primitive(
    zero,
    inplace=True,
    check=_no_bool("round_vml"),
    samples=[sample(Real(avoid=_HALVES), decimals=one_of(0))],
)
def round(x: Any, *, decimals: int = 0) -> Any:
    """The nearest number with `decimals` digits after the point; halves go to the even one."""
    if x.dtype.kind != "f":
        if decimals:
            raise unsupported("round", x.dtype)
        return x.copy()
    if decimals == 0:
        return elementwise.rint(x)
    if x.dtype == np.float16:
        return round(x.astype(np.float32), decimals=decimals).astype(np.float16)
    ten = x.dtype.type(10.0 ** (decimals if decimals > 0 else -decimals))
    return np.rint(x * ten) / ten if decimals > 0 else np.rint(x / ten) * ten


@primitive(lambda g: g, inplace=True, check=_floats_only, samples=_BETWEEN)
def frac(x: Any) -> Any:
    """x - trunc(x)."""
    return x - elementwise.trunc(x)


fix = also("fix", trunc, inplace=True)
