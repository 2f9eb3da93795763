"""Matrix products in the threads of the other kernels, operands read as they lie in memory.

BLAS threads and numba threads both wait by spinning: a program that alternates between them loses
ten times the work itself. Large products therefore do not go to BLAS. B is cut into panels of two
vectors' width and copied, panel by panel, so that the inner loop reads it in one line; A is read in
place. A block of rows of A small enough for the second-level cache meets all panels before the next
block is touched, and each block of C is summed up in registers over the whole of k.

The order of summation depends on k alone: neither threads nor the other sizes change a result.
"""

from __future__ import annotations

import functools
import threading
from math import prod
from typing import Any

import numpy as np

from . import reduce
from ._jit import enabled, jit, prange, threads
from ._micro import (
    lanes,
    micro,
    micro_few,
    micro_half,
    micro_half_few,
    rows,
    transpose,
)
from .copying import contiguous
from .updates import addressable, carray, pointer, word

Array = np.ndarray

SMALL = 1 << 18
"""Multiplications below which BLAS is faster. Up to this number OpenBLAS uses one thread, and does
not get in the way of the pool."""
SMALL_BATCH = 1 << 15
"""The same for all products of a batch together, for which np.matmul calls BLAS one by one."""
PARALLEL = 1 << 20
"""Multiplications from which waking the other threads pays."""
DEPTH = 256
"""Products summed up in registers before they are added to C: a panel of that depth fits the
first-level cache, and rounding errors grow with k / DEPTH only."""
BLOCK = 65536
"""Numbers of A that stay in the second-level cache."""
DATA = 16  # where a NumPy array object keeps the address of its elements

# -- compiled -------------------------------------------------------------------------------------


@jit
def pack(b, bk, bj, depth, width, panel, out, to, side, like):
    """out[to + k * panel + j] = B[k, j], zero for j >= width. `side` numbers make a vector."""
    size = like.itemsize
    if bk == 1 and bj != 1:
        base = out.ctypes.data + to * size
        whole_k = depth // side * side
        whole_j = width // side * side
        for j in range(0, whole_j, side):
            for k in range(0, whole_k, side):
                transpose(base + (k * panel + j) * size, panel, b + (j * bj + k) * size, bj, like)
        for j in range(whole_j):
            column = carray(pointer(b + j * bj * size), depth, like.dtype)
            for k in range(whole_k, depth):
                out[to + k * panel + j] = column[k]
        if whole_j < width:
            rest = carray(pointer(b), (width - 1) * bj + depth, like.dtype)
            for k in range(depth):
                target = out[to + k * panel : to + k * panel + width]
                for j in range(whole_j, width):
                    target[np.uint64(j)] = rest[np.uint64(j * bj + k)]
    elif bj == 1:
        for k in range(depth):
            row = carray(pointer(b + k * bk * size), width, like.dtype)
            target = out[to + k * panel : to + k * panel + width]
            for j in range(width):
                target[j] = row[j]
    else:
        for k in range(depth):
            row = carray(pointer(b + k * bk * size), (width - 1) * bj + 1, like.dtype)
            for j in range(width):
                out[to + k * panel + j] = row[j * bj]
    read = panel if width > side else side  # of each row; what C does not need is 0
    for k in range(depth if width < read else 0):
        target = out[to + k * panel + width : to + k * panel + read]
        for j in range(read - width):
            target[j] = 0


@jit
def copy_block(to, ldt, x, ldx, height, width, like):
    """to[i, j] = x[i, j]."""
    size = like.itemsize
    for i in range(height):
        source = carray(pointer(x + i * ldx * size), width, like.dtype)
        target = carray(pointer(to + i * ldt * size), width, like.dtype)
        for j in range(width):
            target[j] = source[j]


@jit
def row_of_blocks(
    c, ldc, init, ldi, a, sb, si, sk, b, ldb, depth, height, width, big, few, side, tile, like
):
    """C = init + A B for one panel: `height` rows, `width` columns (at most one panel).

    Rows of A are si apart within a block of `big`, blocks sb * big apart.
    """
    size = like.itemsize
    narrow = width <= side
    whole = width == side or width == 2 * side
    i = 0
    while i < height:
        step = big if height - i > few else few
        valid = min(step, height - i)
        target, ldo = c + i * ldc * size, ldc
        start, lds = init + i * ldi * size, ldi
        into = a + i * sb * size
        spills = not whole or valid < step
        if spills:
            target, ldo = tile, 2 * side
            if ldi:
                copy_block(tile, ldo, start, ldi, valid, width, like)
                start, lds = tile, ldo
        if step == big:
            if narrow:
                micro_half(target, ldo, start, lds, into, si, sk, b, ldb, depth, valid, like)
            else:
                micro(target, ldo, start, lds, into, si, sk, b, ldb, depth, valid, like)
        elif narrow:
            micro_half_few(target, ldo, start, lds, into, si, sk, b, ldb, depth, valid, like)
        else:
            micro_few(target, ldo, start, lds, into, si, sk, b, ldb, depth, valid, like)
        if spills:
            copy_block(c + i * ldc * size, ldc, tile, ldo, valid, width, like)
        i += step


@jit
def pack_rows(a, si, sk, depth, height, big, out, to, like):
    """out[to + i // big * big * depth + k * big + i % big] = A[i, k], for si == 1."""
    for k in range(depth):
        row = carray(pointer(a + k * sk * like.itemsize), height, like.dtype)
        for i in range(0, height, big):
            here = to + i * depth + k * big
            valid = min(big, height - i)
            target = out[here : here + valid]
            source = row[i : i + valid]
            for t in range(valid):
                target[t] = source[t]


@jit
def some_blocks(
    c, ldc, init, ldi, a, si, sk, b, bk, panels, pitch, k, first, last, left, right, n, big, few,
    side, copies, own, packed_from, scratch,
):  # fmt: skip
    """C = init + A B for rows first to last and panels left to right.

    Panels from `packed_from` on are read from the address `panels`, where each has `pitch` rows,
    the others where B lies.
    scratch[own:] is the caller's: a block of C, then, if `copies`, rows of A in blocks of `big`.
    """
    size = scratch.itemsize
    panel = 2 * side
    tile = scratch.ctypes.data + own * size
    packed = own + big * panel
    for at in range(0, k, DEPTH):
        depth = min(DEPTH, k - at)
        block = BLOCK // depth // big * big
        for i in range(first, last, block):
            height = min(block, last - i)
            start, sb, se, step = a + (i * si + at * sk) * size, si, si, sk
            if copies:
                pack_rows(start, si, sk, depth, height, big, scratch, packed, scratch)
                start, sb, se, step = scratch.ctypes.data + packed * size, depth, 1, big
            for p in range(left, right):
                j = p * panel
                if p >= packed_from:
                    source, ldb = panels + ((p - packed_from) * pitch + at) * panel * size, panel
                else:
                    source, ldb = b + (at * bk + j) * size, bk
                target = c + (i * ldc + j) * size
                before, ldo = init + (i * ldi + j) * size, ldi
                if at:
                    before, ldo = target, ldc
                row_of_blocks(
                    target, ldc, before, ldo, start, sb, se, step, source, ldb, depth, height,
                    min(panel, n - j), big, few, side, tile, scratch,
                )  # fmt: skip


@jit
def elements(array, ids):
    """The address of the first element, from that of the array object (if `ids`)."""
    return word(array + DATA) if ids else array


@jit(parallel=True)
def multiply(
    c, ldc, init, ldi, a, si, sk, b, bk, bj, m, n, depth, packs, copies, ways_m, ways_n, own, big,
    few, side, ids, scratch,
):  # fmt: skip
    """C = init + A B: all panels packed if `packs`, else only one that B's end cuts short.

    The strides si, sk, bk, bj, ldc and ldi count numbers. The rows are shared among ways_m threads,
    the panels among ways_n; each thread has `own` numbers of scratch, behind which the panels lie.
    """
    c, init, a, b = elements(c, ids), elements(init, ids), elements(a, ids), elements(b, ids)
    size = scratch.itemsize
    panel = 2 * side
    count = (n + panel - 1) // panel
    packed_from = 0 if packs else n // panel
    shared = ways_m * ways_n * own
    for p in prange(count - packed_from):
        j = (p + packed_from) * panel
        pack(
            b + j * bj * size, bk, bj, depth, min(panel, n - j), panel, scratch,
            shared + p * depth * panel, side, scratch,
        )  # fmt: skip
    panels = scratch.ctypes.data + shared * size
    share_m = ((m + ways_m - 1) // ways_m + few - 1) // few * few
    share_n = (count + ways_n - 1) // ways_n
    for way in prange(ways_m * ways_n):
        first = way // ways_n * share_m
        left = way % ways_n * share_n
        some_blocks(
            c, ldc, init, ldi, a, si, sk, b, bk, panels, depth, depth, first,
            min(m, first + share_m), left, min(count, left + share_n), n, big, few, side, copies,
            way * own, packed_from, scratch,
        )  # fmt: skip


@jit(parallel=True)
def multiply_batch(
    c, cb, ldc, init, a, ab, si, sk, b, bb, bk, bj, batch, m, n, depth, packs, ways, own, big, few,
    side, ids, scratch,
):  # fmt: skip
    """C[t] = init + A[t] B[t] for t < batch, each on one thread; cb, ab, bb are strides of t."""
    c, init, a, b = elements(c, ids), elements(init, ids), elements(a, ids), elements(b, ids)
    size = scratch.itemsize
    panel = 2 * side
    count = (n + panel - 1) // panel
    packed_from = 0 if packs else n // panel
    for way in prange(ways):
        panels = way * own + big * panel
        for t in range(batch * way // ways, batch * (way + 1) // ways):
            right = b + t * bb * size
            for p in range(packed_from, count):
                j = p * panel
                pack(
                    right + j * bj * size, bk, bj, depth, min(panel, n - j), panel, scratch,
                    panels + (p - packed_from) * depth * panel, side, scratch,
                )  # fmt: skip
            some_blocks(
                c + t * cb * size, ldc, init, 0, a + t * ab * size, si, sk, right, bk,
                scratch.ctypes.data + panels * size, depth, depth, 0, m, 0, count, n, big, few,
                side, False, way * own, packed_from, scratch,
            )  # fmt: skip


# -- called from Python ---------------------------------------------------------------------------

_local = threading.local()


def scratch(count: int, dtype: np.dtype) -> Array:
    """At least `count` numbers of memory, the thread's own, kept from call to call."""
    kept: Array | None = getattr(_local, dtype.char, None)
    if kept is None or kept.size < count:
        kept = np.empty(max(count, 1 << 16), dtype)
        setattr(_local, dtype.char, kept)
    return kept


def place(x: Array) -> int:
    """Where a kernel finds x: the array object itself where its layout is known (30 ns to ask),
    else its elements (900 ns)."""
    return id(x) if addressable() else x.ctypes.data


@functools.cache
def _shape_of_block(itemsize: int) -> tuple[int, int, int]:
    big, few = rows()
    return big, few, lanes(itemsize)


def _grid(m: int, panels: int, few: int, ways: int) -> tuple[int, int]:
    """How to share C among `ways` threads: by rows if there are enough, else by panels."""
    if m >= 2 * ways * few or m >= panels * few:
        return ways, 1
    return 1, min(ways, panels)


def _suits(a: Array, b: Array, out: Array | None) -> bool:
    """Whether the compiled product takes these operands."""
    dtype = a.dtype
    steps = a.strides[-1] | a.strides[-2] | b.strides[-1] | b.strides[-2]
    return (
        steps >= 0  # the sign bit of any of them
        and not steps % dtype.itemsize
        and dtype.char in "fd"
        and dtype == b.dtype
        and enabled()
        and (out is None or (out.dtype == dtype and out.strides[-1] == out.itemsize))
        and dtype.isnative
    )


def matmul(a: Array, b: Array, out: Array | None = None, bias: Array | None = None) -> Array:
    """a @ b + bias for matrices (m, k) @ (k, n), or batches of them with equal leading axes.

    Any strides, transposed views without a copy. `bias` (n) is added to every row. `out` receives
    the result and must not overlap the operands. Small products, other dtypes than float32 and
    float64, vectors and broadcast leading axes go to np.matmul.
    """
    m, k, n = (a.shape[-2] if a.ndim > 1 else 1), a.shape[-1], b.shape[-1]
    work = m * k * n
    if a.ndim == 2 and b.ndim == 2:
        if work < SMALL and out is None and bias is None and a.dtype.char in "fd":
            return a.dot(b)  # two thirds of the time of np.matmul
        if work >= SMALL and m > 1 and n > 1 and k == b.shape[0] and _suits(a, b, out):
            return _product(a, b, out, bias, m, k, n)
    elif a.ndim == b.ndim > 2 and work and a.shape[:-2] == b.shape[:-2] and k == b.shape[-2]:
        if work * prod(a.shape[:-2]) >= SMALL_BATCH and m > 1 and n > 1 and _suits(a, b, out):
            return _batch(a, b, out, bias, m, k, n)
    if a.ndim == b.ndim == 1 and k >= reduce.PARALLEL and a.shape == b.shape and out is None:
        return reduce.dots(a, b)
    y = np.matmul(a, b, out=out)
    if bias is not None:
        y += bias
    return y


@functools.lru_cache(64)
def _zeros(width: int, dtype: np.dtype) -> Array:
    return np.zeros(width, dtype)


def _start(bias: Array | None, n: int, panel: int, dtype: np.dtype) -> Array:
    """What every row of the sums starts from, padded to whole panels."""
    width = -(-n // panel) * panel
    if bias is None:
        return _zeros(width, dtype)
    if width == n and bias.flags.c_contiguous and bias.dtype == dtype:
        return bias
    start = np.zeros(width, dtype)
    start[:n] = bias
    return start


def _product(
    a: Array, b: Array, out: Array | None, bias: Array | None, m: int, k: int, n: int
) -> Array:
    big, few, side = _shape_of_block(a.itemsize)
    size, panel = a.itemsize, 2 * side
    c = np.empty((m, n), a.dtype) if out is None else out
    start = _start(bias, n, panel, a.dtype)
    si, sk = a.strides[0] // size, a.strides[1] // size
    bk, bj = b.strides[0] // size, b.strides[1] // size
    ldc = c.strides[0] // size
    count = -(-n // panel)
    run: Any = multiply if m * k * n >= PARALLEL else multiply.serial
    ways = threads() if run is multiply else 1
    ways_m, ways_n = _grid(m, count, few, ways)
    packs = bj != 1 or (m >= 96 and k * n >= 1 << 15)
    # Down the columns of a long A, steps of a power of two all fall on the same cache lines.
    copies = si == 1 and sk * size >= 2048 and k >= 512 and n >= 4 * panel
    own = big * panel + (BLOCK if copies else 0)
    need = ways_m * ways_n * own + (count if packs else 1) * k * panel
    run(
        place(c), ldc, place(start), 0, place(a), si, sk, place(b), bk, bj, m, n, k, packs, copies,
        ways_m, ways_n, own, big, few, side, addressable(), scratch(need, a.dtype),
    )  # fmt: skip
    return c


def _batch(
    a: Array, b: Array, out: Array | None, bias: Array | None, m: int, k: int, n: int
) -> Array:
    shape = a.shape[:-2]
    batch = prod(shape)
    if m * k * n > 1 << 24:  # each large enough for all threads
        c = np.empty((*shape, m, n), a.dtype) if out is None else out
        for index in np.ndindex(shape):
            _product(a[index], b[index], c[index], bias, m, k, n)
        return c
    big, few, side = _shape_of_block(a.itemsize)
    size, panel = a.itemsize, 2 * side
    c = np.empty((*shape, m, n), a.dtype) if out is None else out
    flat = [_one_batch_axis(x) for x in (a, b, c)]
    if flat[2] is None:
        np.copyto(c, _batch(a, b, None, bias, m, k, n))
        return c
    a = contiguous(a).reshape(batch, m, k) if flat[0] is None else flat[0]
    b = contiguous(b).reshape(batch, k, n) if flat[1] is None else flat[1]
    target = flat[2]
    start = _start(bias, n, panel, a.dtype)
    run: Any = multiply_batch if batch * m * k * n >= PARALLEL else multiply_batch.serial
    ways = min(threads(), batch) if run is multiply_batch else 1
    bj = b.strides[2] // size
    packs = bj != 1
    count = -(-n // panel)
    own = big * panel + (count if packs else 1) * k * panel
    run(
        place(target), target.strides[0] // size, target.strides[1] // size, place(start),
        place(a), a.strides[0] // size, a.strides[1] // size, a.strides[2] // size,
        place(b), b.strides[0] // size, b.strides[1] // size, bj,
        batch, m, n, k, packs, ways, own, big, few, side, addressable(),
        scratch(ways * own, a.dtype),
    )  # fmt: skip
    return c


def _one_batch_axis(x: Array) -> Array | None:
    """x with its leading axes folded into one, without a copy; None where that is impossible."""
    if x.ndim == 3:
        return x
    stride = x.strides[-3]
    for axis in range(x.ndim - 4, -1, -1):
        if x.strides[axis] != x.strides[axis + 1] * x.shape[axis + 1] and x.shape[axis] > 1:
            return None
    shape = (prod(x.shape[:-2]), *x.shape[-2:])
    return np.lib.stride_tricks.as_strided(x, shape, (stride, *x.strides[-2:]))


# -- linear: y = x W^T + b ------------------------------------------------------------------------


def _rows(x: Array) -> Array:
    return x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x W^T + b for x (..., k), W (n, k), b (n): (..., n)."""
    if x.ndim == 2:
        if x.size * weight.shape[0] >= SMALL:
            return matmul(x, weight.T, None, bias)
        y = x.dot(weight.T)
        return y if bias is None else np.add(y, bias, y)
    if x.ndim == 1:
        y = weight.dot(x)
        return y if bias is None else y + bias
    return matmul(_rows(x), weight.T, None, bias).reshape(*x.shape[:-1], weight.shape[0])


def linear_input_grad(g: Array, weight: Array) -> Array:
    """g W: the gradient towards x, for g (..., n)."""
    if g.ndim == 2:
        return matmul(g, weight)
    if g.ndim == 1:
        return g.dot(weight)
    return matmul(_rows(g), weight).reshape(*g.shape[:-1], weight.shape[1])


def linear_weight_grad(g: Array, x: Array) -> Array:
    """g^T x, (n, k): the gradient towards W, summed over all leading axes."""
    if x.ndim == 1:
        return np.outer(g, x)
    return matmul(_rows(g).T, _rows(x))
