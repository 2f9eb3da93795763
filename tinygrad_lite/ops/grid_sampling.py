"""Images and volumes read at any places (Jaderberg et al. 2015), as one op and by its parts.

The grid (N, *P, d) holds places between -1 and 1, its last axis from the last dimension to the
first. A place lies between 2^d neighbours; the weight of each is the product over the dimensions of
t or 1 - t, t the way from the lower one. Beyond the border there are zeros, or the place is moved
inside; "nearest" has one neighbour, of weight 1, and no gradient towards the grid.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..core.fused import fused
from ..core.samples import Real, one_of, sample
from ..core.tensor import Tensor, make
from ..kernels import sampling as kernels
from .selection import where


def cubic_weights(t: Any) -> list[Any]:
    """Weights of four neighbours at distances 1 + t, t, 1 - t, 2 - t (Keys 1981)."""
    a = -0.75
    return [far_weight(1 + t, a), near_weight(t, a), near_weight(1 - t, a), far_weight(2 - t, a)]


def near_weight(d: Any, a: float) -> Any:
    """The cubic weight of a neighbour at distance d <= 1."""
    return ((a + 2) * d - (a + 3)) * d * d + 1


def far_weight(d: Any, a: float) -> Any:
    """The cubic weight of a neighbour at distance 1 <= d <= 2."""
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a


# -- by parts -------------------------------------------------------------------------------------


def sampled_by_parts(
    input: Tensor, grid: Tensor, *, mode: str, padding_mode: str, align: bool
) -> Tensor:
    """`sampled` as a composition, which knows "bicubic" too."""
    x, dims = input.array, input.array.ndim - 2
    sizes, points = x.shape[2:], math.prod(grid.array.shape[1:-1])  # -1 is none if nothing is there
    places = []
    for i, n in enumerate(sizes):  # the grid's last axis runs from the last dimension to the first
        g = grid.select(-1, dims - 1 - i).reshape(x.shape[0], points)
        place = (g + 1) * ((n - 1) / 2) if align else ((g + 1) * n - 1) / 2
        places.append(place if mode == "bicubic" else _bounded(place, n, padding_mode, align))
    flat = input.reshape(*x.shape[:2], math.prod(sizes))
    terms = _neighbours(places, mode)
    out: Any = None
    for index, weight in terms:
        part = _pick(flat, index, sizes, padding_mode, align)
        part = part * weight.unsqueeze(1)
        out = part if out is None else out + part
    return out.reshape(x.shape[0], x.shape[1], *grid.array.shape[1:-1])


def _bounded(place: Tensor, n: int, padding_mode: str, align: bool) -> Tensor:
    """A place beyond the border moved inside, as the padding mode says."""
    if padding_mode == "reflection":
        low, high = (0.0, n - 1.0) if align else (-0.5, n - 0.5)
        place = _reflected(place, low, high)
    if padding_mode == "zeros":
        return place
    inside = (place.array > 0) & (place.array < n - 1)  # the border is outside: derivative 0
    return where(make(inside), place, place.detach().clamp(0, n - 1))


def _reflected(place: Tensor, low: float, high: float) -> Tensor:
    if high <= low:
        return place
    turn, shift = _folds(place.array, low, high)
    return (place - low) * make(turn) + make(shift)


def _folds(place: Any, low: float, high: float) -> tuple[Any, Any]:
    """The slope and the offset by which (place - low) is folded into [low, high]."""
    span = high - low
    a = place - low
    folds = np.floor(np.abs(a) / span)
    odd = folds % 2 == 1
    sign = np.where(a < 0, -1.0, 1.0)
    turn = np.where(odd, -sign, sign)
    shift = np.where(odd, high + folds * span, low - folds * span)
    return turn.astype(place.dtype), shift.astype(place.dtype)


def _neighbours(places: list[Tensor], mode: str) -> Any:
    """Pairs of whole places (one array a dimension) and their weights."""
    if mode == "nearest":
        one = places[0] * 0 + 1  # the derivative by the grid is zero, not absent
        return [([np.rint(p.array) for p in places], one)]
    lows = [np.floor(p.array) for p in places]
    parts = [p - make(low) for p, low in zip(places, lows)]
    options = []
    for low, t in zip(lows, parts):
        if mode == "bicubic":
            offsets = (low - 1, low, low + 1, low + 2)
            options.append(list(zip(offsets, cubic_weights(t))))
        else:
            options.append([(low, 1 - t), (low + 1, t)])
    terms = []
    for chosen in itertools.product(*options):
        weight: Any = None
        for _, w in chosen:
            weight = w if weight is None else weight * w
        terms.append(([index for index, _ in chosen], weight))
    return terms


def _pick(
    flat: Tensor, index: list[np.ndarray], sizes: Any, padding_mode: str, align: bool
) -> Tensor:
    inside: Any = True
    place: Any = 0
    for at, n in zip(index, sizes):
        i = np.rint(_bounded(make(at), n, padding_mode, align).array).astype(np.int64)
        inside = inside & (i >= 0) & (i < n)
        place = place * n + np.clip(i, 0, n - 1)
    shape = (*flat.array.shape[:2], place.shape[1])
    wide = make(np.ascontiguousarray(np.broadcast_to(place[:, None], shape)))
    values = flat.gather(2, wide)
    if inside.all():
        return values
    return values * make(inside[:, None].astype(flat.array.dtype))


# -- at once --------------------------------------------------------------------------------------


def _places(g: Any, n: int, padding_mode: str, align: bool) -> tuple[Any, Any]:
    """Where along an axis of n pixels the grid's numbers lie, and the derivative of that."""
    place = (g + 1) * ((n - 1) / 2) if align else ((g + 1) * n - 1) / 2
    slope: Any = (n - 1) / 2 if align else n / 2
    if padding_mode == "reflection":
        low, high = (0.0, n - 1.0) if align else (-0.5, n - 0.5)
        if high > low:
            turn, shift = _folds(place, low, high)
            place, slope = (place - low) * turn + shift, slope * turn
    if padding_mode != "zeros":
        slope = slope * ((place > 0) & (place < n - 1))  # the border is outside
        place = np.clip(place, 0, n - 1)
    return place, slope


def _corners(place: Any, n: int, mode: str) -> list[tuple[Any, Any, Any]]:
    """The pixels next to each place on an axis of n: index, weight and its derivative by the place;
    beyond the border the weight is 0, and the index as well."""
    if mode == "nearest":
        found = [(np.rint(place).astype(np.int64), None, 0.0)]
    else:
        low = np.floor(place)
        t = place - low
        i = low.astype(np.int64)
        found = [(i, 1 - t, -1.0), (i + 1, t, 1.0)]
    corners = []
    for i, weight, sign in found:
        inside = i.view(np.uint64) < n  # unsigned, what is negative is large
        mask = inside.astype(place.dtype)
        corners.append((i * inside, mask if weight is None else weight * mask, sign * mask))
    return corners


def _backward(g: Any, need: Any, x: Any, grid: Any, residual: Any, mode: str) -> tuple[Any, Any]:
    n, c, *sizes = x.shape
    pixels = math.prod(sizes)
    index, weight, axes, slopes = residual
    g = g.reshape(n, c, index.shape[2])
    dx = dgrid = None
    if need[0]:
        dx = kernels.blend_backward(g, index, weight, (n, c, pixels)).reshape(x.shape)
    if need[1] and mode == "nearest":
        dgrid = np.zeros_like(grid)
    elif need[1]:
        dgrid = np.empty((n, index.shape[2], len(axes)), grid.dtype)
        towards = kernels.blend_backward_weight(g, x.reshape(n, c, pixels), index)
        for i, slope in enumerate(slopes):
            total: Any = 0
            for k, chosen in enumerate(itertools.product(*axes)):
                term = towards[:, k]
                for j, (_, factor, sign) in enumerate(chosen):
                    term = term * (sign if j == i else factor)
                total = total + term
            np.multiply(total, slope, out=dgrid[:, :, len(axes) - 1 - i])
        dgrid = dgrid.reshape(grid.shape)
    return dx, dgrid


_IMAGE = Real("2 3 4 4")
_GRID = Real("2 5 2 2", low=-0.7, high=0.7, avoid=(-0.5, -0.25, 0.0, 0.25, 0.5), margin=0.02)


@fused(
    backward=_backward,
    reference=sampled_by_parts,
    residual=True,
    title="GridSampler2D",
    samples=[
        sample(
            _IMAGE,
            _GRID,
            mode="bilinear",
            padding_mode=one_of("zeros", "border", "reflection"),
            align=False,
        )
    ],
)
def sampled(x: Any, grid: Any, *, mode: str, padding_mode: str, align: bool) -> Any:
    """x (N, C, *S) at the places of the grid (N, *P, d): (N, C, *P)."""
    n, c, *sizes = x.shape
    flat = grid.reshape(n, math.prod(grid.shape[1:-1]), len(sizes))
    axes, slopes = [], []
    for i, size in enumerate(sizes):
        place, slope = _places(flat[:, :, len(sizes) - 1 - i], size, padding_mode, align)
        axes.append(_corners(place, size, mode))
        slopes.append(slope)
    chosen = list(itertools.product(*axes))
    index = np.empty((n, len(chosen), flat.shape[1]), np.int64)
    weight = np.empty(index.shape, x.dtype)
    for k, corner in enumerate(chosen):
        at, w = corner[0][:2]
        for (i, factor, _), size in zip(corner[1:], sizes[1:], strict=True):
            at, w = at * size + i, w * factor
        index[:, k], weight[:, k] = at, w
    out = kernels.blend(x.reshape(n, c, math.prod(sizes)), index, weight)
    return out.reshape(n, c, *grid.shape[1:-1]), (index, weight, axes, slopes)
