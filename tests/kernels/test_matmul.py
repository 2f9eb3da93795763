"""Matrix products against NumPy in float64: all sizes of edge, strides, batches, threads."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import matmul as mm
from tinygrad_lite.kernels._jit import enabled, use_numba

needs_numba = pytest.mark.skipif(not enabled(), reason="numba is off")
RNG = np.random.default_rng(0)
SIZES = [
    (2, 3, 5), (13, 7, 33), (12, 16, 32), (25, 300, 31), (64, 64, 64), (65, 63, 61),
    (97, 257, 129), (16, 600, 200), (5, 1000, 7), (130, 40, 300), (3, 17, 513),
]  # fmt: skip


def operand(shape: tuple[int, ...], order: str, dtype: type) -> np.ndarray:
    x = RNG.normal(size=shape).astype(dtype)
    if order == "T":
        return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
    if order == "strided":
        wide = np.zeros((*shape[:-1], 2 * shape[-1]), dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    return x


def check(got: np.ndarray, a: np.ndarray, b: np.ndarray, bias: float | np.ndarray = 0.0) -> None:
    exact = a.astype(np.float64) @ b.astype(np.float64) + bias
    bound = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64) + np.abs(bias)
    eps = np.finfo(got.dtype).eps
    assert (np.abs(got - exact) <= 8 * eps * bound).all()


@pytest.fixture
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mm, "SMALL", 0)
    monkeypatch.setattr(mm, "SMALL_BATCH", 0)
    monkeypatch.setattr(mm, "PARALLEL", 20_000)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("left", ["C", "T", "strided"])
@pytest.mark.parametrize("right", ["C", "T", "strided"])
def test_products(left, right, dtype):
    for m, k, n in SIZES:
        a, b = operand((m, k), left, dtype), operand((k, n), right, dtype)
        bias = RNG.normal(size=n).astype(dtype)
        check(mm.matmul(a, b), a, b)
        check(mm.matmul(a, b, None, bias), a, b, bias)
    backwards = a[::-1, ::-1], b[::-1, ::-1]
    check(mm.matmul(*backwards), *backwards)


@needs_numba
@pytest.mark.usefixtures("every_size")
def test_long_columns_are_copied():
    a, b = operand((600, 700), "T", np.float32), operand((700, 200), "C", np.float32)
    check(mm.matmul(a, b), a, b)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("right", ["C", "T", "strided"])
def test_batches(right):
    for shape in ((3,), (2, 3), (7, 1)):
        a = operand((*shape, 33, 20), "C", np.float32)
        b = operand((*shape, 20, 45), right, np.float32)
        check(mm.matmul(a, b), a, b)
    heads = RNG.normal(size=(4, 10, 3, 16)).astype(np.float32)  # (B, T, h, d)
    q = heads.transpose(0, 2, 1, 3)
    check(mm.matmul(q, q.swapaxes(-1, -2)), q, q.swapaxes(-1, -2))
    out = np.empty((4, 10, 3, 10), np.float32).transpose(0, 2, 1, 3)
    assert mm.matmul(q, q.swapaxes(-1, -2), out) is out
    check(out, q, q.swapaxes(-1, -2))


@pytest.mark.usefixtures("every_size")
def test_into_a_given_array():
    a, b = operand((30, 40), "C", np.float32), operand((40, 50), "T", np.float32)
    wide = np.full((30, 80), 7, np.float32)
    for out in (np.empty((30, 50), np.float32), wide[:, 10:60], np.empty((50, 30), np.float32).T):
        assert mm.matmul(a, b, out) is out
        check(out, a, b)
    assert (wide[:, :10] == 7).all()
    assert (wide[:, 60:] == 7).all()


@pytest.mark.usefixtures("every_size")
def test_nan_and_infinity_stay_in_their_rows_and_columns():
    a, b = operand((30, 40), "C", np.float32), operand((40, 50), "C", np.float32)
    a[29, 3], b[5, 49] = np.nan, np.inf
    y = mm.matmul(a, b)
    assert np.isnan(y[29]).all()
    assert np.isfinite(y[:29, :49]).all()
    assert np.isinf(y[:29, 49]).all()


def test_other_dtypes_vectors_and_empty():
    a = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(mm.matmul(a, a.T), a @ a.T)
    assert mm.matmul(np.zeros((0, 3)), np.zeros((3, 4))).shape == (0, 4)
    assert (mm.matmul(np.zeros((2, 0)), np.zeros((0, 4)), None, np.ones(4)) == 1).all()
    v = np.arange(3.0)
    assert mm.matmul(v, v) == 5.0
    with pytest.raises(ValueError):
        mm.matmul(np.zeros((100, 50)), np.zeros((51, 100)))


@needs_numba
@pytest.mark.usefixtures("every_size")
def test_threads_change_nothing(monkeypatch):
    a, b = operand((100, 300), "C", np.float32), operand((300, 90), "T", np.float32)
    many = mm.matmul(a, b)
    monkeypatch.setattr(mm, "PARALLEL", 1 << 60)
    np.testing.assert_array_equal(mm.matmul(a, b), many)
    np.testing.assert_array_equal(mm.matmul(a[:7], b), many[:7])


def test_linear_and_its_gradients():
    for shape in ((4, 20, 30), (64, 300), (30,)):
        x = operand(shape, "C", np.float32)
        w, bias = operand((50, shape[-1]), "C", np.float32), operand((50,), "C", np.float32)
        g = operand((*shape[:-1], 50), "C", np.float32)
        np.testing.assert_allclose(mm.linear(x, w, bias), x @ w.T + bias, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(mm.linear(x, w), x @ w.T, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(mm.linear_input_grad(g, w), g @ w, rtol=1e-4, atol=1e-4)
        rows, inputs = g.reshape(-1, 50), x.reshape(-1, shape[-1])
        np.testing.assert_allclose(
            mm.linear_weight_grad(g, x), rows.T @ inputs, rtol=1e-4, atol=1e-4
        )


def test_without_numba():
    a, b = operand((100, 100), "C", np.float32), operand((100, 100), "T", np.float32)
    with use_numba(False):
        np.testing.assert_array_equal(mm.matmul(a, b), a @ b)
