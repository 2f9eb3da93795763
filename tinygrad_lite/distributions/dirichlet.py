"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ..ops.gamma import digamma, lgamma
from ..ops.like import zeros_like
from ..ops.selection import where
from ..ops.softmax import softmax
from ..ops.special import xlogy
from . import constraints
from .exp_family import ExponentialFamily
from .gamma import log_standard_gamma


class Dirichlet(ExponentialFamily):
    """p(x) = Gamma(sum c) / prod Gamma(c_i) * prod x_i^(c_i - 1) on vectors x that sum to 1.

    Samples are gamma variables divided by their sum, computed from their logarithms; their
    derivative is that of this construction.
    """

    arg_constraints = {
        "concentration": constraints.independent(constraints.positive, 1),
    }
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin = self._twin(batch_shape, _instance)
        twin.concentration = self.concentration.expand((*batch_shape, *self.event_shape))
        return twin

    @property
    def _total(self) -> Tensor:
        return self.concentration.sum(-1, keepdim=True)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self._total

    @property
    def mode(self) -> Tensor:
        """At the corner of the largest concentration where none exceeds 1."""
        above = (self.concentration - 1).clamp(min=0)
        inner = above / above.sum(-1, keepdim=True)
        largest = self.concentration.argmax(-1, keepdim=True)
        corner = zeros_like(inner).scatter_(-1, largest, 1.0)
        return where((self.concentration < 1).all(-1, keepdim=True), corner, inner)

    @property
    def variance(self) -> Tensor:
        total = self._total
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return softmax(log_standard_gamma(self.concentration.expand(shape)), -1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        c = self.concentration
        return xlogy(c - 1, value).sum(-1) + lgamma(c.sum(-1)) - lgamma(c).sum(-1)

    def entropy(self) -> Tensor:
        c = self.concentration
        k, total = c.shape[-1], c.sum(-1)
        return (
            lgamma(c).sum(-1)
            - lgamma(total)
            - (k - total) * digamma(total)
            - ((c - 1) * digamma(c)).sum(-1)
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return lgamma(x).sum(-1) - lgamma(x.sum(-1))
