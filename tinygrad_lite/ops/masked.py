"""Reductions and normalizations of the elements that a mask lets through.

`mask` (booleans that broadcast to the input; True: the element counts) puts the operation's
identity in the place of the others: 0 for a sum, -inf for a maximum. A reduction of nothing gives
that identity (NaN for a mean). What a normalization gives at a masked element is nobody's business.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.dtypes import float32, from_numpy_dtype
from ..core.shapes import canonical_axes
from ..core.tensor import Tensor, make
from .arguments import require_tensor
from .cumulative import cumprod as _cumprod
from .cumulative import cumsum as _cumsum
from .exponential import logaddexp as _logaddexp
from .extremes import amax as _amax
from .extremes import amin as _amin
from .extremes import argmax as _argmax
from .extremes import argmin as _argmin
from .linalg_norms import vector_norm
from .reduction import logsumexp as _logsumexp
from .reduction import sum as _sum
from .selection import where
from .softmax import log_softmax as _log_softmax
from .softmax import softmax as _softmax
from .statistics import nanmedian
from .statistics import prod as _prod


def _mask_of(input: Tensor, mask: Tensor) -> Tensor:
    """`mask` in the shape of `input`."""
    if mask.array.ndim > input.array.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask "
            "(got mask dimensionality higher than of the input)"
        )
    return mask.bool().expand(input.shape)


def _filled(input: Any, mask: Any, identity: float) -> Any:
    """`input` with the identity where the mask is False; infinities are the ends of integers."""
    require_tensor("masked", input)
    if mask is None:
        return input
    dtype = input.array.dtype
    if dtype.kind == "b" and math.isinf(identity):
        raise NotImplementedError("identity of an extreme on torch.bool input; use any() or all()")
    value: Any = identity
    if dtype.kind in "iu" and math.isinf(identity):
        value = np.iinfo(dtype).max if identity > 0 else np.iinfo(dtype).min
    return where(_mask_of(input, mask), input, make(np.asarray(value, dtype)))


def _dims(input: Any, dim: Any) -> Any:
    """The dims that PyTorch means: none given is all."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(input.array.ndim))
    return dim if isinstance(dim, int) else tuple(dim)


def _summing(input: Any, dtype: Any) -> Any:
    """The dtype of a sum: what is asked for, int64 for small integers, else the input's."""
    if dtype is not None:
        return dtype
    small = input.array.dtype.kind in "biu"
    return from_numpy_dtype(np.dtype(np.int64)) if small else input.dtype


def sum(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The sum of the unmasked elements; 0 of none."""
    x = _filled(input, mask, 0.0)
    return _sum(x, _dims(x, dim), bool(keepdim), dtype=_summing(input, dtype))


def prod(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The product of the unmasked elements; 1 of none."""
    x = _filled(input, mask, 1.0).to(_summing(input, dtype))
    dims = _dims(x, dim)
    axes = canonical_axes((dims,) if isinstance(dims, int) else dims, x.array.ndim)
    for d in sorted(axes, reverse=True):
        x = _prod(x, d, bool(keepdim))
    return x


def cumsum(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Sums of the unmasked elements up to each."""
    return _cumsum(_filled(input, mask, 0.0), dim, dtype=dtype or input.dtype)


def cumprod(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Products of the unmasked elements up to each."""
    return _cumprod(_filled(input, mask, 1.0), dim, dtype=dtype or input.dtype)


def amax(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The largest unmasked element; -inf (or the least integer) of none."""
    x = _filled(input, mask, -math.inf)
    return _amax(x, _dims(x, dim), bool(keepdim)).to(dtype or input.dtype)


def amin(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The smallest unmasked element; inf (or the greatest integer) of none."""
    x = _filled(input, mask, math.inf)
    return _amin(x, _dims(x, dim), bool(keepdim)).to(dtype or input.dtype)


def argmax(
    input: Any,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """Where the largest unmasked element is, in the input's dtype unless one is given."""
    found = _argmax(_filled(input, mask, -math.inf), dim, bool(keepdim))
    return found.to(dtype or input.dtype)


def argmin(
    input: Any,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """Where the smallest unmasked element is, in the input's dtype unless one is given."""
    found = _argmin(_filled(input, mask, math.inf), dim, bool(keepdim))
    return found.to(dtype or input.dtype)


def _count(input: Any, dim: Any, keepdim: bool, mask: Any) -> Any:
    counted = make(np.ones(input.shape, bool)) if mask is None else _mask_of(input, mask)
    return _sum(counted.long(), _dims(input, dim), bool(keepdim))


def mean(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The mean of the unmasked elements; NaN of none. ValueError for integers."""
    wanted = dtype or input.dtype
    if not (wanted.is_floating_point or wanted.is_complex):
        which = "Input" if dtype is None else "Optional"
        raise ValueError(
            f"mean(): Could not infer output dtype. {which} dtype must be either a floating point "
            f"or complex dtype. Got: {wanted}"
        )
    total = sum(input, dim, keepdim=keepdim, dtype=wanted, mask=mask)
    return total / _count(input, dim, keepdim, mask)


def median(
    input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The lower median of the unmasked elements; NaN of none (ValueError for integers)."""
    whole = input.array.dtype.kind in "biu"
    x = _filled(input.float() if whole else input, mask, math.nan)
    found = nanmedian(x, dim, keepdim)[0]
    if not whole:
        return found
    if np.isnan(found.array).any():
        raise ValueError(
            "masked median expects no fully masked out rows if dtype is not floating point"
        )
    return found.to(dtype or input.dtype)


def logsumexp(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """log of the sum of the exponentials of the unmasked elements; -inf of none."""
    x = _filled(input, mask, -math.inf)
    return _logsumexp(x, _dims(x, dim), bool(keepdim)).to(dtype or input.dtype)


def logaddexp(
    input: Any, other: Any, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None
) -> Any:
    """log(e^x + e^y), a masked element counting as -inf."""
    x, y = _filled(input, input_mask, -math.inf), _filled(other, other_mask, -math.inf)
    return _logaddexp(x, y).to(dtype or input.dtype)


def norm(
    input: Any,
    ord: Any = 2.0,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """The vector norm of the unmasked elements; 0 of none (inf for ord -inf)."""
    x = _filled(input, mask, math.inf if ord == -math.inf else 0.0)
    return vector_norm(x, ord, _dims(x, dim), bool(keepdim), dtype=dtype)


def var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """The variance of the unmasked elements, their number less `correction` (1) dividing.

    Integers give float32.
    """
    if unbiased is not None and correction is not None:
        raise ValueError("Only one of unbiased and correction may be given")
    less = correction if correction is not None else float(unbiased is None or bool(unbiased))
    wanted = dtype or input.dtype
    if not (wanted.is_floating_point or wanted.is_complex):
        wanted = float32
    x = input.to(wanted)
    count = _count(x, dim, True, mask)
    total = sum(x, dim, keepdim=True, mask=mask)
    apart = x - total / count
    squares = apart * apart if wanted.is_floating_point else (apart * apart.conj()).real
    out = sum(squares, dim, keepdim=keepdim, mask=mask)
    divisor = _count(x, dim, keepdim, mask) - less
    return (out / divisor.clamp(min=0).to(out.dtype)).to(wanted)


def std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """The square root of `var`."""
    return var(
        input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask
    ).sqrt()


def softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """softmax over the unmasked elements."""
    return _softmax(_filled(input, mask, -math.inf), dim, dtype or input.dtype)


def log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """The logarithm of `softmax`."""
    return _log_softmax(_filled(input, mask, -math.inf), dim, dtype or input.dtype)


def softmin(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """softmax(-x) over the unmasked elements."""
    return _softmax(-_filled(input, mask, math.inf), dim, dtype or input.dtype)


def normalize(
    input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None
) -> Any:
    """x / max(norm, eps), the norm that of the unmasked elements along `dim`."""
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _filled(input, mask, 0.0) / size.clamp(min=eps)
