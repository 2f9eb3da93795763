"""geqrf, ormqr, low-rank factorizations, histogramdd, gradient: against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (2, 5, 3)])
def test_geqrf_and_ormqr_make_up_the_matrix(shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=shape)
    a, tau = tl.geqrf(tl.from_numpy(x))
    np.testing.assert_allclose(tl.ormqr(a, tau, a.triu()).numpy(), x, atol=1e-12)
    y = tl.from_numpy(RNG.normal(size=(*shape[:-1], 2)))
    there = tl.ormqr(a, tau, y)
    np.testing.assert_allclose(tl.ormqr(a, tau, there, transpose=True).numpy(), y.numpy())


def test_low_rank_factors_of_a_matrix_of_low_rank() -> None:
    x = RNG.normal(size=(9, 3)) @ RNG.normal(size=(3, 7))
    for given in (x, x.T.copy()):
        U, S, V = tl.svd_lowrank(tl.from_numpy(given), q=3)
        np.testing.assert_allclose((U * S @ V.mT).numpy(), given, atol=1e-10)
    U, S, V = tl.pca_lowrank(tl.from_numpy(x), q=3)
    np.testing.assert_allclose((U * S @ V.mT).numpy(), x - x.mean(0), atol=1e-10)
    with pytest.raises(ValueError, match="not greater than"):
        tl.pca_lowrank(tl.from_numpy(x), q=8)


@pytest.mark.parametrize("density", [False, True])
def test_histogramdd_counts_in_boxes(density: bool) -> None:
    x, w = RNG.normal(size=(40, 3)), RNG.uniform(size=40)
    hist, edges = tl.histogramdd(
        tl.from_numpy(x), [2, 3, 4], weight=tl.from_numpy(w), density=density
    )
    want, want_edges = np.histogramdd(x, [2, 3, 4], weights=w, density=density)
    np.testing.assert_allclose(hist.numpy(), want)
    for e, f in zip(edges, want_edges, strict=True):
        np.testing.assert_allclose(e.numpy(), f)


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient_at_even_and_uneven_points(edge_order: int) -> None:
    f, t = RNG.normal(size=(5, 6)), np.cumsum(RNG.uniform(0.2, 1.0, 6))
    even = tl.gradient(tl.from_numpy(f), spacing=0.5, edge_order=edge_order)
    for got, want in zip(even, np.gradient(f, 0.5, edge_order=edge_order), strict=True):
        np.testing.assert_allclose(got.numpy(), want)
    (got,) = tl.gradient(tl.from_numpy(f), spacing=[tl.from_numpy(t)], dim=1, edge_order=edge_order)
    np.testing.assert_allclose(got.numpy(), np.gradient(f, t, axis=1, edge_order=edge_order))


def test_polygamma_below_nought() -> None:
    """psi_n(x + 1) = psi_n(x) + (-1)^n n! / x^(n + 1)."""
    x = np.array([-0.3, -1.5, -7.25, -20.6])
    for n, factorial in ((2, 2.0), (3, 6.0), (4, 24.0)):
        here, next_ = (tl.polygamma(n, tl.from_numpy(v)).numpy() for v in (x, x + 1))
        np.testing.assert_allclose(next_ - here, (-1) ** n * factorial / x ** (n + 1), atol=1e-10)
    assert tl.polygamma(2, tl.tensor([-2.0])).item() == -np.inf


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_the_derivative_of_lu_of_any_shape(shape: tuple[int, ...]) -> None:
    assert tl.autograd.gradcheck(
        lambda x: tl.linalg.lu_factor(x)[0],
        tl.from_numpy(RNG.normal(size=shape)).requires_grad_(),
    )
