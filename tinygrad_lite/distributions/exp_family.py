"""Exponential families: entropy and divergence from the normalizer alone.

Source: Nielsen and Nock, "Entropies and cross-entropies of exponential families", 2010.
"""

from __future__ import annotations

from typing import Any

from ..autograd.backward import grad
from ..core.modes import enable_grad
from ..core.tensor import Tensor
from .distribution import Distribution


class ExponentialFamily(Distribution):
    """p(x; theta) = exp(<t(x), theta> - F(theta) + k(x)).

    A subclass gives theta, a tuple of Tensors, as `_natural_params` and F as
    `_log_normalizer(*theta)`; E[t(x)] is the gradient of F. The expectation of k(x) is
    `_mean_carrier_measure`, a number.
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__} does not give its _natural_params")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not give its _log_normalizer")

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not give its _mean_carrier_measure")

    def entropy(self) -> Tensor:
        """F(theta) - <theta, grad F(theta)> - E[k(x)]."""
        theta, normalizer, means = expanded(self)
        result = normalizer - self._mean_carrier_measure
        for part, mean in zip(theta, means, strict=True):
            result = result - _per_draw(part * mean, self)
        return result


def expanded(p: ExponentialFamily) -> tuple[list[Tensor], Tensor, Any]:
    """theta as leaves of a graph, F(theta), and the gradient of F."""
    with enable_grad():
        theta = [part.detach().requires_grad_() for part in p._natural_params]
        normalizer = p._log_normalizer(*theta)
        means = grad(normalizer.sum(), theta, create_graph=True)
    return theta, normalizer, means


def divergence(p: ExponentialFamily, q: ExponentialFamily) -> Tensor:
    """F(theta_q) - F(theta_p) - <theta_q - theta_p, grad F(theta_p)>, for two of one family."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed "
            f"using Bregman divergences ({type(p).__name__} and {type(q).__name__})"
        )
    theta, normalizer, means = expanded(p)
    theirs = q._natural_params
    result = q._log_normalizer(*theirs) - normalizer
    for other, part, mean in zip(theirs, theta, means, strict=True):
        result = result - _per_draw((other - part) * mean, q)
    return result


def _per_draw(products: Tensor, p: Distribution) -> Tensor:
    return products.reshape((*p.batch_shape, -1)).sum(-1)
