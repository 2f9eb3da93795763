"""The Kumaraswamy distribution: like the beta, with a distribution function that inverts."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor
from ..ops.gamma import digamma, lgamma
from ..ops.random import rand
from ..ops.selection import where
from . import constraints
from .distribution import Elementwise
from .utils import EULER


class Kumaraswamy(Elementwise):
    """P(X <= x) = 1 - (1 - x^a)^b on [0, 1], a = concentration1, b = concentration0."""

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    concentration1: Tensor
    concentration0: Tensor

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        super().__init__(
            validate_args, concentration1=concentration1, concentration0=concentration0
        )

    def _moment(self, n: int) -> Tensor:
        """E[x^n] = b B(1 + n / a, b)."""
        b = self.concentration0
        first = 1 + n / self.concentration1
        return b * (lgamma(first) + lgamma(b) - lgamma(first + b)).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self.mean**2

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        log = (-b).log1p() / b - (-b * a).log1p()
        return where((a < 1) | (b < 1), math.nan, log).exp()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = rand(self._extended_shape(sample_shape), dtype=self.concentration1.dtype)
        return self.icdf(u)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        return (a * b).log() + (a - 1) * value.log() + (b - 1) * (-(value**a)).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return 1 - (1 - value**self.concentration1) ** self.concentration0

    def icdf(self, value: Tensor) -> Tensor:
        return (1 - (1 - value) ** (1 / self.concentration0)) ** (1 / self.concentration1)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return (1 - 1 / b) + (1 - 1 / a) * (digamma(b + 1) + EULER) - a.log() - b.log()
