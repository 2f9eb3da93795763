"""The Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

from ..core.modes import no_grad
from ..core.tensor import Size, Tensor
from ..ops import random
from ..ops.activation import logsigmoid
from ..ops.selection import where
from ..ops.sequences import arange
from . import constraints
from .distribution import Elementwise
from .exp_family import ExponentialFamily
from .utils import lazy_property, logits_to_probs, one_of_both, probs_to_logits


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-target log sigmoid(l) - (1 - target) log(1 - sigmoid(l)), which a large l leaves finite."""
    return (1 - target) * logits - logsigmoid(logits)


class ByProbability(Elementwise):
    """Distributions of trials whose success is given as `probs` or as `logits`."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        given: Tensor = getattr(self, self._names[-1])
        return given.shape


class Bernoulli(ByProbability, ExponentialFamily):
    """1 with probability p, else 0."""

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(validate_args, **one_of_both(probs, logits))

    @property
    def mean(self) -> Tensor:
        probs: Tensor = self.probs
        return probs

    @property
    def mode(self) -> Tensor:
        """1 or 0; nan for a fair coin."""
        return where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return random.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -cross_entropy(self.logits, value)

    def entropy(self) -> Tensor:
        return cross_entropy(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        dtype = getattr(self, self._names[0]).dtype
        values = arange(2, dtype=dtype).reshape((-1, *[1] * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return x.exp().log1p()
