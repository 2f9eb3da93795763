"""Dropout with a mask that is computed from a key instead of being kept."""

from __future__ import annotations

from typing import Any

from ..core.doors import primitive
from ..core.rules import with_kernel
from ..core.samples import Real, one_of, sample
from ..kernels import random as kernels


def _slope(g: Any, p: float, key: int, residual: Any) -> Any:
    return kernels.dropout(g, p, key) if residual is None else kernels.kept(g, p, residual)


@with_kernel(_slope)
def _dropped_rule(g: Any, p: float, key: int, residual: Any) -> Any:
    return dropped(g, p=p, key=key)


@primitive(
    _dropped_rule,
    residual=True,
    promote=None,
    method=False,
    title="Mul",  # which PyTorch multiplies by
    samples=[sample(Real("n m"), p=one_of(0.2, 0.6), key=2**40 + 12345)],
)
def dropped(x: Any, *, p: float, key: int) -> Any:
    """x / (1 - p) where the mask of `key` keeps it, else 0. Linear in x, so its own derivative.

    The mask is kept where elements are so few that computing it again costs more."""
    if x.size >= kernels.SMALL or p >= 1:
        return kernels.dropout(x, p, key), None
    keep = kernels.keep_mask(x.size, p, key).reshape(x.shape)
    return kernels.kept(x, p, keep), keep
