"""The four operations on large arrays, on all threads; what NumPy gives, to the last bit.

    out = f(x, y)     y like x, or a number; or both broadcast, line by line

The threads divide the elements as all elementwise kernels do, so that each finds in its cache what
it wrote there in the step before. One thread amid others pays for the way from cache to cache: a
megabyte costs ten times its addition.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._jit import FMA, enabled, jit, like, prange, ready, where
from ._math import number
from .copying import contiguous, dense, laid_as
from .elementwise import FLOATS, map1_1, map2, map2_1
from .updates import address, carray, pointer

Array = np.ndarray
Shape = tuple[int, ...]
Layout = tuple[Shape, Shape]
"""Of an array: its shape and strides."""

LARGE = 1 << 13
"""Elements of an operand from which it is asked how many the result has."""
PARALLEL = 1 << 16
"""Elements from which waking the other threads pays."""

LINES = 1 << 13
"""Numbers that one thread takes at a time, where they lie in lines."""
SHORT = 8
"""Numbers in a line that NumPy is left to."""

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
def map_lines(x, y, out, counts, steps, n, x_one, y_one, some, kind):
    """out[.., j] = f(x[.., j], y[.., j]) for lines of n numbers that lie side by side.

    x, y and out are addresses, steps[0], [1] and [2] their bytes from line to line along each of
    the other axes, whose lengths are `counts`; `some` lines of the last of them go to one thread.
    x_one: the line of x is one number; y_one likewise.
    """
    last = counts.size - 1
    blocks = (counts[last] + some - 1) // some
    for t in prange(counts[:last].prod() * blocks):
        first = np.int64(t) % blocks * some
        rest = np.int64(t) // blocks
        a, b, c = (
            x + first * steps[0, last],
            y + first * steps[1, last],
            out + first * steps[2, last],
        )
        for k in range(last - 1, -1, -1):
            i = rest % counts[k]
            rest //= counts[k]
            a += i * steps[0, k]
            b += i * steps[1, k]
            c += i * steps[2, k]
        for _ in range(min(some, counts[last] - first)):
            to = carray(pointer(c), n, kind.dtype)
            left = carray(pointer(a), 1 if x_one else n, kind.dtype)
            right = carray(pointer(b), 1 if y_one else n, kind.dtype)
            if y_one:
                value = right[0]
                for j in range(n):
                    to[j] = f(left[j], value)
            elif x_one:
                value = left[0]
                for j in range(n):
                    to[j] = f(value, right[j])
            else:
                for j in range(n):
                    to[j] = f(left[j], right[j])
            a += steps[0, last]
            b += steps[1, last]
            c += steps[2, last]


_KINDS = {dtype.char: np.empty(0, dtype) for dtype in FLOATS}
"""Nothing, in the dtype in which `map_lines` is to read memory."""


class _Lines(NamedTuple):
    """How a result is gone through, line by line; see `map_lines`."""

    counts: Array
    steps: Array
    n: int
    x_one: bool
    y_one: bool
    some: int


@functools.lru_cache(1024)
def _lines(
    x: Layout, y: Layout, out: Layout | None, itemsize: int
) -> tuple[Shape, Shape, _Lines] | None:
    """The shape, strides and lines of the result, from the shapes and strides of arrays; None if
    they do not fit, in short lines only, or in lines along which neither moves. A result that is
    not given is laid out as the larger array, in row-major order if that repeats its elements."""
    try:
        shape = np.broadcast_shapes(x[0], y[0])
    except ValueError:
        return None
    if out is None:
        like = next((a for a in (x, y) if a[0] == shape and not _repeats(a)), None)
        out = (shape, _packed(like, itemsize) if like else np.empty(shape, f"f{itemsize}").strides)
    if out[0] != shape:
        return None
    strides = [_spread(a, shape) for a in (x, y, out)]
    order = sorted(range(len(shape)), key=lambda k: -strides[2][k])
    axes: list[list[int]] = []  # length, and the steps of x, y and out
    for k in order:
        n, steps = shape[k], [s[k] for s in strides]
        if n == 1:
            continue
        if axes and all(before == n * s for before, s in zip(axes[-1][1:], steps, strict=True)):
            axes[-1] = [axes[-1][0] * n, *steps]
        else:
            axes.append([n, *steps])
    if len(axes) < 2:
        return None
    n, x_step, y_step, out_step = axes.pop()
    if n < SHORT or out_step != itemsize or {x_step, y_step} - {0} != {itemsize}:
        return None
    table = np.array(axes, np.int64).T
    some = max(1, LINES // n)
    lines = _Lines(table[0].copy(), table[1:].copy(), n, x_step == 0, y_step == 0, some)
    return *out, lines


def _packed(like: Layout, itemsize: int) -> Shape:
    """The strides of a new array whose axes lie in memory in the order of `like`, without gaps."""
    example = np.lib.stride_tricks.as_strided(np.empty(1, f"f{itemsize}"), *like)
    return np.empty_like(example).strides


def _repeats(x: Layout) -> bool:
    """Whether elements of x share their place."""
    return any(n > 1 and s == 0 for n, s in zip(*x, strict=True))


def _spread(x: Layout, shape: Shape) -> Shape:
    """The strides of x, broadcast to `shape`."""
    return (0,) * (len(shape) - len(x[0])) + tuple(
        [0 if n == 1 else s for n, s in zip(*x, strict=True)]
    )


def _in_one_run(x: Array, y: Array, out: Array | None) -> tuple[Array, Any, Array] | None:
    """x, y and out as runs of memory in one order; y may be a number. None if they are not."""
    if x.size < PARALLEL or not ready(x.size) or dense(x) is None or dense(y) is None:
        return None
    if out is not None and (out.shape, out.strides, out.dtype) != (x.shape, x.strides, x.dtype):
        return None
    if y.size > 1 and x.strides != y.strides:
        x, y = (contiguous(x), contiguous(y)) if out is None else (x, laid_as(y, x))
    read, value = dense(x), dense(y)
    assert read is not None and value is not None
    return read, (value[0] if y.size == 1 else value), np.empty_like(x) if out is None else out


def binary(
    name: str, scalar: Any, turned: Any, ufunc: np.ufunc, dtypes: Sequence[np.dtype] = FLOATS
) -> Callable[..., Array]:
    """f(x, y, out=None) as `ufunc`; `turned` is the expression with x and y exchanged, if that is
    another one. Other `dtypes` are left to NumPy."""
    alike, number = map2.bind(name, f=scalar), map1_1.bind(name, f=scalar)
    number_first = number if turned is None else map1_1.bind(name + "_turned", f=turned)
    lines = map_lines.bind(name, f=scalar)

    def one_run(x: Array, y: Array, out: Array | None) -> Array | None:
        exchange = x.size == 1 < y.size
        found = _in_one_run(y, x, out) if exchange else _in_one_run(x, y, out)
        if found is None:
            return None
        read, value, out = found
        run = alike if isinstance(value, np.ndarray) else number_first if exchange else number
        run(read, value, dense(out))
        return out

    def by_lines(x: Array, y: Array, out: Array | None) -> Array | None:
        given = None if out is None else (out.shape, out.strides)
        found = _lines((x.shape, x.strides), (y.shape, y.strides), given, x.itemsize)
        if found is None:
            return None
        shape, strides, way = found
        if out is None:
            out = np.ndarray(shape, x.dtype, strides=strides)
        if out.dtype != x.dtype or out.size < PARALLEL or not ready(out.size):
            return None
        lines(address(x), address(y), address(out), *way, _KINDS[out.dtype.char])
        return out

    def call(x: Any, y: Any, out: Array | None = None) -> Array:
        big = x if type(x) is np.ndarray else y
        size = max(big.size, getattr(y, "size", 1))
        if size < LARGE or big.dtype not in dtypes or not enabled():
            return ufunc(x, y, out=out)
        a = x if big is x else np.asarray(x, big.dtype)
        b = y if type(y) is np.ndarray else np.asarray(y, big.dtype)
        if a.dtype != b.dtype:
            return ufunc(x, y, out=out)
        if out is not None:
            a, b = (
                v.copy("K") if v is not out and np.may_share_memory(v, out) else v for v in (a, b)
            )
        one = a.shape == b.shape or (b.size == 1 and b.ndim <= a.ndim)
        one = one or (a.size == 1 and a.ndim <= b.ndim)
        done = one_run(a, b, out) if one else None
        if done is None and not (one and a.flags.c_contiguous and b.flags.c_contiguous):
            done = by_lines(a, b, out)
        return ufunc(x, y, out=out) if done is None else done

    call.__name__, call.__doc__ = name, scalar.__doc__
    call.ufunc = ufunc  # type: ignore[attr-defined]
    return call


def alike(name: str, scalar: Any, loop: Any, numpy: Callable[..., Array]) -> Callable[..., Array]:
    """f(*arrays, out=None, **numbers) of arrays of one shape and layout; `numpy` for all others.

    The expression and `numpy` take the numbers after the arrays, then `numpy` takes out.
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
        return numpy(*arrays, *values, out)

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


def _np_mix(x: Array, y: Array, a: float, out: Array | None = None) -> Array:
    way = np.asarray(y - x)
    if abs(a) < 0.5:
        way *= a
        return np.add(x, way, way if out is None else out)
    way *= 1 - a
    return np.subtract(y, way, way if out is None else out)


def _np_add_scaled(x: Array, y: Array, a: float, out: Array | None = None) -> Array:
    # np.add, for of `x + y * a` NumPy writes the sum of large arrays over y * a, laid out as y
    return np.add(x, y * a, out)


def _np_add_product(x: Array, y: Array, z: Array, a: float, out: Array | None = None) -> Array:
    return np.add(x, y * z * a, out)


def _np_add_quotient(x: Array, y: Array, z: Array, a: float, out: Array | None = None) -> Array:
    return np.add(x, y / z * a, out)


add = binary("add", _add, None, np.add)
subtract = binary("subtract", _subtract, _subtract_from, np.subtract)
multiply = binary("multiply", _multiply, None, np.multiply)
divide = binary("divide", _divide, _divide_into, np.true_divide)

maximum = binary("maximum", _larger, None, np.maximum)
minimum = binary("minimum", _smaller, None, np.minimum)
add_scaled = alike("add_scaled", _add_scaled, map2_1, _np_add_scaled)
add_product = alike("add_product", _add_product, map3_1, _np_add_product)
add_quotient = alike("add_quotient", _add_quotient, map3_1, _np_add_quotient)
mix = alike("mix", _mix, map2_1, _np_mix)


def times(g: Array, y: Any) -> Array:
    """g y, the gradient towards a factor: g is the larger."""
    return g * y if g.size < LARGE else multiply(g, y)


def over(g: Array, y: Any) -> Array:
    """g / y, the gradient towards a dividend: g is the larger."""
    return g / y if g.size < LARGE else divide(g, y)
