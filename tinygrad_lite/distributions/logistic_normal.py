"""The logistic normal distribution on the simplex."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from . import constraints
from .normal import Normal
from .simplex_transforms import StickBreakingTransform
from .transformed_distribution import TransformedDistribution


class LogisticNormal(TransformedDistribution):
    """Probabilities of n + 1 outcomes: n normal numbers, each breaking its part off a stick."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return True

    @property
    def loc(self) -> Tensor:
        """The means of the normal numbers."""
        found: Tensor = self.base_dist.base_dist.loc  # type: ignore[attr-defined]
        return found

    @property
    def scale(self) -> Tensor:
        """The standard deviations of the normal numbers."""
        found: Tensor = self.base_dist.base_dist.scale  # type: ignore[attr-defined]
        return found
