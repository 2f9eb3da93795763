"""Kullback-Leibler divergences KL(p || q) = E_p[log p - log q], in closed form.

Divergences within a family are written out. Across families most follow from

    KL(p || q) = -entropy(p) - E_p[log q]

where E_p[log q] needs only a few expectations of p: the mean and variance (q normal), the mean
(q exponential), E[x] and E[log x] (q gamma), E[x] and E[exp(t x)] (q Gumbel). `q` whose support
does not hold that of `p` is infinitely far away.
Source: PyTorch documentation, `torch.distributions.kl`; Gil, Alajaji and Linder, "Renyi divergence
measures for commonly used univariate continuous distributions", 2013.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..ops.activation import logsigmoid
from ..ops.gamma import digamma, lgamma, mvlgamma
from ..ops.like import full_like
from ..ops.selection import where
from ..ops.sequences import arange
from ..ops.special import erf, xlogy
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .distribution import Distribution
from .exp_family import ExponentialFamily, divergence
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_cauchy import HalfCauchy
from .half_normal import HalfNormal
from .independent import Independent
from .inverse_gamma import InverseGamma
from .laplace import Laplace
from .log_normal import LogNormal
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal, squared_distance
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import EULER, sum_rightmost
from .wishart import Wishart

Divergence = Callable[[Any, Any], Tensor]
_REGISTRY: dict[tuple[type, type], Divergence] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Divergence], Divergence]:
    """Decorator: the function `f(p, q)` is the divergence of these types and their subclasses."""
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def register(function: Divergence) -> Divergence:
        _REGISTRY[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p || q), of shape batch_shape. NotImplementedError for pairs that are not registered.

    Of several registered pairs the most specific counts: the one closest to `type(p)`, then to
    `type(q)`; a RuntimeWarning if looking at `q` first would give another.
    """
    function = _REGISTRY.get((type(p), type(q))) or _most_specific(type(p), type(q))
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
            f"{type(q).__name__}; register_kl declares one"
        )
    return function(p, q)


def _most_specific(type_p: type, type_q: type) -> Divergence | None:
    def distance(pair: tuple[type, type]) -> tuple[int, int]:
        return type_p.__mro__.index(pair[0]), type_q.__mro__.index(pair[1])

    pairs = [pq for pq in _REGISTRY if issubclass(type_p, pq[0]) and issubclass(type_q, pq[1])]
    if not pairs:
        return None
    by_p = _REGISTRY[min(pairs, key=distance)]
    by_q = _REGISTRY[min(pairs, key=lambda pair: distance(pair)[::-1])]
    if by_p is not by_q:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            "Please register_kl for this pair",
            RuntimeWarning,
            stacklevel=3,
        )
    return by_p


# -- within a family -------------------------------------------------------------------------------

register_kl(ExponentialFamily, ExponentialFamily)(divergence)  # those of users


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    ones = _weighted(p.probs, p.logits, q.logits, q.probs == 0)
    return ones + _weighted(1 - p.probs, -p.logits, -q.logits, q.probs == 1)


def _weighted(prob: Tensor, p_logits: Tensor, q_logits: Tensor, never: Tensor) -> Tensor:
    """prob * log(p / q); 0 where prob is 0, infinite where q says never."""
    term = prob * (logsigmoid(p_logits) - logsigmoid(q_logits))
    return where(prob == 0, 0.0, where(never, math.inf, term))


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    if (p.total_count < q.total_count).array.any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return where(p.total_count > q.total_count, math.inf, p.total_count * each)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    term = p.probs * (p.logits - q.logits)
    return where(p.probs == 0, 0.0, where(q.probs == 0, math.inf, term)).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot_categorical(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    shift = ((p.loc - q.loc) / q.scale) ** 2
    return 0.5 * (ratio + shift - 1 - ratio.log())


@register_kl(HalfCauchy, HalfCauchy)
@register_kl(InverseGamma, InverseGamma)
@register_kl(LogNormal, LogNormal)
@register_kl(HalfNormal, HalfNormal)
def _by_base(p: Any, q: Any) -> Tensor:
    """One function of both variables changes no divergence."""
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Tensor:
    """(log |Q| / |P| + tr(Q^-1 P) + (m_q - m_p)' Q^-1 (m_q - m_p) - n) / 2."""
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be "
            f"computed: {p.event_shape} and {q.event_shape}"
        )
    trace = squared_distance(q._factor.unsqueeze(-3), p._factor.mT).sum(-1)
    shift = squared_distance(q._factor, q.loc - p.loc)
    n = p.event_shape[0]
    return q._half_log_det() - p._half_log_det() + 0.5 * (trace + shift - n)


def _full(p: Any) -> Any:
    if isinstance(p, MultivariateNormal):
        return p
    return MultivariateNormal(p.loc, scale_tril=p.scale_tril, validate_args=False)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p: Any, q: Any) -> Tensor:
    return _multivariate_normal(_full(p), _full(q))


@register_kl(Wishart, Wishart)
def _wishart(p: Any, q: Any) -> Tensor:
    """-entropy(p) - E_p[log q], with E[V] = n P and E log |V| = psi_k(n / 2) + log |2 P|."""
    k = p.event_shape[0]
    psi = digamma(p.df.unsqueeze(-1) / 2 - arange(k, dtype=p.df.dtype) / 2).sum(-1)
    log_det = psi + k * math.log(2) + 2 * p._half_log_det()
    trace = p.df * (q.precision_matrix * p.covariance_matrix).sum((-2, -1))
    n = q.df
    constant = -n * k * math.log(2) / 2 - n * q._half_log_det() - mvlgamma(n / 2, k)
    return -p.entropy() - (constant + (n - k - 1) / 2 * log_det - trace / 2)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    ratio, shift = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + shift / q.scale + ratio * (-shift / p.scale).exp() - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    apart = (p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2
    return apart.log() - (4 * p.scale * q.scale).log()


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    log = b * (p.rate / q.rate).log() + lgamma(b) - lgamma(a)
    return log + (a - b) * digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    log = lgamma(a.sum(-1)) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1)
    return log + ((a - b) * (digamma(a) - digamma(a.sum(-1)).unsqueeze(-1))).sum(-1)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    outside = (q.low > p.low) | (q.high < p.high)
    return where(outside, math.inf, ((q.high - q.low) / (p.high - p.low)).log())


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            f"KL between Independents of {p.reinterpreted_batch_ndims} and "
            f"{q.reinterpreted_batch_ndims} reinterpreted dimensions"
        )
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("KL between TransformedDistributions of different transforms")
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    return -p.entropy() - _log_gumbel(p, q)


# -- expectations ----------------------------------------------------------------------------------


def _log_mean(p: Any) -> Tensor:
    """E[log x]."""
    if isinstance(p, Gamma):
        return digamma(p.concentration) - p.rate.log()
    if isinstance(p, Exponential):
        return -EULER - p.rate.log()
    if isinstance(p, Pareto):
        return p.scale.log() + 1 / p.alpha
    if isinstance(p, Beta):
        return digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0)
    return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low) - 1


def _exp_mean(p: Any, rate: Tensor, loc: Tensor) -> Tensor:
    """E[exp(-rate (x - loc))]."""
    if isinstance(p, Normal):
        return (rate * (loc - p.loc) + 0.5 * (rate * p.scale) ** 2).exp()
    if isinstance(p, Gumbel):
        return (rate * (loc - p.loc) + lgamma(1 + rate * p.scale)).exp()
    if isinstance(p, Exponential):
        return (rate * loc).exp() * p.rate / (p.rate + rate)
    if isinstance(p, Gamma):
        return (rate * loc - p.concentration * (rate / p.rate).log1p()).exp()
    low, high = (rate * (loc - p.low)).exp(), (rate * (loc - p.high)).exp()
    return (low - high) / (rate * (p.high - p.low))


def _log_normal(p: Any, q: Any) -> Tensor:
    spread = p.variance + (p.mean - q.loc) ** 2
    return -q.scale.log() - 0.5 * math.log(2 * math.pi) - 0.5 * spread / q.scale**2


def _log_exponential(p: Any, q: Any) -> Tensor:
    return q.rate.log() - q.rate * p.mean


def _log_gamma(p: Any, q: Any) -> Tensor:
    a = q.concentration
    return a * q.rate.log() - lgamma(a) + (a - 1) * _log_mean(p) - q.rate * p.mean


def _log_gumbel(p: Any, q: Any) -> Tensor:
    rate = q.scale.reciprocal()
    return -q.scale.log() - rate * (p.mean - q.loc) - _exp_mean(p, rate, q.loc)


def _log_pareto(p: Any, q: Any) -> Tensor:
    return q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _log_mean(p)


def _by_expectation(kinds_p: tuple[type, ...], kind_q: type, expected_log: Divergence) -> None:
    def divergence(p: Any, q: Any) -> Tensor:
        found = -p.entropy() - expected_log(p, q)
        # Of these p only a uniform one may reach below 0, where the q on half lines end.
        if isinstance(p, Uniform) and kind_q in (Exponential, Gamma):
            found = where(p.low < 0, math.inf, found)
        if kind_q is Pareto:
            found = where((p.low if isinstance(p, Uniform) else p.scale) < q.scale, math.inf, found)
        return found

    for kind in kinds_p:
        register_kl(kind, kind_q)(divergence)


_by_expectation((Beta, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform), Normal, _log_normal)
_by_expectation((Beta, Gamma, Pareto, Uniform), Exponential, _log_exponential)
_by_expectation((Beta, Exponential, Pareto, Uniform), Gamma, _log_gamma)
_by_expectation((Pareto, Uniform), Pareto, _log_pareto)
_by_expectation((Exponential, Gamma, Normal, Uniform), Gumbel, _log_gumbel)


def _log_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return p.mean * q.logits + (-q.probs).log1p() + q.log_normalizer()


_by_expectation((ContinuousBernoulli,), Normal, _log_normal)
_by_expectation((ContinuousBernoulli,), Exponential, _log_exponential)
_by_expectation((Beta, ContinuousBernoulli), ContinuousBernoulli, _log_continuous_bernoulli)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    found = -p.entropy() - _log_continuous_bernoulli(p, q)
    return where((p.high > 1) | (p.low < 0), math.inf, found)


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Tensor:
    found = -p.entropy() + (q.high - q.low).log()
    return where((q.high < 1) | (q.low > 0), math.inf, found)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Tensor:
    found = -p.entropy() + (q.high - q.low).log()
    return where((q.low > 0) | (q.high < 1), math.inf, found)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Tensor:
    a, b = q.concentration1, q.concentration0
    mirrored = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    log = (a - 1) * _log_mean(p) + (b - 1) * _log_mean(mirrored)
    found = lgamma(a) + lgamma(b) - lgamma(a + b) - log - p.entropy()
    return where((p.high > 1) | (p.low < 0), math.inf, found)


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Tensor:
    """E|x - m| of a normal x is its folded mean."""
    shift = p.loc - q.loc
    z = shift / p.scale
    folded = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z**2).exp()
    folded = folded + shift * erf(z * math.sqrt(0.5))
    return -p.entropy() + (2 * q.scale).log() + folded / q.scale


def _infinite(p: Any, q: Any) -> Tensor:
    return full_like(p.mean, math.inf)


for _p, _qs in {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}.items():
    for _q in _qs:
        register_kl(_p, _q)(_infinite)
