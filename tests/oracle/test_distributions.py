"""Every distribution against PyTorch's: densities, quantiles, moments, entropies, divergences and
the gradients of them, shapes, texts and errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import distributions as ours

torch = pytest.importorskip("torch")
theirs = torch.distributions

RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.normal(size=shape)


def positive(*shape):
    return RNG.uniform(0.3, 3.0, size=shape)


def unit(*shape):
    return RNG.uniform(0.05, 0.95, size=shape)


def simplex(*shape):
    return RNG.dirichlet(np.ones(shape[-1]), size=shape[:-1])


def triangular(*shape):
    return np.tril(real(*shape), -1) + np.eye(shape[-1]) * positive(*shape[:-1], 1)


def definite(*shape):
    factor = triangular(*shape)
    return factor @ factor.swapaxes(-1, -2)


# name: (class, parameters, values). Parameters of shape (3,) and (2, 1) broadcast.
CASES = {
    "Normal": ("Normal", {"loc": real(3), "scale": positive(2, 1)}, real(4, 2, 3)),
    "LogNormal": ("LogNormal", {"loc": real(3), "scale": positive(2, 1)}, positive(2, 3)),
    "HalfNormal": ("HalfNormal", {"scale": positive(3)}, positive(2, 3)),
    "Uniform": ("Uniform", {"low": -positive(3), "high": positive(2, 1)}, 0.2 * unit(2, 3)),
    "Laplace": ("Laplace", {"loc": real(3), "scale": positive(2, 1)}, real(2, 3)),
    "Cauchy": ("Cauchy", {"loc": real(3), "scale": positive(2, 1)}, real(2, 3)),
    "Gumbel": ("Gumbel", {"loc": real(3), "scale": positive(2, 1)}, real(2, 3)),
    "Exponential": ("Exponential", {"rate": positive(3)}, positive(2, 3)),
    "Weibull": (
        "Weibull",
        {"scale": positive(3), "concentration": 1 + positive(2, 1)},
        positive(2, 3),
    ),
    "Pareto": ("Pareto", {"scale": unit(3), "alpha": positive(2, 1)}, 1 + positive(2, 3)),
    "InverseGamma": (
        "InverseGamma",
        {"concentration": positive(3), "rate": positive(2, 1)},
        positive(2, 3),
    ),
    "Gamma": ("Gamma", {"concentration": positive(3), "rate": positive(2, 1)}, positive(2, 3)),
    "Gamma large": (
        "Gamma",
        {"concentration": 50 * positive(3), "rate": positive(2, 1)},
        60 * positive(2, 3),
    ),
    "Chi2": ("Chi2", {"df": positive(3)}, positive(2, 3)),
    "Beta": ("Beta", {"concentration1": positive(3), "concentration0": positive(2, 1)}, unit(2, 3)),
    "Dirichlet": ("Dirichlet", {"concentration": positive(2, 4)}, simplex(3, 2, 4)),
    "StudentT": (
        "StudentT",
        {"df": 3 * positive(3), "loc": real(2, 1), "scale": positive(3)},
        real(2, 3),
    ),
    "Bernoulli probs": ("Bernoulli", {"probs": unit(3)}, np.array([[0.0, 1, 1], [1, 0, 0]])),
    "Bernoulli logits": ("Bernoulli", {"logits": real(3)}, np.array([[0.0, 1, 1], [1, 0, 0]])),
    "Geometric probs": ("Geometric", {"probs": unit(3)}, np.array([[0.0, 1, 5], [2, 0, 9]])),
    "Geometric logits": ("Geometric", {"logits": real(3)}, np.array([[0.0, 1, 5], [2, 0, 9]])),
    "Binomial probs": (
        "Binomial",
        {"total_count": 9, "probs": unit(3)},
        np.array([[0.0, 1, 5], [2, 0, 9]]),
    ),
    "Binomial logits": (
        "Binomial",
        {"total_count": 9, "logits": real(3)},
        np.array([[0.0, 1, 5], [2, 0, 9]]),
    ),
    "Poisson": ("Poisson", {"rate": positive(3)}, np.array([[0.0, 1, 5], [2, 0, 9]])),
    "Categorical probs": (
        "Categorical",
        {"probs": positive(2, 4)},
        np.array([[0, 3], [2, 1], [1, 1]]),
    ),
    "Categorical logits": (
        "Categorical",
        {"logits": real(2, 4)},
        np.array([[0, 3], [2, 1], [1, 1]]),
    ),
    "OneHotCategorical": (
        "OneHotCategorical",
        {"probs": positive(2, 4)},
        np.eye(4)[[[0, 1], [3, 2]]],
    ),
    "Multinomial probs": (
        "Multinomial",
        {"total_count": 5, "probs": positive(2, 4)},
        np.array([[1.0, 2, 0, 2], [0, 0, 5, 0]]),
    ),
    "Multinomial logits": (
        "Multinomial",
        {"total_count": 5, "logits": real(2, 4)},
        np.array([[1.0, 2, 0, 2], [0, 0, 5, 0]]),
    ),
    "MultivariateNormal cov": (
        "MultivariateNormal",
        {"loc": real(2, 3), "covariance_matrix": definite(3, 3)},
        real(4, 2, 3),
    ),
    "MultivariateNormal tril": (
        "MultivariateNormal",
        {"loc": real(3), "scale_tril": triangular(2, 3, 3)},
        real(4, 2, 3),
    ),
    "MultivariateNormal prec": (
        "MultivariateNormal",
        {"loc": real(3), "precision_matrix": definite(2, 3, 3)},
        real(2, 3),
    ),
}

CONTINUOUS = [
    "Normal", "LogNormal", "HalfNormal", "Uniform", "Laplace", "Cauchy", "Gumbel", "Exponential",
    "Gamma", "Gamma large", "Chi2", "Beta", "Dirichlet", "StudentT",
    "MultivariateNormal cov", "MultivariateNormal tril", "MultivariateNormal prec",
    "Weibull", "Pareto", "InverseGamma",
]  # fmt: skip


def built(lib, module, name, dtype="float64", grad=True, **options):
    kind, parameters, value = CASES[name]
    made = {}
    for key, array in parameters.items():
        if isinstance(array, int):
            made[key] = array
        else:
            made[key] = module.tensor(array, dtype=getattr(module, dtype), requires_grad=grad)
    integer = value.dtype.kind == "i"
    value = module.tensor(value, dtype=None if integer else getattr(module, dtype))
    if name in CONTINUOUS and grad:
        value.requires_grad_()
    leaves = [t for t in made.values() if not isinstance(t, int)]
    return getattr(lib, kind)(**made, **options), value, leaves


def both(name, **options):
    return built(ours, tl, name, **options), built(theirs, torch, name, **options)


def close(a, b, rtol=1e-9, atol=1e-11):
    assert tuple(a.shape) == tuple(b.shape)
    assert str(a.dtype) == str(b.dtype)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


def gradients_close(a, b, wanted_a, wanted_b, rtol=1e-8, atol=1e-10):
    weights = np.random.default_rng(1).normal(size=tuple(b.shape))
    (a * tl.tensor(weights)).sum().backward()
    (b * torch.tensor(weights)).sum().backward()
    for x, y in zip(wanted_a, wanted_b, strict=True):
        if y.grad is None:
            assert x.grad is None or not x.grad.numpy().any()
        else:
            close(x.grad, y.grad, rtol, atol)


@pytest.mark.parametrize("name", CASES)
def test_log_prob_and_its_gradient(name):
    (a, x, params_a), (b, y, params_b) = both(name)
    found, expected = a.log_prob(x), b.log_prob(y)
    close(found, expected)
    values = ([x], [y]) if name in CONTINUOUS else ([], [])
    gradients_close(found, expected, params_a + values[0], params_b + values[1])


def entropy_tolerance(name):
    """PyTorch computes the log n! of a multinomial entropy in float32."""
    return {"rtol": 1e-7} if name.startswith("Multinomial") else {}


@pytest.mark.parametrize("name", [n for n in CASES if n != "Poisson"])
def test_entropy_and_its_gradient(name):
    (a, _, params_a), (b, _, params_b) = both(name)
    found, expected = a.entropy(), b.entropy()
    close(found, expected, **entropy_tolerance(name))
    # PyTorch's trigamma is right to 5e-10 only (ours to 1e-15).
    atol = 3e-9 if name == "Beta" else 1e-10
    gradients_close(found, expected, params_a, params_b, atol=atol)


@pytest.mark.parametrize("name", CASES)
def test_second_derivative_of_log_prob(name):
    (a, x, params_a), (b, y, params_b) = both(name)
    (found,) = tl.autograd.grad(a.log_prob(x).sum(), params_a[:1], create_graph=True)
    (expected,) = torch.autograd.grad(b.log_prob(y).sum(), params_b[:1], create_graph=True)
    close(found, expected)
    if expected.requires_grad:
        gradients_close(found, expected, params_a, params_b, rtol=1e-7)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("what", ["mean", "variance", "stddev", "mode"])
def test_moments(name, what):
    (a, _, _), (b, _, _) = both(name)
    try:
        expected = getattr(b, what)
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            getattr(a, what)
        return
    close(getattr(a, what), expected)


@pytest.mark.parametrize("name", CASES)
def test_cdf_and_icdf(name):
    (a, x, params_a), (b, y, params_b) = both(name)
    try:
        expected = b.cdf(y)
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            a.cdf(x)
        return
    close(a.cdf(x.detach()), expected)
    if "Gamma" in name or name == "Chi2":
        a, _, _ = built(ours, tl, name, grad=False)
        b, _, _ = built(theirs, torch, name, grad=False)
        params_a, params_b = [], []
    gradients_close(a.cdf(x), b.cdf(y), [*params_a, x], [*params_b, y])
    q = np.random.default_rng(2).uniform(0.01, 0.99, size=tuple(expected.shape))
    try:
        quantile = b.icdf(torch.tensor(q))
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            a.icdf(tl.tensor(q))
        return
    close(a.icdf(tl.tensor(q)), quantile, rtol=1e-8)


# What PyTorch prints without parameters.
UNNAMED = ("LogNormal", "HalfNormal", "InverseGamma", "Multinomial probs")


@pytest.mark.parametrize("name", CASES)
def test_shapes_texts_and_expansion(name):
    (a, _, _), (b, _, _) = both(name, grad=False)
    assert repr(a) == repr(b) or name in UNNAMED
    for what in ("batch_shape", "event_shape"):
        assert tuple(getattr(a, what)) == tuple(getattr(b, what))
    assert a.has_rsample == b.has_rsample
    assert a.has_enumerate_support == b.has_enumerate_support
    assert tuple(a.sample((5, 2)).shape) == tuple(b.sample((5, 2)).shape)
    assert str(a.sample().dtype) == str(b.sample().dtype)
    shape = (4, *b.batch_shape)
    wide_a, wide_b = a.expand(shape), b.expand(shape)
    assert tuple(wide_a.batch_shape) == shape and type(wide_a) is type(a)
    assert tuple(wide_a.sample((2,)).shape) == tuple(wide_b.sample((2,)).shape)
    drawn = wide_b.sample((2,))
    close(wide_a.log_prob(tl.tensor(drawn.numpy())), wide_b.log_prob(drawn))
    if not name.startswith(("Poisson", "Multinomial")):  # PyTorch's expanded Multinomial has none
        close(wide_a.entropy(), wide_b.entropy(), **entropy_tolerance(name))


@pytest.mark.parametrize(
    "name", ["Bernoulli probs", "Binomial logits", "Categorical probs", "OneHotCategorical"]
)
@pytest.mark.parametrize("expand", [True, False])
def test_enumerate_support(name, expand):
    (a, _, _), (b, _, _) = both(name)
    close(a.enumerate_support(expand), b.enumerate_support(expand))


@pytest.mark.parametrize("name", CASES)
def test_float32(name):
    (a, x, _), (b, y, _) = both(name, dtype="float32")
    close(a.log_prob(x), b.log_prob(y), rtol=2e-5, atol=2e-5)
    assert str(a.sample().dtype) == str(b.sample().dtype)


def test_numbers_as_parameters():
    for lib in (ours, theirs):
        assert tuple(lib.Normal(0, 1).batch_shape) == ()
        assert tuple(lib.Beta(1.0, 2.0).batch_shape) == ()
        assert tuple(lib.Binomial(3, probs=0.5).sample((2,)).shape) == (2,)
    assert repr(ours.Normal(0.0, 1.0)) == repr(theirs.Normal(0.0, 1.0))
    assert repr(ours.Normal(tl.zeros(2), 1.0)) == repr(theirs.Normal(torch.zeros(2), 1.0))


# -- divergences -----------------------------------------------------------------------------------

# Parameters under which each pair is finite wherever it can be.
FAMILIES = {
    "Bernoulli": {"probs": unit(3)},
    "Beta": {"concentration1": positive(3), "concentration0": positive(3)},
    "Binomial": {"probs": unit(3)},
    "Categorical": {"probs": positive(3, 4)},
    "Cauchy": {"loc": real(3), "scale": positive(3)},
    "Dirichlet": {"concentration": positive(3, 4)},
    "Exponential": {"rate": positive(3)},
    "InverseGamma": {"concentration": positive(3), "rate": positive(3)},
    "Pareto": {"scale": 0.02 + 0.01 * unit(3), "alpha": 2.1 + positive(3)},
    "Gamma": {"concentration": positive(3), "rate": positive(3)},
    "Geometric": {"probs": unit(3)},
    "Gumbel": {"loc": real(3), "scale": positive(3)},
    "HalfNormal": {"scale": positive(3)},
    "Laplace": {"loc": real(3), "scale": positive(3)},
    "LogNormal": {"loc": real(3), "scale": positive(3)},
    "MultivariateNormal": {"loc": real(3, 2), "scale_tril": triangular(3, 2, 2)},
    "Normal": {"loc": real(3), "scale": positive(3)},
    "OneHotCategorical": {"probs": positive(3, 4)},
    "Poisson": {"rate": positive(3)},
    "Uniform": {"low": 0.1 * unit(3), "high": 0.3 + 0.6 * unit(3)},
}


def pair(lib, module, name_p, name_q):
    out, leaves = [], []
    for place, name in enumerate((name_p, name_q)):
        made = {}
        for key, array in FAMILIES[name].items():
            # q is another one of the family; a uniform q reaches further than p.
            other = (
                array[::-1].copy()
                if name != "Uniform"
                else np.where(key == "low", 0.0, 1.0) + 0 * array
            )
            made[key] = module.tensor(other if place else array, requires_grad=True)
        leaves += made.values()
        out.append(getattr(lib, name)(**made))
    return *out, leaves


PAIRS = [
    (p.__name__, q.__name__)
    for p, q in theirs.kl._KL_REGISTRY
    if p.__name__ in FAMILIES and q.__name__ in FAMILIES
]


@pytest.mark.parametrize(("p", "q"), sorted(PAIRS))
def test_kl_and_its_gradient(p, q):
    p_a, q_a, leaves_a = pair(ours, tl, p, q)
    p_b, q_b, leaves_b = pair(theirs, torch, p, q)
    found, expected = ours.kl_divergence(p_a, q_a), theirs.kl_divergence(p_b, q_b)
    close(found, expected, rtol=1e-8)
    if math.isfinite(expected.sum().item()):
        gradients_close(found, expected, leaves_a, leaves_b, rtol=1e-7)


def test_every_pair_of_pytorch_is_here():
    pairs = {(p.__name__, q.__name__) for p, q in ours.kl._REGISTRY}
    assert set(PAIRS) <= pairs
    assert ("Independent", "Independent") in pairs


@pytest.mark.parametrize("p", sorted(FAMILIES))
def test_unregistered_pairs_agree(p):
    for q in FAMILIES:
        p_a, q_a, _ = pair(ours, tl, p, q)
        p_b, q_b, _ = pair(theirs, torch, p, q)
        try:
            theirs.kl_divergence(p_b, q_b)
        except NotImplementedError:
            with pytest.raises(NotImplementedError):
                ours.kl_divergence(p_a, q_a)
        else:
            ours.kl_divergence(p_a, q_a)


def test_kl_at_the_edges():
    def values(lib, module):
        t = module.tensor
        kl = lib.kl_divergence
        half = t([0.0, 0.5, 1.0])
        return [
            kl(lib.Bernoulli(t([0.0, 1.0, 0.5, 0.5])), lib.Bernoulli(t([0.0, 1.0, 0.0, 1.0]))),
            kl(lib.Categorical(t([0.0, 0.5, 0.5])), lib.Categorical(t([0.2, 0.8, 0.0]))),
            kl(lib.Categorical(t([0.0, 0.5, 0.5])), lib.Categorical(t([0.2, 0.2, 0.6]))),
            kl(lib.Uniform(half, 2.0), lib.Uniform(0.5, 3.0)),
            kl(lib.Uniform(half - 0.5, 2.0), lib.Exponential(1.0)),
            kl(lib.Uniform(half - 0.5, 2.0), lib.Gamma(2.0, 1.0)),
            kl(lib.Uniform(half - 0.5, 0.5 + half), lib.Beta(2.0, 3.0)),
            kl(lib.Beta(2.0, 3.0), lib.Uniform(half - 0.5, 1.5)),
            kl(lib.Binomial(3, t([0.3])), lib.Binomial(2, t([0.4]))),
            kl(
                lib.Independent(lib.Normal(module.zeros(2, 3), 1.0), 1),
                lib.Independent(lib.Normal(module.ones(2, 3), 2.0), 1),
            ),
        ]

    for a, b in zip(values(ours, tl), values(theirs, torch), strict=True):
        close(a, b, rtol=1e-5, atol=1e-6)


# -- errors ----------------------------------------------------------------------------------------


def mistakes(lib, module):
    t, ones = module.tensor, module.ones
    return {
        "scale": lambda: lib.Normal(0.0, -1.0),
        "scale vector": lambda: lib.Normal(0.0, t([1.0, 0.0])),
        "nan": lambda: lib.Normal(math.nan, 1.0),
        "uniform": lambda: lib.Uniform(1.0, 0.0),
        "probability": lambda: lib.Bernoulli(1.5),
        "neither": lambda: lib.Bernoulli(),
        "both": lambda: lib.Categorical(probs=ones(2), logits=ones(2)),
        "scalar": lambda: lib.Categorical(probs=t(1.0)),
        "negative": lambda: lib.Categorical(probs=t([-0.5, 1.5])),
        "geometric": lambda: lib.Geometric(t([0.0, 0.5])),
        "count": lambda: lib.Multinomial(t([1, 2]), probs=ones(2)),
        "dirichlet": lambda: lib.Dirichlet(t(1.0)),
        "concentration": lambda: lib.Dirichlet(t([1.0, 0.0])),
        "no covariance": lambda: lib.MultivariateNormal(ones(2)),
        "flat covariance": lambda: lib.MultivariateNormal(ones(2), ones(2)),
        "scalar loc": lambda: lib.MultivariateNormal(t(1.0), ones(1, 1)),
        "covariance": lambda: lib.MultivariateNormal(ones(2), -module.eye(2)),
        "factor": lambda: lib.MultivariateNormal(ones(2), scale_tril=ones(2, 2)),
        "not a tensor": lambda: lib.Normal(0.0, 1.0).log_prob(1.0),
        "support": lambda: lib.Gamma(1.0, 1.0).log_prob(t(-1.0)),
        "support of ints": lambda: lib.Poisson(1.0).log_prob(t(0.5)),
        "category": lambda: lib.Categorical(ones(3)).log_prob(t(3)),
        "simplex": lambda: lib.Dirichlet(ones(2)).log_prob(t([0.5, 0.6])),
        "event shape": lambda: lib.Dirichlet(ones(2)).log_prob(ones(3) / 3),
        "batch shape": lambda: lib.Normal(ones(2), 1.0).log_prob(ones(3)),
        "string": lambda: lib.Normal("0", 1.0),
        "independent": lambda: lib.Independent(lib.Normal(0.0, 1.0), 1),
        "poisson entropy": lambda: lib.Poisson(1.0).entropy(),
        "bernoulli rsample": lambda: lib.Bernoulli(0.5).rsample(),
        "kl": lambda: lib.kl_divergence(lib.Normal(0.0, 1.0), lib.Bernoulli(0.5)),
        "kl binomial": lambda: lib.kl_divergence(
            lib.Binomial(1, t([0.5])), lib.Binomial(2, t([0.5]))
        ),
        "default": lambda: lib.Distribution.set_default_validate_args(3),
    }


@pytest.mark.parametrize("name", mistakes(ours, tl))
def test_mistakes(name):
    with pytest.raises(Exception) as expected:
        mistakes(theirs, torch)[name]()
    with pytest.raises(type(expected.value)) as raised:
        mistakes(ours, tl)[name]()
    begin = str(expected.value).split("\n")[0]
    # PyTorch's own words for these speak of __torch_function__ and of exponential families.
    assert str(raised.value).startswith(begin[:60]) or name in ("string", "kl")


def test_no_validation():
    for lib, module in ((ours, tl), (theirs, torch)):
        plain = lib.Normal(0.0, 1.0, validate_args=False)
        assert math.isnan(plain.log_prob(module.tensor(math.nan)).item())
        lib.Normal(0.0, -1.0, validate_args=False)


def test_gamma_slope_is_pytorchs():
    """To the accuracy PyTorch states for its rational approximation."""
    from tinygrad_lite.ops.incomplete_gamma import log_slope

    rng = np.random.default_rng(0)
    for a in (0.05, 0.3, 1.0, 2.5, 20.0, 300.0, 4000.0, 1e5):
        shape = np.full(500, a)
        x = np.maximum(rng.gamma(a, size=500), 1e-200)
        expected = torch._standard_gamma_grad(torch.tensor(shape), torch.tensor(x)).numpy()
        np.testing.assert_allclose(log_slope(shape, np.log(x)) * x, expected, rtol=1e-3)
