"""The pools of the last one, two or three axes: what may be given, and what it means."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from ..core.doors import composed
from ..core.tensor import Tensor
from ..kernels import pool as kernels
from .arguments import of_tensors
from .convolution import per_dim
from .pools import adaptive_max, adaptive_mean, max_pool, mean_pool


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
    windows = find(dims, _shape_of(f"avg_pool{dims}d", input), *given)
    whole = input.array.dtype.kind in "iu"  # sums divided and cut off, as PyTorch does
    means = mean_pool(input.double() if whole else input, windows=windows)
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
    """The windows of `mean_pool` for an input of this shape, checked."""
    function = f"avg_pool{dims}d"
    windows = windows_of(function, dims, kernel_size, stride, padding)
    _check_input(function, shape, dims)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    _check_output(function, shape, windows, (1,) * dims, ceil_mode)
    flags = {"ceil_mode": bool(ceil_mode), "count_include_pad": bool(count_include_pad)}
    return {**windows, **flags, "divisor_override": divisor}


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
@of_tensors
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
@of_tensors
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


def _with_indices(pool: Any) -> Any:
    """`pool` with its indices, whatever `return_indices` says."""
    name = f"{pool.__name__}_with_indices"
    parameters = inspect.signature(pool)

    def call(*args: Any, **named: Any) -> Any:
        given = parameters.bind(*args, **named)
        given.arguments["return_indices"] = True
        return pool(*given.args, **given.kwargs)

    call.__name__ = call.__qualname__ = name
    call.__signature__ = parameters  # type: ignore[attr-defined]
    call.__doc__ = f"`{pool.__name__}(..., return_indices=True)`."
    return call


max_pool1d_with_indices = _with_indices(max_pool1d)
max_pool2d_with_indices = _with_indices(max_pool2d)
max_pool3d_with_indices = _with_indices(max_pool3d)
adaptive_max_pool1d_with_indices = _with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = _with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = _with_indices(adaptive_max_pool3d)
