"""Activations as primitives, where a composition would lose accuracy or time.

Every rule reads with arrays and with Tensors. At a kink the derivative is PyTorch's: that of the
left branch (0 for relu at 0, `negative_slope` for leaky_relu, and so on).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.doors import composed, primitive
from ..core.rules import with_kernel
from ..core.samples import Real, one_of, reals, sample
from ..core.tensor import Tensor
from ..kernels import activations as kernels
from ..kernels import elementwise
from .arguments import unsupported
from .arithmetic import where
from .exponential import exp
from .special import erf
from .trigonometric import tanh as tanh

_SMOOTH = reals(1)
_KINK = reals(1, avoid=(0.0,))


def _floating(name: str) -> Any:
    def check(x: Any) -> None:
        if x.dtype.kind not in "f":
            raise unsupported(name, x.dtype)

    return check


def _no_bool(name: str) -> Any:
    def check(x: Any, *others: Any) -> None:
        if x.dtype.kind == "b":
            raise unsupported(name, x.dtype)

    return check


def _no_complex(x: Any) -> None:
    if x.dtype.kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")


def _no_bool_relu(x: Any) -> None:
    if x.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    _no_complex(x)


@with_kernel(elementwise.relu_backward)
def _relu_rule(g: Any, out: Any) -> Any:
    return where(out <= 0, 0.0, g)


@primitive(_relu_rule, inplace=True, check=_no_bool_relu, ufunc=elementwise.relu, samples=_KINK)
def relu(x: Any) -> Any:
    """max(x, 0), elementwise. The derivative at 0 is 0."""
    return elementwise.relu(x)


@with_kernel(elementwise.sigmoid_backward)
def _sigmoid_rule(g: Any, out: Any) -> Any:
    return g * (out * (1 - out))


@primitive(_sigmoid_rule, promote="float", inplace=True, ufunc=elementwise.sigmoid, samples=_SMOOTH)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), elementwise: e / (1 + e) with e = exp(-|x|) below 0, without overflow."""
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    return elementwise.sigmoid(x)


@with_kernel(kernels.logsigmoid_backward)
def _logsigmoid_rule(g: Any, x: Any) -> Any:
    return g * sigmoid(-x)


@primitive(
    _logsigmoid_rule,
    method=False,
    check=_floating("log_sigmoid_forward"),
    title="LogSigmoid",
    samples=_SMOOTH,
)
def logsigmoid(x: Any) -> Any:
    """log(sigmoid(x)) = min(x, 0) - log1p(exp(-|x|)), elementwise."""
    return kernels.logsigmoid(x)


@with_kernel(kernels.softplus_backward)
def _softplus_rule(g: Any, x: Any, beta: float, threshold: float) -> Any:
    return where(x * beta > threshold, g, g * sigmoid(x * beta))


@primitive(
    _softplus_rule,
    method=False,
    check=_floating("softplus"),
    samples=[sample(Real(), beta=one_of(1, 2.0)), sample(Real(), beta=1, threshold=20)],
)
def softplus(x: Any, *, beta: float = 1, threshold: float = 20) -> Any:
    """log(1 + exp(beta x)) / beta, and x itself where beta x > threshold."""
    return kernels.softplus(x, float(beta), float(threshold))


def _elu_backward(g: Any, x: Any, out: Any, alpha: float, scale: float, input_scale: float) -> Any:
    if scale == 1 and input_scale == 1 and alpha > 0:
        return kernels.elu_backward(g, out, alpha)
    slope = scale * alpha * input_scale
    return kernels.scaled_elu_backward(g, x, float(scale), slope, float(input_scale))


@with_kernel(_elu_backward)
def _elu_rule(g: Any, x: Any, out: Any, alpha: float, scale: float, input_scale: float) -> Any:
    return where(x <= 0, g * (scale * alpha * input_scale * exp(x * input_scale)), g * scale)


@primitive(
    _elu_rule,
    method=False,
    check=_floating("elu"),
    rewritable=True,
    samples=[
        sample(Real(avoid=(0.0,)), alpha=one_of(1.0, 0.5)),
        sample(Real(avoid=(0.0,)), alpha=1.6, scale=1.05),
        sample(Real(avoid=(0.0,)), alpha=0.7, input_scale=1.4),
    ],
)
def elu(x: Any, *, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """scale * x for x > 0, scale * alpha * (exp(input_scale * x) - 1) elsewhere.

    The derivative at 0 is that of the exponential branch. selu and celu are this with constants.
    """
    if scale == 1 and input_scale == 1 and alpha > 0:
        return kernels.elu(x, float(alpha))
    return kernels.scaled_elu(x, float(scale), float(scale * alpha), float(input_scale))


@with_kernel(kernels.leaky_relu_backward)
def _leaky_relu_rule(g: Any, x: Any, negative_slope: float) -> Any:
    return where(x > 0, g, g * negative_slope)


@primitive(
    _leaky_relu_rule,
    method=False,
    check=_floating("leaky_relu"),
    samples=[sample(Real(avoid=(0.0,)), negative_slope=one_of(0.01, 0.2))],
)
def leaky_relu(x: Any, *, negative_slope: float = 0.01) -> Any:
    """x for x > 0, negative_slope * x elsewhere; the derivative at 0 is negative_slope."""
    return kernels.leaky_relu(x, float(negative_slope))


def _prelu_backward(g: Any, x: Any, slope: Any) -> Any:
    if slope.size == 1 and slope.ndim <= x.ndim:
        return kernels.leaky_relu_backward(g, x, slope.item())
    return np.where(x > 0, g, g * slope)


@with_kernel(_prelu_backward)
def _prelu_rule(g: Any, x: Any, slope: Any) -> Any:
    return where(x > 0, g, g * slope)


@primitive(
    _prelu_rule,
    lambda g, x: where(x > 0, 0.0, g * x),
    broadcasts=True,
    method=False,
    tensors=(0, 1),
    title="PreluKernel",
    check=_no_bool("prelu"),
    samples=[
        sample(Real("n 3", avoid=(0.0,)), Real("3")),
        sample(Real("n 3", avoid=(0.0,)), Real("1")),
    ],
)
def prelu_kernel(x: Any, slope: Any) -> Any:
    """x for x > 0, slope * x elsewhere."""
    if slope.size == 1 and slope.ndim <= x.ndim:
        return kernels.leaky_relu(x, slope.item())
    return np.where(x > 0, x, slope * x)


@with_kernel(kernels.hardtanh_backward)
def _hardtanh_rule(g: Any, x: Any, min_val: float, max_val: float) -> Any:
    return where((x <= min_val) | (x >= max_val), 0.0, g)


def _limitable(x: Any) -> None:
    if x.dtype.kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    _no_complex(x)


@primitive(
    _hardtanh_rule,
    method=False,
    check=_limitable,
    samples=[sample(Real(avoid=(-1.0, 1.0)), min_val=-1.0, max_val=1.0)],
)
def hardtanh(x: Any, *, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x limited to [min_val, max_val]; the derivative at the bounds is 0."""
    return kernels.hardtanh(x, min_val, max_val).astype(x.dtype, copy=False)


@with_kernel(kernels.hardsigmoid_backward)
def _hardsigmoid_rule(g: Any, x: Any) -> Any:
    return where((x > -3) & (x < 3), g * (1 / 6), 0.0)


@primitive(
    _hardsigmoid_rule,
    method=False,
    check=_floating("hardsigmoid"),
    samples=[sample(Real(low=-5, high=5, avoid=(-3.0, 3.0)))],
)
def hardsigmoid(x: Any) -> Any:
    """min(max(x + 3, 0), 6) / 6; the derivative at the bounds is 0."""
    return kernels.hardsigmoid(x)


@with_kernel(kernels.hardswish_backward)
def _hardswish_rule(g: Any, x: Any) -> Any:
    return where(x <= -3, 0.0, where(x < 3, g * (x / 3 + 0.5), g))


@primitive(
    _hardswish_rule,
    method=False,
    check=_floating("hardswish"),
    samples=[sample(Real(low=-5, high=5, avoid=(-3.0, 3.0)))],
)
def hardswish(x: Any) -> Any:
    """x * min(max(x + 3, 0), 6) / 6; the derivative is 0 at -3 and 1 at 3."""
    return kernels.hardswish(x)


@primitive(
    lambda g, out: where(out == 0, 0.0, g),
    method=False,
    check=_floating("hardshrink"),
    rewritable=True,
    samples=[sample(Real(avoid=(-0.5, 0.5)), lambd=0.5)],
)
def hardshrink(x: Any, *, lambd: float = 0.5) -> Any:
    """x where |x| > lambd, else 0; the derivative at the bounds is 0."""
    return np.where(np.abs(x) <= lambd, x.dtype.type(0), x)


@primitive(
    lambda g, out: where(out == 0, 0.0, g),
    method=False,
    check=_floating("softshrink"),
    rewritable=True,
    samples=[sample(Real(avoid=(-0.5, 0.5)), lambd=0.5)],
)
def softshrink(x: Any, *, lambd: float = 0.5) -> Any:
    """x moved towards 0 by lambd, and 0 between -lambd and lambd, where the derivative is 0."""
    return x - np.minimum(np.maximum(x, -lambd), lambd)


@primitive(
    lambda g, x, threshold: where(x <= threshold, 0.0, g),
    method=False,
    check=_no_bool("threshold"),
    samples=[sample(Real(avoid=(0.3,)), threshold=0.3, value=-1.0)],
)
def threshold(x: Any, *, threshold: float, value: float) -> Any:
    """x where x > threshold, else value; the derivative at the threshold is 0."""
    return np.where(x <= threshold, np.asarray(value).astype(x.dtype), x)


@with_kernel(kernels.silu_backward)
def _silu_rule(g: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


def _has_silu(x: Any) -> None:
    if x.dtype.kind not in "fc":
        raise unsupported("silu", x.dtype)


@primitive(_silu_rule, method=False, check=_has_silu, samples=_SMOOTH)
def silu(x: Any) -> Any:
    """x * sigmoid(x), elementwise (also called swish)."""
    return x / (1 + np.exp(-x)) if x.dtype.kind == "c" else kernels.silu(x)


@with_kernel(kernels.mish_backward)
def _mish_rule(g: Any, x: Any) -> Any:
    t = tanh(softplus(x))
    return g * (t + x * sigmoid(x) * (1 - t * t))


@primitive(_mish_rule, method=False, check=_floating("mish"), samples=_SMOOTH)
def mish(x: Any) -> Any:
    """x * tanh(softplus(x)), elementwise."""
    return kernels.mish(x)


_NORMAL = 1 / math.sqrt(2 * math.pi)
_TANH = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _gelu_backward(g: Any, x: Any, approximate: str) -> Any:
    kernel = kernels.gelu_backward if approximate == "none" else kernels.gelu_tanh_backward
    return kernel(g, x)


@with_kernel(_gelu_backward)
def _gelu_rule(g: Any, x: Any, approximate: str) -> Any:
    if approximate == "none":
        return g * ((1 + erf(x * math.sqrt(0.5))) * 0.5 + x * exp(x * x * -0.5) * _NORMAL)
    square = x * x
    t = tanh(x * (square * _CUBIC + 1) * _TANH)
    slope = (square * (3 * _CUBIC) + 1) * _TANH
    return g * ((t + 1) * 0.5 + x * (1 - t * t) * slope * 0.5)


@primitive(
    _gelu_rule,
    method=False,
    check=_floating("GeluKernelImpl"),
    samples=[sample(Real(), approximate=one_of("none", "tanh"))],
)
def gelu(x: Any, *, approximate: str = "none") -> Any:
    """x * Phi(x), Phi the normal distribution function.

    approximate "tanh": x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x ** 3))).
    """
    if approximate == "none":
        return kernels.gelu(x)
    if approximate != "tanh":
        raise RuntimeError("approximate argument must be either none or tanh.")
    return kernels.gelu_tanh(x)


# -- constants of elu, and forms with PyTorch's names ----------------------------------------------

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@composed(method=False, inplace=True, samples=_KINK)
def selu(input: Any) -> Any:
    """scale * (x for x > 0, alpha * (exp(x) - 1) elsewhere) with the constants for which mean 0
    and variance 1 are a fixed point (Klambauer et al., 2017)."""
    return elu(input, alpha=_SELU_ALPHA, scale=_SELU_SCALE)


@composed(method=False, inplace=True, samples=_KINK)
def celu(input: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return elu(input, alpha=alpha, input_scale=1 / alpha)


def relu_(input: Tensor) -> Tensor:
    """relu, written into `input`."""
    return Tensor.__dict__["relu_"](input)


def sigmoid_(input: Tensor) -> Tensor:
    """sigmoid, written into `input`."""
    return Tensor.__dict__["sigmoid_"](input)


def tanh_(input: Tensor) -> Tensor:
    """tanh, written into `input`."""
    return Tensor.__dict__["tanh_"](input)


def selu_(input: Tensor) -> Tensor:
    """selu, written into `input`."""
    return Tensor.__dict__["selu_"](input)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """celu, written into `input`."""
    return Tensor.__dict__["celu_"](input, alpha)
