"""Functions of one array, elementwise, forward and backward in one pass over memory.

Each is stated as a scalar expression (below the heading "expressions"), from which the loops are
generated, and once in NumPy. `forward` and `backward` choose by size: NumPy for small arrays and
without numba, one thread, then all threads. Every element is computed alone: results do not depend
on the number of threads. Backward functions take the incoming gradient g and either the input x or
the result y, whichever the docstring of the expression names.

Any layout is accepted; the result has the layout of the input where that is dense (NHWC stays
NHWC). Other dtypes than float32 and float64 go through NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _math
from ._jit import FMA, Kernel, enabled, jit, like, loaded, prange, ready, where
from ._math import gauss as _gauss
from ._math import number
from .copying import contiguous, dense, laid_as

Array = np.ndarray

SMALL = 4096
"""Elements from which a kernel on one thread beats NumPy, for a function of one NumPy pass."""
PARALLEL = 32768
"""Elements from which waking the other threads pays, for a cheap function."""
MANY = 1 << 16
"""Elements from which all threads beat a single pass of NumPy's."""

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

# -- loops ----------------------------------------------------------------------------------------

f: Any = None  # bound to an expression


@jit(parallel=True, fastmath=FMA)
def map1(x, out):
    """out[i] = f(x[i])."""
    for i in prange(x.size):
        out[i] = f(x[i])


@jit(parallel=True, fastmath=FMA)
def map1_1(x, a, out):
    """out[i] = f(x[i], a)."""
    for i in prange(x.size):
        out[i] = f(x[i], a)


@jit(parallel=True, fastmath=FMA)
def map1_2(x, a, b, out):
    """out[i] = f(x[i], a, b)."""
    for i in prange(x.size):
        out[i] = f(x[i], a, b)


@jit(parallel=True, fastmath=FMA)
def map2(g, x, out):
    """out[i] = f(g[i], x[i])."""
    for i in prange(x.size):
        out[i] = f(g[i], x[i])


@jit(parallel=True, fastmath=FMA)
def map2_1(g, x, a, out):
    """out[i] = f(g[i], x[i], a)."""
    for i in prange(x.size):
        out[i] = f(g[i], x[i], a)


@jit(parallel=True, fastmath=FMA)
def map2_2(g, x, a, b, out):
    """out[i] = f(g[i], x[i], a, b)."""
    for i in prange(x.size):
        out[i] = f(g[i], x[i], a, b)


@jit(parallel=True, fastmath=FMA)
def map1_3(x, a, b, c, out):
    """out[i] = f(x[i], a, b, c)."""
    for i in prange(x.size):
        out[i] = f(x[i], a, b, c)


@jit(parallel=True, fastmath=FMA)
def map2_3(g, x, a, b, c, out):
    """out[i] = f(g[i], x[i], a, b, c)."""
    for i in prange(x.size):
        out[i] = f(g[i], x[i], a, b, c)


def _stored(y: Array, out: Array) -> Array:
    np.copyto(out, y)
    return out


def forward(
    name: str,
    scalar: Any,
    numpy: Callable[..., Array],
    parameters: int = 0,
    small: int = SMALL,
    parallel: int = PARALLEL,
    few: int | None = None,
) -> Any:
    """f(x, *parameters, out=None), elementwise: NumPy below `small` elements, then the loop.

    few  elements from which the loop is taken where numba is loaded already; for functions whose
         loop gives what NumPy gives to the last bit, so that it makes no difference which ran
    """
    loop = (map1, map1_1, map1_2, map1_3)[parameters].bind(name, f=scalar)
    least = small if few is None else few
    stored = numpy if isinstance(numpy, np.ufunc) else lambda x, out: _stored(numpy(x), out)

    def large(x: Array, numbers: tuple[float, ...], out: Array | None) -> Array:
        size = x.size
        if x.dtype not in FLOATS or not _compiled(size, small):
            y = numpy(x, *numbers)
            return y if out is None else _stored(y, out)
        run = loop if size >= parallel else loop.serial
        values = [x.dtype.type(a) for a in numbers] if numbers else numbers
        if out is None and x.flags.c_contiguous:
            y = np.empty(x.shape, x.dtype)
            run(x.reshape(-1), *values, y.reshape(-1))
            return y
        flat = dense(x)
        if flat is None:
            x = contiguous(x)
            flat = x.reshape(-1)
        fits = out is not None and out.dtype == x.dtype and out.strides == x.strides
        y = out if fits and out is not None else np.empty_like(x)
        run(flat, *values, dense(y))
        return y if out is None or fits else _stored(y, out)

    def plain(x: Array, out: Array | None = None) -> Array:
        if x.size >= least:
            return large(x, (), out)
        return numpy(x) if out is None else stored(x, out)

    def with_numbers(x: Array, *numbers: float, out: Array | None = None) -> Array:
        if x.size >= least:
            return large(x, numbers, out)
        return numpy(x, *numbers) if out is None else _stored(numpy(x, *numbers), out)

    return _named(with_numbers if parameters else plain, name, scalar, numpy, loop, small, 1)


def backward(
    name: str,
    scalar: Any,
    numpy: Callable[..., Array],
    parameters: int = 0,
    small: int = SMALL,
    parallel: int = PARALLEL,
    few: int | None = None,
) -> Any:
    """f(g, x, *parameters), elementwise: the gradient towards x, from g and x (or y)."""
    loop = (map2, map2_1, map2_2, map2_3)[parameters].bind(name, f=scalar)
    least = small if few is None else few

    def large(g: Array, x: Array, numbers: tuple[float, ...]) -> Array:
        size = x.size
        if x.dtype not in FLOATS or g.dtype != x.dtype or not _compiled(size, small):
            return numpy(g, x, *numbers)
        run = loop if size >= parallel else loop.serial
        values = [x.dtype.type(a) for a in numbers] if numbers else numbers
        if x.flags.c_contiguous and g.flags.c_contiguous and g.shape == x.shape:
            out = np.empty(x.shape, x.dtype)
            run(g.reshape(-1), x.reshape(-1), *values, out.reshape(-1))
            return out
        flat = dense(x)
        if flat is None:
            x = contiguous(x)
            flat = x.reshape(-1)
        out = np.empty_like(x)
        if g.strides != x.strides or g.shape != x.shape:
            g = laid_as(np.broadcast_to(g, x.shape), x)
        run(dense(g), flat, *values, dense(out))
        return out

    def plain(g: Array, x: Array) -> Array:
        return numpy(g, x) if x.size < least else large(g, x, ())

    def with_numbers(g: Array, x: Array, *numbers: float) -> Array:
        return numpy(g, x, *numbers) if x.size < least else large(g, x, numbers)

    return _named(with_numbers if parameters else plain, name, scalar, numpy, loop, small, 2)


def _compiled(size: int, small: int) -> bool:
    """Whether the loop is taken: numba is loaded, or `size` and what it saves are worth that."""
    if size < small:
        return loaded()
    return ready(size) if small == MANY else enabled()


def _named(
    call: Any, name: str, scalar: Any, numpy: Any, loop: Kernel, small: int, arrays: int
) -> Any:
    """`call` with what tests and `warmup` ask of a kernel: its parts, and how many arrays it takes.

    A function, not an object that can be called: for a dozen elements the difference shows.
    """
    call.__name__, call.__doc__ = name, scalar.__doc__
    call.numpy, call.loop, call.small, call.arrays = numpy, loop, small, arrays
    return call


# -- expressions ----------------------------------------------------------------------------------


@number
def _tanh_backward(g, y):
    """g (1 - y^2), where y = tanh(x)."""
    return g * (like(y, 1) - y * y)


@number
def _sigmoid_backward(g, y):
    """g y (1 - y), where y = sigmoid(x)."""
    return g * y * (like(y, 1) - y)


@number
def _relu(x):
    """max(x, 0); NaN passes."""
    return where(x <= like(x, 0), like(x, 0), x)


@number
def _relu_backward(g, y):
    """g where y > 0, else 0; y may be the input or the result."""
    return where(y <= like(y, 0), like(g, 0), g)


@number
def _negative(x):
    """-x."""
    return -x


@number
def _absolute(x):
    """|x|."""
    return abs(x)


@number
def _absolute_backward(g, x):
    """g sign(x)."""
    zero = like(x, 0)
    return where(x > zero, g, where(x < zero, -g, g * zero))


@number
def _square(x):
    """x^2."""
    return x * x


@number
def _cube(x):
    """x^3."""
    return x * x * x


@number
def _sqrt(x):
    """The square root; NaN below 0."""
    return np.sqrt(x)


@number
def _rsqrt(x):
    """1 / sqrt(x)."""
    return like(x, 1) / np.sqrt(x)


@number
def _reciprocal(x):
    """1 / x."""
    return like(x, 1) / x


@number
def _floor(x):
    """The largest whole number not above x."""
    return np.floor(x)


@number
def _ceil(x):
    """The smallest whole number not below x."""
    return np.ceil(x)


@number
def _trunc(x):
    """x without its fraction."""
    return np.trunc(x)


@number
def _rint(x):
    """The nearest whole number, the even one of two."""
    return np.rint(x)


@number
def _sign(x):
    """-1, 0 or 1; 0 for NaN."""
    zero, one = like(x, 0), like(x, 1)
    return where(x > zero, one, where(x < zero, -one, zero))


@number
def _erf_backward(g, x):
    """g 2 / sqrt(pi) exp(-x^2)."""
    return g * (like(x, 1.1283791670955126) * _gauss(x))


# -- the same in NumPy ----------------------------------------------------------------------------


class _Number(dict[Any, Any]):
    """A number as an array without axes, by dtype: NumPy takes twice as long over Python's."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __missing__(self, dtype: np.dtype) -> Array:
        array = self[dtype] = np.full((), self.value, dtype)
        return array


_ZERO, _ONE = _Number(0), _Number(1)

_each_erf = np.frompyfunc(math.erf, 1, 1)


def _in_double(ufunc: np.ufunc) -> Callable[[Array], Array]:
    """`ufunc`, of float32 computed in float64: NumPy's float32 loops of these functions are off by
    up to 3.5 units in the last place."""

    def numpy(x: Array) -> Array:
        if x.dtype.char == "f":
            return ufunc(x, dtype=np.float64).astype(np.float32)
        return ufunc(x)

    return numpy


def _np_erf(x: Array) -> Array:
    return np.asarray(_each_erf(x), dtype=x.dtype)


def _np_gauss(x: Array, a: float) -> Array:
    """exp(-a x^2) in float64, x^2 in two parts: its rounding would cost x^2 ulp. a: 1 or 1/2."""
    x = np.minimum(np.abs(x), 40, dtype=np.float64)
    high = x.astype(np.float32)
    square = np.multiply(high, high, dtype=np.float64)
    return np.exp(-a * square) * np.exp(a * ((high - x) * (x + high)))


def _np_sigmoid(x: Array) -> Array:
    if x.dtype.char == "f":
        e = np.asarray(x, np.float64)
        np.negative(e, e)
        np.exp(e, e)
        np.add(e, _ONE[e.dtype], e)
        return np.divide(_ONE[e.dtype], e, e).astype(np.float32)
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, x.dtype.type(1), e) / (1 + e)


def _np_sign(x: Array) -> Array:
    return np.subtract(x > 0, x < 0, dtype=x.dtype)


def _np_relu(x: Array) -> Array:
    return np.maximum(x, _ZERO[x.dtype])


# -- the functions --------------------------------------------------------------------------------
# `small` and `parallel` as measured (tests/benchmarks/elementwise_kernels.py).

exp = forward("exp", _math.exp, _in_double(np.exp))
log = forward("log", _math.log, _in_double(np.log), small=2048)
expm1 = forward("expm1", _math.expm1, _in_double(np.expm1), small=512)
erf = forward("erf", _math.erf, _np_erf, small=32)
erf_backward = backward(
    "erf_backward",
    _erf_backward,
    lambda g, x: g * (_np_gauss(x, 1) * 1.1283791670955126).astype(x.dtype),
    small=2048,
)
tanh = forward("tanh", _math.tanh, np.tanh)
tanh_backward = backward(
    "tanh_backward", _tanh_backward, lambda g, y: g * (_ONE[y.dtype] - y * y), small=2048
)
sigmoid = forward("sigmoid", _math.sigmoid, _np_sigmoid, small=512)
sigmoid_backward = backward(
    "sigmoid_backward", _sigmoid_backward, lambda g, y: g * y * (_ONE[y.dtype] - y), small=2048
)
negative = forward("negative", _negative, np.negative, small=MANY)
absolute = forward("absolute", _absolute, np.absolute, small=MANY)
absolute_backward = backward(
    "absolute_backward", _absolute_backward, lambda g, x: g * _np_sign(x), small=MANY, few=128
)
square = forward("square", _square, np.square, small=MANY)
cube = forward("cube", _cube, lambda x: x * x * x, small=MANY)
sqrt = forward("sqrt", _sqrt, np.sqrt, small=MANY)
rsqrt = forward("rsqrt", _rsqrt, lambda x: 1 / np.sqrt(x), small=MANY)
reciprocal = forward(
    "reciprocal", _reciprocal, lambda x: np.true_divide(_ONE[x.dtype], x), small=MANY
)
floor = forward("floor", _floor, np.floor, small=MANY)
ceil = forward("ceil", _ceil, np.ceil, small=MANY)
trunc = forward("trunc", _trunc, np.trunc, small=MANY)
rint = forward("rint", _rint, np.rint, small=MANY)
sign = forward("sign", _sign, _np_sign, small=16384, few=128)
relu = forward("relu", _relu, _np_relu, small=16384)
relu_backward = backward(
    "relu_backward",
    _relu_backward,
    lambda g, y: np.where(y <= _ZERO[y.dtype], _ZERO[g.dtype], g),
    small=2048,
    few=256,
)
