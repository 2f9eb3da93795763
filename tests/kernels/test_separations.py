"""Distances by a product of matrices: as exact as differences, also far from the origin."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels.separations import separations, separations_backward

RNG = np.random.default_rng(0)


def differences(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    away = x[..., :, None, :].astype(np.float64) - y[..., None, :, :]
    return np.sqrt((away * away).sum(-1))


@pytest.mark.parametrize(
    "shape", [(40, 30, 5), (2, 3, 27, 4), (3, 27, 30, 1), (30, 0, 3), (30, 26, 0)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances(shape: tuple[int, ...], dtype: type) -> None:
    *lead, n, m, k = shape
    x = (RNG.normal(size=(*lead, n, k)) + 50).astype(dtype)
    y = (RNG.normal(size=(*lead, m, k)) + 50).astype(dtype)
    if m and k:
        y[..., 1, :] = x[..., 2, :]
        y[..., 2, :] = x[..., 2, :] + dtype(1e-3)
    out = separations(x, y)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, differences(x, y), rtol=8 * np.finfo(dtype).eps ** 0.75)


def test_what_is_not_finite_spoils_its_own_row_only() -> None:
    x, y = RNG.normal(size=(30, 4)), RNG.normal(size=(28, 4))
    x[3, 2], y[5], y[7, 0] = np.nan, np.inf, np.nan
    np.testing.assert_allclose(separations(x, y), differences(x, y), rtol=1e-11)


def test_gradients_do_without_a_need_and_at_equal_rows() -> None:
    x = RNG.normal(size=(30, 4))
    out, g = separations(x, x), RNG.normal(size=(30, 30))
    dx, dy = separations_backward(g, x, x, out, (True, True))
    with np.errstate(invalid="ignore", divide="ignore"):
        slopes = (x[:, None] - x[None]) / out[..., None]
    slopes[np.arange(30), np.arange(30)] = 0
    np.testing.assert_allclose(dx, np.einsum("ij,ijk->ik", g, slopes), atol=1e-12)
    np.testing.assert_allclose(dy, -np.einsum("ij,ijk->jk", g, slopes), atol=1e-12)
    assert separations_backward(g, x, x, out, (False, True))[0] is None
