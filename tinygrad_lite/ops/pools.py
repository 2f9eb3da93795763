"""Pooling: maxima, means and p-norms over windows of the last one, two or three axes.

Taking maxima is picking elements: its derivative puts gradients back where the elements came from
(`unpool`), whose derivative picks again (`pick`). Means are linear: forward and backward are each
other's derivative. Among equal elements of a window the first is the maximum, as in PyTorch.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from ..core.doors import primitive
from ..core.samples import Integer, Real, one_of, sample
from ..kernels import pool as kernels

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


_MEANS = [
    {
        "kernel": (2,),
        "stride": (stride,),
        "padding": (padding,),
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
        "divisor_override": divisor,
    }
    for stride, padding, ceil_mode, count_include_pad, divisor in product(
        (1, 2), (0, 1), (False, True), (True, False), (None, 3)
    )
]


@primitive(
    lambda g, x_shape, windows: spread_mean(g, input_shape=x_shape, windows=windows),
    promote=None,
    method=False,
    title="AvgPool",
    named=_by_rank("AvgPool{}Backward0"),
    samples=[sample(Real("n 5"), windows=one_of(*_MEANS))],
)
def mean_pool(x: Any, *, windows: Any) -> Any:
    """The mean of each window (the sum divided by `divisor_override` if that is given).

    windows  the keywords of the kernel `avg_pool_forward`
    """
    return kernels.avg_pool_forward(x, **windows)


@primitive(
    lambda g, windows: mean_pool(g, windows=windows),
    promote=None,
    method=False,
    samples=[sample(Real("n 4"), input_shape=lambda n: (n, 5), windows=one_of(*_MEANS[:2]))],
)
def spread_mean(x: Any, *, input_shape: Any, windows: Any) -> Any:
    """The transpose of `mean_pool`: each x divided among its window."""
    return kernels.avg_pool_backward(x, input_shape=input_shape, **windows)


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
