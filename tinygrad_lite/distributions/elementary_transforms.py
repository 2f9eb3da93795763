"""Transforms of numbers, one by one or as logits: exp, powers, sigmoid, affine maps and the like.

Source: PyTorch documentation, `torch.distributions.transforms`.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from ..core.dtypes import finfo
from ..core.tensor import Size, Tensor
from ..ops.activation import sigmoid, softplus
from ..ops.like import full_like
from ..ops.softmax import softmax
from . import constraints
from .transform import Transform
from .utils import broadcast_all, sum_rightmost


class ExpTransform(Transform):
    """y = exp(x)."""

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class PowerTransform(Transform):
    """y = x^exponent for positive x."""

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        (self.exponent,) = broadcast_all(exponent)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.exponent,)

    @property
    def sign(self) -> Any:
        return self.exponent.sign()

    def _call(self, x: Tensor) -> Tensor:
        return x**self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Any) -> Any:
        return Size(np.broadcast_shapes(shape, self.exponent.shape))

    inverse_shape = forward_shape


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x)), kept inside (0, 1) so that it can be undone."""

    domain = constraints.real
    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def _inside(self, y: Tensor) -> Tensor:
        limits = finfo(y.dtype)
        return y.clamp(min=limits.tiny, max=1 - limits.eps)

    def _call(self, x: Tensor) -> Tensor:
        return self._inside(sigmoid(x))

    def _inverse(self, y: Tensor) -> Tensor:
        y = self._inside(y)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x) - softplus(x)


class SoftplusTransform(Transform):
    """y = log(1 + exp(x))."""

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x)


class TanhTransform(Transform):
    """y = tanh(x). Undoing a y that was rounded to 1 gives inf: use cache_size=1."""

    domain = constraints.real
    codomain = constraints.interval(-1.0, 1.0)
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        # log(1 - tanh(x)^2), which loses no digits where tanh(x) is close to 1
        return 2 * (math.log(2) - x - softplus(-2 * x))


class AbsTransform(Transform):
    """y = |x|; undoing it gives y."""

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    """y = loc + scale x.

    A scale that broadcasts along an event counts once for each element, where PyTorch 2.13 counts
    it once in all.
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self._dims = loc, scale, event_dim
        real = constraints.real
        self.domain = self.codomain = (
            constraints.independent(real, event_dim) if event_dim else real
        )

    def _arguments(self) -> tuple[Any, ...]:
        return self.loc, self.scale, self._dims

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, numbers.Number):
            number: Any = self.scale
            return int(number > 0) - int(number < 0)
        return self.scale.sign()

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if isinstance(self.scale, numbers.Number):
            each = full_like(x, math.log(abs(self.scale)))  # type: ignore[arg-type]
        else:
            each = self.scale.abs().log().expand(x.shape)
        return sum_rightmost(each, self._dims)

    def forward_shape(self, shape: Any) -> Any:
        others = [getattr(part, "shape", ()) for part in (self.loc, self.scale)]
        return Size(np.broadcast_shapes(shape, *others))

    inverse_shape = forward_shape


class SoftmaxTransform(Transform):
    """y = softmax(x) along the last dimension; undone up to a constant by log."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return softmax(x, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()


class LowerCholeskyTransform(Transform):
    """A matrix as a Cholesky factor: the lower triangle, with exp of the diagonal."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()
