"""Comparisons, logic and tests of elements. None has a derivative; all give bool."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Boolean, Real, reals, sample
from ..core.tensor import Tensor, make
from .arguments import also, kind, not_complex, require_tensor

_TWO = [sample(Real(broadcast=True), Real(broadcast=True), smooth=False)]
_COMPARES: dict[str, Any] = {"broadcasts": True, "tensors": (0,), "inplace": True, "samples": _TWO}
_ONE = [sample(Real(), smooth=False)]
_BOTH = [sample(Boolean(broadcast=True), Boolean(broadcast=True), smooth=False)]


@primitive(operator="eq", **_COMPARES)
def eq(x: Any, y: Any) -> Any:
    """x == y, elementwise (NaN equals nothing)."""
    return np.equal(x, y)


@primitive(operator="ne", **_COMPARES)
def ne(x: Any, y: Any) -> Any:
    """x != y, elementwise."""
    return np.not_equal(x, y)


@primitive(operator="lt", check=not_complex("lt_cpu"), **_COMPARES)
def lt(x: Any, y: Any) -> Any:
    """x < y, elementwise."""
    return np.less(x, y)


@primitive(operator="le", check=not_complex("le_cpu"), **_COMPARES)
def le(x: Any, y: Any) -> Any:
    """x <= y, elementwise."""
    return np.less_equal(x, y)


@primitive(operator="gt", check=not_complex("gt_cpu"), **_COMPARES)
def gt(x: Any, y: Any) -> Any:
    """x > y, elementwise."""
    return np.greater(x, y)


@primitive(operator="ge", check=not_complex("ge_cpu"), **_COMPARES)
def ge(x: Any, y: Any) -> Any:
    """x >= y, elementwise."""
    return np.greater_equal(x, y)


# -- logic: everything but 0 is true ---------------------------------------------------------------


@primitive(broadcasts=True, tensors=(0, 1), inplace=True, samples=_BOTH)
def logical_and(x: Any, y: Any) -> Any:
    """x and y, elementwise."""
    return np.logical_and(x, y)


@primitive(broadcasts=True, tensors=(0, 1), inplace=True, samples=_BOTH)
def logical_or(x: Any, y: Any) -> Any:
    """x or y, elementwise."""
    return np.logical_or(x, y)


@primitive(broadcasts=True, tensors=(0, 1), inplace=True, samples=_BOTH)
def logical_xor(x: Any, y: Any) -> Any:
    """x or y but not both, elementwise."""
    return np.logical_xor(x, y)


@primitive(inplace=True, samples=[sample(Boolean(), smooth=False)])
def logical_not(x: Any) -> Any:
    """not x, elementwise."""
    return np.logical_not(x)


# -- what kind of number ---------------------------------------------------------------------------


@primitive(samples=_ONE)
def isnan(x: Any) -> Any:
    """Whether each element is NaN."""
    return np.isnan(x)


@primitive(samples=_ONE)
def isinf(x: Any) -> Any:
    """Whether each element is inf or -inf."""
    return np.isinf(x)


@primitive(samples=_ONE)
def isfinite(x: Any) -> Any:
    """Whether each element is neither infinite nor NaN."""
    return np.isfinite(x)


def _ordered(name: str, x: Any) -> None:
    if x.dtype.kind == "c":
        raise RuntimeError(f"{name} does not support complex inputs.")


@primitive(samples=_ONE)
def isposinf(x: Any) -> Any:
    """Whether each element is inf."""
    _ordered("isposinf", x)
    return x == math.inf


@primitive(samples=_ONE)
def isneginf(x: Any) -> Any:
    """Whether each element is -inf."""
    _ordered("isneginf", x)
    return x == -math.inf


@primitive(samples=_ONE)
def isreal(x: Any) -> Any:
    """Whether each element has no imaginary part."""
    return np.isreal(x)


# -- nearness --------------------------------------------------------------------------------------


def _same_dtype(function: str, a: Any, b: Any) -> None:
    require_tensor(function, a)
    require_tensor(function, b, "other", 2)
    if a.array.dtype != b.array.dtype:
        raise RuntimeError(f"{kind(a.array.dtype)} did not match {kind(b.array.dtype)}")


@composed(samples=reals(2))
def isclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """|input - other| <= atol + rtol |other|, elementwise. Equal infinities are close."""
    _same_dtype("isclose", input, other)
    if rtol < 0:
        raise RuntimeError(f"rtol must be greater than or equal to zero, but got {rtol:g}")
    if atol < 0:
        raise RuntimeError(f"atol must be greater than or equal to zero, but got {atol:g}")
    a, b = input.array, other.array
    close = a == b
    if equal_nan and a.dtype.kind in "fc":
        close = close | (np.isnan(a) & np.isnan(b))
    if rtol or atol:
        wide = np.float64 if a.dtype.kind in "biu" else a.dtype
        a, b = a.astype(wide, copy=False), b.astype(wide, copy=False)
        distance = np.abs(a - b)
        close = close | (np.isfinite(distance) & (distance <= atol + np.abs(rtol * b)))
    return make(np.asarray(close))


@composed(samples=reals(2))
def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close (see `isclose`)."""
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


@composed(samples=reals(2))
def equal(input: Any, other: Any) -> bool:
    """Whether both have the same shape and the same elements."""
    require_tensor("equal", input)
    require_tensor("equal", other, "other", 2)
    return bool(np.array_equal(input.array, other.array))


@composed(method=False)
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Any:
    """Whether each of `elements` is among `test_elements`."""
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin(): one of elements and test_elements must be Tensor")
    a, b = (x.array if isinstance(x, Tensor) else np.asarray(x) for x in (elements, test_elements))
    return make(np.asarray(np.isin(a, b, invert=invert)))


greater = also("greater", gt, inplace=True)
greater_equal = also("greater_equal", ge, inplace=True)
less = also("less", lt, inplace=True)
less_equal = also("less_equal", le, inplace=True)
not_equal = also("not_equal", ne, inplace=True)
