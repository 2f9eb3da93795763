"""Transforms onto simplices and matrices, of parts side by side, and by distribution functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dtypes import finfo
from ..core.tensor import Size, Tensor, make
from ..ops.activation import logsigmoid, sigmoid, softplus
from ..ops.joining import cat, stack
from ..ops.linalg import cholesky
from . import constraints
from .elementary_transforms import LowerCholeskyTransform
from .transform import Transform
from .utils import sum_rightmost


class StickBreakingTransform(Transform):
    """n numbers to n + 1 probabilities: each takes the share sigmoid(x_i - log(n - i)) of the rest.

    The offsets make x = 0 the uniform distribution.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    @staticmethod
    def _offset(x: Tensor, n: int) -> Tensor:
        return make(np.log(np.arange(n, 0, -1)).astype(x.array.dtype))

    def _call(self, x: Tensor) -> Tensor:
        limits = finfo(x.dtype)
        z = sigmoid(x - self._offset(x, x.shape[-1])).clamp(min=limits.tiny, max=1 - limits.eps)
        one = x.new_ones((*x.shape[:-1], 1))
        return cat([z, one], -1) * cat([one, (1 - z).cumprod(-1)], -1)

    def _inverse(self, y: Tensor) -> Tensor:
        parts = y[..., :-1]
        rest = (1 - parts.cumsum(-1)).clamp(min=finfo(y.dtype).tiny)
        return parts.log() - rest.log() + self._offset(y, parts.shape[-1])

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        shifted = x - self._offset(x, x.shape[-1])
        return (logsigmoid(shifted) - shifted + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return Size((*shape[:-1], shape[-1] - 1))


class PositiveDefiniteTransform(Transform):
    """A matrix as L L', L the Cholesky factor that `LowerCholeskyTransform` makes of it."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        L = LowerCholeskyTransform()(x)
        return L @ L.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().undo(cholesky(y))


class CorrCholeskyTransform(Transform):
    """n (n - 1) / 2 numbers to the Cholesky factor of an n x n correlation matrix.

    With t = tanh(x) below the diagonal, row by row: y_ij = t_ij sqrt(prod over k < j of 1 - t_ik^2)
    and the diagonal what makes each row a unit vector.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    @staticmethod
    def _below(n: int) -> tuple[np.ndarray, np.ndarray]:
        return np.tril_indices(n, -1)

    def _call(self, x: Tensor) -> Tensor:
        n = self.forward_shape(x.shape)[-1]
        eps = finfo(x.dtype).eps
        t = x.tanh().clamp(min=-1 + eps, max=1 - eps)
        place = np.zeros((n, n), np.int64)
        place[self._below(n)] = np.arange(x.shape[-1])
        r = t[..., make(place)].tril(-1)
        rest = (1 - r**2).sqrt().cumprod(-1)[..., :-1]
        one = x.new_ones((*rest.shape[:-1], 1))
        return (r + make(np.eye(n, dtype=x.array.dtype))) * cat([one, rest], -1)

    def _inverse(self, y: Tensor) -> Tensor:
        i, j = self._below(y.shape[-1])
        rest = 1 - (y * y).cumsum(-1)[..., :-1]
        before = cat([y.new_ones((*rest.shape[:-1], 1)), rest], -1)
        t = y[..., make(i), make(j)] / before[..., make(i), make(j)].sqrt()
        return t.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        i, j = np.tril_indices(y.shape[-1], -2)
        rest = (1 - (y * y).cumsum(-1))[..., make(i), make(j)]
        bent = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * rest.log().sum(-1) + bent

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        n = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return Size((*shape[:-1], n, n))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        n = shape[-1]
        return Size((*shape[:-2], n * (n - 1) // 2))


class CumulativeDistributionTransform(Transform):
    """y = P(X <= x) of a distribution: uniform on [0, 1] for x drawn from it."""

    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    def _arguments(self) -> tuple[Any, ...]:
        return (self.distribution,)

    @property
    def domain(self) -> Any:
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        found: Tensor = self.distribution.cdf(x)
        return found

    def _inverse(self, y: Tensor) -> Tensor:
        found: Tensor = self.distribution.icdf(y)
        return found

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        found: Tensor = self.distribution.log_prob(x)
        return found


class CatTransform(Transform):
    """Transforms of parts of lengths `lengths` (1 each by default) along `dim`."""

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(
                f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})"
            )
        self.dim = dim

    def _arguments(self) -> tuple[Any, ...]:
        return self.transforms, self.dim, self.lengths

    @property
    def length(self) -> int:
        """The length of the whole along `dim`."""
        return sum(self.lengths)

    @property
    def event_dim(self) -> int:
        return max(t.event_dim for t in self.transforms)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    @property
    def domain(self) -> Any:
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Any:
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def _parts(self, x: Tensor) -> list[Tensor]:
        if not -x.ndim <= self.dim < x.ndim or x.size(self.dim) != self.length:
            raise AssertionError(
                f"x of shape {tuple(x.shape)} must have length {self.length} along dim {self.dim}"
            )
        return list(x.split(self.lengths, self.dim))

    def _call(self, x: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._parts(x), strict=True)
        return cat([t(part) for t, part in pairs], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._parts(y), strict=True)
        return cat([t.undo(part) for t, part in pairs], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        found = []
        for t, a, b in zip(self.transforms, self._parts(x), self._parts(y), strict=True):
            each = t.log_abs_det_jacobian(a, b)
            found.append(sum_rightmost(each, self.event_dim - t.event_dim))
        dim = (self.dim - x.ndim if self.dim >= 0 else self.dim) + self.event_dim
        if dim < 0:
            return cat(found, dim)
        total: Any = 0
        for each in found:
            total = total + each
        summed: Tensor = total
        return summed


class StackTransform(Transform):
    """A transform for each index along `dim`."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    def _arguments(self) -> tuple[Any, ...]:
        return self.transforms, self.dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    @property
    def domain(self) -> Any:
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> Any:
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def _parts(self, x: Tensor) -> list[Tensor]:
        n = len(self.transforms)
        if not -x.ndim <= self.dim < x.ndim or x.size(self.dim) != n:
            raise AssertionError(
                f"x of shape {tuple(x.shape)} must have length {n} along dim {self.dim}"
            )
        return list(x.unbind(self.dim))

    def _call(self, x: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._parts(x), strict=True)
        return stack([t(part) for t, part in pairs], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._parts(y), strict=True)
        return stack([t.undo(part) for t, part in pairs], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        triples = zip(self.transforms, self._parts(x), self._parts(y), strict=True)
        return stack([t.log_abs_det_jacobian(a, b) for t, a, b in triples], self.dim)
