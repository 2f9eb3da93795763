"""Numbers by a counter: Philox's published words, NumPy and compiled alike, the right moments."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as torch
from tinygrad_lite.kernels import drawing
from tinygrad_lite.kernels._jit import enabled, use_numba


def test_the_words_are_those_of_the_reference() -> None:
    """The first line of kat_vectors in the authors' Random123: philox4x32 10, counter and key 0."""
    words = [int(word[0]) for word in drawing._words(1, 0)]
    assert words == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.skipif(not enabled(), reason="numba is off")
@pytest.mark.parametrize("key", [0, 0x123456789ABCDEF0, 2**64 - 1])
@pytest.mark.parametrize("size", [1, 5000, 40_001])
def test_compiled_and_numpy_agree(size: int, key: int) -> None:
    halves = drawing.U(key & 0xFFFFFFFF), drawing.U(key >> 32)
    out = np.empty(size, np.float32)
    with use_numba(False):
        uniform, normal = drawing.uniform(size, key), drawing.normal(size, key)
    drawing.fill_uniform(*halves, out)
    np.testing.assert_array_equal(out, uniform)
    drawing.fill_normal(*halves, out)
    np.testing.assert_allclose(out, normal, rtol=2e-6, atol=1e-6)
    drawing.fill_normal.serial(*halves, normal)
    np.testing.assert_array_equal(out, normal)


def test_moments_and_neighbours() -> None:
    n = 1 << 18
    u, z = drawing.uniform(n, 7).astype(np.float64), drawing.normal(n, 7).astype(np.float64)
    assert u.min() >= 0
    assert u.max() < 1
    for x in (z, (u - 0.5) * 12**0.5):
        assert abs(x.mean()) < 5 / n**0.5
        assert abs((x * x).mean() - 1) < 10 / n**0.5
        for lag in (1, 1024, 4096):
            assert abs((x[lag:] * x[:-lag]).mean()) < 5 / n**0.5
    assert abs((z**4).mean() - 3) < 50 / n**0.5


def test_large_draws_follow_the_seed_and_move_the_stream() -> None:
    torch.manual_seed(3)
    first, second = torch.randn(200, 200), torch.randn(200, 200)
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(torch.randn(200, 200), first)
    assert torch.equal(torch.empty(200, 200).normal_(), second)
    spread = torch.empty(200, 200).uniform_(-2, 3)
    assert -2 <= spread.min() < -1.99
    assert 2.99 < spread.max() < 3
