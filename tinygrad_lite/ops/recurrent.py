"""RNN, GRU and LSTM over a whole sequence, as one op each.

A step is a handful of small products, so a sequence made of single ops spends its time between
them. Each op here runs the sequence in one kernel call and carries the step-by-step composition
that it equals. Arrays are time-major: x (T, N, I), states (N, H), values (T, N, H).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.fused import fused
from ..core.samples import Real, one_of, sample
from ..kernels import recurrent as kernels
from .activation import relu, sigmoid
from .joining import stack
from .matrix import linear
from .trigonometric import tanh


def rnn_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, relu_cell: bool) -> Any:
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it."""
    z = linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)
    return relu(z) if relu_cell else tanh(z)


def gru_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """r, z = sigmoid(...), n = tanh(W x + r * (U h + b)), h' = (1 - z) n + z h."""
    xr, xz, xn = linear(x, w_ih, b_ih).chunk(3, -1)
    hr, hz, hn = linear(h, w_hh, b_hh).chunk(3, -1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = tanh(xn + r * hn)
    return n + z * (h - n)


def lstm_step(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any
) -> tuple[Any, Any]:
    """i, f, o = sigmoid(...), g = tanh(...), c' = f c + i g, h' = o tanh(c')."""
    i, f, g, o = (linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)).chunk(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def _gradient(g: Any, out: Any, i: int) -> Any:
    """The gradient of output i, zeros where nobody used it."""
    return np.zeros_like(out[i]) if g[i] is None else g[i]


def _wanted(found: Any, need: Any) -> tuple[Any, ...]:
    return tuple([d if wanted else None for d, wanted in zip(found, need)])


def _rnn_reference(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *, relu_cell: bool
) -> Any:
    values = []
    for x_t in x:
        h = rnn_step(x_t, h, w_ih, w_hh, b_ih, b_hh, relu_cell)
        values.append(h)
    return stack(values), h


_WEIGHTS = [Real("n 2"), Real("2 3"), Real("2 2"), Real("2"), Real("2")]


@fused(
    backward=lambda g, need, x, h, w_ih, w_hh, out, residual, relu_cell: _wanted(
        kernels.rnn_backward(
            _gradient(g, out, 0),
            _gradient(g, out, 1),
            x,
            h,
            w_ih,
            w_hh,
            residual,
            relu=relu_cell,
            need_x=need[0],
        ),
        need,
    ),
    reference=_rnn_reference,
    outputs=True,
    residual=True,
    promote=None,
    title="Rnn",
    samples=[sample(Real("t n 3"), *_WEIGHTS, relu_cell=one_of(False))],
)
def rnn(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *, relu_cell: bool) -> Any:
    """Values (T, N, H) and last state (N, H) of h' = tanh(W_ih x + b_ih + W_hh h + b_hh)."""
    y, h, residual = kernels.rnn_forward(x, h, w_ih, w_hh, b_ih, b_hh, relu=relu_cell)
    return (y, h), residual


def _gru_reference(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    values = []
    for x_t in x:
        h = gru_step(x_t, h, w_ih, w_hh, b_ih, b_hh)
        values.append(h)
    return stack(values), h


@fused(
    backward=lambda g, need, x, h, w_ih, w_hh, out, residual: _wanted(
        kernels.gru_backward(
            _gradient(g, out, 0), _gradient(g, out, 1), x, h, w_ih, w_hh, residual, need_x=need[0]
        ),
        need,
    ),
    reference=_gru_reference,
    outputs=True,
    residual=True,
    promote=None,
    title="Gru",
    samples=[sample(Real("t n 3"), Real("n 2"), Real("6 3"), Real("6 2"), Real("6"), Real("6"))],
)
def gru(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """Values (T, N, H) and last state (N, H) of a gated recurrent unit (Cho et al. 2014)."""
    y, h, residual = kernels.gru_forward(x, h, w_ih, w_hh, b_ih, b_hh)
    return (y, h), residual


def _lstm_reference(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    values = []
    for x_t in x:
        h, c = lstm_step(x_t, h, c, w_ih, w_hh, b_ih, b_hh)
        values.append(h)
    return stack(values), h, c


@fused(
    backward=lambda g, need, x, h, c, w_ih, w_hh, out, residual: _wanted(
        kernels.lstm_backward(
            _gradient(g, out, 0),
            _gradient(g, out, 1),
            _gradient(g, out, 2),
            x,
            h,
            c,
            w_ih,
            w_hh,
            residual,
            need_x=need[0],
        ),
        need,
    ),
    reference=_lstm_reference,
    outputs=True,
    residual=True,
    promote=None,
    title="Lstm",
    samples=[
        sample(
            Real("t n 3"),
            Real("n 2"),
            Real("n 2"),
            Real("8 3"),
            Real("8 2"),
            Real("8"),
            Real("8"),
        )
    ],
)
def lstm(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """Values (T, N, H), last state and last cell (N, H) (Hochreiter and Schmidhuber 1997)."""
    y, h, c, residual = kernels.lstm_forward(x, h, c, w_ih, w_hh, b_ih, b_hh)
    return (y, h, c), residual
