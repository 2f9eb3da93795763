"""The geometric distribution."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import finfo
from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..ops.like import zeros_like
from ..ops.random import rand
from ..ops.selection import where
from . import constraints
from .bernoulli import ByProbability, cross_entropy
from .utils import one_of_both


class Geometric(ByProbability):
    """P(k) = (1 - p)^k p: failures before the first success."""

    support = constraints.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(validate_args, **one_of_both(probs, logits))
        if self._validate_args and probs is not None and not (self.probs > 0).array.all():
            raise ValueError(
                f"Expected parameter probs ({type(self.probs).__name__} of shape "
                f"{tuple(self.probs.shape)}) of distribution {self!r} to be positive but found "
                f"invalid values:\n{self.probs.detach()[self.probs <= 0]}"
            )

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            dtype = self.probs.dtype
            u = rand(self._extended_shape(sample_shape), dtype=dtype).clamp(min=finfo(dtype).tiny)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        # With p = 1 no failure is certain: 0 * log(0) counts as 0.
        failing = where((self.probs == 1) & (value == 0), 0.0, self.probs)
        return value * (-failing).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return cross_entropy(self.logits, self.probs) / self.probs
