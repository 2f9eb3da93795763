"""Initial values of weights, written in place.

Which textbook means which: the variance of a weight is `scale / fan`, and

    name                          scale, fan                      called
    ----------------------------  ------------------------------  -----------------------------
    lecun_normal_, lecun_uniform_  1, fan_in                      LeCun 1998; "Xavier" in Caffe
                                                                  and some lectures
    xavier_normal_, xavier_uniform_  2, fan_in + fan_out (= 1,    Glorot and Bengio 2010
                                   average of both)
    kaiming_normal_, kaiming_uniform_  gain^2, fan_in or fan_out  He et al. 2015 (2/fan_in: ReLU)
    variance_scaling_(2, "fan_avg")  4, fan_in + fan_out          "He" in Geron's table

`variance_scaling_` is the formula behind all of them. A uniform distribution of the same variance
reaches from -sqrt(3 var) to sqrt(3 var).
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from ..core.modes import no_grad
from ..core.node import touch
from ..core.random import numpy_generator
from ..core.tensor import Tensor
from ..kernels import lapack

_GAINS = {
    "linear": 1,
    "conv1d": 1,
    "conv2d": 1,
    "conv3d": 1,
    "conv_transpose1d": 1,
    "conv_transpose2d": 1,
    "conv_transpose3d": 1,
    "sigmoid": 1,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights grow to make up for what `nonlinearity` shrinks.

    1 for linear, convolution and sigmoid; 5/3 for tanh; sqrt(2) for ReLU; sqrt(2 / (1 + slope^2))
    for leaky ReLU with slope `param` (0.01); 3/4 for SELU.
    """
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, bool) or not isinstance(param, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        else:
            slope = param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return _GAINS[nonlinearity]


_SKIP: ContextVar[bool] = ContextVar("initializers_skip", default=False)
F = TypeVar("F", bound=Callable[..., Tensor])


@contextmanager
def skipped() -> Iterator[None]:
    """Inside, initializers leave their tensor as it is: for `nn.utils.skip_init`."""
    token = _SKIP.set(True)
    try:
        yield
    finally:
        _SKIP.reset(token)


def _skippable(initialize: F) -> F:
    @functools.wraps(initialize)
    def maybe(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return tensor if _SKIP.get() else initialize(tensor, *args, **kwargs)

    return maybe  # type: ignore[return-value]


def _write(tensor: Tensor, values: Any, by: str) -> Tensor:
    np.copyto(tensor.array, values, casting="unsafe")
    touch(tensor.array, by)
    return tensor


@_skippable
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from the uniform distribution on [a, b)."""
    if a > b:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={a:g} > to={b:g}"
        )
    rng = numpy_generator(generator)
    return _write(tensor, rng.uniform(a, b, tensor.array.shape), "uniform_")


@_skippable
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from the normal distribution of this mean and standard deviation."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    rng = numpy_generator(generator)
    return _write(tensor, mean + std * rng.standard_normal(tensor.array.shape), "normal_")


@_skippable
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Fill with draws from the part of the normal distribution that lies in [a, b]."""
    if not a <= b:
        raise ValueError(f"trunc_normal_: [{a}, {b}] is no interval")
    low, high = (a - mean) / std, (b - mean) / std
    if low > 2 or high < -2:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    rng = numpy_generator(generator)
    z = np.empty(tensor.array.size)
    outside = np.arange(z.size)
    if math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)) > 0.6:
        while outside.size:  # all of the bell, again where it misses
            z[outside] = rng.standard_normal(outside.size)
            outside = outside[(z[outside] < low) | (z[outside] > high)]
    peak = max(low, min(0.0, high))
    while outside.size:  # evenly over the interval, kept as often as the bell is high there
        z[outside] = x = rng.uniform(low, high, outside.size)
        outside = outside[rng.random(x.size) > np.exp((peak**2 - x**2) / 2)]
    x = np.clip(mean + std * z, a, b)
    return _write(tensor, x.reshape(tensor.array.shape), "trunc_normal_")


@_skippable
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    return _write(tensor, val, "constant_")


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0.0)


@_skippable
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: as many inputs as possible pass through unchanged."""
    if tensor.array.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _write(tensor, np.eye(*tensor.array.shape), "eye_")


@_skippable
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution weight so that as many channels as possible pass through unchanged."""
    shape = tensor.array.shape
    if len(shape) not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = shape[0] // groups
    x = np.zeros(shape)
    centre = tuple(n // 2 for n in shape[2:])
    for group in range(groups):
        for d in range(min(per_group, shape[1])):
            x[(group * per_group + d, d, *centre)] = 1
    return _write(tensor, x, "dirac_")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Inputs to and outputs of one unit: shape (out, in, *kernel) gives (in, out) * kernel size."""
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    receptive = math.prod(shape[2:])
    return shape[1] * receptive, shape[0] * receptive


def _calculate_correct_fan(tensor: Tensor, mode: str) -> float:
    mode = mode.lower()
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    fans: dict[str, float] = {
        "fan_in": fan_in,
        "fan_out": fan_out,
        "fan_avg": (fan_in + fan_out) / 2,
    }
    if mode not in fans:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(fans)}")
    return fans[mode]


def variance_scaling_(
    tensor: Tensor,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "normal",
    generator: Any = None,
) -> Tensor:
    """Fill with draws of mean 0 and variance `scale / fan`.

    mode          "fan_in", "fan_out" or "fan_avg" (their average)
    distribution  "normal", "truncated_normal" (cut at two standard deviations, then widened to
                  the same variance, as Keras does) or "uniform"

    The lecture gains enter as `scale`: 1 for the logistic function with the Glorot fan, 16 for tanh
    in the convention that gives it a factor of 4, 2 for ReLU (a factor of root 2).
    """
    if scale <= 0:
        raise ValueError(f"variance_scaling_: scale must be positive, got {scale}")
    std = math.sqrt(scale / _calculate_correct_fan(tensor, mode))
    if distribution == "normal":
        return normal_(tensor, 0.0, std, generator)
    if distribution == "truncated_normal":
        std /= 0.87962566103423978  # standard deviation of a standard normal cut at -2 and 2
        return trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator)
    if distribution == "uniform":
        bound = math.sqrt(3.0) * std
        return uniform_(tensor, -bound, bound, generator)
    raise ValueError(
        f"variance_scaling_: distribution must be 'normal', 'truncated_normal' or 'uniform', "
        f"got {distribution!r}"
    )


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform of variance gain^2 * 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""
    return variance_scaling_(tensor, gain**2, "fan_avg", "uniform", generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal of variance gain^2 * 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""
    return variance_scaling_(tensor, gain**2, "fan_avg", "normal", generator)


def lecun_uniform_(tensor: Tensor, generator: Any = None) -> Tensor:
    """Uniform of variance 1 / fan_in (LeCun et al. 1998)."""
    return variance_scaling_(tensor, 1.0, "fan_in", "uniform", generator)


def lecun_normal_(tensor: Tensor, generator: Any = None) -> Tensor:
    """Normal of variance 1 / fan_in (LeCun et al. 1998)."""
    return variance_scaling_(tensor, 1.0, "fan_in", "normal", generator)


def _kaiming(
    tensor: Tensor, a: float, mode: str, nonlinearity: str, distribution: str, generator: Any
) -> Tensor:
    if 0 in tensor.array.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", UserWarning, stacklevel=3)
        return tensor
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    gain = calculate_gain(nonlinearity, a)
    return variance_scaling_(tensor, gain**2, mode, distribution, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Uniform of variance gain^2 / fan (He et al. 2015); `a` is the slope of a leaky ReLU."""
    return _kaiming(tensor, a, mode, nonlinearity, "uniform", generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Normal of variance gain^2 / fan (He et al. 2015); `a` is the slope of a leaky ReLU."""
    return _kaiming(tensor, a, mode, nonlinearity, "normal", generator)


@_skippable
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """`gain` times a random (semi-)orthogonal matrix, uniform over all (Saxe et al. 2014)."""
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.array.size == 0:
        return tensor
    rows, columns = shape[0], tensor.array.size // shape[0]
    x = numpy_generator(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = lapack.qr(x)
    q *= np.sign(np.diag(r))  # makes the distribution uniform (Mezzadri 2007)
    q = q.T if rows < columns else q
    return _write(tensor, gain * q.reshape(shape), "orthogonal_")


@_skippable
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Normal, with a share of `sparsity` zeros in each column (Martens 2010)."""
    if tensor.array.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rng = numpy_generator(generator)
    rows, columns = tensor.array.shape
    x = std * rng.standard_normal((rows, columns))
    zeros = math.ceil(sparsity * rows)
    for column in range(columns):
        x[rng.permutation(rows)[:zeros], column] = 0
    return _write(tensor, x, "sparse_")


def lsuv_(
    model: Any, input: Any, *, std: float = 1.0, tolerance: float = 0.1, steps: int = 10
) -> dict[str, float]:
    """Layer-sequential unit variance (Mishkin and Matas 2016): initialization by data.

    Weights become orthogonal; then, layer after layer in the order in which `model(input)` runs
    them, each weight is divided by its output's standard deviation until that is `std` within
    `tolerance` (at most `steps` times). Returns the standard deviation reached by each layer.
    """
    order: list[tuple[str, Any]] = []
    handles = []
    for name, module in model.named_modules():
        weight = module._parameters.get("weight")
        if weight is not None and weight.array.ndim >= 2:
            handles.append(module.register_forward_hook(_noting(order, name)))
    try:
        with no_grad():
            model(input)
    finally:
        for handle in handles:
            handle.remove()
    reached: dict[str, float] = {}
    for name, module in dict.fromkeys(order):
        orthogonal_(module.weight)
        for _ in range(steps):
            reached[name] = _output_std(model, module, input)
            if abs(reached[name] - std) <= tolerance * std or reached[name] == 0:
                break
            _write(module.weight, module.weight.array * (std / reached[name]), "lsuv_")
    return reached


def _noting(order: list[tuple[str, Any]], name: str) -> Callable[..., None]:
    def note(module: Any, args: Any, output: Any) -> None:
        order.append((name, module))

    return note


def _output_std(model: Any, module: Any, input: Any) -> float:
    seen: list[float] = []
    handle = module.register_forward_hook(lambda m, a, out: seen.append(float(out.array.std())))
    try:
        with no_grad():
            model(input)
    finally:
        handle.remove()
    return seen[0]


def _deprecated(new: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    def old(*args: Any, **kwargs: Any) -> Tensor:
        import warnings

        warnings.warn(
            f"`nn.init.{name}` is now deprecated in favor of `nn.init.{new.__name__}`.",
            FutureWarning,
            stacklevel=2,
        )
        return new(*args, **kwargs)

    old.__name__ = name
    old.__doc__ = f"Deprecated name of `{new.__name__}`."
    return old


uniform = _deprecated(uniform_, "uniform")
normal = _deprecated(normal_, "normal")
constant = _deprecated(constant_, "constant")
eye = _deprecated(eye_, "eye")
dirac = _deprecated(dirac_, "dirac")
xavier_uniform = _deprecated(xavier_uniform_, "xavier_uniform")
xavier_normal = _deprecated(xavier_normal_, "xavier_normal")
kaiming_uniform = _deprecated(kaiming_uniform_, "kaiming_uniform")
kaiming_normal = _deprecated(kaiming_normal_, "kaiming_normal")
orthogonal = _deprecated(orthogonal_, "orthogonal")
sparse = _deprecated(sparse_, "sparse")
