"""Functions that rearrange, pad and resample grids of values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor, make
from ...ops.arguments import of_tensors
from ...ops.conversion import laid_out_as
from ...ops.padding import pad_constant, take_along_axis


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Extend `input`: `pad` holds (before, after) for the last axis, then the one before, ...

    mode  "constant" (by `value`; negative numbers cut away), "reflect" (about the border element),
          "replicate" (the border element), "circular" (the other end)
    """
    x = input.array
    numbers = [int(p) for p in pad]
    if len(numbers) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, got {numbers}")
    count = len(numbers) // 2
    if count > x.ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(numbers)} and input of dimension {x.ndim}"
        )
    pairs = [(0, 0)] * x.ndim
    for i in range(count):
        pairs[x.ndim - 1 - i] = (numbers[2 * i], numbers[2 * i + 1])
    if any(n + lo + hi < 0 for n, (lo, hi) in zip(x.shape, pairs)):
        raise RuntimeError(
            f"The input size {list(x.shape)}, plus negative padding {numbers}, resulted in a "
            "negative output size"
        )
    if mode == "constant":
        return laid_out_as(_constant(input, tuple(pairs), 0.0 if value is None else value), input)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    index = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}.get(mode)
    if index is None:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if count not in (x.ndim - 1, x.ndim - 2):
        raise NotImplementedError(
            f"Padding size {len(numbers)} is not supported for {x.ndim}D input tensor. In mode "
            f"{mode!r} 2 numbers pad a 2D or 3D input, 4 a 3D or 4D one, 6 a 4D or 5D one"
        )
    if mode != "circular" and 0 in x.shape[1 if x.ndim == count + 2 else 0 :]:
        raise RuntimeError(
            f"Expected {count + 1}D or {count + 2}D (batch mode) tensor with possibly 0 batch size "
            f"and other non-zero dimensions for input, but got: {list(x.shape)}"
        )
    out = input
    for axis, (lo, hi) in enumerate(pairs):
        if (lo, hi) != (0, 0):
            start = lo if lo >= 0 <= hi else None
            places = index(x.shape[axis], lo, hi)
            out = take_along_axis(out, axis=axis, index=places, start=start)
    return out.clone() if np.may_share_memory(out.array, x) else out


def _constant(input: Tensor, pairs: Any, value: float) -> Tensor:
    if value == 0 or input.array.dtype.kind == "f":
        return pad_constant(input, pads=pairs, value=value)
    out = pad_constant(input, pads=pairs)
    inside = np.ones(input.array.shape, bool)
    return out.masked_fill(~pad_constant(make(inside), pads=pairs), value)


def _reflect(n: int, lo: int, hi: int) -> np.ndarray:
    if lo >= n or hi >= n:
        raise RuntimeError(
            "Padding size should be less than the corresponding input dimension, but got: padding "
            f"({lo}, {hi}) at a dimension of size {n}"
        )
    i = np.abs(np.arange(-lo, n + hi))
    return np.where(i >= n, 2 * (n - 1) - i, i)


def _replicate(n: int, lo: int, hi: int) -> np.ndarray:
    return np.clip(np.arange(-lo, n + hi), 0, n - 1)


def _circular(n: int, lo: int, hi: int) -> np.ndarray:
    start, kept = max(-lo, 0), n + min(lo, 0) + min(hi, 0)  # negative numbers cut before it wraps
    if lo > kept or hi > kept:
        raise RuntimeError(
            f"Padding value causes wrapping around more than once: ({lo}, {hi}) for size {n}"
        )
    return start + np.arange(-max(lo, 0), kept + max(hi, 0)) % max(kept, 1)


@of_tensors
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C r^2, H, W) to (..., C, H r, W r): channels become pixels (Shi et al. 2016)."""
    *lead, c, h, w = _image("pixel_shuffle", input)
    r = upscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible "
            "by the square of "
            f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    n = len(lead)
    x = input.reshape(*lead, c // (r * r), r, r, h, w)
    x = x.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return _apart(x.reshape(*lead, c // (r * r), h * r, w * r), input)


@of_tensors
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H r, W r) to (..., C r^2, H, W): the inverse of `pixel_shuffle`."""
    *lead, c, h, w = _image("pixel_unshuffle", input)
    r = downscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    for name, axis, size in (("height", -2, h), ("width", -1, w)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({axis})={size} is not divisible by {r}"
            )
    n = len(lead)
    x = input.reshape(*lead, c, h // r, r, w // r, r)
    x = x.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return _apart(x.reshape(*lead, c * r * r, h // r, w // r), input)


@of_tensors
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave the channels of `groups` groups (Zhang et al. 2018)."""
    if input.array.ndim <= 2:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.array.shape)}"
        )
    n, c, *rest = input.array.shape
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    x = input.reshape(n, groups, c // groups, *rest).transpose(1, 2)
    return _apart(x.reshape(n, c, *rest), input)


def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """`channel_shuffle`, by the name of PyTorch's kernel."""
    return channel_shuffle(input, groups)


def _apart(out: Tensor, input: Tensor) -> Tensor:
    """`out` in memory of its own: where nothing moves, reshaping gives a view of the input.

    Its channels lie together if those of the input do.
    """
    out = laid_out_as(out, input)
    return out.clone() if np.may_share_memory(out.array, input.array) else out


def _image(name: str, input: Tensor) -> tuple[int, ...]:
    shape = input.array.shape
    if len(shape) < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {len(shape)} "
            "dimension(s)"
        )
    return shape
