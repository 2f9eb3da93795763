"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor
from ..ops.activation import logsigmoid
from ..ops.random import rand
from ..ops.selection import where
from . import constraints
from .distribution import Elementwise
from .exp_family import ExponentialFamily
from .utils import clamp_probs, lazy_property, logits_to_probs, one_of_both, probs_to_logits


class ContinuousBernoulli(Elementwise, ExponentialFamily):
    """p(x) = C(p) p^x (1 - p)^(1 - x) for x in [0, 1] (Loaiza-Ganem and Cunningham 2019).

    For p within `lims` the formulas, 0 / 0 at p = 1/2, are replaced by their Taylor series there.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._lims = lims
        super().__init__(validate_args, **one_of_both(probs, logits))
        if probs is not None:
            self.probs = clamp_probs(self.probs)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = super().expand(batch_shape, _instance)
        twin._lims = self._lims
        return twin

    @lazy_property
    def probs(self) -> Tensor:
        """The p of the density (not its mean)."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    def _outside(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Tensor:
        """p, moved to the edge of `lims` where it lies within: the formulas stay finite."""
        return where(self._outside(), self.probs, self._lims[0])

    def log_normalizer(self) -> Tensor:
        """log C(p) = log(2 artanh(1 - 2 p) / (1 - 2 p))."""
        p, x = self._cut(), (self.probs - 0.5) ** 2
        ratio = ((-p).log1p() - p.log()) / (1 - 2 * p)
        series = math.log(2) + (4 / 3 + 104 / 45 * x) * x
        return where(self._outside(), ratio.log(), series)

    @property
    def mean(self) -> Tensor:
        p, x = self._cut(), self.probs - 0.5
        exact = p / (2 * p - 1) + 1 / ((-p).log1p() - p.log())
        return where(self._outside(), exact, 0.5 + (1 / 3 + 16 / 45 * x**2) * x)

    @property
    def variance(self) -> Tensor:
        p, x = self._cut(), (self.probs - 0.5) ** 2
        exact = p * (p - 1) / (1 - 2 * p) ** 2 + 1 / ((-p).log1p() - p.log()) ** 2
        return where(self._outside(), exact, 1 / 12 - (1 / 15 - 128 / 945 * x) * x)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        log = logsigmoid(self.logits) - (1 - value) * self.logits
        return log + self.log_normalizer()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        p = self._cut()
        exact = (p**value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)
        inside = where(self._outside(), exact, value)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        p = self._cut()
        log = (-p).log1p()
        exact = ((-p + value * (2 * p - 1)).log1p() - log) / (p.log() - log)
        return where(self._outside(), exact, value)

    def entropy(self) -> Tensor:
        log = (-self.probs).log1p()
        return self.mean * (log - self.probs.log()) - self.log_normalizer() - log

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        low, high = (edge - 0.5 for edge in self._lims)
        outside = (x <= low) | (x > high)
        far = where(outside, x, low)
        series = x * (0.5 + x * (1 / 24 - x**2 / 2880))
        return where(outside, far.expm1().abs().log() - far.abs().log(), series)
