"""A continuous relaxation of the Bernoulli distribution.

Samples are a sigmoid of (logits + noise) / temperature, and go to 0 and 1 as the temperature goes
to 0 (Maddison, Mnih and Teh, "The concrete distribution", 2017).
"""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ..ops.random import rand
from . import constraints
from .bernoulli import ByProbability
from .transformed_distribution import TransformedDistribution
from .transforms import SigmoidTransform
from .utils import clamp_probs, one_of_both


class LogitRelaxedBernoulli(ByProbability):
    """The logit of a RelaxedBernoulli variable: logistic noise around the logits."""

    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(validate_args, **one_of_both(probs, logits))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = super().expand(batch_shape, _instance)
        twin.temperature = self.temperature
        return twin

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        p = clamp_probs(self.probs)
        u = clamp_probs(rand(self._extended_shape(sample_shape), dtype=p.dtype))
        noise = u.log() - (-u).log1p()
        return (noise + p.log() - (-p).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        apart = self.logits - value * self.temperature
        return self.temperature.log() + apart - 2 * apart.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers in (0, 1) that come close to 0 or 1 at a low temperature."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    base_dist: LogitRelaxedBernoulli

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Tensor:
        """How far from 0 and 1 samples are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        logits: Tensor = self.base_dist.logits
        return logits

    @property
    def probs(self) -> Tensor:
        """The probability of being closer to 1."""
        probs: Tensor = self.base_dist.probs
        return probs
