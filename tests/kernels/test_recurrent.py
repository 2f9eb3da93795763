"""Recurrent kernels: gradients against finite differences, equations against single steps."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import _jit, recurrent

GATES = {"rnn": 1, "relu": 1, "gru": 3, "lstm": 4}


@pytest.fixture(params=["numpy", "compiled"], autouse=True)
def path(request, monkeypatch):
    """Each way a sequence can run, whatever its size."""
    if request.param == "compiled" and not _jit.enabled():
        pytest.skip("numba is off")
    least = 1 if request.param == "compiled" else 1 << 60
    monkeypatch.setattr(recurrent, "_WORTH_CALLING", least)
    monkeypatch.setattr(recurrent, "_WORTH_LOADING", least)


def arguments(kind, steps=4, batch=3, inputs=5, hidden=6, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    rows = GATES[kind] * hidden
    shapes = [(steps, batch, inputs), (batch, hidden)]
    shapes += [(batch, hidden)] if kind == "lstm" else []
    shapes += [(rows, inputs), (rows, hidden), (rows,), (rows,)]
    args = [rng.standard_normal(s) for s in shapes]
    args[-3] /= hidden**0.5  # a recurrence that expands would expand the rounding errors too
    args[-4] /= inputs**0.5
    return [a.astype(dtype) for a in args]


def forward(kind, args):
    """(outputs, residuals)."""
    if kind == "relu":
        *outputs, residuals = recurrent.rnn_forward(*args, relu=True)
    else:
        *outputs, residuals = getattr(recurrent, kind + "_forward")(*args)
    return outputs, residuals


def backward(kind, grads, args, residuals, **how):
    if kind == "relu":
        return recurrent.rnn_backward(*grads, *args[:-2], residuals, relu=True, **how)
    return getattr(recurrent, kind + "_backward")(*grads, *args[:-2], residuals, **how)


@pytest.mark.parametrize("kind", GATES)
def test_backward_is_the_derivative(kind):
    args = arguments(kind)
    outputs, residuals = forward(kind, args)
    rng = np.random.default_rng(1)
    gs = [rng.standard_normal(o.shape) for o in outputs]
    grads = backward(kind, gs, args, residuals)
    assert [g.shape for g in grads] == [a.shape for a in args]
    for i, grad in enumerate(grads):
        direction = rng.standard_normal(grad.shape)
        ends = []
        for sign in (1, -1):
            moved = list(args)
            moved[i] = args[i] + sign * 1e-6 * direction
            ends.append(sum((g * o).sum() for g, o in zip(gs, forward(kind, moved)[0])))
        np.testing.assert_allclose((grad * direction).sum(), (ends[0] - ends[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", GATES)
def test_a_sequence_is_its_steps(kind):
    args = arguments(kind)
    states = 2 if kind == "lstm" else 1
    whole, _ = forward(kind, args)
    carried = args[1 : 1 + states]
    for t in range(len(args[0])):
        step, _ = forward(kind, [args[0][t : t + 1], *carried, *args[1 + states :]])
        np.testing.assert_allclose(step[0][0], whole[0][t], rtol=1e-12, atol=1e-14)
        carried = step[1:]
    for last, expected in zip(carried, whole[1:], strict=True):
        np.testing.assert_allclose(last, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", GATES)
def test_without_biases_and_without_input_gradient(kind):
    args = arguments(kind)
    zero = np.zeros_like(args[-1])
    without, residuals = forward(kind, [*args[:-2], None, None])
    with_zeros, _ = forward(kind, [*args[:-2], zero, zero])
    for a, b in zip(without, with_zeros, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    grads = backward(kind, without, args, residuals, need_x=False)
    assert grads[0] is None
    for a, b in zip(grads[1:], backward(kind, without, args, residuals)[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.shares_memory(grads[-1], grads[-2])


@pytest.mark.parametrize("kind", GATES)
def test_last_state_is_not_a_view_of_the_outputs(kind):
    (y, *last), _ = forward(kind, arguments(kind))
    assert not any(np.shares_memory(y, state) for state in last)


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("sizes", [(0, 3), (4, 0), (1, 1)])
def test_empty_and_single(kind, sizes):
    args = arguments(kind, *sizes)
    outputs, residuals = forward(kind, args)
    assert outputs[0].shape == (*sizes, 6)
    grads = backward(kind, outputs, args, residuals)
    assert [g.shape for g in grads] == [a.shape for a in args]
    if sizes[0] == 0:
        np.testing.assert_array_equal(outputs[1], args[1])


@pytest.mark.parametrize("kind", GATES)
def test_float32_and_strided_arguments(kind):
    args = arguments(kind, steps=6, batch=9, hidden=17)
    expected, residuals = forward(kind, args)
    grads = backward(kind, expected, args, residuals)
    narrow = [a.astype(np.float32) for a in args]
    narrow = [np.asfortranarray(a) for a in narrow]
    narrow[0] = narrow[0][::-1].copy()[::-1]
    got, residuals = forward(kind, narrow)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    outputs = [np.asfortranarray(o) for o in got]
    for a, b in zip(backward(kind, outputs, narrow, residuals), grads, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_saturated_gates(kind):
    args = arguments(kind, dtype=np.float32)
    args[0][...] *= 1e4
    outputs, residuals = forward(kind, args)
    assert all(np.isfinite(o).all() for o in outputs)
    assert all(np.isfinite(g).all() for g in backward(kind, outputs, args, residuals))
