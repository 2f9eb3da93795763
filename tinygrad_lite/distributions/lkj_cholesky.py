"""The LKJ distribution of Cholesky factors of random correlation matrices."""

from __future__ import annotations

import math
from typing import Any

from ..core.dtypes import finfo
from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..ops.gamma import lgamma, mvlgamma
from ..ops.joining import cat
from ..ops.selection import where
from ..ops.sequences import arange
from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all, standard_normal


class LKJCholesky(Distribution):
    """L with L L' a correlation matrix of density proportional to |L L'|^(concentration - 1).

    Sampled by the onion method: row i is a point of the unit sphere, its squared length before the
    diagonal a beta variable (Lewandowski, Kurowicka and Joe 2009).
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    concentration: Tensor

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.shape, (dim, dim), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        twin.dim = self.dim
        twin.concentration = self.concentration.expand(tuple(batch_shape))
        return twin

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            k = self.concentration
            i = arange(self.dim - 1, dtype=k.dtype)
            before = cat([i.new_zeros((1,)), i])
            rest = (k + 0.5 * (self.dim - 2)).unsqueeze(-1) - 0.5 * before
            squared = Beta(before + 0.5, rest, validate_args=False).sample(sample_shape)
            x = standard_normal(self._extended_shape(sample_shape), k).tril(-1)
            length = x.norm(dim=-1, keepdim=True)
            x = squared.sqrt().unsqueeze(-1) * x / where(length == 0, 1.0, length)
            left = (1 - (x**2).sum(-1)).clamp(min=finfo(k.dtype).tiny)
            return x + left.sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n, k = self.dim, self.concentration
        diagonal = value.diagonal(dim1=-2, dim2=-1)[..., 1:]
        order = 2 * (k - 1).unsqueeze(-1) + n - arange(2, n + 1)
        alpha = k + 0.5 * (n - 1)
        constant = 0.5 * (n - 1) * math.log(math.pi)
        normalizer = constant + mvlgamma(alpha - 0.5, n - 1) - lgamma(alpha) * (n - 1)
        return (order * diagonal.log()).sum(-1) - normalizer
