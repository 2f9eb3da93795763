"""The binomial distribution."""

from __future__ import annotations

from typing import Any

from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..ops import random
from ..ops.activation import logsigmoid
from ..ops.gamma import lgamma
from ..ops.sequences import arange
from . import constraints
from .bernoulli import ByProbability
from .utils import one_of_both


class Binomial(ByProbability):
    """P(k) = C(n, k) p^k (1 - p)^(n - k): successes in n = total_count trials."""

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    total_count: Tensor

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        ((name, given),) = one_of_both(probs, logits).items()
        # In this order numbers take the dtype of the probability rather than of the count.
        super().__init__(validate_args, **{"total_count": total_count, name: given})
        self.total_count = self.total_count.type_as(getattr(self, name))

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        top = ((self.total_count + 1) * self.probs).floor()
        return top.minimum(self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return random.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.total_count
        ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        return ways + value * self.logits + n * logsigmoid(-self.logits)

    def entropy(self) -> Tensor:
        n = self._one_count("entropy")
        if not n:
            return self.probs * 0
        log = self.log_prob(self.enumerate_support(False))
        return -(log.exp() * log).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = self._one_count("enumerate_support")
        values = arange(n + 1, dtype=self.total_count.dtype)
        values = values.reshape((-1, *[1] * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def _one_count(self, what: str) -> int:
        n = int(self.total_count.array.max())
        if self.total_count.array.min() != n:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{what}`.")
        return n
