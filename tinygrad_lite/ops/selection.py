"""Elements chosen by a mask or replaced by their value: where, masked_fill, nan_to_num."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Boolean, Real, reals, sample
from ..core.tensor import Tensor, bind, make
from ..kernels import masks, select
from ..kernels.copying import row_major
from .arguments import as_arrays, c_name, kind, ordered, overflow, renamed
from .arithmetic import where as choose
from .arithmetic import zero
from .comparison import isnan


@composed(method=False, samples=[sample(Boolean(), Real(broadcast=True), Real(broadcast=True))])
def where(condition: Any, input: Any = None, other: Any = None, **names: Any) -> Any:
    """input where the condition holds, other elsewhere; both broadcast, either may be a number.

    `where(condition)` alone gives the indices of the true elements, one Tensor an axis. A NaN or
    an infinite derivative in the branch not taken does not reach the gradient. RuntimeError if the
    condition is not bool.
    """
    if names:
        input = names.pop("self", input)
        renamed("where", names)
    if not isinstance(condition, Tensor):
        raise TypeError(
            "where(): argument 'condition' (position 1) must be Tensor, "
            f"not {type(condition).__name__}"
        )
    if input is None and other is None:
        return tuple([make(i) for i in masks.positions(condition.array, True)])
    _require_condition(condition)
    return choose(condition, input, other)


def _require_condition(condition: Tensor) -> None:
    if condition.array.dtype not in (np.bool_, np.uint8):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{kind(condition.array.dtype)}"
        )
    if condition.array.dtype == np.uint8:
        warnings.warn(
            "where received a uint8 condition tensor. This behavior is deprecated and will be "
            "removed in a future version of PyTorch. Use a boolean condition instead.",
            UserWarning,
            stacklevel=3,
        )


bind("where", lambda self, condition, other: where(condition, self, other))


# -- replacing elements ----------------------------------------------------------------------------


@primitive(
    lambda g, x: choose(isnan(x) | (x == np.inf) | (x == -np.inf), 0.0, g),
    inplace=True,
    samples=reals(1),
)
def nan_to_num(x: Any, *, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """x with NaN replaced by `nan`, inf by `posinf`, -inf by `neginf`.

    Default: 0 and the limits of the dtype. The derivative of a replaced element is 0.
    """
    return np.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


@primitive(
    lambda g, mask: choose(mask, 0.0, g),
    None,
    lambda g, mask: choose(mask, g, 0.0),
    broadcasts=True,
    promote=None,
    method=False,
    title="MaskedFill",
    samples=[sample(Real(), Boolean(broadcast=True), Real(""))],
)
def filled_where(x: Any, mask: Any, value: Any) -> Any:
    """x with `value` (0-d) where the mask holds, in x's dtype."""
    value = np.asarray(value).astype(x.dtype)
    out = select.select(mask, value, x) if x.size >= select.LARGE else None
    return row_major(np.where(mask, value, x) if out is None else out)


@composed(inplace=True, samples=[sample(Real(), Boolean(), value=0.5)])
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """input with `value` (a number or a 0-d Tensor) where the bool mask holds; both broadcast."""
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"masked_fill(): argument 'mask' (position 2) must be Tensor, not {type(mask).__name__}"
        )
    if mask.array.dtype != np.bool_:
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype "
            f"{c_name(mask.array.dtype)}"
        )
    if isinstance(value, Tensor) and value.array.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    imaginary = isinstance(value, complex) or (
        isinstance(value, Tensor) and value.array.dtype.kind == "c"
    )
    if imaginary and input.array.dtype.kind != "c":
        raise overflow(input.array.dtype)
    if input.array.dtype.char in "dD" and not isinstance(value, Tensor):
        value = make(np.asarray(value))  # in double precision, not in the default dtype
    return filled_where(input, mask, value)


def _of_one_dtype(x: Any, y: Any) -> None:
    ordered("heaviside", "is not yet")(x, y)
    if x.dtype != y.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")


@primitive(
    zero,
    lambda g, x: choose(x == 0, g, 0.0),
    broadcasts=True,
    tensors=(0, 1),
    check=_of_one_dtype,
    inplace=True,
    samples=[sample(Real(broadcast=True, avoid=(0.0,)), Real(broadcast=True))],
)
def heaviside(x: Any, y: Any) -> Any:
    """0 for x < 0 (and for NaN), y at 0, 1 for x > 0."""
    x, y = as_arrays(x, y)
    return np.where(x == 0, y, x > 0).astype(x.dtype)
