"""Elementwise kernels against NumPy: values, layouts, special numbers, thread counts."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import activations, elementwise
from tinygrad_lite.kernels._jit import enabled, use_numba

KERNELS = {
    name: op
    for module in (elementwise, activations)
    for name, op in vars(module).items()
    if hasattr(op, "loop")
}
FORWARD = {
    "exp": (), "log": (), "expm1": (), "erf": (), "tanh": (), "sigmoid": (), "relu": (), "sign": (),
    "reciprocal": (), "floor": (), "ceil": (), "trunc": (), "rint": (),
    "negative": (), "absolute": (), "square": (), "cube": (), "sqrt": (), "rsqrt": (),
    "leaky_relu": (0.01,), "elu": (1.5,), "gelu": (), "gelu_tanh": (), "silu": (),
    "softplus": (2.0, 20.0), "mish": (), "scaled_elu": (1.05, 1.7, 0.8), "hardtanh": (-1.0, 2.0),
    "hardswish": (), "hardsigmoid": (), "logsigmoid": (),
}  # fmt: skip
FROM_RESULT = {"tanh", "sigmoid", "elu"}
BACKWARD = {
    name: parameters for name, parameters in FORWARD.items() if f"{name}_backward" in KERNELS
}
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 30.0, -30.0, 80.0, -80.0]
SIZE = 140_000

needs_numba = pytest.mark.skipif(not enabled(), reason="numba is off")


def inputs(name: str, dtype: type) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=SIZE).astype(dtype) * 3
    return np.abs(x) if name in ("log", "sqrt", "rsqrt") else x


def close(got: np.ndarray, want: np.ndarray, dtype: type, scale: float = 8.0) -> None:
    eps = np.finfo(dtype).eps * scale
    np.testing.assert_allclose(got, want, rtol=eps, atol=eps)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FORWARD)
def test_forward_is_the_numpy_form(name, dtype):
    op = KERNELS[name]
    x = inputs(name, dtype)
    got = op(x, *FORWARD[name])
    assert got.dtype == dtype
    close(got, op.numpy(x.astype(np.float64), *FORWARD[name]), dtype)
    few = x[: op.small // 2]
    close(op(few, *FORWARD[name]), got[: few.size], dtype)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BACKWARD)
def test_backward_is_the_numpy_form(name, dtype):
    op = KERNELS[name + "_backward"]
    x = inputs(name, dtype)
    g = np.random.default_rng(1).normal(size=SIZE).astype(dtype)
    parameters = FORWARD[name][:1] if name == "elu" else FORWARD[name]
    x = KERNELS[name](x / 3, *FORWARD[name]) if name in FROM_RESULT else x
    got = op(g, x, *parameters)
    assert got.dtype == dtype
    want = op.numpy(g.astype(np.float64), x.astype(np.float64), *parameters)
    close(got, want, dtype, 16)


@needs_numba
@pytest.mark.parametrize("name", FORWARD)
def test_special_numbers_are_those_of_numpy(name):
    op = KERNELS[name]
    x = np.array(SPECIAL * 20_000, dtype=np.float32)
    with np.errstate(all="ignore"):
        got = op(x, *FORWARD[name])[: len(SPECIAL)]
        want = op.numpy(x[: len(SPECIAL)], *FORWARD[name])
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=1e-44)
    zeros = [0, 1]
    if name not in ("log", "relu"):
        assert (np.signbit(got[zeros]) == np.signbit(want[zeros])).all()


@needs_numba
@pytest.mark.parametrize("name", ["relu", "gelu", "tanh"])
def test_layouts(name):
    op, back = KERNELS[name], KERNELS[name + "_backward"]
    x = np.random.default_rng(0).normal(size=(8, 40, 30, 20)).astype(np.float32)
    g = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    y, d = op(x), back(g, x)
    assert y.flags.c_contiguous
    for other in (x.transpose(0, 2, 3, 1), x.T, x[:, ::-1], x[::2], x[..., 1:]):
        same = np.array(other, order="C")
        np.testing.assert_array_equal(op(other), op(same))
    nhwc = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert op(nhwc).strides == nhwc.strides
    np.testing.assert_array_equal(op(nhwc), y)
    np.testing.assert_array_equal(back(g, nhwc), d)
    out = np.empty_like(x)
    assert op(x, out=out) is out
    np.testing.assert_array_equal(out, y)
    target = np.empty(x.T.shape, np.float32).T
    op(x, out=target)
    np.testing.assert_array_equal(target, y)


def test_empty_and_scalars():
    for name, parameters in FORWARD.items():
        op = KERNELS[name]
        assert op(np.empty((0, 3), np.float32), *parameters).shape == (0, 3)
        assert np.shape(op(np.array(0.5), *parameters)) == ()


@needs_numba
def test_one_thread_and_many_agree_bit_for_bit():
    x = inputs("gelu", np.float32)
    for name in ("exp", "tanh", "gelu", "mish"):
        loop = KERNELS[name].loop
        a, b = np.empty_like(x), np.empty_like(x)
        loop(x, a)
        loop.serial(x, b)
        np.testing.assert_array_equal(a, b)


def test_without_numba():
    x = inputs("gelu", np.float32)
    with use_numba(False):
        close(KERNELS["tanh"](x), np.tanh(x), np.float32)
        assert KERNELS["gelu"](x[:100]).dtype == np.float32


def test_every_kernel_is_tested():
    backward = {name + "_backward" for name in BACKWARD}
    assert set(KERNELS) == {*FORWARD, *backward, "logistic"}


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_logistic_loss_is_its_numpy_form(dtype):
    op = KERNELS["logistic"]
    x = np.random.default_rng(0).normal(size=SIZE).astype(dtype) * 30
    y = np.random.default_rng(1).random(SIZE).astype(dtype)
    got = op(y, x)
    assert got.dtype == dtype
    # Its two terms, of the size of x, may cancel.
    within = 4 * np.finfo(dtype).eps * (1 + np.abs(x))
    assert (np.abs(got - op.numpy(y.astype(np.float64), x.astype(np.float64))) <= within).all()
    assert (np.abs(op(y[:100], x[:100]) - got[:100]) <= within[:100]).all()


def test_mish_in_half_precision_does_not_overflow():
    x = np.array([5, 6, 12, 30, 300, 60000, -60000], np.float16)
    y, slope = activations.mish(x), activations.mish_backward(np.ones_like(x), x)
    assert y.dtype == slope.dtype == np.float16
    np.testing.assert_array_equal(y, np.append(x[:-1], np.float16(0)))
    np.testing.assert_allclose(slope, [1, 1, 1, 1, 1, 1, 0], atol=2e-3)
