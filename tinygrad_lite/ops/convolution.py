"""Convolution and its transpose, in one, two and three spatial dimensions.

One bilinear map has three faces: `convolution` (of input and weight), and its transposes towards
the input and towards the weight. Each is the derivative of the others, so the three rules below
close over each other and derivatives of every order exist.

    out[n, o, p] = b[o] + sum over c, k of w[o, c, k] x[n, c, p * stride + k * dilation - padding]

Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.chain import sum_to
from ..core.doors import composed, primitive
from ..core.samples import Real, one_of, sample
from ..core.tensor import Tensor
from ..kernels import conv as kernels
from .arguments import c_name, kind, of_tensors
from .axes import permute


def _crop(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` cut to `shape`: a transposed convolution may leave its last outputs unused."""
    if x.shape == shape:
        return x
    return x[tuple(slice(0, n) for n in shape)]


def _per_channel(g: Any, b_shape: tuple[int, ...]) -> Any:
    return sum_to(g, shape=(1, *b_shape, *(1,) * (len(g.shape) - 2))).reshape(b_shape)


_GEOMETRY: dict[str, Any] = {
    "stride": one_of((1,), (2,)),
    "padding": one_of(((0, 0),), ((1, 1),), ((0, 1),)),
    "dilation": one_of((1,), (2,)),
    "groups": 2,
}


@primitive(
    lambda g, w, x_shape, stride, padding, dilation, groups: convolution_input(
        g, w, input_shape=x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    lambda g, x, w_shape, stride, padding, dilation, groups: convolution_weight(
        g, x, weight_shape=w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    lambda g, b_shape: _per_channel(g, b_shape),
    promote=None,
    method=False,
    samples=[sample(Real("n 4 7"), Real("6 2 3"), Real("6"), **_GEOMETRY)],
)
def convolution(
    x: Any, w: Any, b: Any, *, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    """x (N, C, *S) with w (O, C / groups, *K), plus b (O) unless it is None: (N, O, *P)."""
    return kernels.conv_forward(
        x, w, bias=b, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@primitive(
    lambda g, w, x_shape, stride, padding, dilation, groups: _crop(
        convolution(g, w, None, stride=stride, padding=padding, dilation=dilation, groups=groups),
        x_shape,
    ),
    lambda g, x, w_shape, stride, padding, dilation, groups: convolution_weight(
        x, g, weight_shape=w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    promote=None,
    method=False,
    title="ConvolutionInput",
    samples=[
        sample(
            Real("n 6 5"),
            Real("6 2 3"),
            input_shape=lambda n: (n, 4, 7),
            stride=(1,),
            padding=((0, 0),),
            dilation=(1,),
            groups=2,
        )
    ],
)
def convolution_input(
    x: Any, w: Any, *, input_shape: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    """The transpose of `convolution` in its input: x (N, O, *P) to `input_shape`."""
    return kernels.conv_input_grad(
        x,
        w,
        input_shape=input_shape,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


@primitive(
    lambda g, y, x_shape, stride, padding, dilation, groups: _crop(
        convolution(y, g, None, stride=stride, padding=padding, dilation=dilation, groups=groups),
        x_shape,
    ),
    lambda g, x, y_shape, stride, padding, dilation, groups: convolution_input(
        x, g, input_shape=y_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    promote=None,
    method=False,
    title="ConvolutionWeight",
    samples=[
        sample(
            Real("n 6 5"),
            Real("n 4 7"),
            weight_shape=(6, 2, 3),
            stride=(1,),
            padding=((0, 0),),
            dilation=(1,),
            groups=2,
        )
    ],
)
def convolution_weight(
    x: Any, y: Any, *, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    """The transpose of `convolution` in its weight: x (N, O, *P), y (N, C, *S)."""
    return kernels.conv_weight_grad(
        x,
        y,
        weight_shape=weight_shape,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


# -- the public functions -------------------------------------------------------------------------


def per_dim(value: Any, dims: int, name: str, function: str) -> tuple[int, ...]:
    """`value` once for each of `dims` spatial dimensions: a number, or a tuple of them."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return (int(value),) * dims
    try:
        values = tuple([int(v) for v in value])
    except (TypeError, ValueError):
        raise TypeError(
            f"{function}(): argument '{name}' must be tuple of ints, not {type(value).__name__}"
        ) from None
    if len(values) == 1:
        return values * dims
    if len(values) != dims:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {dims} values to match the "
            f"convolution dimensions, but got {name}={list(values)}"
        )
    return values


def _padding_pairs(
    padding: Any, kernel: tuple[int, ...], stride: Any, dilation: Any, function: str
) -> tuple[tuple[int, int], ...]:
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if padding != "same":
            raise RuntimeError(
                f"Invalid padding string: '{padding}' (use 'same', 'valid' or numbers)"
            )
        if any(s != 1 for s in stride):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple([(t // 2, t - t // 2) for t in total])
    numbers = per_dim(padding, len(kernel), "padding", function)
    if min(numbers, default=0) < 0:
        raise RuntimeError("negative padding is not supported")
    return tuple([(p, p) for p in numbers])


def _check(
    function: str, x: Any, w: Any, b: Any, dims: int, stride: Any, dilation: Any, groups: int
) -> Any:
    """The checks all convolutions share; returns `x` with a batch axis."""
    for name, t in (("input", x), ("weight", w)):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"{function}(): argument '{name}' must be Tensor, not {type(t).__name__}"
            )
    if w.array.ndim < 3:
        raise RuntimeError(
            f"weight should have at least three dimensions, got {list(w.array.shape)} ({function})"
        )
    if w.array.ndim != dims + 2:
        raise RuntimeError(
            f"Expected {w.array.ndim}-dimensional input for {w.array.ndim}-dimensional weight "
            f"{list(w.array.shape)}, but {function} takes a weight of {dims + 2} dimensions "
            f"(got input of size {list(x.array.shape)})"
        )
    if x.array.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {function}, but "
            f"got input of size: {list(x.array.shape)}"
        )
    if b is not None and b.array.dtype != x.array.dtype:
        raise RuntimeError(
            f"Input type ({c_name(x.array.dtype)}) and bias type ({c_name(b.array.dtype)}) should "
            f"be the same ({function})"
        )
    if w.array.dtype != x.array.dtype:
        raise RuntimeError(
            f"expected scalar type {kind(x.array.dtype)} but found {kind(w.array.dtype)}: the "
            f"types of input and weight should be the same ({function})"
        )
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(dilation) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    return x if x.array.ndim == dims + 2 else x.unsqueeze(0)


def _convolve(
    dims: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    function = f"conv{dims}d"
    stride = per_dim(stride, dims, "stride", function)
    dilation = per_dim(dilation, dims, "dilation", function)
    x = _check(function, input, weight, bias, dims, stride, dilation, groups)
    shape, size = weight.array.shape, x.array.shape
    pairs = _padding_pairs(padding, shape[2:], stride, dilation, function)
    if shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, "
            f"but got weight of size {list(shape)} instead"
        )
    if shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size {list(shape)} instead"
        )
    if size[1] != shape[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(shape)}, expected input{list(size)} to "
            f"have {shape[1] * groups} channels, but got {size[1]} channels instead"
        )
    if bias is not None and bias.array.shape != (shape[0],):
        raise RuntimeError(
            f"Given weight of size {list(shape)}, expected bias to be 1-dimensional with "
            f"{shape[0]} elements, but got bias of size {list(bias.array.shape)} instead"
        )
    padded = [n + lo + hi for n, (lo, hi) in zip(size[2:], pairs, strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, shape[2:], strict=True)]
    if any(n < r for n, r in zip(padded, reach, strict=True)):
        raise RuntimeError(
            "Calculated padded input size per channel: "
            f"({' x '.join(map(str, padded))}). Kernel size: ({' x '.join(map(str, reach))}). "
            "Kernel size can't be greater than actual input size"
        )
    out = convolution(
        x, weight, bias, stride=stride, padding=pairs, dilation=dilation, groups=groups
    )
    return out if input.array.ndim == dims + 2 else out.squeeze(0)


def _transpose(
    dims: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    function = f"conv_transpose{dims}d"
    stride = per_dim(stride, dims, "stride", function)
    dilation = per_dim(dilation, dims, "dilation", function)
    padding = per_dim(padding, dims, "padding", function)
    extra = per_dim(output_padding, dims, "output_padding", function)
    x = _check(function, input, weight, bias, dims, stride, dilation, groups)
    shape, size = weight.array.shape, x.array.shape
    if size[1] != shape[0]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(shape)}, expected input{list(size)} to have "
            f"{shape[0]} channels, but got {size[1]} channels instead"
        )
    if shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size {list(shape)} instead"
        )
    channels = shape[1] * groups
    if bias is not None and bias.array.shape != (channels,):
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(shape)}, expected bias to be 1-dimensional "
            f"with {channels} elements, but got bias of size {list(bias.array.shape)} instead"
        )
    if any(e < 0 or (e >= s and e >= d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got "
            f"output_padding: {list(extra)}, stride: {list(stride)}, dilation: {list(dilation)}"
        )
    sizes = [
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            size[2:], stride, padding, dilation, shape[2:], extra, strict=True
        )
    ]
    if min(sizes) < 1:
        raise RuntimeError(
            f"Given input size per channel: ({' x '.join(map(str, size[2:]))}). Calculated output "
            f"size per channel: ({' x '.join(map(str, sizes))}). Output size is too small"
        )
    out = convolution_input(
        x,
        weight,
        input_shape=(size[0], channels, *sizes),
        stride=stride,
        padding=tuple([(p, p) for p in padding]),
        dilation=dilation,
        groups=groups,
    )
    if bias is not None:
        out = out + bias.reshape((1, channels, *(1,) * dims))
    return out if input.array.ndim == dims + 2 else out.squeeze(0)


@composed(method=False)
def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolve input (N, C, L) with weight (O, C / groups, K)."""
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


@composed(method=False)
def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolve input (N, C, H, W) with weight (O, C / groups, KH, KW)."""
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


@composed(method=False)
def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolve input (N, C, D, H, W) with weight (O, C / groups, KD, KH, KW)."""
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


@composed(method=False)
def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of `conv1d` in its input: input (N, C, L), weight (C, O / groups, K)."""
    return _transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composed(method=False)
def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of `conv2d` in its input: weight (C, O / groups, KH, KW)."""
    return _transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composed(method=False)
def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of `conv3d` in its input: weight (C, O / groups, ...)."""
    return _transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composed(method=False)
@of_tensors
def conv_tbc(input: Any, weight: Any, bias: Any, pad: int = 0) -> Any:
    """`conv1d` of input (T, N, C), time first, with weight (KT, C, O) and bias (O): (T', N, O).

    RuntimeError for other shapes.
    """
    x, w, b = input.array.shape, weight.array.shape, bias.array.shape
    if len(x) != 3:
        raise RuntimeError(f"Input must have 3 dims: time, batch, in_channel (got {list(x)})")
    if len(w) != 3:
        raise RuntimeError(
            f"Weight tensor must have 3 dims: kernel_width, in_channels, "
            f"out_channels (got {list(w)})"
        )
    if x[2] != w[1]:
        raise RuntimeError(
            "Input dim 2 (input channels) is not == dim 1 in the weight tensor "
            f"({list(x)} and {list(w)})"
        )
    if b != w[2:]:
        raise RuntimeError(
            f"Bias size must equal dim 2 in the weight tensor (output channels): {list(b)}, {w[2]}"
        )
    rows = conv1d(permute(input, (1, 2, 0)), permute(weight, (2, 1, 0)), bias, padding=pad)
    return permute(rows, (2, 0, 1))
