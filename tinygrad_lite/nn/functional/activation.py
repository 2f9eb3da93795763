"""Activation functions under PyTorch's names; the mathematics is in `ops.activation`."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from ...core.inplace import in_place
from ...core.random import numpy_generator
from ...core.tensor import Tensor, bind, make
from ...ops import activation as ops
from ...ops import softmax as softmaxes
from ...ops.arguments import of_tensors
from ...ops.gates import gated
from ...ops.selection import where

_in_place = functools.cache(lambda op: in_place(op, op.__name__ + "_"))


def _applied(op: Any, input: Tensor, inplace: bool, **meta: Any) -> Tensor:
    """op(input), or `input` overwritten by it."""
    return _in_place(op)(input, **meta) if inplace else op(input, **meta)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x); derivative 0 at 0."""
    return input.relu_() if inplace else ops.relu(input)


def relu_(input: Tensor) -> Tensor:
    """`relu`, in place."""
    return input.relu_()


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(0, x), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e^-x)."""
    return ops.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """tanh x."""
    return input.tanh()


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x for x > 0, else negative_slope x."""
    return _applied(ops.leaky_relu, input, inplace, negative_slope=negative_slope)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu`, in place."""
    return leaky_relu(input, negative_slope, True)


@of_tensors
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x for x > 0, else weight x, with one weight, or one for each channel (axis 1)."""
    if weight.array.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = "
            f"{weight.array.ndim}"
        )
    count, x = weight.array.size, input.array
    if count != 1:
        if x.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor. (prelu)")
        channels = x.shape[1] if x.ndim > 1 else 1
        if channels != count:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{count} and channel size = {channels}."
            )
    slope = weight.reshape([-1 if i == 1 else 1 for i in range(x.ndim)])
    return ops.prelu_kernel(input, slope)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU: in training each slope is uniform on [lower, upper], else it is the mean."""
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound: {lower}, {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    x = input.array
    slope = make(numpy_generator().uniform(lower, upper, x.shape).astype(x.dtype))
    out = where(input > 0, input, slope * input)
    return input.copy_(out) if inplace else out


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """`rrelu`, in place."""
    return rrelu(input, lower, upper, training, True)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x for x > 0, else alpha (e^x - 1)."""
    return _applied(ops.elu, input, inplace, alpha=alpha)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu`, in place."""
    return elu(input, alpha, True)


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """scale (max(0, x) + min(0, alpha (e^x - 1))) with the self-normalizing constants."""
    return _applied(ops.elu, input, inplace, alpha=SELU_ALPHA, scale=SELU_SCALE)


def selu_(input: Tensor) -> Tensor:
    """`selu`, in place."""
    return selu(input, True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, x) + min(0, alpha (e^(x / alpha) - 1))."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _applied(ops.elu, input, inplace, alpha=alpha, input_scale=1.0 / alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu`, in place."""
    return celu(input, alpha, True)


def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """x Phi(x) with the normal distribution function, exact or ('tanh') approximated."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return ops.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x)."""
    return _applied(ops.silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(log(1 + e^x))."""
    return _applied(ops.mish, input, inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta; x itself where beta x > threshold."""
    return ops.softplus(input, beta=beta, threshold=threshold)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (input.abs() + 1)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x within [min_val, max_val], the nearer end outside."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _applied(ops.hardtanh, input, inplace, min_val=min_val, max_val=max_val)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh`, in place."""
    return hardtanh(input, min_val, max_val, True)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x min(max(0, x + 3), 6) / 6."""
    return _applied(ops.hardswish, input, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(0, x + 3), 6) / 6."""
    return _applied(ops.hardsigmoid, input, inplace)


def logsigmoid(input: Tensor) -> Tensor:
    """log(1 / (1 + e^-x))."""
    return ops.logsigmoid(input)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh x."""
    return input - input.tanh()


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, 0 within it."""
    if lambd < 0:
        raise RuntimeError(
            f"lambda must be in range [0, the largest number of the input dtype], found {lambd}"
        )
    return ops.softshrink(input, lambd=lambd)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0."""
    return ops.hardshrink(input, lambd=lambd)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value."""
    return _applied(ops.threshold, input, inplace, threshold=threshold, value=value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold`, in place."""
    return _applied(ops.threshold, input, True, threshold=threshold, value=value)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b) for the two halves a, b of x along `dim`."""
    if input.array.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    size = input.size(dim)
    if size % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim % input.array.ndim} is size {size}"
        )
    return gated(input, axis=dim % input.array.ndim)


def maxout(input: Tensor, pool_size: int, dim: int = 1) -> Tensor:
    """The largest of `pool_size` neighbouring entries along `dim` (Goodfellow et al. 2013)."""
    size = input.size(dim)
    if size % pool_size:
        raise RuntimeError(f"maxout: {size} entries along dim {dim} do not divide by {pool_size}")
    groups = input.unflatten(dim, (size // pool_size, pool_size))
    return groups.amax(dim + 1 if dim >= 0 else dim)


def _implicit_dim(name: str, ndim: int, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """e^x / sum of e^x along `dim`."""
    if dim is None:
        dim = _implicit_dim("softmax", input.array.ndim, _stacklevel)
    return softmaxes.softmax(input, dim, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """softmax(-x)."""
    if dim is None:
        dim = _implicit_dim("softmin", input.array.ndim, _stacklevel)
    return softmaxes.softmax(-input, dim, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """log softmax(x), computed as x - logsumexp(x)."""
    if dim is None:
        dim = _implicit_dim("log_softmax", input.array.ndim, _stacklevel)
    return softmaxes.log_softmax(input, dim, dtype)


@of_tensors
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """softmax((logits + Gumbel noise) / tau); `hard` rounds to one-hot but keeps the gradient.

    Source: Jang et al. 2017.
    """
    x = logits.array
    noise = make(-np.log(numpy_generator().standard_exponential(x.shape)).astype(x.dtype))
    soft = softmaxes.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    index = soft.argmax(dim, keepdim=True)
    one_hot = soft.detach().clone().zero_().scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft


bind("hardshrink", hardshrink)
bind("prelu", prelu)
