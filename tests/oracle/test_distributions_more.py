"""Rarer distributions, matrix transforms and constraint registries, against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.3, 2.0, shape)


def unit(*shape: int) -> np.ndarray:
    return RNG.uniform(0.1, 0.9, shape)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


def definite(*lead: int, n: int = 3) -> np.ndarray:
    x = normal(*lead, n, n)
    return x @ np.swapaxes(x, -1, -2) + n * np.eye(n)


SIMPLEX = unit(2, 3)
SIMPLEX /= SIMPLEX.sum(-1, keepdims=True)
CORRELATION = np.linalg.cholesky(np.array([[1, 0.3, 0.2], [0.3, 1, -0.1], [0.2, -0.1, 1]]))
# name: parameters, a value
CASES: dict[str, tuple[dict[str, Any], np.ndarray]] = {
    "Kumaraswamy": ({"concentration1": positive(3), "concentration0": positive(2, 3)}, unit(2, 3)),
    "VonMises": ({"loc": normal(2, 3), "concentration": positive(3)}, normal(2, 3)),
    "FisherSnedecor": ({"df1": positive(3) + 2, "df2": positive(2, 3) + 5}, positive(2, 3)),
    "ContinuousBernoulli": ({"probs": unit(2, 3)}, unit(2, 3)),
    "LowRankMultivariateNormal": (
        {"loc": normal(2, 3), "cov_factor": normal(3, 2), "cov_diag": positive(3)},
        normal(2, 3),
    ),
    "LogisticNormal": ({"loc": normal(2, 2), "scale": positive(2)}, SIMPLEX),
    "Wishart": ({"df": np.array(5.5), "covariance_matrix": definite()}, definite(2)),
    "LKJCholesky": ({"dim": 3, "concentration": np.array(1.5)}, CORRELATION),
}
QUANTITIES = ("mean", "mode", "variance", "stddev", "entropy", "log_prob", "cdf", "icdf")
#: PyTorch's Bessel functions of VonMises are polynomials good to 1e-7
TOLERANCE = {"VonMises": 2e-7}


def built(t: Any, name: str, grad: bool = True) -> tuple[Any, list[Any]]:
    given = {}
    for key, value in CASES[name][0].items():
        made = t.tensor(value.copy()) if isinstance(value, np.ndarray) else value
        given[key] = made.requires_grad_() if grad and isinstance(value, np.ndarray) else made
    leaves = [v for v in given.values() if hasattr(v, "requires_grad")]
    return getattr(t.distributions, name)(**given), leaves


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("name", CASES)
def test_quantities_and_their_gradients(name: str, quantity: str) -> None:
    near = TOLERANCE.get(name, 1e-8)
    found = []
    for t in (torch, tl):
        d, leaves = built(t, name)
        value = t.tensor(CASES[name][1])
        value = t.full((2, 3), 0.3, dtype=t.float64) if quantity == "icdf" else value
        try:
            with_value = quantity in ("log_prob", "cdf", "icdf")
            got = getattr(d, quantity)
            got = got(value) if with_value else got() if callable(got) else got
        except NotImplementedError:
            found.append(None)
            continue
        weights = np.random.default_rng(1).standard_normal(tuple(got.shape))
        grads: Any = []
        if got.requires_grad:
            grads = t.autograd.grad((got * t.tensor(weights)).sum(), leaves, allow_unused=True)
        found.append((got.detach().numpy(), [g if g is None else g.numpy() for g in grads]))
    theirs, ours = found
    if theirs is None:
        pytest.skip("PyTorch does not have it")
    np.testing.assert_allclose(ours[0], theirs[0], near, near)
    for a, b in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(0 if a is None else a, 0 if b is None else b, 10 * near, near)


@pytest.mark.filterwarnings("ignore:Singular sample detected")
@pytest.mark.parametrize("name", CASES)
def test_shapes_expansion_and_refusals(name: str) -> None:
    ours, _ = built(tl, name)
    theirs, _ = built(torch, name)
    wide = (4, *theirs.batch_shape)
    for a, b in ((ours, theirs), (ours.expand(wide), theirs.expand(wide))):
        assert tuple(a.batch_shape) == tuple(b.batch_shape)
        assert tuple(a.event_shape) == tuple(b.event_shape)
        assert tuple(a.sample((5,)).shape) == tuple(b.sample((5,)).shape)
        assert ours.has_rsample == theirs.has_rsample
    value = CASES[name][1]
    value = value[:1] if name == "Wishart" else value
    np.testing.assert_allclose(
        ours.expand((4, *ours.batch_shape)).log_prob(tl.tensor(value)).detach().numpy(),
        theirs.expand((4, *theirs.batch_shape)).log_prob(torch.tensor(value)).detach().numpy(),
        2e-7,
    )
    if name not in ("VonMises", "Wishart"):  # every number; nan has no eigenvalues
        with pytest.raises(ValueError, match="support|event_shape"):
            ours.log_prob(tl.tensor(np.full_like(value, -7.5)[..., : value.shape[-1]]) * np.nan)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("LogisticNormal", "VonMises")])
def test_samples_have_the_mean(name: str) -> None:
    d, _ = built(tl, name, grad=False)
    if name == "LKJCholesky":
        x = d.sample((4000,))
        corr = (x @ x.mT).numpy().mean(0)
        np.testing.assert_allclose(corr, np.eye(3), atol=0.05)
        return
    x = d.sample((4000,)).numpy()
    z = (x.mean(0) - d.mean.numpy()) / (d.stddev.numpy() / np.sqrt(len(x)))
    assert np.abs(z).max() < 5


def test_samples_on_the_circle() -> None:
    d, _ = built(tl, "VonMises", grad=False)
    x = d.sample((4000,)).numpy() - d.loc.numpy()
    np.testing.assert_allclose(np.cos(x).mean(0), 1 - d.variance.numpy(), atol=0.05)
    np.testing.assert_allclose(np.sin(x).mean(0), 0, atol=0.06)


def transforms(t: Any) -> dict[str, tuple[Any, np.ndarray]]:
    d = t.distributions.transforms
    exp, sigmoid = d.ExpTransform(), d.SigmoidTransform()
    one = t.tensor(1.0, dtype=t.float64)
    gumbel = t.distributions.Gumbel(0.3 * one, 1.2 * one)
    return {
        "stick": (d.StickBreakingTransform(), normal(2, 3)),
        "corr": (d.CorrCholeskyTransform(), normal(2, 6) * 0.5),
        "definite": (d.PositiveDefiniteTransform(), np.tril(normal(2, 3, 3))),
        "cat": (d.CatTransform([exp, sigmoid], 1, [2, 1]), normal(2, 3)),
        "stack": (d.StackTransform([exp, sigmoid], 1), normal(3, 2)),
        "cdf": (d.CumulativeDistributionTransform(gumbel), normal(2, 3)),
    }


@pytest.mark.parametrize("name", transforms(tl))
def test_transforms(name: str) -> None:
    ours, x = transforms(tl)[name]
    theirs, _ = transforms(torch)[name]
    a, b = tl.tensor(x), torch.tensor(x)
    y, w = ours(a), theirs(b)
    np.testing.assert_allclose(y.numpy(), w.numpy(), 1e-9, 1e-12)
    np.testing.assert_allclose(ours.inv(y).numpy(), theirs.inv(w).numpy(), 1e-7, 1e-9)
    if name != "definite":
        mine, other = ours.log_abs_det_jacobian(a, y), theirs.log_abs_det_jacobian(b, w)
        np.testing.assert_allclose(mine.numpy(), other.numpy(), 1e-8, 1e-10)


CONSTRAINTS = (
    *("real", "positive", "nonnegative", "unit_interval", "simplex", "lower_cholesky"),
    *("positive_definite", "corr_cholesky", "real_vector"),
)


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_registries(registry: str, name: str) -> None:
    sides = []
    for t in (torch, tl):
        constraint = getattr(t.distributions.constraints, name)
        try:
            transform = getattr(t.distributions, registry)(constraint)
        except NotImplementedError:
            sides.append(None)
            continue
        shape = (3, 3) if ("cholesky" in name and "corr" not in name) or "def" in name else (2, 3)
        x = np.random.default_rng(0).standard_normal(shape)
        y = transform(t.tensor(x))
        assert bool(constraint.check(y).all())
        sides.append(y.numpy())
    theirs, ours = sides
    assert (theirs is None) == (ours is None)
    if theirs is not None:
        np.testing.assert_allclose(ours, theirs, 1e-9)


@pytest.mark.parametrize("pair", [("greater_than", 1.5), ("less_than", -0.5)])
def test_bounded_constraints(pair: tuple[str, float]) -> None:
    name, bound = pair
    x = normal(4)
    for registry in ("biject_to", "transform_to"):
        ours = getattr(tl.distributions, registry)(
            getattr(tl.distributions.constraints, name)(bound)
        )
        theirs = getattr(torch.distributions, registry)(
            getattr(torch.distributions.constraints, name)(bound)
        )
        np.testing.assert_allclose(ours(tl.tensor(x)).numpy(), theirs(torch.tensor(x)).numpy())


PAIRS = [
    *(("ContinuousBernoulli", q) for q in ("ContinuousBernoulli", "LowRankMultivariateNormal")),
    ("LowRankMultivariateNormal", "LowRankMultivariateNormal"),
    ("Wishart", "Wishart"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_divergences(first: str, second: str) -> None:
    found = []
    for t in (torch, tl):
        p, q = built(t, first, grad=False)[0], built(t, second, grad=False)[0]
        try:
            found.append(t.distributions.kl_divergence(p, q).detach().numpy())
        except NotImplementedError:
            found.append(None)
    if found[0] is None:
        assert found[1] is None
        return
    np.testing.assert_allclose(found[1], found[0], 1e-9, 1e-9)


@pytest.mark.parametrize("name", ["LogNormal", "HalfNormal", "HalfCauchy"])
def test_distributions_that_are_transformed_ones(name: str) -> None:
    for lib in (tl, torch):
        room = lib.distributions
        made = getattr(room, name)(*[lib.tensor([1.0, 2.0])] * (1 + (name == "LogNormal")))
        assert isinstance(made, room.TransformedDistribution)
        assert [type(f) for f in made.transforms] == [type(made.transforms[0])]
        made.base_dist.scale = lib.tensor([3.0, 4.0])
        assert made.scale.tolist() == [3.0, 4.0]
        assert made.expand((2, 2)).scale.shape == (2, 2)
