"""Pooling: maxima, means and p-norms over windows of the last one, two or three axes.

Taking maxima is picking elements: its derivative puts gradients back where the elements came from
(`unpool`), whose derivative picks again (`pick`). Means are linear: forward and backward are each
other's derivative. Among equal elements of a window the first is the maximum, as in PyTorch.
"""

from __future__ import annotations

import functools
from typing import Any

from ..core.doors import composed, primitive
from ..core.samples import Integer, Real, one_of, sample
from ..core.tensor import Tensor
from ..kernels import pool as kernels
from .convolution import per_dim

_WINDOWS: dict[str, Any] = {
    "kernel": (2,),
    "stride": one_of((1,), (2,)),
    "padding": one_of((0,), (1,)),
}


def _by_rank(name: str) -> Any:
    """What PyTorch shows: its pools are of images; one axis is an image of height 1."""
    return lambda node: (
        "SqueezeBackward1"
        if len(node.shape) < 4
        else name.format("2D" if len(node.shape) == 4 else "3D")
    )


@primitive(
    lambda g, residual, x_shape, kernel: unpool(
        g, residual[0], input_shape=x_shape, dims=len(kernel)
    ),
    residual=True,
    shown=1,
    promote=None,
    method=False,
    title="MaxPoolWithIndices",
    named=_by_rank("MaxPool{}WithIndicesBackward0"),
    samples=[
        sample(Real("n 5", distinct=True), dilation=(1,), ceil_mode=one_of(False, True), **_WINDOWS)
    ],
)
def max_pool(
    x: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> Any:
    """The largest element of each window, and its index in the flattened plane."""
    out, index = kernels.max_pool_forward(
        x, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    return out, (index,)


@primitive(
    lambda g, residual, x_shape, output_size: unpool(
        g, residual[0], input_shape=x_shape, dims=len(output_size)
    ),
    residual=True,
    shown=1,
    promote=None,
    method=False,
    title="AdaptiveMaxPool",
    named=_by_rank("AdaptiveMaxPool{}Backward0"),
    samples=[sample(Real("n 5", distinct=True), output_size=one_of((2,), (3,)))],
)
def adaptive_max(x: Any, *, output_size: Any) -> Any:
    """The largest element of each of the windows that give `output_size`, and its index."""
    out, index = kernels.adaptive_max_pool_forward(x, output_size=output_size)
    return out, (index,)


@primitive(
    lambda g, y, dims: pick(g, y, dims=dims),
    None,
    promote=None,
    method=False,
    samples=[sample(Real("n 3"), Integer("n 3", 0, 5), input_shape=lambda n: (n, 5), dims=1)],
)
def unpool(x: Any, y: Any, *, input_shape: Any, dims: Any) -> Any:
    """Zeros of `input_shape` with x added at the indices y into the flattened plane."""
    return kernels.max_pool_backward(x, y, input_shape=input_shape, dims=dims)


@primitive(
    lambda g, y, x_shape, dims: unpool(g, y, input_shape=x_shape, dims=dims),
    None,
    promote=None,
    method=False,
    samples=[sample(Real("n 5"), Integer("n 3", 0, 5), dims=1)],
)
def pick(x: Any, y: Any, *, dims: Any) -> Any:
    """The elements of x at the indices y into the flattened plane."""
    return kernels.pool_gather(x, y, dims=dims)


_MEANS: dict[str, Any] = {
    **_WINDOWS,
    "ceil_mode": one_of(False, True),
    "count_include_pad": one_of(True, False),
}


@primitive(
    lambda g, x_shape, kernel, stride, padding, ceil_mode, count_include_pad, divisor: spread_mean(
        g,
        input_shape=x_shape,
        kernel=kernel,
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor=divisor,
    ),
    promote=None,
    method=False,
    title="AvgPool",
    named=_by_rank("AvgPool{}Backward0"),
    samples=[sample(Real("n 5"), divisor=one_of(None, 3), **_MEANS)],
)
def mean_pool(
    x: Any,
    *,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: Any,
    count_include_pad: Any,
    divisor: Any,
) -> Any:
    """The mean of each window (the sum divided by `divisor` if that is given)."""
    return kernels.avg_pool_forward(
        x,
        kernel=kernel,
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor_override=divisor,
    )


@primitive(
    lambda g, kernel, stride, padding, ceil_mode, count_include_pad, divisor: mean_pool(
        g,
        kernel=kernel,
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor=divisor,
    ),
    promote=None,
    method=False,
    samples=[
        sample(
            Real("n 4"),
            input_shape=lambda n: (n, 5),
            kernel=(2,),
            stride=(1,),
            padding=(0,),
            ceil_mode=False,
            count_include_pad=True,
            divisor=one_of(None, 3),
        )
    ],
)
def spread_mean(
    x: Any,
    *,
    input_shape: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: Any,
    count_include_pad: Any,
    divisor: Any,
) -> Any:
    """The transpose of `mean_pool`: each x divided among its window."""
    return kernels.avg_pool_backward(
        x,
        input_shape=input_shape,
        kernel=kernel,
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor_override=divisor,
    )


@primitive(
    lambda g, x_shape, output_size: spread_adaptive(
        g, input_shape=x_shape, output_size=output_size
    ),
    promote=None,
    method=False,
    title="AdaptiveAvgPool",
    named=_by_rank("AdaptiveAvgPool{}Backward0"),
    samples=[sample(Real("n 5"), output_size=one_of((2,), (3,)))],
)
def adaptive_mean(x: Any, *, output_size: Any) -> Any:
    """The mean of each of the windows that give `output_size`."""
    return kernels.adaptive_avg_pool_forward(x, output_size=output_size)


@primitive(
    lambda g, output_size: adaptive_mean(g, output_size=output_size),
    promote=None,
    method=False,
    samples=[sample(Real("n 2"), input_shape=lambda n: (n, 5), output_size=(2,))],
)
def spread_adaptive(x: Any, *, input_shape: Any, output_size: Any) -> Any:
    """The transpose of `adaptive_mean`."""
    return kernels.adaptive_avg_pool_backward(x, input_shape=input_shape, output_size=output_size)


# -- the public functions -------------------------------------------------------------------------


def _shape_of(function: str, x: Any) -> tuple[int, ...]:
    if not isinstance(x, Tensor):
        raise TypeError(f"{function}(): argument 'input' must be Tensor, not {type(x).__name__}")
    return x.array.shape


def _check_input(function: str, shape: tuple[int, ...], dims: int) -> None:
    ndim = len(shape)
    if dims > 1 and ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"non-empty {dims + 1}D or {dims + 2}D (batch mode) tensor expected for input, but got "
            f"{list(shape)} ({function})"
        )
    if ndim not in (dims + 1, dims + 2) or 0 in shape[1 if ndim == dims + 2 else 0 :]:
        raise RuntimeError(
            f"{function}(): Expected {dims + 1}D or {dims + 2}D (batch mode) tensor with optional "
            f"0 dim batch size for input, but got: {list(shape)}"
        )


def _shown(sizes: tuple[int, ...]) -> str:
    return str(sizes[0] if len(sizes) == 1 else sizes)


def windows_of(
    function: str, dims: int, kernel_size: Any, stride: Any, padding: Any
) -> dict[str, tuple[int, ...]]:
    """kernel, stride (the kernel's sizes if not given) and padding, one number an axis, checked."""
    kernel = per_dim(kernel_size, dims, "kernel_size", function)
    empty = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    stride = kernel if empty else per_dim(stride, dims, "stride", function)
    padding = per_dim(padding, dims, "padding", function)
    if min(kernel) <= 0:
        which = "kernel_size must" if function == "max_pool1d" else "kernel size should"
        raise RuntimeError(f"{which} be greater than zero, but got {_shown(kernel)} ({function})")
    if min(stride) <= 0:
        which = "must be greater than zero" if function == "max_pool1d" else "should not be zero"
        raise RuntimeError(f"stride {which}, but got {_shown(stride)} ({function})")
    if min(padding) < 0:
        raise RuntimeError(f"pad must be non-negative, but got pad: {min(padding)} ({function})")
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise RuntimeError(
            "pad should be at most half of effective kernel size, but got "
            f"pad={max(padding)}, kernel_size={max(kernel)} ({function})"
        )
    return {"kernel": kernel, "stride": stride, "padding": padding}


def _check_output(
    function: str, shape: tuple[int, ...], windows: Any, dilation: Any, ceil_mode: bool
) -> None:
    size = shape[len(shape) - len(windows["kernel"]) :]
    geometry = (windows["kernel"], windows["stride"], windows["padding"], dilation)
    out = [
        kernels.pool_output_size(n, k, s, p, d, ceil_mode)
        for n, k, s, p, d in zip(size, *geometry, strict=True)
    ]
    if min(out) < 1:
        wrong = f"Invalid computed output size: {out[0]}. " if len(out) == 1 else ""
        channels = shape[-len(size) - 1]
        given, made = ("x".join(map(str, (channels, *sizes))) for sizes in (size, out))
        raise RuntimeError(
            f"{wrong}Given input size: ({given}). Calculated output size: ({made}). "
            f"Output size is too small ({function})"
        )


def _max(
    dims: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    given = (kernel_size, stride, padding, dilation, ceil_mode)
    find = _max_windows if _NUMBERS.issuperset(map(type, given)) else _max_windows.__wrapped__
    found = max_pool(input, **find(dims, _shape_of(f"max_pool{dims}d", input), *given))
    return found if return_indices else found[0]


_NUMBERS = frozenset({int, bool, type(None)})  # what may be looked up: others may be equal to them


@functools.lru_cache(256, typed=True)
def _max_windows(
    dims: int, shape: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil: Any
) -> dict[str, Any]:
    """The metadata of `max_pool` for an input of this shape, checked."""
    function = f"max_pool{dims}d"
    windows = windows_of(function, dims, kernel_size, stride, padding)
    dilation = per_dim(dilation, dims, "dilation", function)
    if min(dilation) <= 0:
        verb = "must" if dims == 1 else "should"
        raise RuntimeError(
            f"dilation {verb} be greater than zero, but got {_shown(dilation)} ({function})"
        )
    _check_input(function, shape, dims)
    _check_output(function, shape, windows, dilation, ceil)
    return {**windows, "dilation": dilation, "ceil_mode": bool(ceil)}


@composed(method=False)
def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Maxima over windows of (N, C, L); with `return_indices` also where they were."""
    return _max(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composed(method=False)
def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Maxima over windows of (N, C, H, W); with `return_indices` also where they were."""
    return _max(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composed(method=False)
def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Maxima over windows of (N, C, D, H, W); with `return_indices` also where they were."""
    return _max(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg(
    dims: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    given = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    find = _avg_windows if _NUMBERS.issuperset(map(type, given)) else _avg_windows.__wrapped__
    meta = find(dims, _shape_of(f"avg_pool{dims}d", input), *given)
    whole = input.array.dtype.kind in "iu"  # sums divided and cut off, as PyTorch does
    means = mean_pool(input.double() if whole else input, **meta)
    return means.to(input.dtype) if whole else means


@functools.lru_cache(256, typed=True)
def _avg_windows(
    dims: int,
    shape: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: Any,
    count_include_pad: Any,
    divisor: Any,
) -> dict[str, Any]:
    """The metadata of `mean_pool` for an input of this shape, checked."""
    function = f"avg_pool{dims}d"
    windows = windows_of(function, dims, kernel_size, stride, padding)
    _check_input(function, shape, dims)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    _check_output(function, shape, windows, (1,) * dims, ceil_mode)
    flags = {"ceil_mode": bool(ceil_mode), "count_include_pad": bool(count_include_pad)}
    return {**windows, **flags, "divisor": divisor}


@composed(method=False)
def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Means over windows of (N, C, L)."""
    return _avg(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@composed(method=False)
def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Means over windows of (N, C, H, W)."""
    return _avg(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@composed(method=False)
def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Means over windows of (N, C, D, H, W)."""
    return _avg(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _output_size(value: Any, x: Any, dims: int) -> tuple[int, ...]:
    values = value if isinstance(value, (tuple, list)) else (value,) * dims
    if len(values) != dims:
        what = (
            "'output_size' should contain one int" if dims == 1 else f"output_size must be {dims}"
        )
        raise RuntimeError(f"{what}, got {list(values)}")
    size = x.array.shape[x.array.ndim - dims :]
    return tuple([n if v is None else int(v) for v, n in zip(values, size, strict=True)])


def _adaptive(kind: str, dims: int, input: Any, output_size: Any) -> Any:
    function = f"adaptive_{kind}_pool{dims}d"
    if isinstance(input, Tensor) and dims > 1 and input.array.ndim <= dims:
        raise ValueError(f"Input dimension should be at least {dims + 1} ({function})")
    size = _output_size(output_size, input, dims)
    _check_input(function, _shape_of(function, input), dims)
    if min(size) < 0:
        wrong = "" if kind == "avg" else "Trying to create tensor with negative dimension: "
        raise RuntimeError(
            f"{wrong}elements of output_size must be greater than or equal to 0, "
            f"but got {list(size)} ({function})"
        )
    if kind == "avg":
        return adaptive_mean(input, output_size=size)
    return adaptive_max(input, output_size=size)


@composed(method=False)
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """Means over the windows that give (N, C, output_size)."""
    return _adaptive("avg", 1, input, output_size)


@composed(method=False)
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """Means over the windows that give (N, C, *output_size); None keeps a size."""
    return _adaptive("avg", 2, input, output_size)


@composed(method=False)
def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """Means over the windows that give (N, C, *output_size); None keeps a size."""
    return _adaptive("avg", 3, input, output_size)


@composed(method=False)
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over the windows that give (N, C, output_size)."""
    found = _adaptive("max", 1, input, output_size)
    return found if return_indices else found[0]


@composed(method=False)
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over the windows that give (N, C, *output_size); None keeps a size."""
    found = _adaptive("max", 2, input, output_size)
    return found if return_indices else found[0]


@composed(method=False)
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over the windows that give (N, C, *output_size); None keeps a size."""
    found = _adaptive("max", 3, input, output_size)
    return found if return_indices else found[0]


def _lp(dims: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil: bool) -> Any:
    function = f"lp_pool{dims}d"
    kernel = per_dim(kernel_size, dims, "kernel_size", function)
    count = 1
    for k in kernel:
        count *= k
    powers = _avg(dims, input**norm_type, kernel, stride, 0, ceil, True, None)
    return (powers.sign() * powers.abs().relu() * count) ** (1.0 / norm_type)


@composed(method=False)
def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """(sum of x^p over each window)^(1/p), p = norm_type."""
    return _lp(1, input, norm_type, kernel_size, stride, ceil_mode)


@composed(method=False)
def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """(sum of x^p over each window)^(1/p), p = norm_type."""
    return _lp(2, input, norm_type, kernel_size, stride, ceil_mode)


@composed(method=False)
def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """(sum of x^p over each window)^(1/p), p = norm_type."""
    return _lp(3, input, norm_type, kernel_size, stride, ceil_mode)
