"""Mixtures."""

from __future__ import annotations

from typing import Any

from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..ops.scattering import gather
from . import constraints
from .categorical import Categorical
from .constraints import Constraint
from .distribution import Distribution


class MixtureSameFamilyConstraint(Constraint):
    """Values that every component could have drawn."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        result = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        kept = value.ndim - self.event_dim
        return result.reshape((*result.shape[:kept], -1)).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_constraint!r})"


class MixtureSameFamily(Distribution):
    """One of the last batch dimension of `component_distribution`, chosen by a Categorical.

    p(x) = sum over k of p_k p(x | component k). ValueError unless the shapes fit.
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an instance of "
                "torch.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                "torch.distributions.Distribution"
            )
        chosen, batch = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for i, j in zip(reversed(chosen), reversed(batch), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({chosen}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        k, others = mixture_distribution.param_shape[-1], component_distribution.batch_shape[-1]
        if k != others:
            raise ValueError(
                f"`mixture_distribution component` ({k}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({others})"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        super().__init__(batch, component_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        k = self._mixture_distribution.param_shape[-1]
        twin._component_distribution = self._component_distribution.expand((*batch_shape, k))
        twin._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        return twin

    @constraints.dependent_property
    def support(self) -> Any:
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """Which component."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components, along the last batch dimension."""
        return self._component_distribution

    def _weighted(self, values: Tensor) -> Tensor:
        """The mean over components of `values`, of shape (..., k) + event_shape."""
        probs = self._mixture_distribution.probs
        dims = len(self.event_shape)
        return (probs.reshape((*probs.shape, *[1] * dims)) * values).sum(-1 - dims)

    def _pad(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - len(self.event_shape))

    @property
    def mean(self) -> Tensor:
        return self._weighted(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The mean of the variances and the variance of the means."""
        parts = self._component_distribution
        return self._weighted(parts.variance + (parts.mean - self._pad(self.mean)) ** 2)

    def cdf(self, value: Tensor) -> Tensor:
        below = self._component_distribution.cdf(self._pad(value))
        return (below * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        each = self._component_distribution.log_prob(self._pad(value))
        return (each + self._mixture_distribution.logits).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            drawn = self._component_distribution.sample(sample_shape)  # (..., k) + event_shape
            dims = len(self.event_shape)
            axis = drawn.ndim - 1 - dims
            wide = self._mixture_distribution.expand(tuple(self.batch_shape))
            which = wide.sample(sample_shape)
            index = which.reshape((*which.shape, *[1] * (dims + 1)))
            index = index.expand((*which.shape, 1, *self.event_shape))
            return gather(drawn, axis, index).squeeze(axis)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(\n  {self._mixture_distribution},\n  "
            f"{self._component_distribution})"
        )
