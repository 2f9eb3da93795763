"""Losses whose composition would lose its gradient where a probability is 0 or 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import primitive
from ..core.samples import Real, sample
from .exponential import log

_LEAST = float(np.float32(1e-12))  # PyTorch's constant is a float
_P = Real(low=0.1, high=0.9, broadcast=True)


@primitive(
    lambda g, p, y: g * (p - y) / (p * (1 - p)).clip(_LEAST),
    lambda g, p: g * (log(1 - p).clip(-100) - log(p).clip(-100)),
    broadcasts=True,
    method=False,
    title="BinaryCrossEntropy",
    samples=[sample(_P, _P)],
)
def bernoulli_surprise(p: Any, y: Any) -> Any:
    """-(y log p + (1 - y) log(1 - p)), elementwise, with logarithms that end at -100.

    The derivative towards p is (p - y) / max(p (1 - p), 1e-12): at p = 0 and p = 1 a large number,
    not the NaN that the chain rule makes of 0 * inf. (PyTorch's binary_cross_entropy.)
    """
    p = np.asarray(p, getattr(y, "dtype", None))
    log_p, log_q = np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)
    return (y - 1) * log_q - y * log_p
