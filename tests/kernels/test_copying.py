"""Copies into row-major order."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.kernels import copying
from tinygrad_lite.kernels._jit import enabled, use_numba

pytestmark = pytest.mark.skipif(not enabled(), reason="numba is off")


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(copying, "WORTH_LOADING", 1)
    monkeypatch.setattr(copying, "LARGE", 1)


def draw(*shape, dtype=np.float32):
    return np.random.default_rng(0).integers(-(2**31), 2**31, shape).astype(dtype)


CASES = {
    "transposed": lambda x: x.T,
    "reversed": lambda x: x[:, ::-1],
    "all reversed": lambda x: x[::-1, ::-1],
    "transposed and reversed": lambda x: x[::-1].T,
    "reversed and transposed": lambda x: x.T[::-1],
    "part": lambda x: x[1:-2, 3:].T,
    "steps": lambda x: x[::3, ::2].T,
    "split": lambda x: x.reshape(x.shape[0], 3, -1).transpose(2, 0, 1),
    "split again": lambda x: x.reshape(x.shape[0], 3, -1).transpose(1, 2, 0),
    "outer reversed": lambda x: x.reshape(x.shape[0], 3, -1)[:, ::-1].transpose(2, 1, 0),
    "deep": lambda x: x.reshape(2, -1, 3, 2, x.shape[1] // 6).transpose(1, 4, 2, 3, 0),
    "deep reversed": lambda x: x.reshape(2, -1, 3, 2, x.shape[1] // 6)[:, :, ::-1, :, ::-1],
    "repeated": lambda x: np.broadcast_to(x.T, (2, *x.T.shape)),
    "gaps": lambda x: x[:, ::2],
    "slice": lambda x: x[:, 1:-1],
    "slice of outer": lambda x: x.reshape(x.shape[0], 2, -1)[:, 1],
    "outer exchanged": lambda x: x.reshape(x.shape[0], 2, -1).transpose(1, 0, 2),
    "itself": lambda x: x,
    "one axis": lambda x: x.reshape(-1)[::-1],
    "new axes": lambda x: x.T[:, None, :, None],
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u4", "i2", "u1", "?", "c8", "c16"])
@pytest.mark.parametrize("case", CASES)
def test_a_copy_has_the_same_numbers_in_row_major_order(case, dtype):
    for shape in ((30, 60), (66, 150), (2, 6), (128, 96), (34, 222)):
        x = CASES[case](draw(*shape, dtype=dtype))
        y = copying.copied(x)
        assert y.flags.c_contiguous
        assert y.dtype == x.dtype
        assert not np.shares_memory(x, y)
        np.testing.assert_array_equal(y, x)
        with use_numba(False):
            np.testing.assert_array_equal(copying.copied(x), x)


@pytest.mark.parametrize("value", [np.nan, -np.nan, -0.0, np.inf, 1e-45])
def test_bits_arrive_as_they_are(value):
    x = np.full((48, 32), value, np.float32)
    x.view(np.uint32)[:, 1] |= 0x1234
    got = copying.copied(x.T).view(np.uint32)
    np.testing.assert_array_equal(got, x.view(np.uint32).T)


def test_empty_and_single():
    for x in (np.zeros((0, 3)).T, np.zeros((1, 1)), np.zeros(()), np.zeros((3, 0, 2))[::-1]):
        assert copying.copied(x).shape == x.shape


def test_an_array_is_laid_as_another():
    x, like = draw(5, 40, 30), draw(40, 5, 30).transpose(1, 0, 2)
    laid = copying.laid_as(x, like)
    assert laid.strides == np.empty_like(like).strides
    np.testing.assert_array_equal(laid, x)
    assert copying.laid_as(like, x).flags.c_contiguous


def test_the_kernels_are_reached(monkeypatch):
    """By contiguous, reshape, flip, and a gradient that arrives transposed."""
    calls = []
    for name in ("turn", "copy_lines"):
        kernel = getattr(copying, name)
        monkeypatch.setattr(copying, name, lambda *a, k=kernel, n=name: calls.append(n) or k(*a))
    x = tl.randn(64, 48, requires_grad=True)
    for run, want in {
        "contiguous": (lambda: x.t().contiguous(), ["turn", "turn"]),
        "reshape": (lambda: x.t().reshape(-1), ["turn", "turn"]),
        "flip": (lambda: x.flip(1), ["copy_lines", "copy_lines"]),
        "t": (lambda: x.t() + 1, ["turn"]),
    }.values():
        calls.clear()
        x.grad = None
        y = run()
        y.backward(tl.ones_like(y.detach()).contiguous())
        assert calls[: len(want)] == want


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("source", "target"), sorted(copying._CASTS))
def test_casts(source, target):
    x = np.random.default_rng(0).integers(-(2**62), 2**62, (70, 90)).astype(source)
    if x.dtype.kind == "f":
        x[0, :5] = np.nan, np.inf, -np.inf, -0.0, 1e-300
    for y in (x, x.T, x[:, ::2], x[0, 0]):
        want = np.asarray(y).astype(target)
        np.testing.assert_array_equal(copying.cast(np.asarray(y), np.dtype(target)), want)
        with use_numba(False):
            np.testing.assert_array_equal(copying.cast(np.asarray(y), np.dtype(target)), want)


def test_the_cast_is_reached(monkeypatch):
    calls = []
    kernel = copying.cast_each
    monkeypatch.setattr(copying, "cast_each", lambda *a: calls.append(a) or kernel(*a))
    assert (tl.arange(100).float() / tl.ones(100, dtype=tl.uint8).float()).double().sum() == 4950
    assert len(calls) == 3


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_halves_are_rounded_as_numpy_does(monkeypatch):
    monkeypatch.setattr(copying, "FEW", 1)
    single, half = np.dtype(np.float32), np.dtype(np.float16)
    every = np.arange(1 << 16, dtype=np.uint16).view(half)
    wide = copying.cast(every, single)
    np.testing.assert_array_equal(wide, every.astype(single))
    # each float16, what lies half way to the next one, and the neighbours of that
    bits = wide.view(np.uint32)[:, None] + np.array([0, 4095, 4096, 4097], np.uint32)
    for x in (bits.view(single), wide[:, None] * np.float32(0.50001)):
        got, want = copying.cast(x, half), x.astype(half)
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(want))
