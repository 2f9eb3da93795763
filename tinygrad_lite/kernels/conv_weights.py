"""The compiled gradient of a convolution towards its weights: sums of products along positions.

The input lies padded as in conv_numba.py, the output's gradient in rows of the same length with
zeros between them; then the gradient of a weight is the product of two runs of memory, one of them
shifted by the weight's tap, and a block of them stays in registers until its runs end.

A zero between the rows is multiplied like any number, which can be seen in one case: where x is
infinite or NaN, taps that never meet an output there may become NaN too.
"""

from __future__ import annotations

import functools
from math import prod
from typing import NamedTuple

import numpy as np

from . import conv_plan
from ._gemm import block, dots, lanes, row_dots
from ._jit import jit, prange, threads
from .conv_numba import aligned, pack, round_up
from .conv_plan import Geometry, Layout


@jit
def summed_share(t, share, g, x, sums, at, g_spec, x_spec, units, scratch, size, counts):
    """What thread t does of `summed`: its run of (part of the batch, part of the blocks) pairs."""
    images, parts, splits, together = counts[0], counts[1], counts[2], counts[3]
    g_image, x_image, features, channels = counts[4], counts[5], counts[6], counts[7]
    g_step, x_step, x_phase, volume = counts[8], counts[9], counts[10], counts[11]
    rows, tile_size, chunk, part_size = counts[12], counts[13], counts[14], counts[15]
    memory = t * size
    g_memory, x_memory = memory, memory + counts[16]
    scratch[memory : memory + size] = 0
    pairs = parts * splits
    pair, stop = t * pairs // share, (t + 1) * pairs // share
    while pair < stop:
        part, split = pair // splits, pair % splits
        several_splits = min(splits - split, stop - pair)
        first = split * len(units) // splits
        last = (split + several_splits) * len(units) // splits
        pair += several_splits
        image, end = part * images // parts, (part + 1) * images // parts
        while image < end:
            several = min(together, end - image)
            if several < together:
                scratch[g_memory:x_memory] = 0
            for k in range(several):
                pack(
                    g, (image + k) * g_image, scratch, g_memory + k * volume,
                    features, g_step, 0, g_spec,
                )  # fmt: skip
                pack(
                    x, (image + k) * x_image, scratch, x_memory + k * volume,
                    channels, x_step, x_phase, x_spec,
                )  # fmt: skip
            image += several
            positions = (several - 1) * volume + counts[17]
            for start in range(0, positions, chunk):
                length = min(chunk, positions - start)
                for u in range(first, last):
                    unit = units[u]
                    left = g_memory + unit[0] * g_step + start
                    right = x_memory + unit[1] * x_step + start
                    place = part * part_size + unit[2]
                    for k in range(unit[3]):
                        if rows == 1:
                            row_dots(
                                sums, place + k * tile_size, scratch, left, g_step,
                                scratch, right, at, 3 * k, length,
                            )  # fmt: skip
                        else:
                            dots(
                                sums, place + k * tile_size, scratch, left, g_step,
                                scratch, right, at, 3 * k, length,
                            )  # fmt: skip


@jit(parallel=True)
def summed(share, g, x, sums, at, g_spec, x_spec, units, scratch, size, counts):
    """For each block of features and three weights: g times x, summed over the positions."""
    for t in prange(share):
        summed_share(
            np.int64(t), share, g, x, sums, at, g_spec, x_spec, units, scratch, size, counts
        )


@jit(parallel=True)
def unpack(sums, out, features, count, blocks, rows, tile_size, parts, part_size):
    """Adds up the parts and takes the blocks apart: out (groups * features, count)."""
    columns = (count + 2) // 3
    for part in prange(len(out) // features * blocks):
        b = np.int64(part)
        first = b // blocks * features + b % blocks * rows
        wide = min(rows, features - b % blocks * rows)
        for k in range(columns):
            place = (b * columns + k) * tile_size
            for p in range(1, parts):
                for i in range(3 * rows):
                    sums[place + i] += sums[p * part_size + place + i]
            for i in range(wide):
                for j in range(min(3, count - 3 * k)):
                    out[first + i, 3 * k + j] = sums[place + 3 * i + j]


# Called -----------------------------------------------------------------------------------------


class _Sums(NamedTuple):
    """How the sums are cut into blocks and parts, for a geometry and a size of the batch."""

    at: np.ndarray
    """Offset of each weight's run, three by three."""
    units: np.ndarray
    """For each block of rows: its row of g, its channel of x, its place, its number of columns."""
    rows: int
    blocks: int
    tile_size: int
    part_size: int
    parts: int
    splits: int
    together: int
    chunk: int
    g_step: int
    x_step: int
    g_memory: int
    memory: int
    positions: int
    """From the first to the last that counts, in an image."""
    g_layout: Layout
    x_layout: Layout


@functools.lru_cache(maxsize=512)
def _sums(geo: Geometry, images: int, itemsize: int) -> _Sums:
    plan = conv_plan.forward(geo)
    (job,) = plan.jobs
    layout = plan.layout
    lane, rows = lanes(itemsize), 1 if geo.features == 1 else block()[0]
    count = geo.channels * len(job.taps)
    blocks, columns = -(-geo.features // rows), -(-count // 3)
    tile_size = round_up(3 * rows, lane)
    part_size = geo.groups * blocks * columns * tile_size
    # The batch is summed in parts whose number does not depend on the threads, and so neither does
    # the result. Large sums get few parts, and are cut across the rows instead.
    parts = max(1, min(images, 8, (1 << 20) // part_size))
    splits = 1 if parts >= 4 else min(-(-4 // parts), geo.groups * blocks)
    # Small images go several at once, so that each sum is over some hundred positions.
    together = max(1, min(1024 // layout.volume, -(-images // parts)))
    volume = together * layout.volume
    chunks = max(1, round(volume * itemsize / 4096))
    x_step = layout.phases * volume
    runs = np.arange(geo.channels)[:, None] * x_step + job.phase * volume + job.shift
    at = np.append(runs, np.repeat(runs[-1, -1], 3 * columns - count))
    units = [
        (
            group * geo.features + b * rows,
            group * geo.channels,
            (group * blocks + b) * columns * tile_size,
            columns,
        )
        for group in range(geo.groups)
        for b in range(blocks)
    ]
    g_step = round_up(volume, lane)
    g_memory = round_up((geo.groups * geo.features + rows) * g_step, 64)
    return _Sums(
        at=at,
        units=np.array(units, dtype=np.int64),
        rows=rows,
        blocks=blocks,
        tile_size=tile_size,
        part_size=part_size,
        parts=parts,
        splits=splits,
        together=together,
        chunk=round_up(-(-volume // chunks), lane),
        g_step=g_step,
        x_step=x_step,
        g_memory=g_memory,
        memory=round_up(g_memory + geo.groups * geo.channels * x_step + lane, 64),
        positions=plan.run,
        g_layout=conv_plan.rows_like(geo, layout),
        x_layout=layout,
    )


def weight_grad(g: np.ndarray, x: np.ndarray, geo: Geometry) -> np.ndarray:
    """g (N, O, *P) and x (N, C, *S), C-contiguous: (O, C / G * taps)."""
    images = len(x)
    s = _sums(geo, images, x.dtype.itemsize)
    features, channels = geo.groups * geo.features, geo.groups * geo.channels
    share = min(threads(), s.parts * s.splits)
    volume = s.x_layout.volume
    counts = np.array(
        [images, s.parts, s.splits, s.together, g.size // images, x.size // images, features,
         channels, s.g_step, s.x_step, s.together * volume, volume, s.rows, s.tile_size, s.chunk,
         s.part_size, s.g_memory, s.positions]
    )  # fmt: skip
    sums = np.zeros(s.parts * s.part_size, dtype=x.dtype)
    summed(
        share,
        g.reshape(-1),
        x.reshape(-1),
        sums,
        s.at,
        s.g_layout.spec,
        s.x_layout.spec,
        s.units,
        aligned(s.memory * share, x.dtype),
        s.memory,
        counts,
    )
    count = geo.channels * prod(geo.kernel)
    out = np.empty((features, count), dtype=x.dtype)
    run = unpack if s.part_size > 1 << 15 else unpack.serial
    run(sums, out, geo.features, count, s.blocks, s.rows, s.tile_size, s.parts, s.part_size)
    return out
