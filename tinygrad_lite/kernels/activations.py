"""Activations, forward and backward in one pass over memory: see elementwise.py."""

from __future__ import annotations

import math

import numpy as np

from . import _math
from ._jit import like, where
from ._math import exp as _exp
from ._math import expm1 as _expm1
from ._math import log1p as _log1p
from ._math import normal as _normal
from ._math import number
from ._math import sigmoid as _sigmoid
from .elementwise import _ZERO, _np_gauss, _np_sigmoid, backward, forward

Array = np.ndarray

# -- expressions ----------------------------------------------------------------------------------


@number
def _leaky_relu(x, a):
    """x where x > 0, else a x."""
    return where(x > like(x, 0), x, x * a)


@number
def _leaky_relu_backward(g, x, a):
    """g where x > 0, else a g."""
    return where(x > like(x, 0), g, g * a)


@number
def _elu(x, a):
    """x where x > 0, else a (exp(x) - 1)."""
    return where(x > like(x, 0), x, a * _expm1(where(x > like(x, 0), like(x, 0), x)))


@number
def _elu_backward(g, y, a):
    """g where y > 0, else g (y + a), where y = elu(x) and a > 0."""
    return where(y > like(y, 0), g, g * (y + a))


@number
def _scaled_elu(x, scale, a, rate):
    """scale x where x > 0, else a (exp(rate x) - 1)."""
    return where(x > like(x, 0), x * scale, a * _expm1(where(x > like(x, 0), like(x, 0), x * rate)))


@number
def _scaled_elu_backward(g, x, scale, slope, rate):
    """g scale where x > 0, else g slope exp(rate x)."""
    below = slope * _exp(where(x > like(x, 0), like(x, 0), x * rate))
    return g * where(x > like(x, 0), scale, below)


@number
def _hardtanh(x, low, high):
    """x limited to low and high; NaN passes."""
    x = where(x < low, low, x)
    return where(x > high, high, x)


@number
def _hardtanh_backward(g, x, low, high):
    """g where low < x < high, else 0."""
    return where(x <= low, like(g, 0), where(x >= high, like(g, 0), g))


@number
def _hardsigmoid(x):
    """min(max(x + 3, 0), 6) / 6."""
    z = x + like(x, 3)
    z = where(z < like(x, 0), like(x, 0), z)
    return where(z > like(x, 6), like(x, 6), z) / like(x, 6)


@number
def _hardsigmoid_backward(g, x):
    """g / 6 where -3 < x < 3, else 0."""
    return where((x > like(x, -3)) & (x < like(x, 3)), g * like(x, 1 / 6), like(g, 0))


@number
def _hardswish(x):
    """x min(max(x + 3, 0), 6) / 6."""
    z = x + like(x, 3)
    z = where(z < like(x, 0), like(x, 0), z)
    return x * (where(z > like(x, 6), like(x, 6), z) / like(x, 6))


@number
def _hardswish_backward(g, x):
    """0 where x <= -3, g (x / 3 + 1 / 2) where x < 3, else g."""
    slope = g * (x / like(x, 3) + like(x, 0.5))
    return where(x <= like(x, -3), like(g, 0), where(x < like(x, 3), slope, g))


@number
def _logsigmoid(x):
    """log(1 / (1 + exp(-x)))."""
    return where(x < like(x, 0), x, like(x, 0)) - _log1p(_exp(-abs(x)))


@number
def _logistic(y, x):
    """(1 - y) x - log(sigmoid(x))."""
    return (like(x, 1) - y) * x - _logsigmoid(x)


@number
def _logsigmoid_backward(g, x):
    """g sigmoid(-x)."""
    return g * _sigmoid(-x)


@number
def _gelu_backward(g, x):
    """g (P(X <= x) + x p(x)), X standard normal with density p."""
    below, e = _normal(x)
    return g * (below + x * (e * like(x, 0.3989422804014327)))


@number
def _gelu_tanh(x):
    """x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3), which is x (1 + tanh(u)) / 2."""
    return x * _sigmoid(x * (like(x, 1.5957691216057308) + like(x, 0.0713548162726) * (x * x)))


@number
def _gelu_tanh_backward(g, x):
    """g (s + x s (1 - s) 2 du/dx), s = sigmoid(2 u)."""
    z = x * x
    s = _sigmoid(x * (like(x, 1.5957691216057308) + like(x, 0.0713548162726) * z))
    slope = like(x, 1.5957691216057308) + like(x, 0.2140644488178) * z
    # Far out the slope may be infinite where s (1 - s) is 0.
    inner = where(z > like(x, 400), like(x, 0), x * (s * (like(x, 1) - s)) * slope)
    return g * (s + inner)


@number
def _silu(x):
    """x sigmoid(x) = x / (1 + e^-x)."""
    return x / (like(x, 1) + _exp(-x))


@number
def _silu_backward(g, x):
    """g s (1 + x (1 - s)), s = sigmoid(x) = 1 / (1 + e^-x)."""
    s = like(x, 1) / (like(x, 1) + _exp(-x))
    return g * (s * (like(x, 1) + x * (like(x, 1) - s)))


@number
def _softplus_of(x):
    z = where(x > like(x, 0), x, like(x, 0))
    return z + _log1p(_exp(-abs(x)))


@number
def _softplus(x, beta, threshold):
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""
    z = x * beta
    return where(z > threshold, x, _softplus_of(z) / beta)


@number
def _softplus_backward(g, x, beta, threshold):
    """g sigmoid(beta x); g itself where beta x > threshold."""
    z = x * beta
    return where(z > threshold, g, g * _sigmoid(z))


@number
def _mish_terms(x):
    """e = exp(x) and r = 2 / (n + 2), n = e (e + 2): tanh(log(1 + e)) = n / (n + 2) = n r / 2."""
    e = _exp(where(x > like(x, 40), like(x, 40), x))
    return e, like(x, 2) / (e * (e + like(x, 2)) + like(x, 2))


@number
def _mish(x):
    """x tanh(log(1 + exp(x))): Misra (2019), https://arxiv.org/abs/1908.08681."""
    e, r = _mish_terms(x)
    return x * (e * (e + like(x, 2)) * r * like(x, 0.5))


@number
def _mish_backward(g, x):
    """g (t + x (1 - t^2) s), t = tanh(log(1 + e)), s = sigmoid(x): (1 - t^2) s = e (1 + e) r^2."""
    e, r = _mish_terms(x)
    inner = where(x > like(x, 40), like(x, 0), x * ((e * r) * ((like(x, 1) + e) * r)))
    return g * (e * (e + like(x, 2)) * r * like(x, 0.5) + inner)


# -- the same in NumPy ----------------------------------------------------------------------------

_each_erfc = np.frompyfunc(math.erfc, 1, 1)


def _np_normal(x: Array) -> Array:
    """erfc(-x / sqrt(2)) / 2 in float64."""
    x = np.clip(x, -40, 40, dtype=np.float64)
    z = x * -_math.R64
    # What z lost, from x and sqrt(1 / 2) in halves whose products are exact (Dekker 1971).
    high, factor = x.astype(np.float32), np.float64(np.float32(_math.R64))
    rest = high * (_math.R64 - factor) + (x - high) * factor + (x - high) * (_math.R64 - factor)
    lost = -(high * factor + z) - rest - x * _math.R64_LO
    below = np.asarray(_each_erfc(z), np.float64) * 0.5
    return below - lost * (_np_gauss(z, 1) * 0.5641895835477563)


def _np_gelu(x: Array) -> Array:
    return np.asarray(x * _np_normal(x), dtype=x.dtype)


def _np_leaky_relu(x: Array, a: float) -> Array:
    below = x * a
    return np.maximum(x, below) if 0 < a <= 1 else np.where(x > 0, x, below)


def _np_elu(x: Array, a: float) -> Array:
    below = np.expm1(np.minimum(_ZERO[x.dtype], x)) * a  # of equals the second: -0 stays -0
    # The exponential branch is the larger one left of 0, unless a > 1. (np.where on a mask without
    # a pattern mispredicts a branch per element: 200 microseconds for 60,000 of them.)
    return np.maximum(x, below) if a <= 1 else np.where(x > 0, x, below)


def _np_elu_backward(g: Array, y: Array, a: float) -> Array:
    if a == 1:
        return g * (np.minimum(y, _ZERO[y.dtype]) + 1)
    return np.where(y > 0, g, g * (y + a))


def _np_gelu_backward(g: Array, x: Array) -> Array:
    slope = _np_normal(x) + x * (_np_gauss(x, 0.5) * 0.3989422804014327)
    return g * slope.astype(x.dtype)


def _np_gelu_tanh_gate(x: Array) -> Array:
    return _np_sigmoid(x * (1.5957691216057308 + 0.0713548162726 * (x * x)))


def _np_gelu_tanh_backward(g: Array, x: Array) -> Array:
    s = _np_gelu_tanh_gate(x)
    z = np.minimum(x * x, 400)
    inner = x * (s * (1 - s)) * (1.5957691216057308 + 0.2140644488178 * z)
    return g * (s + np.where(x * x > 400, x.dtype.type(0), inner))


def _np_silu_backward(g: Array, x: Array) -> Array:
    s = _np_sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


def _np_softplus_of(x: Array) -> Array:
    return np.maximum(x, x.dtype.type(0)) + np.log1p(np.exp(-np.abs(x)))


def _np_softplus(x: Array, beta: float, threshold: float) -> Array:
    z = x * beta
    return np.where(z > threshold, x, _np_softplus_of(z) / beta)


def _np_softplus_backward(g: Array, x: Array, beta: float, threshold: float) -> Array:
    z = x * beta
    return np.where(z > threshold, g, g * _np_sigmoid(z))


def _np_mish_terms(x: Array) -> tuple[Array, Array, Array]:
    # float32 for float16, whose range n leaves from x = 5.6 on
    e = np.exp(np.minimum(x, 40), dtype=np.promote_types(x.dtype, np.float32))
    n = e * (e + 2)
    r = 2 / (n + 2)
    return e, r, n * r * 0.5


def _np_mish_backward(g: Array, x: Array) -> Array:
    e, r, t = _np_mish_terms(x)
    inner = np.where(x > 40, x.dtype.type(0), x * ((e * r) * ((1 + e) * r)))
    return np.asarray(g * (t + inner), g.dtype)


# -- the functions --------------------------------------------------------------------------------

leaky_relu = forward("leaky_relu", _leaky_relu, _np_leaky_relu, parameters=1, small=2048, few=512)
leaky_relu_backward = backward(
    "leaky_relu_backward",
    _leaky_relu_backward,
    lambda g, x, a: np.where(x > 0, g, g * a),
    parameters=1,
    small=2048,
    few=128,
)
elu = forward("elu", _elu, _np_elu, parameters=1, small=512)
elu_backward = backward(
    "elu_backward",
    _elu_backward,
    _np_elu_backward,
    parameters=1,
    small=2048,
)
gelu = forward("gelu", _math.gelu, _np_gelu, small=32, parallel=16384)
gelu_backward = backward(
    "gelu_backward", _gelu_backward, _np_gelu_backward, small=32, parallel=16384
)
gelu_tanh = forward(
    "gelu_tanh", _gelu_tanh, lambda x: x * _np_gelu_tanh_gate(x), small=512, parallel=16384
)
gelu_tanh_backward = backward(
    "gelu_tanh_backward", _gelu_tanh_backward, _np_gelu_tanh_backward, small=512, parallel=16384
)
silu = forward("silu", _silu, lambda x: x * _np_sigmoid(x), small=512)
silu_backward = backward("silu_backward", _silu_backward, _np_silu_backward, small=1024)
softplus = forward("softplus", _softplus, _np_softplus, parameters=2, small=512)
softplus_backward = backward(
    "softplus_backward", _softplus_backward, _np_softplus_backward, parameters=2, small=512
)
mish = forward("mish", _mish, lambda x: np.asarray(x * _np_mish_terms(x)[2], x.dtype), small=512)
mish_backward = backward("mish_backward", _mish_backward, _np_mish_backward, small=512)
scaled_elu = forward(
    "scaled_elu",
    _scaled_elu,
    lambda x, scale, a, rate: np.where(x > 0, x * scale, np.expm1(np.minimum(0, x) * rate) * a),
    parameters=3,
    small=512,
)
scaled_elu_backward = backward(
    "scaled_elu_backward",
    _scaled_elu_backward,
    lambda g, x, scale, slope, rate: (
        g * np.where(x > 0, x.dtype.type(scale), slope * np.exp(np.minimum(0, x) * rate))
    ),
    parameters=3,
    small=512,
)
hardtanh = forward(
    "hardtanh",
    _hardtanh,
    lambda x, low, high: np.minimum(np.maximum(x, low), high),
    parameters=2,
    small=16384,
)
hardtanh_backward = backward(
    "hardtanh_backward",
    _hardtanh_backward,
    lambda g, x, low, high: np.where((x <= low) | (x >= high), g.dtype.type(0), g),
    parameters=2,
    small=2048,
    few=128,
)
hardsigmoid = forward(
    "hardsigmoid",
    _hardsigmoid,
    lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
    few=128,
)
hardsigmoid_backward = backward(
    "hardsigmoid_backward",
    _hardsigmoid_backward,
    lambda g, x: np.where((x > -3) & (x < 3), g * g.dtype.type(1 / 6), g.dtype.type(0)),
    small=2048,
    few=128,
)
hardswish = forward(
    "hardswish",
    _hardswish,
    lambda x: x * (np.minimum(np.maximum(x + 3, 0), 6) / 6),
    few=128,
)
hardswish_backward = backward(
    "hardswish_backward",
    _hardswish_backward,
    lambda g, x: np.where(x <= -3, g.dtype.type(0), np.where(x < 3, g * (x / 3 + 0.5), g)),
    small=2048,
)
logsigmoid = forward(
    "logsigmoid",
    _logsigmoid,
    lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    small=512,
)
logsigmoid_backward = backward(
    "logsigmoid_backward", _logsigmoid_backward, lambda g, x: g * _np_sigmoid(-x), small=1024
)
logistic = backward(
    "logistic", _logistic, lambda y, x: (1 - y) * x - logsigmoid.numpy(x), small=512
)
