"""Attention in blocks against the plain NumPy form in float64."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tinygrad_lite.kernels import attention as at
from tinygrad_lite.kernels._jit import enabled, use_numba

RNG = np.random.default_rng(0)
needs_numba = pytest.mark.skipif(not enabled(), reason="numba is off")


def draw(*shape, dtype=np.float32):
    return RNG.normal(size=shape).astype(dtype)


def wide(value):
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return value.astype(np.float64)
    return value


def compare(q, k, v, dtype=np.float32, **options):
    tolerance = np.finfo(dtype).eps * 60
    y, saved = at.attention(q, k, v, **options)
    with use_numba(False):
        plain = {name: wide(value) for name, value in options.items()}
        exact, exact_saved = at.attention(wide(q), wide(k), wide(v), **plain)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, exact, atol=tolerance)
    g = draw(*y.shape, dtype=dtype)
    got = at.attention_backward(g, q, k, v, y, saved, **options)
    with use_numba(False):
        want = at.attention_backward(
            wide(g), wide(q), wide(k), wide(v), exact, exact_saved, **plain
        )
    for a, b in zip(got, want, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, atol=tolerance * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("batch", "lengths", "widths"),
    [
        ((2, 3), (64, 64), (32, 32)),
        ((5,), (100, 100), (16, 24)),
        ((2, 2), (130, 70), (33, 65)),
        ((), (70, 300), (8, 8)),
        ((1, 1), (65, 65), (128, 40)),
    ],
)
def test_shapes(batch, lengths, widths, causal, dtype):
    q = draw(*batch, lengths[0], widths[0], dtype=dtype)
    k = draw(*batch, lengths[1], widths[0], dtype=dtype)
    v = draw(*batch, lengths[1], widths[1], dtype=dtype)
    compare(q, k, v, dtype, causal=causal)


@pytest.mark.parametrize("shape", [(90, 90), (1, 90), (90, 1), (3, 1, 90, 90), (2, 3, 4, 90, 90)])
@pytest.mark.parametrize("kind", [bool, np.float32])
def test_masks(shape, kind):
    q = draw(*((2, 3, 4) if len(shape) == 5 else (3, 4)), 90, 20)
    mask = RNG.uniform(size=shape) < 0.7 if kind is bool else draw(*shape)
    compare(q, q.copy(), q + 1, mask=mask)


def test_a_query_that_may_look_nowhere_gets_zeros():
    q = draw(2, 80, 16)
    mask = np.ones((80, 80), bool)
    mask[[3, 79]] = False
    y, saved = at.attention(q, q, q, mask=mask)
    assert (y[:, [3, 79]] == 0).all()
    grads = at.attention_backward(np.ones_like(y), q, q, q, y, saved, mask=mask)
    assert all(np.isfinite(d).all() for d in grads)
    compare(q, q, q, mask=mask)


@needs_numba
def test_heads_cut_out_of_one_projection_need_no_copy():
    qkv = draw(4, 64, 3 * 4 * 32)
    q, k, v = (
        part.reshape(4, 64, 4, 32).transpose(0, 2, 1, 3) for part in np.split(qkv, 3, axis=2)
    )
    compare(q, k, v, causal=True)
    y, _ = at.attention(q, k, v, causal=True)
    assert y.transpose(0, 2, 1, 3).flags.c_contiguous


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", [None, "bool", "number", "heads"])
def test_little_keeps_the_weights(kind, causal, monkeypatch):
    q, k, v = draw(2, 3, 5, 4), draw(2, 3, 7, 4), draw(2, 3, 7, 6)
    mask = {
        None: None, "bool": RNG.uniform(size=(5, 7)) < 0.6, "number": draw(5, 7),
        "heads": RNG.uniform(size=(2, 1, 5, 7)) < 0.6,
    }[kind]  # fmt: skip
    if mask is not None:
        mask[..., 0, :] = False if mask.dtype == bool else -np.inf
    options = {"mask": mask, "causal": causal}
    y, saved = at.attention(q, k, v, **options)
    assert len(saved) == 1
    g = draw(*y.shape)
    found = at.attention_backward(g, q, k, v, y, saved, **options)
    monkeypatch.setattr(at, "SMALL", 0)
    with use_numba(False):
        exact, saved = at.attention(wide(q), wide(k), wide(v), **options)
        want = at.attention_backward(wide(g), wide(q), wide(k), wide(v), exact, saved, **options)
    assert len(saved) == 2
    for a, b in zip((y, *found), (exact, *want), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=2e-6)
    if mask is not None:
        assert (y[..., 0, :] == 0).all()


def test_shared_heads():
    q, k, v = draw(2, 4, 70, 16), draw(2, 1, 70, 16), draw(1, 70, 16)
    y, saved = at.attention(q, k, v)
    with use_numba(False):
        exact, _ = at.attention(wide(q), wide(k), wide(v))
    np.testing.assert_allclose(y, exact, atol=1e-5)
    dq, dk, dv = at.attention_backward(np.ones_like(y), q, k, v, y, saved)
    assert dq.shape == dk.shape == dv.shape == q.shape


@pytest.mark.parametrize("causal", [False, True])
def test_dropout(causal):
    q = draw(3, 100, 16)
    compare(q, q + 1, q - 1, dropout=0.3, key=1234567890123, causal=causal)


def test_scale():
    q = draw(3, 70, 16)
    compare(q, q, q, scale=0.5)


def test_threads_change_nothing(monkeypatch):
    q = draw(6, 200, 32)
    y, saved = at.attention(q, q, q, causal=True)
    back = at.attention_backward(y, q, q, q, y, saved, causal=True)
    monkeypatch.setattr(at, "PARALLEL", 1 << 60)
    alone, _ = at.attention(q, q, q, causal=True)
    np.testing.assert_array_equal(alone, y)
    for a, b in zip(at.attention_backward(y, q, q, q, y, saved, causal=True), back, strict=True):
        np.testing.assert_array_equal(a, b)


@needs_numba
def test_memory_grows_with_the_length_not_its_square():
    q = draw(1, 4096, 16)
    at.attention(q[:, :2000], q[:, :2000], q[:, :2000])
    tracemalloc.start()
    at.attention(q, q, q)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4096 * 4096 * 4 / 8
