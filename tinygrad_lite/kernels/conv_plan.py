"""Geometry of the compiled convolutions: where things lie, worked out once a shape.

All three kernels see a convolution as shifted rows. The input is laid out padded, and for stride s
split into its s phases (positions with the same remainder), so that whatever the stride, a tap of
the kernel is one constant shift of a contiguous run:

    padded[phase][u] = x[u * s + phase - lo],   tap k is phase (k d) mod s, shift (k d) div s.

Flattened over the padded rows, an output position q needs padded[q + shift(tap)]: a product of the
weights with rows of memory at a table of offsets, no unfolding. The few positions between the end
of one output row and the start of the next are computed and thrown away.

One or two spatial dimensions are three of which the first are 1.
"""

from __future__ import annotations

import functools
import itertools
from math import prod
from typing import NamedTuple

import numpy as np

Shape = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


class Geometry(NamedTuple):
    """A convolution, its sizes brought to three dimensions. Hashable: plans are kept by it."""

    channels: int
    """Input channels of a group."""
    features: int
    """Output channels of a group."""
    groups: int
    size: Shape
    kernel: Shape
    stride: Shape
    before: Shape
    """Padding before the first element of each dimension."""
    dilation: Shape
    positions: Shape
    """Output positions."""


def geometry(
    x_shape: Shape,
    w_shape: Shape,
    positions: Shape,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> Geometry:
    """Brings one, two or three spatial dimensions to three."""
    ones = (1,) * (5 - len(x_shape))
    return Geometry(
        channels=w_shape[1],
        features=w_shape[0] // groups,
        groups=groups,
        size=ones + x_shape[2:],
        kernel=ones + w_shape[2:],
        stride=ones + stride,
        before=(0,) * len(ones) + tuple(lo for lo, _ in padding),
        dilation=ones + dilation,
        positions=ones + positions,
    )


class Layout(NamedTuple):
    """How an array (channels, *size) is laid out padded and split into phases."""

    spec: np.ndarray
    """For `pack`: size, step, padded, phases (3 each), then first, end, start of each phase."""
    padded: Shape
    """Sizes of one phase, (L0, L1, L2)."""
    phases: int
    """Number of phases kept."""

    @property
    def volume(self) -> int:
        """Elements of one phase of one channel."""
        return prod(self.padded)


def _layout(size: Shape, step: Shape, lo: Shape, padded: Shape, phases: list[list[int]]) -> Layout:
    spec = [*size, *step, *padded, *(len(p) for p in phases)]
    for s, t, before, length, kept in zip(size, step, lo, padded, phases, strict=True):
        for phase in kept:
            # Element u holds source u * t + phase - before, where there is one.
            first = max(0, -(-(before - phase) // t))
            end = min(length, -(-(s + before - phase) // t))
            spec += [first, max(first, end), phase - before]
    return Layout(np.array(spec, dtype=np.int64), padded, prod(map(len, phases)))


def rows_like(geo: Geometry, layout: Layout) -> Layout:
    """The output's gradient in rows of the same length as the padded input's: zeros between."""
    ones, zeros = (1, 1, 1), (0, 0, 0)
    return _layout(geo.positions, ones, zeros, layout.padded, [[0], [0], [0]])


class Job(NamedTuple):
    """One set of output positions and the taps that contribute to them."""

    taps: np.ndarray
    """Which taps, as indices into the flattened kernel."""
    phase: np.ndarray
    """The phase of the padded source each tap reads."""
    shift: np.ndarray
    """And its shift within that phase."""
    target: np.ndarray
    """For each dimension: first and end in the computed positions, first index and step written."""


class Shifted(NamedTuple):
    """A convolution as shifted rows: how the source lies, and what is computed from it."""

    layout: Layout
    jobs: list[Job]
    computed: Shape
    """Positions computed in each dimension (of which a job keeps some)."""
    complete: bool
    """Whether the jobs write every element of the target."""

    @property
    def run(self) -> int:
        """Flattened positions from the first computed to the last."""
        c0, c1, c2 = self.computed
        _, l1, l2 = self.layout.padded
        return ((c0 - 1) * l1 + c1 - 1) * l2 + c2


@functools.lru_cache(maxsize=512)
def forward(geo: Geometry) -> Shifted:
    """x to the output: all taps at once, every phase of x that a tap reads."""
    phases, shifts = [], []
    for k, t, d in zip(geo.kernel, geo.stride, geo.dilation, strict=True):
        phases.append(sorted({i * d % t for i in range(k)}))
        shifts.append(max(i * d // t for i in range(k)))
    padded = tuple(p + s for p, s in zip(geo.positions, shifts, strict=True))
    layout = _layout(geo.size, geo.stride, geo.before, padded, phases)
    taps = list(itertools.product(*map(range, geo.kernel)))
    phase = np.zeros(len(taps), dtype=np.int64)
    shift = np.zeros(len(taps), dtype=np.int64)
    for i, tap in enumerate(taps):
        for k, d, t, kept, length in zip(
            tap, geo.dilation, geo.stride, phases, padded, strict=True
        ):
            phase[i] = phase[i] * len(kept) + kept.index(k * d % t)
            shift[i] = shift[i] * length + k * d // t
    target = np.array([[0, p, 0, 1] for p in geo.positions], dtype=np.int64)
    job = Job(np.arange(len(taps)), phase, shift, target)
    return Shifted(layout, [job], geo.positions, True)


@functools.lru_cache(maxsize=512)
def input_grad(geo: Geometry) -> Shifted:
    """The output's gradient to x's: each phase of x has its own taps, turned round.

    Input i with i + lo = u * stride + phase gets, from each tap of that phase, the gradient at
    position u - shift(tap).
    """
    computed, padded, lo, reach = [], [], [], []
    for s, k, t, before, d in zip(
        geo.size, geo.kernel, geo.stride, geo.before, geo.dilation, strict=True
    ):
        first, last = before // t, (s - 1 + before) // t
        reach.append((k - 1) * d // t)
        computed.append(last - first + 1)
        padded.append(computed[-1] + reach[-1])
        lo.append(reach[-1] - first)
    layout = _layout(geo.positions, (1, 1, 1), tuple(lo), tuple(padded), [[0], [0], [0]])
    jobs = []
    for phases in itertools.product(*map(range, geo.stride)):
        taps = [
            tap
            for tap in itertools.product(*map(range, geo.kernel))
            if all(
                k * d % t == f
                for k, d, t, f in zip(tap, geo.dilation, geo.stride, phases, strict=True)
            )
        ]
        if not taps:
            continue
        target = []
        for f, s, t, before, n in zip(
            phases, geo.size, geo.stride, geo.before, computed, strict=True
        ):
            base = before // t * t + f - before  # the input index of computed position 0
            first = max(0, -(base // t))
            end = min(n, -(-(s - base) // t))
            target.append([first, max(first, end), base + first * t, t])
        shift = []
        for tap in taps:
            total = 0
            for k, d, t, r, length in zip(
                tap, geo.dilation, geo.stride, reach, padded, strict=True
            ):
                total = total * length + r - k * d // t
            shift.append(total)
        jobs.append(
            Job(
                np.array([np.ravel_multi_index(tap, geo.kernel) for tap in taps]),
                np.zeros(len(taps), dtype=np.int64),
                np.array(shift, dtype=np.int64),
                np.array(target, dtype=np.int64),
            )
        )
    complete = len(jobs) == prod(geo.stride)
    return Shifted(layout, jobs, tuple(computed), complete)
