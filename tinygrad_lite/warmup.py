"""Compile every kernel now, so that no later script waits: `python -m tinygrad_lite.warmup`.

Kernels are otherwise compiled when first needed, once a machine, and kept on disk. Each function
below runs one family on inputs just large enough for its compiled paths, on one thread and on all.
`--float64` does the same for float64, which is compiled only when asked for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .kernels import (
    activations,
    attention,
    conv,
    elementwise,
    losses,
    matmul,
    normalize,
    pool,
    random,
    recurrent,
    reduce,
    scatter,
    softmax,
    updates,
    updates_adaptive,
    updates_moments,
)
from .kernels._jit import enabled, kernels

SIZES = (40_000, 8_192)
"""Elements: enough for all threads; enough for one compiled thread."""


def _numbers(dtype: np.dtype, *shape: int) -> np.ndarray:
    return np.linspace(0.1, 1.0, int(np.prod(shape)), dtype=dtype).reshape(shape)


def _activations(dtype: np.dtype) -> None:
    parameters = {
        "leaky_relu": (0.01,),
        "elu": (1.0,),
        "scaled_elu": (1.0, 1.0, 1.0),
        "softplus": (1.0, 20.0),
        "hardtanh": (-1.0, 1.0),
    }
    every = {**vars(elementwise), **vars(activations)}
    kernels = {name: op for name, op in every.items() if hasattr(op, "loop")}
    for name, op in kernels.items():
        own = parameters.get(name.removesuffix("_backward"), ())
        for size in (*SIZES, op.small):
            x = _numbers(dtype, max(size, 1))
            op(*[x] * op.arrays, *own)


def _products(dtype: np.dtype) -> None:
    for side in (70, 110):
        x = _numbers(dtype, side, side)
        matmul.matmul(x, x)
    for batch in (2, 20):
        x = _numbers(dtype, batch, 48, 48)
        matmul.matmul(x, x)


def _rows(dtype: np.dtype) -> None:
    for rows in (400, 40):
        x, w = _numbers(dtype, rows, 64), _numbers(dtype, 64)
        target = np.zeros(rows, np.int64)
        y = softmax.softmax(x)
        softmax.softmax_backward(x, y)
        softmax.log_softmax_backward(x, softmax.log_softmax(x))
        softmax.logsumexp_backward(w[:1].repeat(rows), x, softmax.logsumexp(x))
        loss, derivative = losses.cross_entropy(x, target)
        losses.cross_entropy_backward(loss, derivative, x.shape)


def _normalizations(dtype: np.dtype) -> None:
    need = (True, True, True)
    for rows in (400, 40):
        x, w = _numbers(dtype, rows, 64), _numbers(dtype, 64)
        _, mean, rstd = normalize.layer_norm(x, w, w, 1, 1e-5)
        normalize.layer_norm_backward(x, x, w, mean, rstd, 1, need)
        for images in (x, _numbers(dtype, rows // 4, 4, 8, 8)):
            w = _numbers(dtype, images.shape[1])
            _, mean, _, rstd = normalize.batch_norm(images, w, w, 1e-5)
            normalize.batch_norm_backward(images, images, w, mean, rstd, need)
        _, mean, _, rstd = normalize.group_norm(images, w, w, 2, 1e-5)
        normalize.group_norm_backward(images, images, w, mean, rstd, 2, need)


def _attention(dtype: np.dtype) -> None:
    for heads in (8, 4):
        q = _numbers(dtype, heads, 32, 32)
        y, saved = attention.attention(q, q, q, causal=True)
        attention.attention_backward(y, q, q, q, y, saved, causal=True)


def _images(dtype: np.dtype) -> None:
    how: Any = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    windows: Any = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)}
    for channels in (8, 64):  # weight gradients are put together on one thread, then on all
        x, w = _numbers(dtype, 2, channels, 16, 16), _numbers(dtype, channels, channels, 3, 3)
        y = conv.conv_forward(x, w, **how)
        conv.conv_input_grad(y, w, input_shape=x.shape, **how)
        conv.conv_weight_grad(y, x, weight_shape=w.shape, **how)
    values, where = pool.max_pool_forward(x, **windows, dilation=(1, 1))
    pool.max_pool_backward(values, where, input_shape=x.shape, dims=2)
    mean = pool.avg_pool_forward(x, **windows)
    pool.avg_pool_backward(mean, input_shape=x.shape, **windows)


def _sequences(dtype: np.dtype) -> None:
    for batch in (32, 4):
        x, h = _numbers(dtype, 8, batch, 16), _numbers(dtype, batch, 16)
        w, b = _numbers(dtype, 64, 16), _numbers(dtype, 64)
        y, last_h, last_c, saved = recurrent.lstm_forward(x, h, h, w, w, b, b)
        recurrent.lstm_backward(y, last_h, last_c, x, h, h, w, w, saved)


def _others(dtype: np.dtype) -> None:
    for size in SIZES:
        random.dropout(_numbers(dtype, size), 0.5, 1)
    for axis in (0, 1):
        reduce.total(_numbers(dtype, 600, 600), axis)
    for rows in (2000, 200):
        scatter.add_rows(_numbers(dtype, rows, 64), np.zeros(rows, np.int64), 10)


def _optimizers(dtype: np.dtype) -> None:
    flags = updates.C_CONTIGUOUS | updates.ALIGNED
    for rule in {**updates.RULES, **updates_adaptive.RULES, **updates_moments.RULES}.values():
        constants = np.ones((1, rule.sweep.names["WIDTH"]), dtype)
        for size in SIZES:
            arrays = [_numbers(dtype, size) for _ in range(2 + len(rule.state))]
            table = np.array([[id(array)] for array in arrays])
            offsets = np.array([0, size])
            updates.misfit(table[1], offsets, id(dtype), flags)
            rule.run(table, offsets, constants)


FAMILIES: tuple[Callable[[np.dtype], None], ...] = (
    _activations,
    _products,
    _rows,
    _normalizations,
    _attention,
    _images,
    _sequences,
    _optimizers,
    _others,
)


def warm(*dtypes: type) -> float:
    """Compile, or load from disk, all kernels for these dtypes; the seconds it took."""
    start = time.perf_counter()
    for dtype in dtypes or (np.float32,):
        for family in FAMILIES:
            family(np.dtype(dtype))
    return time.perf_counter() - start


def main(arguments: list[str]) -> int:
    """The command line; 1 if there is nothing to compile with."""
    if not enabled():
        sys.stderr.write("numba is switched off or not installed: nothing to compile\n")
        return 1
    dtypes = (np.float32, np.float64) if "--float64" in arguments else (np.float32,)
    seconds = warm(*dtypes)
    made = [run for run in kernels() if run.how == "compiled"]
    read = [run for run in kernels() if run.how == "cached"]
    sys.stdout.write(
        f"{len(made)} kernels compiled, {len(read)} found on disk, in {seconds:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
