"""The categorical distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.dtypes import finfo
from ..core.modes import no_grad
from ..core.tensor import Size, Tensor
from ..ops import random
from ..ops.filling import full
from ..ops.scattering import gather
from ..ops.sequences import arange
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, logits_to_probs, one_of_both, probs_to_logits


class Categorical(Distribution):
    """i in 0 .. k - 1 with probability probs[..., i], which are normalized over i.

    `logits` are unnormalized log probabilities.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        ((name, given),) = one_of_both(probs, logits).items()
        if given.ndim < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if name == "probs":
            self.probs = given / given.sum(-1, keepdim=True)
        else:
            self.logits = given - given.logsumexp(-1, keepdim=True)
        self._name = name
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        twin._name, twin._num_events = self._name, self._num_events
        setattr(twin, self._name, self._param.expand((*batch_shape, self._num_events)))
        return twin

    @property
    def _param(self) -> Tensor:
        given: Tensor = getattr(self, self._name)
        return given

    @lazy_property
    def logits(self) -> Tensor:
        """Log probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities."""
        return logits_to_probs(self.logits)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def param_shape(self) -> Size:
        """batch_shape + (number of categories,)."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        """nan: categories are names, not numbers."""
        return full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        return full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        count = math.prod(sample_shape)
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = random.multinomial(rows, count, True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits = self.logits
        index = value.long()
        if index.array.shape != logits.array.shape[:-1]:
            shape = np.broadcast_shapes(index.array.shape, logits.array.shape[:-1])
            index, logits = index.expand(shape), logits.expand((*shape, self._num_events))
        return gather(logits, -1, index.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        # A log probability of -inf times a probability of 0 counts as 0.
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(self._num_events).reshape((-1, *[1] * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values
