"""Running sums, products and extremes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.samples import Real, one_of, sample
from ..core.shapes import canonical_axis
from .arguments import converted, renamed, require_tensor

_ALONG = [sample(Real("n m"), axis=one_of(0, 1), reverse=one_of(False, True))]


@primitive(
    lambda g, axis, reverse: running_sum(g, axis=axis, reverse=not reverse),
    promote=None,
    method=False,
    title="Cumsum",
    samples=_ALONG,
)
def running_sum(x: Any, *, axis: int, reverse: bool = False) -> Any:
    """Sums of the elements up to and including each along `axis` (from the end if `reverse`)."""
    wide = np.int64 if x.dtype.kind in "biu" else None
    if x.ndim == 0:
        return x.astype(wide or x.dtype)
    if reverse:
        return np.flip(np.add.accumulate(np.flip(x, axis), axis, wide), axis)
    return np.add.accumulate(x, axis, wide)


@composed(inplace=True, samples=[sample(Real("n m"), dim=one_of(0, 1, -1))])
def cumsum(input: Any, dim: Any, *, dtype: Any = None, **names: Any) -> Any:
    """Sums of the elements up to and including each along `dim`; integers give int64."""
    if names:
        input, dim = renamed("cumsum", names, input=input, dim=dim)
    require_tensor("cumsum", input)
    input = converted(input, dtype)
    out = running_sum(input, axis=canonical_axis(dim, input.array.ndim))
    return converted(out, dtype)
