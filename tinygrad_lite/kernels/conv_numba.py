"""The compiled convolution and its gradient towards the input: weights times shifted rows.

See conv_plan.py for the geometry, _gemm.py for the inner loops. Each thread lays out one image
padded in its own scratch memory, then runs register blocks over it: a block of output channels
along the flattened positions.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from . import conv_plan
from ._gemm import (
    block,
    copy_every_other,
    copy_run,
    lanes,
    row_tile,
    row_tile_one,
    tile,
    tile_one,
    tile_two,
)
from ._jit import jit, prange, threads
from .conv_plan import Geometry, Job

PARALLEL = 1 << 14
"""Weights from which all threads pack them."""

# Compiled ---------------------------------------------------------------------------------------


@jit
def pack(x, start, out, to, channels, channel_step, phase_step, spec):
    """Lays out x[start:] (channels, *size) padded and in phases; the border is zero already."""
    size0, size1, size2 = spec[0], spec[1], spec[2]
    step0, step1, step2 = spec[3], spec[4], spec[5]
    padded1, padded2 = spec[7], spec[8]
    phases0, phases1, phases2 = spec[9], spec[10], spec[11]
    for f in range(phases0 * phases1 * phases2):
        at0 = 12 + 3 * (f // (phases1 * phases2))
        at1 = 12 + 3 * (phases0 + f // phases2 % phases1)
        at2 = 12 + 3 * (phases0 + phases1 + f % phases2)
        begin0, end0, from0 = spec[at0], spec[at0 + 1], spec[at0 + 2]
        begin1, end1, from1 = spec[at1], spec[at1 + 1], spec[at1 + 2]
        begin2, width = spec[at2], spec[at2 + 1] - spec[at2]
        from2 = start + begin2 * step2 + spec[at2 + 2]
        for c in range(channels):
            phase = to + c * channel_step + f * phase_step + begin2
            for u in range(begin0, end0):
                plane = (c * size0 + u * step0 + from0) * size1
                for v in range(begin1, end1):
                    source = (plane + v * step1 + from1) * size2 + from2
                    target = phase + (u * padded1 + v) * padded2
                    if step2 == 1:
                        copy_run(out, target, x, source, width)
                    elif step2 == 2:
                        copy_every_other(out, target, x, source, width)
                    else:
                        for k in range(width):
                            out[target + k] = x[source + k * step2]


@jit
def row_of_tiles(
    out, to, step, bias, first, a, left, b, right, at, table, count, start, end, limit, lanes
):
    """One block of rows over positions start to end; writes no position from `limit` on."""
    q = start
    while q + 3 * lanes <= end:
        tile(out, to + q, step, bias, first, a, left, b, right + q, at, table, count)
        q += 3 * lanes
    vectors = (end - q + lanes - 1) // lanes
    if vectors > 0:
        q = min(q, limit - vectors * lanes)
        if vectors == 3:
            tile(out, to + q, step, bias, first, a, left, b, right + q, at, table, count)
        elif vectors == 2:
            tile_two(out, to + q, step, bias, first, a, left, b, right + q, at, table, count)
        else:
            tile_one(out, to + q, step, bias, first, a, left, b, right + q, at, table, count)


@jit
def single_row(out, to, bias, first, a, left, b, right, at, table, count, start, end, limit, lanes):
    """One row over positions start to end, in whole vectors; writes none from `limit` on."""
    q = start
    while q + 4 * lanes <= end:
        row_tile(out, to + q, 0, bias, first, a, left, b, right + q, at, table, count)
        q += 4 * lanes
    while q < end:
        p = min(q, limit - lanes)
        row_tile_one(out, to + p, 0, bias, first, a, left, b, right + p, at, table, count)
        q += lanes


@jit
def write_rows(x, start, step, rows, padded1, padded2, out, to, channel, size1, size2, target):
    """The positions a job keeps, from the computed rows to their places."""
    planes, lines, width = target[1] - target[0], target[5] - target[4], target[9] - target[8]
    step0, step1, step2 = target[3], target[7], target[11]
    source = start + (target[0] * padded1 + target[4]) * padded2 + target[8]
    place = to + (target[2] * size1 + target[6]) * size2 + target[10]
    for i in range(rows):
        for u in range(planes):
            for v in range(lines):
                near = source + i * step + (u * padded1 + v) * padded2
                far = place + i * channel + (u * step0 * size1 + v * step1) * size2
                if step2 == 1:
                    copy_run(out, far, x, near, width)
                else:
                    for k in range(width):
                        out[far + k * step2] = x[near + k]


@jit
def shifted_share(
    t, share, x, out, bias, weights, at, spec, units, targets, scratch, size, channels, counts
):
    """What thread t of `share` does: its run of (image, block of channels) pairs."""
    images, x_image, out_image, out_channel = counts[0], counts[1], counts[2], counts[3]
    channel_step, phase_step, direct, positions = counts[4], counts[5], counts[6], counts[7]
    rows, lanes, step, panel = counts[8], counts[9], counts[10], counts[11]
    planes, plane_step, plane_run = counts[14], counts[15], counts[16]
    pairs = images * len(units)
    begin, end = t * pairs // share, (t + 1) * pairs // share
    memory = t * size
    tiles = memory + size - rows * step
    if direct == 0:
        scratch[memory : memory + size] = 0
    while begin < end:
        image = begin // len(units)
        first = begin - image * len(units)
        last = min(len(units), first + end - begin)
        begin += last - first
        if direct == 0:
            pack(x, image * x_image, scratch, memory, channels, channel_step, phase_step, spec)
        for start in range(0, positions, panel):
            stop = min(start + panel, positions)
            for k in range(first, last):
                unit = units[k]
                job, channel, wide = unit[0], unit[1], unit[2]
                place = image * out_image + channel * out_channel
                if direct == 1 and wide == rows:
                    row_of_tiles(
                        out, place, out_channel, bias, unit[3], weights, unit[4],
                        x, image * x_image + unit[5], at, unit[6], unit[7],
                        start, stop, positions, lanes,
                    )  # fmt: skip
                    continue
                if direct == 1:
                    row_of_tiles(
                        scratch, tiles, step, bias, unit[3], weights, unit[4],
                        x, image * x_image + unit[5], at, unit[6], unit[7],
                        start, stop, positions, lanes,
                    )  # fmt: skip
                    for i in range(wide):
                        copy_run(
                            out, place + i * out_channel + start,
                            scratch, tiles + i * step + start, stop - start,
                        )  # fmt: skip
                    continue
                for plane in range(planes):  # what lies between two planes is not computed
                    begins = plane * plane_step
                    ends = begins + plane_run
                    if rows == 1:
                        single_row(
                            scratch, tiles, bias, unit[3], weights, unit[4],
                            scratch, memory + unit[5], at, unit[6], unit[7],
                            begins, ends, step, lanes,
                        )  # fmt: skip
                    else:
                        row_of_tiles(
                            scratch, tiles, step, bias, unit[3], weights, unit[4],
                            scratch, memory + unit[5], at, unit[6], unit[7],
                            begins, ends, step, lanes,
                        )  # fmt: skip
                write_rows(
                    scratch, tiles, step, wide, spec[7], spec[8],
                    out, place, out_channel, counts[12], counts[13], targets[job],
                )  # fmt: skip


@jit(parallel=True)
def shifted(
    share, x, out, bias, weights, at, spec, units, targets, scratch, size, channels, counts
):
    """For each image and block of output channels: weights times the shifted rows of x."""
    for t in prange(share):  # numba counts in unsigned integers here: one signature is enough
        shifted_share(
            np.int64(t), share, x, out, bias, weights, at, spec, units, targets, scratch, size,
            channels, counts,
        )  # fmt: skip


@jit(parallel=True)
def pack_weights(w, counts, taps, out, first):
    """out[first + (unit, k, t, r)] = w[group, row r of the block, k, taps[t]], zeros past the last.

    A unit is a group and a block of its `far` output channels; k counts its `near` input channels.
    """
    far, near, rows, blocks = counts[0], counts[1], counts[2], counts[3]
    group_step, far_step, near_step = counts[4], counts[5], counts[6]
    for unit in prange(counts[7] * blocks):
        group, b = unit // blocks, unit % blocks
        to = first + unit * near * taps.size * rows
        wide = min(rows, far - b * rows)
        if wide < rows:
            out[to : to + near * taps.size * rows] = 0
        for r in range(wide):  # row after row of w, which lies in order
            for k in range(near):
                at = group * group_step + (b * rows + r) * far_step + k * near_step
                place = to + k * taps.size * rows + r
                for t in range(taps.size):
                    out[np.uint64(place + t * rows)] = w[np.uint64(at + taps[t])]


# Called -----------------------------------------------------------------------------------------


def round_up(n: int, unit: int) -> int:
    return -(-n // unit) * unit


def aligned(size: int, dtype: np.dtype) -> np.ndarray:
    """Uninitialized memory that starts on a cache line."""
    raw = np.empty(size + 64 // dtype.itemsize, dtype=dtype)
    skip = -raw.ctypes.data % 64 // dtype.itemsize
    return raw[skip : skip + size]


class _Tables(NamedTuple):
    """What `shifted` needs to know of a geometry, whatever the batch."""

    at: np.ndarray
    units: np.ndarray
    targets: np.ndarray
    step: int
    memory: int
    positions: int


@functools.lru_cache(maxsize=512)
def _tables(geo: Geometry, backward: bool, rows: int, itemsize: int, direct: bool) -> _Tables:
    plan = conv_plan.input_grad(geo) if backward else conv_plan.forward(geo)
    layout = plan.layout
    near, far = (geo.features, geo.channels) if backward else (geo.channels, geo.features)
    positions = plan.run
    channel_step = layout.phases * layout.volume
    at, units, weights, table = [], [], 0, 0
    blocks = -(-far // rows)
    for j, job in enumerate(plan.jobs):
        shifts = job.phase * layout.volume + job.shift
        at.append((np.arange(near)[:, None] * channel_step + shifts).ravel())
        count = near * len(shifts)
        for group, b in itertools.product(range(geo.groups), range(blocks)):
            index = group * blocks + b
            wide = min(rows, far - b * rows)
            unit = [j, group * far + b * rows, wide, index * rows, weights + index * count * rows]
            units.append([*unit, group * near * channel_step, table, count])
        weights += geo.groups * blocks * count * rows
        table += count
    step = round_up(positions, lanes(itemsize))
    memory = 0 if direct else round_up(geo.groups * near * channel_step, 64)
    return _Tables(
        np.concatenate(at),
        np.array(units, dtype=np.int64),
        np.array([job.target.ravel() for job in plan.jobs], dtype=np.int64),
        step,
        memory + rows * step,
        positions,
    )


def _is_direct(geo: Geometry, positions: int, itemsize: int) -> bool:
    """Whether the source can be read, and the target written, as they lie in memory."""
    pointwise = geo.kernel == geo.stride == (1, 1, 1) and geo.before == (0, 0, 0)
    return pointwise and geo.size == geo.positions and positions >= 3 * lanes(itemsize)


def _packed(
    w: np.ndarray, geo: Geometry, jobs: Sequence[Job], rows: int, backward: bool
) -> np.ndarray:
    """For each job its weights, in blocks of `rows` output channels that lie side by side."""
    taps = prod(geo.kernel)
    steps = (geo.channels * taps, taps)
    far, near = geo.features, geo.channels
    if backward:
        steps, far, near = steps[::-1], near, far
    blocks = -(-far // rows)
    counts = np.array([far, near, rows, blocks, w.size // geo.groups, *steps, geo.groups])
    sizes = [geo.groups * blocks * rows * near * len(job.taps) for job in jobs]
    out = np.empty(sum(sizes), w.dtype)
    flat = w.reshape(-1)
    pack_all = pack_weights if w.size >= PARALLEL else pack_weights.serial
    first = 0
    for job, size in zip(jobs, sizes, strict=True):
        pack_all(flat, counts, job.taps, out, first)
        first += size
    return out


def _run_shifted(
    x: np.ndarray,
    out: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None,
    geo: Geometry,
    backward: bool,
) -> None:
    """Packs the weights, job by job, and fills out (N, G * far, *size)."""
    far = geo.channels if backward else geo.features
    rows = 1 if far == 1 else block()[0]
    itemsize = x.dtype.itemsize
    size = geo.size if backward else geo.positions
    direct = rows > 1 and _is_direct(geo, prod(size), itemsize)
    plan = conv_plan.input_grad(geo) if backward else conv_plan.forward(geo)
    tables = _tables(geo, backward, rows, itemsize, direct)
    weights = _packed(w, geo, plan.jobs, rows, backward)
    first = np.zeros((geo.groups, round_up(far, rows)), dtype=x.dtype)
    if bias is not None:
        first[:, :far] = bias.reshape(geo.groups, far)
    lane = lanes(itemsize)
    near = x.shape[1] // geo.groups
    panel = tables.positions
    if direct:
        panel = max(3 * lane, 32768 // itemsize // near // (3 * lane) * 3 * lane)
    share = min(threads(), len(x) * len(tables.units))
    memory = round_up(tables.memory, 64)
    counts = np.array(
        [
            len(x),
            x.size // len(x),
            out.size // len(x),
            prod(size),
            plan.layout.phases * plan.layout.volume,
            plan.layout.volume,
            direct,
            tables.positions,
            rows,
            lane,
            tables.step,
            panel,
            size[1],
            size[2],
            plan.computed[0],
            plan.layout.padded[1] * plan.layout.padded[2],
            (plan.computed[1] - 1) * plan.layout.padded[2] + plan.computed[2],
        ]
    )
    shifted(
        share,
        x.reshape(-1),
        out.reshape(-1),
        first.reshape(-1),
        weights,
        tables.at,
        plan.layout.spec,
        tables.units,
        tables.targets,
        aligned(memory * share, x.dtype),
        memory,
        x.shape[1],
        counts,
    )


def forward(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geo: Geometry) -> np.ndarray:
    """x (N, C, *S), C-contiguous, of any number of dimensions: flat (N, O, P0 * P1 * P2)."""
    out = np.empty((len(x), len(w), prod(geo.positions)), dtype=x.dtype)
    _run_shifted(x, out, w, bias, geo, False)
    return out


def input_grad(g: np.ndarray, w: np.ndarray, geo: Geometry) -> np.ndarray:
    """g (N, O, *P), C-contiguous: flat (N, C, S0 * S1 * S2)."""
    plan = conv_plan.input_grad(geo)
    make = np.empty if plan.complete else np.zeros
    out = make((len(g), geo.groups * geo.channels, prod(geo.size)), dtype=g.dtype)
    if plan.jobs:
        _run_shifted(g, out, w, None, geo, True)
    return out
