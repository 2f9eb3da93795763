"""The gated linear unit: compiled as in NumPy, whatever the axis, the layout and the threads."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import gates
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "axis"), [((60, 50), 1), ((60, 50), 0), ((3, 4, 700), 1), ((2, 20_000), 1)]
)
def test_compiled_and_numpy_agree(monkeypatch, shape, axis, dtype):
    monkeypatch.setattr(gates, "WORTH_LOADING", 1)
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape) * 5).astype(dtype)
    x.reshape(-1)[:4] = np.nan, np.inf, -np.inf, 90
    with use_numba(False):
        y = gates.glu(x, axis)
        g = rng.normal(size=y.shape).astype(dtype)
        dx = gates.glu_backward(g, x, axis)
    for layout in (x, np.asfortranarray(x)):
        for limit in (gates.PARALLEL, 1, 1 << 30):
            monkeypatch.setattr(gates, "PARALLEL", limit)
            tolerance = 8 * np.finfo(dtype).eps
            np.testing.assert_allclose(gates.glu(layout, axis), y, rtol=tolerance)
            # 1 - s cancels where the gate is open: the error is one of g a, at most 50 here
            back = gates.glu_backward(g, layout, axis)
            np.testing.assert_allclose(back, dx, rtol=tolerance, atol=tolerance * 50)
