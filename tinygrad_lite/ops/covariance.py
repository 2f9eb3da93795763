"""Covariance and correlation."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.chain import cast
from ..core.doors import composed
from ..core.samples import Real, one_of, sample
from ..core.tensor import Tensor
from .arguments import kind, of_tensors
from .matrix import matmul
from .shaping import reshape
from .views import diagonal_of, permuted, reshaped


@composed(samples=[sample(Real("3 4"), correction=one_of(0, 1)), sample(Real("4"))])
@of_tensors
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of the rows (variables), whose columns are observations."""
    if input.array.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.array.ndim} dimensions"
        )
    x = input if input.array.ndim == 2 else reshape(input, (1, -1))
    if x.array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    if x.array.dtype.kind not in "fc":
        x = cast(x, dtype=np.dtype(np.float32))
    n = x.array.shape[1]
    _check_weights("fweights", fweights, n, "integral", "iu")
    _check_weights("aweights", aweights, n, "floating point", "f")
    w: Any = None
    if fweights is not None:
        w = fweights
    if aweights is not None:
        w = aweights if w is None else w * aweights
    if w is None:
        norm: Any = n
        mean = x.sum(dim=1, keepdim=True) / n
        y = x - mean
        weighted = y
    else:
        norm = w.sum()
        mean = (x * w).sum(dim=1, keepdim=True) / norm
        y = x - mean
        weighted = y * w
    if aweights is None or correction == 0 or fweights is None:
        shrink = correction if aweights is None else correction * (w * w).sum() / norm
    else:
        shrink = correction * (w * aweights).sum() / norm
    degrees = norm - shrink
    if degrees <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "number of observations.",
            UserWarning,
            stacklevel=3,
        )
    if isinstance(degrees, Tensor):
        degrees = degrees.clamp(min=0)
    else:
        degrees = max(degrees, 0)
    if y.array.dtype.kind == "c":
        y = y.conj()
    c = matmul(weighted, permuted(y, axes=(1, 0))) / degrees
    return reshaped(c, shape=()) if c.array.size == 1 else c


def _check_weights(name: str, w: Any, n: int, wanted: str, kinds: str) -> None:
    if w is None:
        return
    a = w.array
    if a.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{a.ndim} dimensions"
        )
    if a.dtype.kind not in kinds:
        raise RuntimeError(
            f"cov(): expected {name} to have {wanted} dtype but got {name} with "
            f"{kind(a.dtype)} dtype"
        )
    if a.size != n:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the "
            f"input but got {a.size} != {n}"
        )
    if a.size and a.min() < 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")


@composed()
@of_tensors
def corrcoef(input: Any) -> Any:
    """Pearson's correlation coefficients of the rows (variables), within [-1, 1]."""
    if input.array.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.array.ndim} dimensions"
        )
    c = cov(input)
    if c.array.ndim == 0:
        return c / c
    d = diagonal_of(c, offset=0)
    if d.array.dtype.kind == "c":
        return _within_unit(c, d.real.sqrt())
    s = d.sqrt()
    n = s.array.size
    r = c / reshaped(s, shape=(n, 1)) / s
    return r.clamp(-1, 1)


def _within_unit(c: Any, s: Any) -> Any:
    """A complex covariance over the deviations s, both parts within [-1, 1]."""
    n = s.array.size
    r = c / reshaped(s, shape=(n, 1)) / s
    return r.real.clamp(-1, 1) + r.imag.clamp(-1, 1) * 1j
