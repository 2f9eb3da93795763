"""The gamma distribution, and Chi2, its special case."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.function import Function, once_differentiable
from ..core.random import numpy_generator
from ..core.tensor import Tensor, make
from ..ops.gamma import digamma, lgamma
from ..ops.incomplete_gamma import log_draw, log_slope, regularized
from ..ops.special import xlogy
from . import constraints
from .distribution import Elementwise
from .exp_family import ExponentialFamily


class LogStandardGamma(Function):
    """The logarithm of a draw, as a function of the shape (see incomplete_gamma.py)."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor, log_x: np.ndarray) -> Tensor:
        ctx.save_for_backward(concentration)
        ctx.log_x = log_x
        return make(log_x.astype(concentration.array.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        (concentration,) = ctx.saved_tensors
        slope = log_slope(concentration.array, ctx.log_x)
        return make((g.array * slope).astype(g.array.dtype)), None


class RegularizedGamma(Function):
    """P(a, x); the derivative by x is the density, the one by a is refused, as in PyTorch."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(a, x)
        return make(regularized(a.array, x.array).astype(x.array.dtype))

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[None, Tensor]:
        if ctx.needs_input_grad[0]:
            raise NotImplementedError(
                "the derivative for 'self' of 'igamma' is not implemented: detach the "
                "concentration before calling cdf"
            )
        a, x = ctx.saved_tensors
        return None, g * ((a - 1) * x.log() - x - lgamma(a)).exp()


def log_standard_gamma(concentration: Tensor) -> Tensor:
    """log x for x ~ Gamma(concentration, 1), differentiable by the concentration."""
    log_x = log_draw(numpy_generator(), concentration.array)
    drawn: Tensor = LogStandardGamma.apply(concentration, log_x)
    return drawn


class Gamma(Elementwise, ExponentialFamily):
    """p(x) = rate^c x^(c - 1) exp(-rate x) / Gamma(c), c the concentration."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        super().__init__(validate_args, concentration=concentration, rate=rate)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate**2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        value = log_standard_gamma(self.concentration.expand(shape)).exp() / self.rate
        # What underflows to 0 would have log_prob = inf; lifted without touching the gradient.
        np.maximum(value.array, np.finfo(value.array.dtype).tiny, out=value.array)
        return value

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        c = self.concentration
        return xlogy(c, self.rate) + xlogy(c - 1, value) - self.rate * value - lgamma(c)

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        probability: Tensor = RegularizedGamma.apply(
            *_matched(self.concentration, self.rate * value)
        )
        return probability

    def entropy(self) -> Tensor:
        c = self.concentration
        return c - self.rate.log() + lgamma(c) + (1 - c) * digamma(c)

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration - 1, -self.rate)

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return lgamma(x + 1) - (x + 1) * (-y).log()


def _matched(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    shape = np.broadcast_shapes(a.shape, b.shape)
    return a.expand(shape), b.expand(shape)
