"""The multinomial distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.random import numpy_generator
from ..core.tensor import Size, Tensor, make
from ..ops.gamma import lgamma
from ..ops.selection import where
from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .distribution import Distribution


class Multinomial(Distribution):
    """Counts of each category in `total_count` independent draws from Categorical(probs)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    total_count: int

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError(
                f"inhomogeneous total_count is not supported: it is one int, not {total_count!r}"
            )
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        super().__init__(
            self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args
        )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        twin.total_count = self.total_count
        twin._categorical = self._categorical.expand(batch_shape)
        return twin

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def logits(self) -> Tensor:
        """Log probabilities."""
        logits: Tensor = self._categorical.logits
        return logits

    @property
    def probs(self) -> Tensor:
        """Probabilities."""
        probs: Tensor = self._categorical.probs
        return probs

    @property
    def param_shape(self) -> Size:
        """batch_shape + (number of categories,)."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        p = self.probs.array
        wide = p.astype(np.float64)
        size = (*sample_shape, *self._batch_shape)
        drawn = numpy_generator().multinomial(
            self.total_count, wide / wide.sum(-1, keepdims=True), size=size
        )
        return make(np.asarray(drawn, p.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits = where((value == 0) & (self.logits == -math.inf), 0.0, self.logits)
        ways = lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1)
        return ways + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        """n H(p) - log n! + the sum over categories of E[log x_i!], x_i being binomial."""
        n = self.total_count
        each = Binomial(n, probs=self.probs, validate_args=False)
        counts = each.enumerate_support(expand=False)[1:]
        weighted = (each.log_prob(counts).exp() * lgamma(counts + 1)).sum([0, -1])
        return n * self._categorical.entropy() - math.lgamma(n + 1) + weighted
