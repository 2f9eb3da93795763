"""Transforms, and the distributions made with them, against PyTorch's."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import distributions as ours

torch = pytest.importorskip("torch")
theirs = torch.distributions

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 2, 4))
POSITIVE = RNG.uniform(0.3, 2.0, size=(3, 2, 4))
SQUARE = RNG.normal(size=(2, 3, 3))


def close(a, b, rtol=1e-9, atol=1e-11):
    assert tuple(a.shape) == tuple(b.shape)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


def transforms(lib, t):
    """name: (transform, a point of its domain)."""
    scale = t(np.array([[0.5], [-2.0]]))
    compose = lib.ComposeTransform
    return {
        "exp": (lib.ExpTransform(), X),
        "power": (lib.PowerTransform(t(np.array([2.0, -0.5, 1.0, 3.0]))), POSITIVE),
        "sigmoid": (lib.SigmoidTransform(), X),
        "softplus": (lib.SoftplusTransform(), X),
        "tanh": (lib.TanhTransform(), X),
        "affine": (lib.AffineTransform(1.0, scale), X),
        "affine numbers": (lib.AffineTransform(1.0, -2.0), X),
        "affine vectors": (lib.AffineTransform(t(X[0]), t(POSITIVE[0]), event_dim=1), X),
        "compose": (compose([lib.AffineTransform(1.0, 2.0), lib.TanhTransform()]), X),
        "compose dims": (
            compose([lib.ExpTransform(), lib.AffineTransform(1.0, t(-POSITIVE[0]), 1)]),
            X,
        ),
        "empty": (compose([]), X),
        "independent": (lib.IndependentTransform(lib.ExpTransform(), 2), X),
        "reshape": (lib.ReshapeTransform((2, 4), (8,)), X),
        "inverse": (lib.ExpTransform().inv, POSITIVE),
        "softmax": (lib.SoftmaxTransform(), X),
        "cholesky": (lib.LowerCholeskyTransform(), SQUARE),
        "abs": (lib.AbsTransform(), POSITIVE),
    }


NAMES = list(transforms(ours, tl.tensor))


@pytest.mark.parametrize("name", NAMES)
def test_transform(name):
    a, value = transforms(ours, tl.tensor)[name]
    b, _ = transforms(theirs.transforms, torch.tensor)[name]
    x, y = tl.tensor(value, requires_grad=True), torch.tensor(value, requires_grad=True)
    close(a(x), b(y))
    close(a.inv(a(x)), b.inv(b(y)))
    assert a.bijective == b.bijective
    assert a.domain.event_dim == b.domain.event_dim
    assert a.codomain.event_dim == b.codomain.event_dim
    assert tuple(
        a.forward_shape((3, 2, 4)[-value.ndim :] if name != "cholesky" else (2, 3, 3))
    ) == tuple(a(x).shape)
    assert a == a and a != ours.ExpTransform
    if not b.bijective:
        return
    found, expected = a.log_abs_det_jacobian(x, a(x)), b.log_abs_det_jacobian(y, b(y))
    close(found, expected)
    if name not in ("affine numbers", "empty", "reshape"):
        (found.sum() + (a(x) ** 2).sum()).backward()
        (expected.sum() + (b(y) ** 2).sum()).backward()
        close(x.grad, y.grad, rtol=1e-8)
    signs = [np.asarray(s) if isinstance(s, int) else s.numpy() for s in _signs(a, b)]
    assert not signs or (signs[0] == signs[1]).all()


def _signs(a, b):
    try:
        expected = b.sign
    except NotImplementedError:
        return []
    return [a.sign, expected]


def test_equality():
    t = tl.tensor
    affine = ours.AffineTransform
    assert affine(0.0, 1.0) == affine(0.0, 1.0) != affine(0.0, 2.0)
    assert affine(t([0.0, 1.0]), 1.0) == affine(t([0.0, 1.0]), 1.0) != affine(t([0.0, 2.0]), 1.0)
    assert ours.ExpTransform() == ours.ExpTransform() != ours.TanhTransform()
    assert ours.ExpTransform().inv == ours.ExpTransform().inv != ours.ExpTransform()
    both = ours.ComposeTransform([ours.ExpTransform(), affine(0.0, 1.0)])
    assert both == ours.ComposeTransform([ours.ExpTransform(), affine(0.0, 1.0)])


def test_a_scale_that_broadcasts_along_events():
    scale = tl.tensor([[0.5], [-2.0]])
    x = tl.tensor(X, dtype=tl.float32)
    narrow, wide = [ours.AffineTransform(1.0, s, 1) for s in (scale, scale.expand(2, 4))]
    close(narrow.log_abs_det_jacobian(x, x), wide.log_abs_det_jacobian(x, x))


def test_cache():
    cached = ours.TanhTransform(cache_size=1)
    x = tl.tensor([30.0])
    y = cached(x)
    assert cached.inv(y) is x and cached(x) is y
    assert ours.TanhTransform().inv(y).item() == math.inf
    assert ours.AffineTransform(1.0, 2.0).with_cache().with_cache(1)._cache_size == 1
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        ours.TanhTransform(cache_size=2)


def built(lib, module):
    """name: (distribution, value)."""
    made = lib.transforms if lib is theirs else lib
    t = module.tensor
    loc, scale, values = t(X[0], requires_grad=True), t(POSITIVE[0], requires_grad=True), X
    rate = t(POSITIVE[1], requires_grad=True)
    normal = lib.Normal(loc, scale)
    temperature = t(np.array(0.7), requires_grad=True)
    probs = t(np.array([0.2, 0.7]), requires_grad=True)
    weights = t(np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]), requires_grad=True)
    triple = t(np.array([[0.0, 1.0, -2.0], [1.0, 0.0, 3.0]]), requires_grad=True)
    return {
        "log normal": (lib.TransformedDistribution(normal, made.ExpTransform()), POSITIVE),
        "squashed": (
            lib.TransformedDistribution(
                normal, [made.AffineTransform(0.5, 2.0), made.TanhTransform()]
            ),
            np.tanh(values),
        ),
        "turned": (lib.TransformedDistribution(normal, [made.AffineTransform(0.5, -2.0)]), values),
        "vectors": (
            lib.TransformedDistribution(
                lib.Independent(normal, 1), [made.AffineTransform(loc, scale, event_dim=1)]
            ),
            values,
        ),
        "wider": (
            lib.TransformedDistribution(
                lib.Normal(t(0.0), t(1.0)), [made.AffineTransform(loc, scale)]
            ),
            values,
        ),
        "reshaped": (
            lib.TransformedDistribution(normal, [made.ReshapeTransform((2, 4), (8,))]),
            values.reshape(3, 8),
        ),
        "weibull": (
            lib.TransformedDistribution(lib.Exponential(rate), [made.PowerTransform(scale)]),
            POSITIVE,
        ),
        "half cauchy": (lib.HalfCauchy(scale), POSITIVE),
        "negative binomial": (
            lib.NegativeBinomial(rate, probs=t(np.array(0.3), requires_grad=True)),
            np.floor(3 * POSITIVE),
        ),
        "negative binomial logits": (
            lib.NegativeBinomial(rate, logits=loc),
            np.floor(3 * POSITIVE),
        ),
        "relaxed bernoulli": (lib.RelaxedBernoulli(temperature, probs), np.array([[0.3, 0.9]])),
        "logit relaxed": (
            lib.relaxed_bernoulli.LogitRelaxedBernoulli(temperature, logits=probs),
            values[..., :2],
        ),
        "relaxed one hot": (
            lib.RelaxedOneHotCategorical(temperature, logits=triple),
            np.array([[[0.2, 0.3, 0.5]]]),
        ),
        "mixture": (
            lib.MixtureSameFamily(lib.Categorical(weights), lib.Normal(triple, t(np.array(1.5)))),
            values[..., :2],
        ),
        "mixture of vectors": (
            lib.MixtureSameFamily(
                lib.Categorical(t(np.array([0.4, 0.6]))), lib.Independent(normal, 1)
            ),
            values[:, 0],
        ),
    }, [loc, scale, rate, temperature, probs, weights, triple]


@pytest.mark.parametrize("name", built(ours, tl)[0])
def test_distribution(name):
    all_a, leaves_a = built(ours, tl)
    all_b, leaves_b = built(theirs, torch)
    (a, value), (b, _) = all_a[name], all_b[name]
    assert tuple(a.batch_shape) == tuple(b.batch_shape)
    assert tuple(a.event_shape) == tuple(b.event_shape)
    assert tuple(a.sample((5,)).shape) == tuple(b.sample((5,)).shape)
    found, expected = a.log_prob(tl.tensor(value)), b.log_prob(torch.tensor(value))
    close(found, expected)
    found.sum().backward()
    expected.sum().backward()
    for x, y in zip(leaves_a, leaves_b, strict=True):
        assert (x.grad is None) == (y.grad is None)
        if y.grad is not None:
            close(x.grad, y.grad, rtol=1e-8)
    for what in ("mean", "variance", "mode"):
        try:
            expected = getattr(b, what)
        except NotImplementedError:
            continue
        close(getattr(a, what), expected)
    for what, point in (("cdf", value), ("icdf", np.full(value.shape, 0.3))):
        try:
            expected = getattr(b, what)(torch.tensor(point))
        except (NotImplementedError, RuntimeError):
            continue
        close(getattr(a, what)(tl.tensor(point)), expected, rtol=1e-8)
    shape = (3, *b.batch_shape)
    wide_a, wide_b = a.expand(shape), b.expand(shape)
    assert type(wide_a) is type(a) and tuple(wide_a.batch_shape) == shape
    drawn = wide_b.sample()
    close(wide_a.log_prob(tl.tensor(drawn.detach().numpy())), wide_b.log_prob(drawn), rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["log normal", "squashed", "relaxed bernoulli", "logit relaxed", "relaxed one hot"]
)
def test_reparameterized(name):
    tl.manual_seed(0)
    distribution, _ = built(ours, tl)[0][name]
    assert distribution.has_rsample
    assert distribution.rsample((2,)).requires_grad and not distribution.sample().requires_grad


def test_samples():
    tl.manual_seed(0)
    n = 40_000
    for name in ("mixture", "mixture of vectors", "negative binomial"):
        p, _ = built(ours, tl)[0][name]
        x = p.sample((n,)).numpy()
        mean, variance = p.mean.detach().numpy(), p.variance.detach().numpy()
        assert (np.abs(x.mean(0) - mean) < 4.5 * np.sqrt(variance / n)).all()
    for name in ("squashed", "turned", "half cauchy", "weibull"):
        p, _ = built(ours, tl)[0][name]
        u = np.sort(p.cdf(p.sample((n,))).detach().numpy(), axis=0)
        grid = (np.arange(n) + 0.5) / n
        assert np.abs(u - grid.reshape(-1, 1, 1)).max() < 2.5 / math.sqrt(n)


def test_divergence_of_transformed():
    p, q = ours.Normal(0.0, 1.0), ours.Normal(1.0, 2.0)
    exp = ours.ExpTransform()
    made = [ours.TransformedDistribution(d, exp) for d in (p, q)]
    assert ours.kl_divergence(*made).item() == ours.kl_divergence(p, q).item()
    with pytest.raises(NotImplementedError):
        ours.kl_divergence(made[0], ours.TransformedDistribution(q, ours.TanhTransform()))


def mistakes(lib, module):
    made = lib.transforms if lib is theirs else lib
    normal = lib.Normal(module.zeros(2), 1.0)
    three = lib.Categorical(module.ones(3))
    return {
        "no transform": lambda: lib.TransformedDistribution(normal, 3),
        "a list": lambda: lib.TransformedDistribution(normal, [3]),
        "scalar": lambda: lib.TransformedDistribution(
            lib.Normal(0.0, 1.0), made.SoftmaxTransform()
        ),
        "reshape": lambda: made.ReshapeTransform((2,), (3,)),
        "reshape value": lambda: made.ReshapeTransform((2,), (2, 1)).forward_shape((3,)),
        "few": lambda: made.ReshapeTransform((2, 1), (2,)).forward_shape((2,)),
        "components": lambda: lib.MixtureSameFamily(three, normal),
        "mixture": lambda: lib.MixtureSameFamily(normal, normal),
        "component": lambda: lib.MixtureSameFamily(three, 3),
        "mixture batch": lambda: lib.MixtureSameFamily(
            lib.Categorical(module.ones(4, 3)), lib.Normal(module.zeros(2, 3), 1.0)
        ),
        "event dim": lambda: made.ReshapeTransform((2,), (2, 1)).event_dim,
        "support": lambda: lib.TransformedDistribution(normal, made.ExpTransform()).log_prob(
            -module.ones(2)
        ),
    }


@pytest.mark.parametrize("name", mistakes(ours, tl))
def test_mistakes(name):
    with pytest.raises(Exception) as expected:
        mistakes(theirs, torch)[name]()
    with pytest.raises(type(expected.value)) as raised:
        mistakes(ours, tl)[name]()
    assert str(raised.value)[:40] == str(expected.value)[:40]
