"""A few float32 numbers go through `math.lgamma`: the same as the long way of many."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl


def test_few_and_many_agree() -> None:
    near = [1 + 1.2e-7, 2 - 1.2e-7, 1.0, 2.0, 0.5, 1e-30, 1e30, np.inf, np.nan]
    poles = [0.0, -1.0, -2.0, -np.inf, 3e38]
    x = np.concatenate([np.linspace(-5.3, 6, 400), near, poles]).astype(np.float32)
    many = tl.lgamma(tl.from_numpy(x)).numpy()
    few = [tl.lgamma(tl.tensor([v])).item() for v in x]
    np.testing.assert_allclose(np.float32(few), many, rtol=1.3e-7)


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_shapes_and_dtypes_stay(shape: tuple[int, ...]) -> None:
    for dtype in (tl.float32, tl.float64, tl.float16):
        out = tl.lgamma(tl.ones(shape, dtype=dtype))
        assert (out.shape, out.dtype) == (shape, dtype)
    assert tl.lgamma(tl.tensor(3)).dtype == tl.float32
