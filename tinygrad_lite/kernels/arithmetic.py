"""The four operations on large arrays, on all threads; what NumPy gives, to the last bit.

    out = f(x, y)     y like x, or a number, or repeated along the first or the last axes of x

The threads divide the elements as all elementwise kernels do, so that each finds in its cache what
it wrote there in the step before. One thread amid others pays for the way from cache to cache: a
megabyte costs ten times its addition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ._jit import FMA, jit, like, prange, ready, where
from ._math import number
from .copying import contiguous, dense, laid_as
from .elementwise import FLOATS, map1_1, map2, map2_1

Array = np.ndarray

LARGE = 1 << 13
"""Elements from which a kernel on one thread wins over NumPy's broadcasting."""
PARALLEL = 1 << 16
"""Elements from which waking the other threads pays."""

f: Any = None  # bound to an expression


@jit(parallel=True, fastmath=FMA)
def map3(x, y, z, out):
    """out[i] = f(x[i], y[i], z[i])."""
    for i in prange(x.size):
        out[i] = f(x[i], y[i], z[i])


@jit(parallel=True, fastmath=FMA)
def map3_1(x, y, z, a, out):
    """out[i] = f(x[i], y[i], z[i], a)."""
    for i in prange(x.size):
        out[i] = f(x[i], y[i], z[i], a)


@jit(parallel=True, fastmath=FMA)
def map_rows(x, y, out):
    """out[i, j] = f(x[i, j], y[j])."""
    for i in prange(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = f(x[i, j], y[j])


@jit(parallel=True, fastmath=FMA)
def map_columns(x, y, out):
    """out[i, j] = f(x[i, j], y[i]); y begins anew when it ends."""
    for i in prange(x.shape[0]):
        a = y[i % y.size]
        for j in range(x.shape[1]):
            out[i, j] = f(x[i, j], a)


_LOOPS = {"alike": map2, "number": map1_1, "rows": map_rows, "columns": map_columns}


def _arranged(x: Array, y: Array, out: Array | None) -> tuple[str, Array, Array, Array] | None:
    """How y, of no more elements, is spread over x: the name of a loop, what it reads of x and of
    y, and the array like x of the value. None if no loop fits."""
    if x.dtype != y.dtype or y.ndim > x.ndim:
        return None
    if out is not None and (out.shape, out.strides, out.dtype) != (x.shape, x.strides, x.dtype):
        return None
    if x.shape == y.shape or y.size == 1:
        if x.size < PARALLEL or dense(x) is None or dense(y) is None:
            return None
        if y.size > 1 and x.strides != y.strides:
            x, y = (contiguous(x), contiguous(y)) if out is None else (x, laid_as(y, x))
        read, value = dense(x), dense(y)
        assert read is not None and value is not None
        if out is None:
            out = np.empty_like(x)
        return ("number", read, value[0], out) if y.size == 1 else ("alike", read, value, out)
    if not (x.flags.c_contiguous and y.flags.c_contiguous):
        return None
    if out is None:
        out = np.empty_like(x)
    there = x.shape[x.ndim - y.ndim :]
    first = next(k for k in range(y.ndim) if y.shape[k] != 1)
    last = next(k for k in range(y.ndim, 0, -1) if y.shape[k - 1] != 1)
    if y.shape[first:last] != there[first:last]:
        return None
    if y.shape[first:] == there[first:]:
        return "rows", x.reshape(-1, y.size), y.reshape(-1), out
    return "columns", x.reshape(-1, prod(there[last:])), y.reshape(-1), out


def binary(name: str, scalar: Any, turned: Any, ufunc: np.ufunc) -> Callable[..., Array]:
    """f(x, y, out=None) as `ufunc`; `turned` is the expression with x and y exchanged, if that is
    another one."""
    loops = {way: loop.bind(name, f=scalar) for way, loop in _LOOPS.items()}
    exchanged = loops
    if turned is not None:
        exchanged = {way: loop.bind(name + "_turned", f=turned) for way, loop in _LOOPS.items()}

    def call(x: Any, y: Any, out: Array | None = None) -> Array:
        exchange = getattr(x, "size", 1) < getattr(y, "size", 1)
        big, other = (y, x) if exchange else (x, y)
        if big.size < LARGE or big.dtype not in FLOATS or not ready(big.size):
            return ufunc(x, y, out=out)
        if type(other) is not np.ndarray:
            other = np.asarray(other, big.dtype)
        elif out is not None and other is not out and np.may_share_memory(other, out):
            other = other.copy("K")
        arranged = _arranged(big, other, out)
        if arranged is None:
            return ufunc(x, y, out=out)
        way, read, value, out = arranged
        loop = (exchanged if exchange else loops)[way]
        write = dense(out) if read.ndim == 1 else out.reshape(read.shape)
        (loop if big.size >= PARALLEL else loop.serial)(read, value, write)
        return out

    call.__name__, call.__doc__ = name, scalar.__doc__
    call.ufunc = ufunc  # type: ignore[attr-defined]
    return call


def alike(name: str, scalar: Any, loop: Any, numpy: Callable[..., Array]) -> Callable[..., Array]:
    """f(*arrays, out=None, **numbers) of arrays of one shape and layout; `numpy` for all others.

    The expression and `numpy` take the numbers after the arrays.
    """
    loop = loop.bind(name, f=scalar)

    def call(*arrays: Any, out: Array | None = None, **numbers: Any) -> Array:
        x, values = arrays[0], numbers.values()
        if x.size >= PARALLEL and ready(x.size) and are_alike(arrays, out):
            flat = [dense(a) for a in arrays]
            if flat[0] is not None:
                y = np.empty_like(x) if out is None else out
                loop(*flat, *[x.dtype.type(a) for a in values], dense(y))
                return y
        y = numpy(*arrays, *values)
        if out is None:
            return y
        if y.shape != out.shape:
            raise ValueError(f"{name}: a value of shape {y.shape} does not fit into {out.shape}")
        np.copyto(out, y)
        return out

    call.__name__, call.__doc__ = name, scalar.__doc__
    call.numpy, call.loop = numpy, loop  # type: ignore[attr-defined]
    return call


def are_alike(arrays: Sequence[Any], out: Array | None) -> bool:
    """Whether all are float arrays of one dtype, shape and layout, none overlapping `out`."""
    x = arrays[0]
    if x.dtype not in FLOATS:
        return False
    for a in arrays if out is None else (*arrays, out):
        if type(a) is not np.ndarray or a.dtype != x.dtype:
            return False
        if a.shape != x.shape or a.strides != x.strides:
            return False
    return out is None or all(a is out or not np.may_share_memory(a, out) for a in arrays)


@number
def _add(x, y):
    """x + y."""
    return x + y


@number
def _subtract(x, y):
    """x - y."""
    return x - y


@number
def _subtract_from(x, y):
    """y - x."""
    return y - x


@number
def _multiply(x, y):
    """x y."""
    return x * y


@number
def _divide(x, y):
    """x / y."""
    return x / y


@number
def _divide_into(x, y):
    """y / x."""
    return y / x


@number
def _larger(x, y):
    """The larger of x and y, NaN if either is."""
    return where((x >= y) | (x != x), x, y)


@number
def _smaller(x, y):
    """The smaller of x and y, NaN if either is."""
    return where((x <= y) | (x != x), x, y)


@number
def _add_scaled(x, y, a):
    """x + a y."""
    return x + a * y


@number
def _add_product(x, y, z, a):
    """x + a y z."""
    return x + a * y * z


@number
def _add_quotient(x, y, z, a):
    """x + a y / z."""
    return x + a * (y / z)


@number
def _mix(x, y, a):
    """x + a (y - x), from the nearer end, so that both are exact."""
    way = y - x
    return where(abs(a) < like(a, 0.5), x + a * way, y - (like(a, 1) - a) * way)


def _np_mix(x: Array, y: Array, a: float) -> Array:
    way = np.asarray(y - x)
    if abs(a) < 0.5:
        way *= a
        return np.add(x, way, out=way)
    way *= 1 - a
    return np.subtract(y, way, out=way)


add = binary("add", _add, None, np.add)
subtract = binary("subtract", _subtract, _subtract_from, np.subtract)
multiply = binary("multiply", _multiply, None, np.multiply)
divide = binary("divide", _divide, _divide_into, np.true_divide)

maximum = binary("maximum", _larger, None, np.maximum)
minimum = binary("minimum", _smaller, None, np.minimum)
add_scaled = alike("add_scaled", _add_scaled, map2_1, lambda x, y, a: x + y * a)
add_product = alike("add_product", _add_product, map3_1, lambda x, y, z, a: x + y * z * a)
add_quotient = alike("add_quotient", _add_quotient, map3_1, lambda x, y, z, a: x + y / z * a)
mix = alike("mix", _mix, map2_1, _np_mix)


def times(g: Array, y: Any) -> Array:
    """g y, the gradient towards a factor: g is the larger."""
    return g * y if g.size < LARGE else multiply(g, y)


def over(g: Array, y: Any) -> Array:
    """g / y, the gradient towards a dividend: g is the larger."""
    return g / y if g.size < LARGE else divide(g, y)
