"""Samples have the distribution they claim to have, and their derivatives are right."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import distributions as d

N = 40_000


def t(values):
    return tl.tensor(values, dtype=tl.float64)


CONTINUOUS = [
    d.Normal(t(1.0), t(2.0)),
    d.LogNormal(t(0.3), t(0.5)),
    d.HalfNormal(t(2.0)),
    d.Uniform(t(-1.0), t(3.0)),
    d.Laplace(t(1.0), t(2.0)),
    d.Cauchy(t(1.0), t(2.0)),
    d.Gumbel(t(1.0), t(2.0)),
    d.Exponential(t(1.5)),
    d.Gamma(t(0.3), t(2.0)),
    d.Gamma(t(4.0), t(2.0)),
    d.Gamma(t(3000.0), t(2.0)),
    d.Chi2(t(3.0)),
    d.Weibull(t(2.0), t(1.5)),
    d.Pareto(t(2.0), t(1.5)),
    d.InverseGamma(t(2.0), t(1.5)),
]


@pytest.mark.parametrize("p", CONTINUOUS, ids=repr)
def test_cdf_of_samples_is_uniform(p):
    """Kolmogorov's distance, at a level that one seed in a thousand would exceed."""
    tl.manual_seed(0)
    u = np.sort(p.cdf(p.sample((N,))).numpy())
    grid = np.arange(1, N + 1) / N
    assert max(np.abs(u - grid).max(), np.abs(u - grid + 1 / N).max()) < 1.95 / math.sqrt(N)


MOMENTS = [
    d.Beta(t([0.5, 2.0]), t([1.5, 3.0])),
    d.Dirichlet(t([0.5, 1.0, 3.0])),
    d.StudentT(t(6.0), t(1.0), t(2.0)),
    d.Bernoulli(t([0.1, 0.7])),
    d.Geometric(t([0.2, 0.9])),
    d.Binomial(10, t([0.2, 0.9])),
    d.Poisson(t([0.5, 20.0])),
    d.OneHotCategorical(t([0.1, 0.6, 0.3])),
    d.Multinomial(7, t([0.1, 0.6, 0.3])),
    d.MultivariateNormal(t([1.0, 2.0]), t([[2.0, 0.5], [0.5, 1.0]])),
    d.Independent(d.Normal(t([1.0, 2.0]), t(1.0)), 1),
]


@pytest.mark.parametrize("p", MOMENTS, ids=repr)
def test_mean_and_variance_of_samples(p):
    tl.manual_seed(0)
    x = p.sample((N,)).numpy()
    mean, variance = p.mean.numpy(), p.variance.numpy()
    assert (np.abs(x.mean(0) - mean) < 4.5 * np.sqrt(variance / N)).all()
    spread = np.sqrt(((x - mean) ** 2).var(0) / N)
    assert (np.abs(((x - mean) ** 2).mean(0) - variance) < 4.5 * spread + 1e-12).all()


def test_frequencies_of_categories():
    tl.manual_seed(0)
    probs = t([[0.1, 0.6, 0.3, 0.0], [0.25, 0.25, 0.25, 0.25]])
    x = d.Categorical(probs).sample((N,)).numpy()
    assert x.shape == (N, 2) and x.dtype == np.int64
    for row, p in zip(x.T, probs.numpy()):
        found = np.bincount(row, minlength=4) / N
        assert (np.abs(found - p) <= 4.5 * np.sqrt(p * (1 - p) / N)).all()


def test_covariance_of_multivariate_normal():
    tl.manual_seed(0)
    C = np.array([[2.0, 0.5], [0.5, 1.0]])
    for p in (
        d.MultivariateNormal(t([0.0, 0.0]), t(C)),
        d.MultivariateNormal(t([0.0, 0.0]), precision_matrix=t(np.linalg.inv(C))),
        d.MultivariateNormal(t([0.0, 0.0]), scale_tril=t(np.linalg.cholesky(C))),
    ):
        assert np.abs(np.cov(p.sample((N,)).numpy().T) - C).max() < 0.06
        np.testing.assert_allclose(p.covariance_matrix.numpy(), C, rtol=1e-12)
        np.testing.assert_allclose(p.precision_matrix.numpy(), np.linalg.inv(C), rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (d.Normal, [1.0, 2.0]),
        (d.LogNormal, [0.3, 0.5]),
        (d.HalfNormal, [2.0]),
        (d.Uniform, [-1.0, 3.0]),
        (d.Laplace, [1.0, 2.0]),
        (d.Cauchy, [1.0, 2.0]),
        (d.Gumbel, [1.0, 2.0]),
        (d.Exponential, [1.5]),
    ],
)
def test_rsample_is_a_function_of_its_parameters(kind, parameters):
    """With the noise held fixed, its derivative is a difference quotient."""

    def drawn(*values):
        tl.manual_seed(1)
        return kind(*values).rsample((5,))

    leaves = [t(v).requires_grad_() for v in parameters]
    out = drawn(*leaves)
    gradients = tl.autograd.grad(out.sum(), leaves)
    for i, gradient in enumerate(gradients):
        h = 1e-6
        up = drawn(*[t(v + h * (j == i)) for j, v in enumerate(parameters)])
        down = drawn(*[t(v - h * (j == i)) for j, v in enumerate(parameters)])
        assert gradient.item() == pytest.approx((up - down).sum().item() / (2 * h), rel=1e-6)


@pytest.mark.parametrize("a", [0.02, 0.4, 1.0, 7.0, 300.0, 5000.0])
def test_gamma_slope_keeps_the_probability(a):
    special = pytest.importorskip("scipy.special")
    from tinygrad_lite.ops.incomplete_gamma import log_slope, regularized

    u = np.random.default_rng(0).uniform(1e-3, 1 - 1e-3, 300)
    shape = np.full_like(u, a)
    x = special.gammaincinv(shape, u)
    kept = x > 1e-280
    shape, x, u = shape[kept], x[kept], u[kept]
    np.testing.assert_allclose(regularized(shape, x), u, rtol=1e-9)
    h = 1e-4 * a
    ends = [special.gammaincinv(shape + s * h, u) for s in (2, 1, -1, -2)]
    numeric = (-ends[0] + 8 * ends[1] - 8 * ends[2] + ends[3]) / (12 * h) / x
    np.testing.assert_allclose(log_slope(shape, np.log(x)), numeric, rtol=2e-7)


def test_gradient_of_the_mean_of_gamma_and_dirichlet_samples():
    """Averaged over samples, dx/da is d(mean)/da."""
    tl.manual_seed(0)
    a = t([0.3, 2.0, 50.0]).requires_grad_()
    (d.Gamma(a.expand(N, 3), t(2.0)).rsample().sum() / N).backward()
    assert np.abs(a.grad.numpy() - 0.5).max() < 0.02
    a = t([0.5, 1.0, 3.0]).requires_grad_()
    weights = t([1.0, -2.0, 3.0])
    ((d.Dirichlet(a.expand(N, 3)).rsample() * weights).sum() / N).backward()
    b = t([0.5, 1.0, 3.0]).requires_grad_()
    (d.Dirichlet(b).mean * weights).sum().backward()
    assert np.abs(a.grad.numpy() - b.grad.numpy()).max() < 0.02


def test_small_concentrations_do_not_underflow():
    tl.manual_seed(0)
    a = tl.full((1000, 3), 1e-3).requires_grad_()
    x = d.Dirichlet(a).rsample()
    x.sum().backward()
    assert np.isfinite(x.detach().numpy()).all() and np.isfinite(a.grad.numpy()).all()
    np.testing.assert_allclose(x.detach().numpy().sum(-1), 1, rtol=1e-5)
    g = d.Gamma(tl.full((1000,), 1e-3), 1.0).sample().numpy()
    assert (g > 0).all()


def test_gamma_samples_are_once_differentiable():
    a = t(2.0).requires_grad_()
    (g,) = tl.autograd.grad(d.Gamma(a, t(1.0)).rsample(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        g.backward()


def test_samples_have_no_gradient_and_follow_the_seed():
    loc = t([0.0, 1.0]).requires_grad_()
    p = d.Normal(loc, 1.0)
    assert not p.sample().requires_grad and p.rsample().requires_grad
    tl.manual_seed(3)
    first = p.sample((4,)).tolist()
    tl.manual_seed(3)
    assert p.sample((4,)).tolist() == first


def test_straight_through():
    probs = t([0.2, 0.8]).requires_grad_()
    x = d.OneHotCategoricalStraightThrough(probs).rsample((3,))
    assert ((x == 0) | (x == 1)).numpy().all()
    (x * t([1.0, 0.0])).sum().backward()
    assert probs.grad.numpy().any()


def test_policy_gradient():
    """The idiom of a REINFORCE loss."""
    logits = tl.zeros(4, 2, requires_grad=True)
    policy = d.Categorical(logits=logits)
    action = policy.sample()
    loss = -(policy.log_prob(action) * tl.ones(4)).mean() - 0.01 * policy.entropy().mean()
    loss.backward()
    assert logits.grad.shape == (4, 2) and np.abs(logits.grad.numpy()).max() > 0


def test_register_kl():
    class Mine(d.Normal):
        pass

    class Other(d.Normal):
        pass

    @d.register_kl(Mine, d.Normal)
    def one(p, q):
        return tl.tensor(1.0)

    try:
        assert d.kl_divergence(Mine(0.0, 1.0), d.Normal(0.0, 1.0)).item() == 1
        assert d.kl_divergence(Other(0.0, 1.0), d.Normal(0.0, 1.0)).item() == 0

        @d.register_kl(d.Normal, Other)
        def two(p, q):
            return tl.tensor(2.0)

        with pytest.warns(RuntimeWarning, match="Ambiguous kl_divergence"):
            assert d.kl_divergence(Mine(0.0, 1.0), Other(0.0, 1.0)).item() == 1
    finally:
        d.kl._REGISTRY.pop((Mine, d.Normal))
        d.kl._REGISTRY.pop((d.Normal, Other), None)
    with pytest.raises(TypeError, match="Expected type_p to be a Distribution subclass"):
        d.register_kl(int, d.Normal)


def test_own_subclass():
    class Mine(d.Normal):
        pass

    class Custom(d.Normal):
        def __init__(self, loc):
            super().__init__(loc, 1.0)

    assert type(Mine(0.0, 1.0).expand((3,))) is Mine
    with pytest.raises(NotImplementedError, match=r"must also define a custom .expand\(\) method"):
        Custom(0.0).expand((3,))


def test_default_validation():
    try:
        d.Distribution.set_default_validate_args(False)
        d.Normal(0.0, -1.0)
    finally:
        d.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="Expected parameter scale"):
        d.Normal(0.0, -1.0)
