"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any

from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..ops import random
from ..ops.activation import logsigmoid, sigmoid
from ..ops.gamma import lgamma
from ..ops.selection import where
from . import constraints
from .bernoulli import ByProbability
from .gamma import Gamma
from .utils import one_of_both


class NegativeBinomial(ByProbability):
    """Successes, each of probability p, before `total_count` failures."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    total_count: Tensor

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        ((name, given),) = one_of_both(probs, logits).items()
        super().__init__(validate_args, **{"total_count": total_count, name: given})
        self.total_count = self.total_count.type_as(getattr(self, name))

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.mean / sigmoid(-self.logits)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Poisson numbers with gamma rates."""
        with no_grad():
            rate = Gamma(self.total_count, (-self.logits).exp(), validate_args=False)
            return random.poisson(rate.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.total_count
        each = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        ways = lgamma(n + value) - lgamma(1 + value) - lgamma(n)
        # No failures to wait for: 0 is certain, though lgamma(0) is infinite.
        return each + where(n + value == 0, 0.0, ways)
