"""Resampling: grids of values read between their points, and windows as columns."""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any

import numpy as np

from ...core.tensor import Tensor, make
from ...ops.arguments import kind, of_tensors
from ...ops.conversion import laid_out_as
from ...ops.convolution import per_dim
from ...ops.grid_sampling import (
    cubic_weights,
    far_weight,
    near_weight,
    sampled,
    sampled_by_parts,
)
from ...ops.mixing import Sparse, mixed_along
from ...ops.padding import take_along_axis
from ...ops.patches import columns_to_image, grid_shape, image_to_columns
from ...ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from ...ops.selection import where


@of_tensors
def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Windows of (N, C, H, W) as the columns of (N, C * KH * KW, L)."""
    shape = input.array.shape
    if len(shape) not in (3, 4) or 0 in shape[1 if len(shape) == 4 else 0 :]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(shape)}"
        )
    options: Any = _windows("unfold", kernel_size, dilation, padding, stride)
    x = input if input.array.ndim == 4 else input.unsqueeze(0)
    grid = grid_shape(x.array.shape[2:], *options.values())
    if min(grid) < 1:
        raise RuntimeError(
            f"Given input with spatial size {x.array.shape[2:]}, {_described(options)}, calculated "
            f"shape of the array of sliding blocks as {grid}, but its components must be at least "
            "one."
        )
    out = image_to_columns(x, **options)
    return out if input.array.ndim == 4 else out.squeeze(0)


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Columns (N, C * KH * KW, L) added up to the image (N, C, *output_size) they come from."""
    if input.array.ndim not in (2, 3):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input.array.shape)}"
        )
    options: Any = _windows("fold", kernel_size, dilation, padding, stride)
    size: Any = per_dim(output_size, 2, "output_size", "fold")
    x = input if input.array.ndim == 3 else input.unsqueeze(0)
    area = math.prod(options["kernel"])
    if x.array.shape[1] % area:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={x.array.shape[1]} and kernel_size={options['kernel']}."
        )
    grid = grid_shape(size, *options.values())
    if min(grid) < 1:
        raise RuntimeError(
            f"Given output_size={size}, {_described(options)}, calculated shape of the array of "
            f"sliding blocks as {grid}, which is too small (non-positive)"
        )
    if x.array.shape[2] != math.prod(grid):
        raise RuntimeError(
            f"Given output_size={size}, {_described(options)}, expected size of input's dimension "
            f"2 to match the calculated number of sliding blocks {' * '.join(map(str, grid))} = "
            f"{math.prod(grid)}, but got input.size(2)={x.array.shape[2]}."
        )
    out = columns_to_image(x, size=size, **options)
    return out if input.array.ndim == 3 else out.squeeze(0)


def _windows(name: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    return {
        "kernel": per_dim(kernel, 2, "kernel_size", name),
        "dilation": per_dim(dilation, 2, "dilation", name),
        "padding": per_dim(padding, 2, "padding", name),
        "stride": per_dim(stride, 2, "stride", name),
    }


def _described(options: dict[str, Any]) -> str:
    kernel, *others = [f"{name}={value}" for name, value in options.items()]
    return ", ".join(["kernel_size" + kernel.removeprefix("kernel"), *others])


# -- interpolation --------------------------------------------------------------------------------

_MODES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resample (N, C, *S) to `size`, or to S times `scale_factor`.

    mode           "nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"
    align_corners  True: the corner points coincide; else the corner *areas* do
    antialias      when the result is smaller, average over all the inputs that fall on an output
    """
    dims = input.array.ndim - 2
    sizes, scales = _sizes(input, dims, size, scale_factor)
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )
    if mode in ("nearest", "nearest-exact", "area"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | "
                "bilinear | bicubic | trilinear"
            )
    elif mode not in _MODES:
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.array.ndim}D) for "
            f"the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact "
            f"(got {mode})"
        )
    elif _MODES[mode] != dims:
        raise NotImplementedError(
            f"Got {input.array.ndim}D input, but {mode} mode needs {_MODES[mode] + 2}D input"
        )
    if recompute_scale_factor:
        scales = [None] * dims
    _refuse_integers(input, mode)
    if mode == "area":
        pools = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
        return pools[dims](input, sizes)
    whole = input.array.dtype == np.uint8
    out = input.double() if whole and not mode.startswith("nearest") else input
    for i in reversed(range(dims)):  # as PyTorch: bytes are rounded after each axis
        n, m = input.array.shape[2 + i], sizes[i]
        if mode.startswith("nearest"):
            index = _nearest(n, m, scales[i], 0.5 if mode == "nearest-exact" else 0.0)
            if whole:
                out = take_along_axis(out, axis=2 + i, index=index)
                continue
            matrix = _picking(n, index.tobytes())
        else:
            make_matrix = _wide if antialias else _neighbours_of
            matrix = make_matrix(n, m, scales[i], bool(align_corners), mode == "bicubic")
        out = mixed_along(out, axis=2 + i, matrix=matrix)
        if whole:
            out = (out + 0.5).floor().clamp(0, 255)
    return laid_out_as(out.to(input.dtype) if whole else out, input)


def _refuse_integers(input: Tensor, mode: str) -> None:
    """NotImplementedError for what PyTorch resamples in no precision: integers but bytes."""
    given = input.array.dtype
    if given.kind == "f" or (given == np.uint8 and mode not in ("area", "linear", "trilinear")):
        return
    raise NotImplementedError(
        f"\"upsample_{mode}\" not implemented for '{kind(given)}': resample .float()"
    )


def _sizes(input: Tensor, dims: int, size: Any, scale: Any) -> tuple[list[int], list[Any]]:
    if dims not in (1, 2, 3):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.array.ndim}D)"
        )
    if size is not None and scale is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale is None:
        raise ValueError("either size or scale_factor should be defined")
    given = size if size is not None else scale
    values = list(given) if isinstance(given, (tuple, list)) else [given] * dims
    if len(values) != dims:
        what, name = ("output", "output size") if scale is None else ("scale_factor",) * 2
        raise ValueError(
            f"Input and {what} must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(input.array.shape[2:])} and {name} of {tuple(values)}"
        )
    if size is not None:
        if not all(map(_is_whole, values)):
            raise TypeError(
                "expected size to be one of int or Tuple[int] or Tuple[int, int] or "
                f"Tuple[int, int, int], but got size with types {[type(v) for v in values]}"
            )
        sizes = [int(v) for v in values]
        scales: list[Any] = [None] * dims
    else:
        pairs = zip(input.array.shape[2:], values)
        sizes = [math.floor(n * s) for n, s in pairs]
        scales = [float(v) for v in values]
    if max(sizes) >= 1 << 63:
        raise RuntimeError("value cannot be converted to type int64_t without overflow")
    if min(sizes) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input "
            f"{list(input.array.shape[2:])} and output {sizes}"
        )
    return sizes, scales


def _is_whole(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.is_floating_point()
    return isinstance(value, (int, np.integer))


def _nearest(n: int, m: int, scale: Any, shift: float) -> np.ndarray:
    step = n / m if scale is None else 1 / scale
    return np.minimum(((np.arange(m) + shift) * step).astype(np.int64), n - 1)


@functools.lru_cache(64)
def _picking(n: int, index: bytes) -> Sparse:
    """The matrix whose rows each have a one, at `index` (the bytes of int64 numbers)."""
    column = np.frombuffer(index, np.int64)
    return Sparse((len(column), n), np.arange(len(column)), column, np.ones(len(column)))


def _source(n: int, m: int, scale: Any, align: bool) -> np.ndarray:
    """Where in the input each of the m outputs lies."""
    if align:
        return np.arange(m) * ((n - 1) / max(m - 1, 1))
    step = n / m if scale is None else 1 / scale
    return (np.arange(m) + 0.5) * step - 0.5


@functools.lru_cache(64)
def _neighbours_of(n: int, m: int, scale: Any, align: bool, cubic: bool) -> Sparse:
    """The matrix that reads m values between n points: weighted sums of two or four neighbours."""
    source = _source(n, m, scale, align)
    low = np.floor(source).astype(np.int64)
    t = source - low
    if cubic:
        terms = list(zip((low - 1, low, low + 1, low + 2), cubic_weights(t)))
    else:
        terms = [(low, 1 - t), (low + 1, t)]
    column = np.stack([np.clip(index, 0, n - 1) for index, _ in terms], axis=1)
    weight = np.stack([weight for _, weight in terms], axis=1)
    return Sparse((m, n), np.repeat(np.arange(m), len(terms)), column.ravel(), weight.ravel())


@functools.lru_cache(64)
def _wide(n: int, m: int, scale: Any, align: bool, cubic: bool) -> Sparse:
    """As `_neighbours_of`, each output seeing all inputs that fall on it: the more of them the
    larger the step."""
    step = ((n - 1) / (m - 1) if m > 1 else 0.0) if align else n / m if scale is None else 1 / scale
    stretch = max(step, 1.0)
    centre = step * (np.arange(m) + 0.5)
    t = np.abs(np.arange(n)[:, None] + 0.5 - centre) / stretch  # (n, m)
    if cubic:
        weights = np.where(t < 1, near_weight(t, -0.5), far_weight(np.minimum(t, 2), -0.5))
    else:
        weights = np.maximum(1 - t, 0)
    weights = weights / weights.sum(0)
    column, row = np.nonzero(weights)
    return Sparse((m, n), row, column, weights[column, row])


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Deprecated name of `interpolate`."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Deprecated name of `interpolate(..., mode="nearest")`."""
    return _upsample("upsample_nearest", input, size, scale_factor, "nearest", None)


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Deprecated name of `interpolate(..., mode="bilinear", align_corners=True)`."""
    return _upsample("upsample_bilinear", input, size, scale_factor, "bilinear", True)


def _upsample(
    function: str, input: Tensor, size: Any, scale_factor: Any, mode: str, corners: bool | None
) -> Tensor:
    warnings.warn(
        f"`nn.functional.{function}` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=3,
    )
    return interpolate(input, size, scale_factor, mode, corners)


# -- sampling at any place ------------------------------------------------------------------------


def _say_align_corners() -> None:
    warnings.warn(
        "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
        "1.3.0. Please specify align_corners=True if the old behavior is desired. See the "
        "documentation of grid_sample for details.",
        UserWarning,
        stacklevel=3,
    )


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Where an affine map theta (N, d, d + 1) sends each point of an (N, C, *S) grid."""
    n, _, *sizes = [int(s) for s in size]
    dims = len(sizes)
    if align_corners is None:
        _say_align_corners()
    if dims not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {tuple(size)}"
        )
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if theta.array.shape != (n, dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size "
            f"{tuple(size)}, whose N is {n}. Got {theta.shape}."
        )
    if min(sizes) < 1:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    if align_corners and min(sizes) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
            "align_corners=True. This is not an intended use case of affine_grid. See the "
            "documentation of affine_grid for details.",
            UserWarning,
            stacklevel=2,
        )
    axes = []
    for m in sizes:
        points = np.linspace(-1, 1, m) if m > 1 else np.zeros(m)
        axes.append(points if align_corners else points * (m - 1) / m)
    mesh = np.meshgrid(*axes, indexing="ij")
    base = np.stack([*reversed(mesh), np.ones(sizes)], -1).astype(theta.array.dtype)
    flat = make(base.reshape(math.prod(sizes), dims + 1))
    return (flat @ theta.transpose(1, 2)).reshape(n, *sizes, dims)


_FAR = (-1e6, 1e6, -1e6)  # in place of NaN and the two infinities


@of_tensors
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Values of input (N, C, *S) at the places grid (N, *P, d), whose range is -1 to 1.

    mode          "bilinear" (trilinear for volumes), "nearest", "bicubic" (images)
    padding_mode  beyond the border: "zeros", "border", "reflection"
    Differentiable towards both. Source: Jaderberg et al. 2015.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    if align_corners is None:
        _say_align_corners()
    x, dims = input.array, input.array.ndim - 2
    if grid.array.shape[0] != x.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {list(x.shape)} and grid with sizes {list(grid.array.shape)}"
        )
    if grid.array.shape[-1] != dims:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {dims} in last dimension, but got grid "
            f"with sizes {list(grid.array.shape)}"
        )
    if dims not in (2, 3) or grid.array.ndim != input.array.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {list(x.shape)} and grid with sizes {list(grid.array.shape)}"
        )
    if 0 in input.array.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {list(input.array.shape)}"
        )
    if mode == "bicubic" and dims != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    finite = np.isfinite(grid.array)
    if not finite.all():  # such a place lies outside, and the weight of what is there must be 0
        grid = where(make(finite), grid, make(np.nan_to_num(grid.array, True, *_FAR)))
    options: Any = {"mode": mode, "padding_mode": padding_mode, "align": bool(align_corners)}
    if mode == "bicubic" or input.array.dtype != grid.array.dtype:
        return sampled_by_parts(input, grid, **options)
    return sampled(input, grid, **options)
