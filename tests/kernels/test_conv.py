"""Convolution kernels against the definition written out as loops, and against each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygrad_lite.kernels import _jit, conv, conv_numba, conv_numpy, conv_plan, conv_weights
from tinygrad_lite.kernels.conv import conv_forward, conv_input_grad, conv_weight_grad

CASES = {
    # x shape, w shape, stride, padding, dilation, groups
    "1d": ((2, 3, 9), (4, 3, 3), (1,), ((1, 1),), (1,), 1),
    "1d-same-even": ((2, 2, 7), (2, 2, 4), (1,), ((1, 2),), (1,), 1),
    "2d": ((2, 3, 5, 6), (4, 3, 3, 2), (1, 1), ((1, 1), (0, 0)), (1, 1), 1),
    "2d-stride-leftover": ((2, 2, 8, 7), (3, 2, 3, 3), (3, 2), ((0, 0), (1, 1)), (1, 1), 1),
    "2d-dilated-groups": ((2, 4, 9, 8), (6, 2, 3, 2), (2, 1), ((2, 2), (1, 1)), (2, 3), 2),
    "2d-pointwise": ((3, 4, 3, 3), (5, 4, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "2d-pointwise-stride": ((3, 4, 5, 4), (5, 4, 1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    "2d-depthwise": ((2, 4, 6, 5), (4, 1, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 4),
    "2d-depthwise-multiplier": ((2, 3, 6, 5), (6, 1, 3, 2), (2, 2), ((1, 1), (2, 2)), (1, 2), 3),
    "2d-wide-padding": ((1, 1, 2, 2), (2, 1, 2, 2), (1, 1), ((3, 3), (4, 4)), (1, 1), 1),
    "3d": ((2, 2, 4, 5, 4), (3, 2, 2, 3, 2), (1, 2, 1), ((0, 1), (1, 1), (0, 0)), (2, 1, 1), 1),
    "empty-batch": ((0, 2, 5, 5), (3, 2, 3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
}


def naive(x, w, stride, padding, dilation, groups):
    """The definition, one product at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    positions = [
        (s - d * (k - 1) - 1) // t + 1
        for s, k, d, t in zip(x.shape[2:], w.shape[2:], dilation, stride, strict=True)
    ]
    out = np.zeros((x.shape[0], w.shape[0], *positions), x.dtype)
    per_in, per_out = w.shape[1], w.shape[0] // groups
    for n, o in itertools.product(range(x.shape[0]), range(w.shape[0])):
        first = o // per_out * per_in
        for p in itertools.product(*map(range, positions)):
            for c, *k in itertools.product(range(per_in), *map(range, w.shape[2:])):
                at = [i * t + j * d for i, t, j, d in zip(p, stride, k, dilation, strict=True)]
                out[(n, o, *p)] += w[(o, c, *k)] * x[(n, first + c, *at)]
    return out


@pytest.fixture(params=["numpy", "compiled"])
def path(request, monkeypatch):
    """Each way a convolution can run, whatever its size."""
    if request.param == "compiled" and not _jit.enabled():
        pytest.skip("numba is off")
    least = 1 if request.param == "compiled" else 1 << 60
    monkeypatch.setattr(conv, "_WORTH_CALLING", least)
    monkeypatch.setattr(conv, "_WORTH_LOADING", least)


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request, path):
    x_shape, w_shape, stride, padding, dilation, groups = request.param
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    return x, w, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def test_forward_is_the_definition(case):
    x, w, how = case
    expected = naive(x, w, *how.values())
    np.testing.assert_allclose(conv_forward(x, w, **how), expected, rtol=1e-12, atol=1e-12)
    assert (
        conv.conv_output_shape(
            x.shape[2:], w.shape[2:], how["stride"], how["padding"], how["dilation"]
        )
        == expected.shape[2:]
    )


def test_gradients_are_the_transposes(case):
    """<g, conv(x, w)> = <input_grad(g, w), x> = <weight_grad(g, x), w>, for bilinear conv."""
    x, w, how = case
    out = conv_forward(x, w, **how)
    g = np.random.default_rng(1).standard_normal(out.shape)
    dx = conv_input_grad(g, w, input_shape=x.shape, **how)
    dw = conv_weight_grad(g, x, weight_shape=w.shape, **how)
    assert dx.shape == x.shape and dw.shape == w.shape
    np.testing.assert_allclose((dx * x).sum(), (g * out).sum(), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose((dw * w).sum(), (g * out).sum(), rtol=1e-11, atol=1e-11)
    rng = np.random.default_rng(2)
    other_x, other_w = rng.standard_normal(x.shape), rng.standard_normal(w.shape)
    by_x, by_w = conv_forward(other_x, w, **how), conv_forward(x, other_w, **how)
    np.testing.assert_allclose((dx * other_x).sum(), (g * by_x).sum(), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose((dw * other_w).sum(), (g * by_w).sum(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_dtype_and_layout_do_not_matter(case, dtype):
    x, w, how = case
    out = conv_forward(x, w, **how)
    strided_x = np.asfortranarray(x.astype(dtype))
    strided_w = w.astype(dtype)[::-1][::-1].copy("F")
    got = conv_forward(strided_x, strided_w, **how)
    assert got.dtype == dtype
    tolerance = {2: 3e-2, 4: 1e-5, 8: 1e-12}[got.itemsize]
    np.testing.assert_allclose(got, out, rtol=tolerance, atol=tolerance)
    g = np.asfortranarray(np.ones_like(got))
    dx = conv_input_grad(g, strided_w, input_shape=x.shape, **how)
    dw = conv_weight_grad(g, strided_x, weight_shape=w.shape, **how)
    full = np.ones(out.shape)
    scale = 10 * tolerance * max(1.0, np.prod(out.shape[2:]) ** 0.5)
    np.testing.assert_allclose(
        dx, conv_input_grad(full, w, input_shape=x.shape, **how), rtol=tolerance, atol=scale
    )
    np.testing.assert_allclose(
        dw, conv_weight_grad(full, x, weight_shape=w.shape, **how), rtol=tolerance, atol=scale
    )


def test_bias_is_added_to_its_feature(case):
    x, w, how = case
    bias = np.arange(len(w), dtype=w.dtype)
    plain = conv_forward(x, w, **how)
    added = conv_forward(x, w, **how, bias=bias)
    shaped = bias.reshape(-1, *(1 for _ in plain.shape[2:]))
    np.testing.assert_allclose(added, plain + shaped, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 5, 33])
@pytest.mark.parametrize(
    ("channels", "features", "size", "kernel", "stride", "padding", "groups"),
    [
        (3, 8, 17, 3, 1, 1, 1),
        (16, 24, 14, 3, 2, 1, 1),
        (11, 13, 28, 1, 1, 0, 1),
        (16, 16, 16, 1, 1, 0, 1),
        (6, 10, 9, 5, 1, 2, 2),
        (9, 9, 23, 3, 1, 1, 9),
        (4, 1, 40, 3, 1, 1, 1),
        (2, 40, 7, 3, 3, 0, 1),
        (8, 8, 50, 1, 3, 0, 1),
    ],
)
def test_compiled_blocks_agree_with_numpy(
    batch, channels, features, size, kernel, stride, padding, groups, dtype
):
    """Sizes around the edges of blocks and vectors, where compiled code has its special cases."""
    if not _jit.enabled():
        pytest.skip("numba is off")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, channels, size, size + 1)).astype(dtype)
    w = rng.standard_normal((features, channels // groups, kernel, kernel)).astype(dtype)
    strides, pads, ones = (stride,) * 2, ((padding,) * 2,) * 2, (1, 1)
    expected = conv_numpy.forward(x, w, strides, pads, ones, groups)
    g = rng.standard_normal(expected.shape).astype(dtype)
    geo = conv_plan.geometry(x.shape, w.shape, g.shape[2:], strides, pads, ones, groups)
    tolerance = {"rtol": 1e-4, "atol": 1e-3} if dtype == np.float32 else {"atol": 1e-11}
    out = conv_numba.forward(x, w, None, geo)
    np.testing.assert_allclose(out.reshape(g.shape), expected, **tolerance)
    dx = conv_numba.input_grad(g, w, geo)
    expected = conv_numpy.input_grad(g, w, x.shape, strides, pads, ones, groups)
    np.testing.assert_allclose(dx.reshape(x.shape), expected, **tolerance)
    dw = conv_weights.weight_grad(g, x, geo)
    expected = conv_numpy.weight_grad(g, x, w.shape, strides, pads, ones, groups)
    np.testing.assert_allclose(dw.reshape(w.shape), expected, **tolerance)


def test_a_kernel_larger_than_the_input_is_refused(path):
    x, w = np.ones((2, 3, 4, 4)), np.ones((2, 3, 6, 6))
    with pytest.raises(ValueError, match="negative"):
        conv_forward(x, w, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1)


def test_an_empty_input_within_its_padding(path):
    """Padding alone gives outputs, all zero, and there is nothing to differentiate."""
    x, w = np.ones((2, 3, 0, 4)), np.ones((2, 3, 2, 3))
    how = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    out = conv_forward(x, w, **how)
    assert out.shape == (2, 2, 1, 4)
    assert not out.any()
    assert conv_input_grad(out, w, input_shape=x.shape, **how).shape == x.shape
    assert not conv_weight_grad(np.ones_like(out), x, weight_shape=w.shape, **how).any()


def test_input_grad_with_fewer_positions_than_the_forward_gives(path):
    """A transposed convolution with output padding beyond the stride: the rest is zero."""
    rng = np.random.default_rng(0)
    g, w = rng.standard_normal((2, 3, 4)), rng.standard_normal((3, 2, 2))
    how = {"stride": (1,), "padding": ((0, 0),), "dilation": (2,), "groups": 1}
    natural = conv_input_grad(g, w, input_shape=(2, 2, 6), **how)
    wider = conv_input_grad(g, w, input_shape=(2, 2, 7), **how)
    np.testing.assert_array_equal(wider[..., :6], natural)
    assert not wider[..., 6:].any()
    x = rng.standard_normal((2, 2, 7))
    dw = conv_weight_grad(g, x, weight_shape=w.shape, **how)
    np.testing.assert_allclose(dw, conv_weight_grad(g, x[..., :6], weight_shape=w.shape, **how))


@pytest.mark.skipif(not _jit.enabled(), reason="numba is off")
def test_a_row_ends_at_its_limit():
    """The last vector of a row moves back: what follows belongs to somebody else's memory."""
    lanes = conv_numba.lanes(8)
    limit = 3 * lanes
    x, out = np.arange(8.0 * lanes), np.full(8 * lanes, -1.0)
    one, at = np.ones(1), np.zeros(1, np.int64)
    start, end = 3, limit - 2
    conv_numba.single_row(
        out, 0, np.zeros(1), 0, one, 0, x, 0, at, 0, 1, start, end, limit, lanes
    )  # fmt: skip
    np.testing.assert_array_equal(out[start:end], x[start:end])
    np.testing.assert_array_equal(out[limit:], -1.0)
