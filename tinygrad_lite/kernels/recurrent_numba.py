"""Compiled LSTM, GRU and RNN: the steps of a whole sequence, each thread with its own sequences.

    for each thread: for each step: gates += h W_hh^T of the thread's rows, then the cell

Sequences of a batch never meet, so no thread waits for another until the last step is done. W_hh
is copied once into panels that the products read in one line; everything that is not recurrent is
one large product before or after. The arithmetic of the cell runs in several short loops: one
that touches all its arrays at once would not vectorize.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._gemm import block, copy_run, lanes, product, product_one
from ._jit import FMA, jit, prange, threads
from ._math import sigmoid, tanh
from .matmul import matmul

Array = np.ndarray

# Compiled ---------------------------------------------------------------------------------------


@jit(fastmath=FMA)
def all_sigmoid(x):
    for j in range(x.size):
        x[j] = sigmoid(x[j])


@jit(fastmath=FMA)
def all_tanh(x):
    for j in range(x.size):
        x[j] = tanh(x[j])


@jit(fastmath=FMA)
def next_cell(i, f, g, before, c):
    for j in range(c.size):
        c[j] = f[j] * before[j] + i[j] * g[j]


@jit(fastmath=FMA)
def next_hidden(o, c, y):
    for j in range(c.size):
        y[j] = o[j] * tanh(c[j])


@jit
def lstm_cell(a, before, c, y, hidden):
    """a holds W x + U h + b and then i, f, g, o."""
    all_sigmoid(a[: 2 * hidden])
    all_tanh(a[2 * hidden : 3 * hidden])
    all_sigmoid(a[3 * hidden :])
    i, f, g = a[:hidden], a[hidden : 2 * hidden], a[2 * hidden : 3 * hidden]
    next_cell(i, f, g, before, c)
    next_hidden(a[3 * hidden :], c, y)


@jit(fastmath=FMA)
def grad_output_gate(gy, c, o, dh, dc, do):
    """dh += gy, dc += what comes through tanh(c), and the gradient of o before its sigmoid."""
    for j in range(c.size):
        h = dh[j] + gy[j]
        t = tanh(c[j])
        do[j] = h * t * (o[j] * (1 - o[j]))
        dc[j] += h * o[j] * (1 - t * t)


@jit(fastmath=FMA)
def grad_input_gate(i, g, dc, di, dg):
    for j in range(i.size):
        di[j] = dc[j] * g[j] * (i[j] * (1 - i[j]))
        dg[j] = dc[j] * i[j] * (1 - g[j] * g[j])


@jit(fastmath=FMA)
def grad_forget_gate(f, before, dc, df):
    for j in range(f.size):
        df[j] = dc[j] * before[j] * (f[j] * (1 - f[j]))
        dc[j] *= f[j]


@jit
def lstm_cell_backward(gy, a, c, before, dh, dc, da, hidden):
    two, three = 2 * hidden, 3 * hidden
    grad_output_gate(gy, c, a[three:], dh, dc, da[three:])
    grad_input_gate(a[:hidden], a[two:three], dc, da[:hidden], da[two:three])
    grad_forget_gate(a[hidden:two], before, dc, da[hidden:two])


@jit(fastmath=FMA)
def gru_candidate(a, r, u):
    for j in range(a.size):
        a[j] = tanh(a[j] + r[j] * u[j])


@jit(fastmath=FMA)
def gru_blend(z, n, before, y):
    for j in range(y.size):
        y[j] = n[j] + z[j] * (before[j] - n[j])


@jit
def gru_cell(a, u, before, y, inner, hidden):
    """a holds W x + b and then r, z, n; u holds U h + b."""
    rz = a[: 2 * hidden]
    for j in range(rz.size):
        rz[j] += u[j]
    all_sigmoid(rz)
    copy_run(inner, 0, u, 2 * hidden, hidden)
    gru_candidate(a[2 * hidden :], a[:hidden], inner)
    gru_blend(a[hidden : 2 * hidden], a[2 * hidden :], before, y)


@jit(fastmath=FMA)
def grad_candidate(gy, z, n, dh, dn):
    for j in range(z.size):
        dh[j] += gy[j]
        dn[j] = dh[j] * (1 - z[j]) * (1 - n[j] * n[j])


@jit(fastmath=FMA)
def grad_reset(r, inner, dn, dr, du):
    for j in range(r.size):
        dr[j] = dn[j] * inner[j] * (r[j] * (1 - r[j]))
        du[j] = dn[j] * r[j]


@jit(fastmath=FMA)
def grad_update(z, n, before, dh, dz):
    for j in range(z.size):
        dz[j] = dh[j] * (before[j] - n[j]) * (z[j] * (1 - z[j]))
        dh[j] *= z[j]


@jit
def gru_cell_backward(gy, a, inner, before, dh, da, du, hidden):
    two = 2 * hidden
    grad_candidate(gy, a[hidden:two], a[two:], dh, da[two:])
    grad_reset(a[:hidden], inner, da[two:], da[:hidden], du[two:])
    grad_update(a[hidden:two], a[two:], before, dh, da[hidden:two])
    copy_run(du, 0, da, 0, two)


@jit(fastmath=FMA)
def rnn_cell(a, relu):
    if relu:
        for j in range(a.size):
            a[j] = max(a[j], 0) if a[j] == a[j] else a[j]
    else:
        all_tanh(a)


@jit(fastmath=FMA)
def rnn_cell_backward(gy, y, dh, da, relu):
    if relu:
        for j in range(y.size):
            da[j] = dh[j] + gy[j] if y[j] > 0 else 0
    else:
        for j in range(y.size):
            da[j] = (dh[j] + gy[j]) * (1 - y[j] * y[j])


LSTM, GRU, RNN, RELU = 4, 3, 1, 0
"""Kinds, by their number of gates."""


@jit
def add_product(out, to, width, a, left, depth, panels, first, last, sizes, memory, tile):
    """out[n] += a[n] B for rows first to last of out (.., width) and a (.., depth), B in panels."""
    big, lanes = sizes[0], sizes[1]
    panel = 3 * lanes
    for start in range(0, width, panel):
        right = start * depth
        wide = min(panel, width - start)
        for n in range(first, last, big):
            valid = min(big, last - n)
            place, row = to + n * width + start, left + n * depth
            if wide == panel:
                product(out, place, width, a, row, depth, panels, right, panel, depth, valid)
                continue
            for i in range(valid):
                copy_run(memory, tile + i * panel, out, place + i * width, wide)
            if wide <= lanes:
                product_one(memory, tile, panel, a, row, depth, panels, right, panel, depth, valid)
            else:
                product(memory, tile, panel, a, row, depth, panels, right, panel, depth, valid)
            for i in range(valid):
                copy_run(out, place + i * width, memory, tile + i * panel, wide)


@jit
def forward_share(kind, first, last, gates, h, c, inner, u, bias, panels, sizes, memory, tile):
    """All steps of sequences first to last. h (T + 1, N, H) starts with h0, c likewise."""
    steps, batch, width = gates.shape
    hidden = h.shape[2]
    flat_gates, flat_h, flat_u = gates.reshape(-1), h.reshape(-1), u.reshape(-1)
    for t in range(steps):
        out, to = flat_gates, t * batch * width
        if kind == 3:
            out, to = flat_u, 0
            for n in range(first, last):
                copy_run(flat_u, n * width, bias, 0, width)
        add_product(
            out, to, width, flat_h, t * batch * hidden, hidden, panels, first, last, sizes, memory,
            tile,
        )  # fmt: skip
        for n in range(first, last):
            if kind == 4:
                lstm_cell(gates[t, n], c[t, n], c[t + 1, n], h[t + 1, n], hidden)
            elif kind == 3:
                gru_cell(gates[t, n], u[n], h[t, n], h[t + 1, n], inner[t, n], hidden)
            else:
                rnn_cell(gates[t, n], kind == 0)
                place = (t * batch + n) * hidden
                copy_run(flat_h, place + batch * hidden, flat_gates, place, hidden)


@jit
def backward_share(
    kind, first, last, gy, gates, h, c, inner, dh, dc, da, du, panels, sizes, memory, tile
):
    """The same steps back: da towards W x + b, du towards U h + b (LSTM, RNN: the same array)."""
    steps, batch, width = da.shape
    hidden = h.shape[2]
    flat_du, flat_dh = du.reshape(-1), dh.reshape(-1)
    for t in range(steps - 1, -1, -1):
        for n in range(first, last):
            if kind == 4:
                lstm_cell_backward(
                    gy[t, n], gates[t, n], c[t + 1, n], c[t, n], dh[n], dc[n], da[t, n], hidden
                )
            elif kind == 3:
                gru_cell_backward(
                    gy[t, n], gates[t, n], inner[t, n], h[t, n], dh[n], da[t, n], du[t, n], hidden
                )
            else:
                rnn_cell_backward(gy[t, n], h[t + 1, n], dh[n], da[t, n], kind == 0)
            if kind != 3:
                for j in range(hidden):
                    dh[n, j] = 0
        add_product(
            flat_dh, np.int64(0), hidden, flat_du, t * batch * width, width, panels, first, last,
            sizes, memory, tile,
        )  # fmt: skip


@jit(parallel=True)
def forward_steps(kind, ways, share, gates, h, c, inner, u, bias, panels, sizes, memory):
    """Every thread's share of the batch; panels: W_hh^T."""
    for part in prange(ways):
        way = np.int64(part)  # numba counts in unsigned integers here
        forward_share(
            kind, way * share, min(h.shape[1], (way + 1) * share), gates, h, c, inner, u, bias,
            panels, sizes, memory, way * sizes[2],
        )  # fmt: skip


@jit(parallel=True)
def backward_steps(
    kind, ways, share, gy, gates, h, c, inner, dh, dc, da, du, panels, sizes, memory
):
    """Every thread's share of the batch; panels: W_hh."""
    for part in prange(ways):
        way = np.int64(part)  # numba counts in unsigned integers here
        backward_share(
            kind, way * share, min(h.shape[1], (way + 1) * share), gy, gates, h, c, inner, dh, dc,
            da, du, panels, sizes, memory, way * sizes[2],
        )  # fmt: skip


# Called -----------------------------------------------------------------------------------------


def _shares(batch: int) -> tuple[int, int]:
    """(threads, sequences of each): whole blocks of rows, so that none is cut."""
    big = block()[0]
    share = -(-batch // threads())
    share = min(batch, -(-share // big) * big)
    return -(-batch // share), share


def _panels(b: Array) -> Array:
    """b (depth, columns), any strides, in panels as wide as a block of sums; zeros at the end."""
    depth, columns = b.shape
    panel = 3 * lanes(b.itemsize)
    whole = columns // panel
    out = np.empty((-(-columns // panel), depth, panel), dtype=b.dtype)
    out[:whole] = b[:, : whole * panel].reshape(depth, whole, panel).swapaxes(0, 1)
    if whole < len(out):
        out[whole, :, : columns - whole * panel] = b[:, whole * panel :]
        out[whole, :, columns - whole * panel :] = 0
    return out.reshape(-1)


def _tiles(ways: int, dtype: np.dtype) -> tuple[Array, Array]:
    """What `add_product` needs: (rows, lanes, numbers of a tile), and a tile for each thread."""
    lane, big = lanes(dtype.itemsize), block()[0]
    size = 3 * lane * big
    return np.array([big, lane, size]), np.empty(ways * size, dtype=dtype)


def forward(
    kind: int,
    x: Array,
    h0: Array,
    c0: Array | None,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
) -> tuple[Array, Array, Array, Array]:
    """States h and c (T + 1, N, H) with the first ones, gates (T, N, G*H), and GRU's U_n h + b."""
    steps, batch, features = x.shape
    hidden, width, dtype = h0.shape[1], len(w_ih), x.dtype
    bias = b_ih
    if kind != GRU and b_hh is not None:
        bias = b_hh if bias is None else bias + b_hh
    gates = matmul(np.ascontiguousarray(x).reshape(steps * batch, features), w_ih.T, bias=bias)
    gates = gates.reshape(steps, batch, width)
    h = np.empty((steps + 1, batch, hidden), dtype=dtype)
    h[0] = h0
    c = inner = np.empty((0, 0, 0), dtype=dtype)
    u = np.empty((0, 0), dtype=dtype)
    if c0 is not None:
        c = np.empty_like(h)
        c[0] = c0
    if kind == GRU:
        inner = np.empty((steps, batch, hidden), dtype=dtype)
        u = np.empty((batch, width), dtype=dtype)
    start = np.zeros(width, dtype=dtype)
    if b_hh is not None:
        start[:] = b_hh
    ways, share = _shares(batch)
    run: Any = forward_steps if ways > 1 else forward_steps.serial
    run(kind, ways, share, gates, h, c, inner, u, start, _panels(w_hh.T), *_tiles(ways, dtype))
    return h, c, gates, inner


def backward(
    kind: int,
    gy: Array,
    gh: Array,
    gc: Array | None,
    x: Array,
    w_ih: Array,
    w_hh: Array,
    h: Array,
    c: Array,
    gates: Array,
    inner: Array,
    *,
    need_x: bool,
) -> tuple[Array | None, ...]:
    """Gradients (h0, c0, x, w_ih, w_hh, b_ih, b_hh); c0's means nothing but for the LSTM."""
    steps, batch, features = x.shape
    hidden, width, dtype = h.shape[2], len(w_ih), h.dtype
    da = np.empty((steps, batch, width), dtype=dtype)
    du = np.empty_like(da) if kind == GRU else da
    dh = np.array(gh, dtype=dtype, order="C")
    dc = np.empty((0, 0), dtype=dtype) if gc is None else np.array(gc, dtype=dtype, order="C")
    ways, share = _shares(batch)
    run: Any = backward_steps if ways > 1 else backward_steps.serial
    run(
        kind, ways, share, np.ascontiguousarray(gy, dtype=dtype), gates, h, c, inner, dh, dc, da,
        du, _panels(w_hh), *_tiles(ways, dtype),
    )  # fmt: skip
    count = steps * batch
    a, u = da.reshape(count, width), du.reshape(count, width)
    dx = matmul(a, w_ih).reshape(x.shape) if need_x else None
    dw_ih = matmul(a.T, np.ascontiguousarray(x).reshape(count, features))
    dw_hh = matmul(u.T, h[:-1].reshape(count, hidden))
    db_ih = a.sum(axis=0)
    db_hh = u.sum(axis=0) if kind == GRU else db_ih.copy()
    return dh, dc, dx, dw_ih, dw_hh, db_ih, db_hh
