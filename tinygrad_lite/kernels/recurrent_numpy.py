"""RNN, GRU and LSTM over a whole sequence in plain NumPy: the reference of the kernels.

Arrays are time-major: x (T, N, I), states (N, H), outputs (T, N, H). Weights are packed as
PyTorch packs them, w_ih (G*H, I) and w_hh (G*H, H) with the gates one under the other; biases
may be None. What does not depend on the state, W_ih x of all steps, is one product before the
loop, and all weight gradients are one product each after it: only the H x H products step.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
Grads = tuple[Array | None, ...]


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)); exp may overflow to inf, and the quotient is then the right 0."""
    out = np.negative(x, out=out)
    with np.errstate(over="ignore"):
        np.exp(out, out=out)
    out += 1
    return np.divide(1, out, out=out)


# RNN: h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu ------------------------------------------


def rnn_forward(
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
    relu: bool,
) -> tuple[Array, Array]:
    """Outputs y (T, N, H), which is all the backward pass needs, and the last state (N, H)."""
    y = _project(x, w_ih, b_ih, b_hh)
    h, recurrent = h0, w_hh.T
    for a in y:
        a += h @ recurrent
        if relu:
            np.maximum(a, 0, out=a)
        else:
            np.tanh(a, out=a)
        h = a
    return y, h.copy()


def rnn_backward(
    gy: Array,
    gh: Array,
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    y: Array,
    *,
    relu: bool,
    need_x: bool,
) -> Grads:
    """Gradients (h0, x, w_ih, w_hh, b_ih, b_hh) for gy towards y and gh towards the last state."""
    da = np.empty_like(y)
    for t in reversed(range(len(y))):
        h = y[t]
        gh = gh + gy[t]
        np.multiply(gh, (h > 0) if relu else 1 - h * h, out=da[t])
        gh = da[t] @ w_hh
    return gh, *weight_grads(da, da, x, h0, y, w_ih, need_x)


# GRU: gates r, z, n -----------------------------------------------------------------------------


def gru_forward(
    x: Array, h0: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> tuple[Array, Array, Array, Array]:
    """Outputs y, last state, and for the backward pass the gates (T, N, 3H) and W_hn h + b_hn.

    r = sigmoid(W_ir x + W_hr h + b), z = sigmoid(W_iz x + W_hz h + b),
    n = tanh(W_in x + b_in + r * (W_hn h + b_hn)), h' = (1 - z) * n + z * h.
    """
    steps, batch, hidden = x.shape[0], x.shape[1], h0.shape[1]
    gates = _project(x, w_ih, b_ih, None)  # becomes r, z, n in place
    y = np.empty((steps, batch, hidden), dtype=gates.dtype)
    inner = np.empty_like(y)
    h, recurrent = h0, w_hh.T
    for t in range(steps):
        a, u = gates[t], h @ recurrent
        if b_hh is not None:
            u += b_hh
        rz, n = a[:, : 2 * hidden], a[:, 2 * hidden :]
        rz += u[:, : 2 * hidden]
        sigmoid(rz, out=rz)
        inner[t] = u[:, 2 * hidden :]
        n += rz[:, :hidden] * inner[t]
        np.tanh(n, out=n)
        np.subtract(h, n, out=y[t])  # h' = n + z (h - n)
        y[t] *= rz[:, hidden:]
        y[t] += n
        h = y[t]
    return y, h.copy(), gates, inner


def gru_backward(
    gy: Array,
    gh: Array,
    x: Array,
    h0: Array,
    w_ih: Array,
    w_hh: Array,
    y: Array,
    gates: Array,
    inner: Array,
    *,
    need_x: bool,
) -> Grads:
    """Gradients (h0, x, w_ih, w_hh, b_ih, b_hh)."""
    hidden = h0.shape[1]
    da, du = np.empty_like(gates), np.empty_like(gates)  # towards W_ih x + b_ih and W_hh h + b_hh
    for t in reversed(range(len(y))):
        r, z, n = np.split(gates[t], 3, axis=1)
        h = y[t - 1] if t else h0
        gh = gh + gy[t]
        dn = gh * (1 - z) * (1 - n * n)
        da[t, :, 2 * hidden :] = dn
        da[t, :, :hidden] = dn * inner[t] * (r * (1 - r))
        da[t, :, hidden : 2 * hidden] = gh * (h - n) * (z * (1 - z))
        du[t, :, : 2 * hidden] = da[t, :, : 2 * hidden]
        du[t, :, 2 * hidden :] = dn * r
        gh = gh * z + du[t] @ w_hh
    return gh, *weight_grads(da, du, x, h0, y, w_ih, need_x)


# LSTM: gates i, f, g, o -------------------------------------------------------------------------


def lstm_forward(
    x: Array,
    h0: Array,
    c0: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
) -> tuple[Array, Array, Array, Array, Array]:
    """Outputs y, last h, last c, and for the backward pass the gates (T, N, 4H) and cells.

    i, f, o = sigmoid(W x + U h + b), g = tanh(W x + U h + b), c' = f * c + i * g,
    h' = o * tanh(c').
    """
    hidden = h0.shape[1]
    gates = _project(x, w_ih, b_ih, b_hh)  # becomes i, f, g, o in place
    y = np.empty((*gates.shape[:2], hidden), dtype=gates.dtype)
    cells = np.empty_like(y)
    h, c, recurrent = h0, c0, w_hh.T
    for t, a in enumerate(gates):
        a += h @ recurrent
        g, o = a[:, 2 * hidden : 3 * hidden], a[:, 3 * hidden :]
        sigmoid(a[:, : 2 * hidden], out=a[:, : 2 * hidden])
        np.tanh(g, out=g)
        sigmoid(o, out=o)
        np.multiply(a[:, hidden : 2 * hidden], c, out=cells[t])
        cells[t] += a[:, :hidden] * g
        c = cells[t]
        np.tanh(c, out=y[t])
        y[t] *= o
        h = y[t]
    return y, h.copy(), c.copy(), gates, cells


def lstm_backward(
    gy: Array,
    gh: Array,
    gc: Array,
    x: Array,
    h0: Array,
    c0: Array,
    w_ih: Array,
    w_hh: Array,
    y: Array,
    gates: Array,
    cells: Array,
    *,
    need_x: bool,
) -> Grads:
    """Gradients (h0, c0, x, w_ih, w_hh, b_ih, b_hh)."""
    hidden = h0.shape[1]
    da = np.empty_like(gates)
    for t in reversed(range(len(y))):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        c, tanh_c = cells[t - 1] if t else c0, np.tanh(cells[t])
        gh = gh + gy[t]
        gc = gc + gh * o * (1 - tanh_c * tanh_c)
        da[t, :, :hidden] = gc * g * (i * (1 - i))
        da[t, :, hidden : 2 * hidden] = gc * c * (f * (1 - f))
        da[t, :, 2 * hidden : 3 * hidden] = gc * i * (1 - g * g)
        da[t, :, 3 * hidden :] = gh * tanh_c * (o * (1 - o))
        gh, gc = da[t] @ w_hh, gc * f
    return gh, gc, *weight_grads(da, da, x, h0, y, w_ih, need_x)


# The products outside the loop ------------------------------------------------------------------


def _project(x: Array, w_ih: Array, b_ih: Array | None, b_hh: Array | None) -> Array:
    """W_ih x + b of all steps: (T, N, G*H)."""
    steps, batch, features = x.shape
    a = (x.reshape(steps * batch, features) @ w_ih.T).reshape(steps, batch, len(w_ih))
    for b in (b_ih, b_hh):
        if b is not None:
            a += b
    return a


def weight_grads(
    da: Array, du: Array, x: Array, h0: Array, y: Array, w_ih: Array, need_x: bool
) -> Grads:
    """Gradients (x, w_ih, w_hh, b_ih, b_hh) from those of a = W_ih x + b_ih, u = W_hh h + b_hh."""
    rows = x.shape[0] * x.shape[1]
    before = np.concatenate((h0[None], y[:-1]))[: len(y)]  # the state each step started from
    a, u = da.reshape(rows, da.shape[2]), du.reshape(rows, du.shape[2])
    dx = (a @ w_ih).reshape(x.shape) if need_x else None
    dw_ih, dw_hh = a.T @ x.reshape(rows, x.shape[2]), u.T @ before.reshape(rows, h0.shape[1])
    return dx, dw_ih, dw_hh, a.sum(axis=0), u.sum(axis=0)
