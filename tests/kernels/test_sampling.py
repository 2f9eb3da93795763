"""Weighted sums of picked pixels and their gradients: compiled as in NumPy, on any threads."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import sampling
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "c", "pixels", "k", "places"), [(2, 3, 50, 4, 60), (1, 9, 7, 1, 200), (3, 1, 40, 8, 90)]
)
def test_compiled_and_numpy_agree(monkeypatch, n, c, pixels, k, places, dtype):
    monkeypatch.setattr(sampling, "WORTH_LOADING", 1)
    monkeypatch.setattr(sampling, "SMALL", 1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, c, pixels)).astype(dtype)
    g = rng.normal(size=(n, c, places)).astype(dtype)
    weight = rng.random((n, k, places)).astype(dtype)
    index = rng.integers(0, pixels, (n, k, places))
    calls = (
        (sampling.blend, x, index, weight),
        (sampling.blend_backward, g, index, weight, x.shape),
        (sampling.blend_backward_weight, g, x, index),
    )
    for call, *args in calls:
        with use_numba(False):
            want = call(*args)
        found = []
        for limit in (1, 1 << 30):
            monkeypatch.setattr(sampling, "PARALLEL", limit)
            found.append(call(*args))
        assert found[0].dtype == dtype
        np.testing.assert_array_equal(*found)
        np.testing.assert_allclose(found[0], want, atol=100 * np.finfo(dtype).eps)
