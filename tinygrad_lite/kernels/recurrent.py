"""RNN, GRU and LSTM over a whole sequence: one call forward, one call backward.

Arrays are time-major: x (T, N, I), states (N, H), outputs y (T, N, H). Weights and gate order are
PyTorch's: w_ih (G*H, I) and w_hh (G*H, H) hold the gates one under the other (RNN: one; GRU: r, z,
n; LSTM: i, f, g, o), biases (G*H,) may be None. A sequence read backwards is a flipped x.

Every backward takes the gradients towards y and the last states (which is zeros where there are
none), what the forward pass was called with, and the residuals it returned. Gradients come in the
order of the forward arguments; that of x is None unless `need_x`, those of the biases are always
there. The two biases' gradients are separate arrays even where they are equal.
"""

from __future__ import annotations

import numpy as np

from . import recurrent_numba, recurrent_numpy
from ._jit import enabled, loaded

__all__ = [
    "gru_backward",
    "gru_forward",
    "lstm_backward",
    "lstm_forward",
    "rnn_backward",
    "rnn_forward",
]

Array = np.ndarray
Residuals = tuple[Array, ...]
Grads = tuple[Array | None, ...]


def rnn_forward(
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
    *,
    relu: bool = False,
) -> tuple[Array, Array, Residuals]:
    """h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it: (y, last h, residuals)."""
    if _compiled(x, w_ih, w_hh):
        kind = recurrent_numba.RELU if relu else recurrent_numba.RNN
        h, *_ = states = recurrent_numba.forward(kind, x, h0, None, w_ih, w_hh, b_ih, b_hh)
        return h[1:], h[-1].copy(), states
    y, h = recurrent_numpy.rnn_forward(x, h0, w_ih, w_hh, b_ih, b_hh, relu)
    return y, h, (y,)


def rnn_backward(
    gy: Array,
    gh: Array,
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    residuals: Residuals,
    *,
    relu: bool = False,
    need_x: bool = True,
) -> Grads:
    """Gradients towards (x, h0, w_ih, w_hh, b_ih, b_hh)."""
    if len(residuals) == _STATES:
        kind = recurrent_numba.RELU if relu else recurrent_numba.RNN
        dh, _, *others = recurrent_numba.backward(
            kind, gy, gh, None, x, w_ih, w_hh, *residuals, need_x=need_x
        )
        return others[0], dh, *others[1:]
    grads = recurrent_numpy.rnn_backward(
        gy, gh, x, h0, w_ih, w_hh, *residuals, relu=relu, need_x=need_x
    )
    return grads[1], grads[0], *grads[2:]


def gru_forward(
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
) -> tuple[Array, Array, Residuals]:
    """r, z = sigmoid(W x + U h + b); n = tanh(W x + b + r * (U h + b)); h' = (1 - z) * n + z * h.

    Returns (y, last h, residuals).
    """
    if _compiled(x, w_ih, w_hh):
        kind = recurrent_numba.GRU
        h, *_ = states = recurrent_numba.forward(kind, x, h0, None, w_ih, w_hh, b_ih, b_hh)
        return h[1:], h[-1].copy(), states
    y, h, gates, inner = recurrent_numpy.gru_forward(x, h0, w_ih, w_hh, b_ih, b_hh)
    return y, h, (y, gates, inner)


def gru_backward(
    gy: Array,
    gh: Array,
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    residuals: Residuals,
    *,
    need_x: bool = True,
) -> Grads:
    """Gradients towards (x, h0, w_ih, w_hh, b_ih, b_hh)."""
    if len(residuals) == _STATES:
        kind = recurrent_numba.GRU
        dh, _, *others = recurrent_numba.backward(
            kind, gy, gh, None, x, w_ih, w_hh, *residuals, need_x=need_x
        )
        return others[0], dh, *others[1:]
    grads = recurrent_numpy.gru_backward(gy, gh, x, h0, w_ih, w_hh, *residuals, need_x=need_x)
    return grads[1], grads[0], *grads[2:]


def lstm_forward(
    x: Array,
    h0: Array,
    c0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
) -> tuple[Array, Array, Array, Residuals]:
    """i, f, o = sigmoid(W x + U h + b); g = tanh(...); c' = f * c + i * g; h' = o * tanh(c').

    Returns (y, last h, last c, residuals).
    """
    if _compiled(x, w_ih, w_hh):
        kind = recurrent_numba.LSTM
        h, c, *_ = states = recurrent_numba.forward(kind, x, h0, c0, w_ih, w_hh, b_ih, b_hh)
        return h[1:], h[-1].copy(), c[-1].copy(), states
    y, h, c, gates, cells = recurrent_numpy.lstm_forward(x, h0, c0, w_ih, w_hh, b_ih, b_hh)
    return y, h, c, (y, gates, cells)


def lstm_backward(
    gy: Array,
    gh: Array,
    gc: Array,
    x: Array,
    h0: Array,
    c0: Array,
    w_ih: Array,
    w_hh: Array,
    residuals: Residuals,
    *,
    need_x: bool = True,
) -> Grads:
    """Gradients towards (x, h0, c0, w_ih, w_hh, b_ih, b_hh)."""
    if len(residuals) == _STATES:
        kind = recurrent_numba.LSTM
        dh, dc, *others = recurrent_numba.backward(
            kind, gy, gh, gc, x, w_ih, w_hh, *residuals, need_x=need_x
        )
        return others[0], dh, dc, *others[1:]
    grads = recurrent_numpy.lstm_backward(
        gy, gh, gc, x, h0, c0, w_ih, w_hh, *residuals, need_x=need_x
    )
    return grads[2], grads[0], grads[1], *grads[3:]


_STATES = 4
"""Residuals of a compiled forward pass: the backward pass follows the way the forward one went."""

_WORTH_CALLING = 1 << 14
_WORTH_LOADING = 1 << 22
"""Multiplications from which the kernels win: once loaded, and with loading them."""


def _compiled(x: Array, w_ih: Array, w_hh: Array) -> bool:
    """Whether the compiled kernel runs: floating-point numbers of one dtype, and work enough."""
    if x.dtype not in (np.float32, np.float64) or {w_ih.dtype, w_hh.dtype} != {x.dtype}:
        return False
    work = x.shape[0] * x.shape[1] * (w_ih.size + w_hh.size)
    return work > 0 and enabled() and work >= (_WORTH_CALLING if loaded() else _WORTH_LOADING)
