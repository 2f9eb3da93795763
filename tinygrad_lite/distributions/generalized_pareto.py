"""The generalized Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor
from ..ops.random import rand
from ..ops.selection import where
from . import constraints
from .distribution import Elementwise


class GeneralizedPareto(Elementwise):
    """P(X > x) = (1 + k z)^(-1 / k), z = (x - loc) / scale, k the concentration; e^-z for k = 0."""

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        super().__init__(validate_args, loc=loc, scale=scale, concentration=concentration)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        upper = where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, upper)

    def _shape(self) -> tuple[Tensor, Tensor]:
        """(whether k counts as 0, k with 1 there)."""
        zero = self.concentration.abs() <= 1e-8
        return zero, where(zero, 1.0, self.concentration)

    @property
    def mean(self) -> Tensor:
        k = self.concentration
        return where(k < 1, self.loc + self.scale / (1 - where(k < 1, k, 0.5)), math.nan)

    @property
    def variance(self) -> Tensor:
        valid = self.concentration < 0.5
        k = where(valid, self.concentration, 0.25)
        return where(valid, self.scale**2 / ((1 - k) ** 2 * (1 - 2 * k)), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        zero, k = self._shape()
        z = (value - self.loc) / self.scale
        return -self.scale.log() - where(zero, z, (1 / k + 1) * (k * z).log1p())

    def log_survival_function(self, value: Tensor) -> Tensor:
        """log P(X > value)."""
        self._validate_sample(value)
        zero, k = self._shape()
        z = (value - self.loc) / self.scale
        return where(zero, -z, -(k * z).log1p() / k)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(X <= value)."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        zero, k = self._shape()
        log = (-value).log1p()
        return self.loc + self.scale * where(zero, -log, (-k * log).expm1() / k)

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1
