"""Dropout with a mask that is computed from a key instead of being kept."""

from __future__ import annotations

from typing import Any

from ..core.doors import primitive
from ..core.samples import Real, one_of, sample
from ..kernels import random as kernels


@primitive(
    lambda g, p, key: dropped(g, p=p, key=key),
    promote=None,
    method=False,
    title="NativeDropout",
    samples=[sample(Real("n m"), p=one_of(0.2, 0.6), key=2**40 + 12345)],
)
def dropped(x: Any, *, p: float, key: int) -> Any:
    """x / (1 - p) where the mask of `key` keeps it, else 0. Linear in x, so its own derivative."""
    return kernels.dropout(x, p, key)
