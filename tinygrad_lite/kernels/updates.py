"""One optimizer step over all parameters of a group, in one pass over memory.

A *rule* is the textbook update of one optimizer: from the parameter p, its gradient g, the state
arrays and a tuple of constants it computes the new p and the new state. It is written once, with
elementwise operations only, and read two ways: called with arrays it is the NumPy reference;
called with numbers inside a compiled loop it is the fast path. Both perform the same operations in
the same order and precision (no fused multiply-add, no reassociation), so they agree bit for bit,
and where the one is replaced by the other can be decided by size alone.

The compiled *sweep* gets a table of the addresses of the array objects, row by row: parameters,
gradients, first state, second state, ... It reads the address of the data from the object itself,
so the table stays valid while the arrays live, and only rows whose arrays were replaced (as a rule
the gradients) are written anew. `constants[t]` belongs to parameter t. The elements of all
parameters together are cut into `ways` equal shares, one a thread.

Rules with adaptive rates are in updates_adaptive.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ._jit import Kernel, Late, jit, prange, threads
from ._jit import where as select

SERIAL_BELOW = 32768
"""Elements below which one thread is faster than waking the others."""


# -- arrays by address ----------------------------------------------------------------------------

# The head of a NumPy array object on 64-bit CPython: where the fields stand, in bytes.
DATA, NDIM, SHAPE, DESCR, FLAGS = 16, 24, 32, 56, 64
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400


def _make_pointer() -> Any:
    from numba.core import types
    from numba.extending import intrinsic

    @intrinsic
    def pointer(context: Any, address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], _context.get_value_type(types.voidptr))

        return types.voidptr(types.int64), generate

    return pointer


def _make_carray() -> Any:
    import numba

    return numba.carray


def _make_to_tuple() -> Any:
    from numba.np.unsafe.ndarray import to_fixed_tuple

    return to_fixed_tuple


pointer = Late(_make_pointer)
carray = Late(_make_carray)
to_tuple = Late(_make_to_tuple)
where = Late(lambda: select.compiled, np.where)  # for numbers and, in NumPy, for arrays


@jit
def word(address):
    """The 8 bytes at `address`, as an integer."""
    return carray(pointer(address), 1, np.int64)[0]


@jit
def view(address, start, stop, like):
    """Elements start to stop of the array object at `address`, of the dtype of `like`."""
    size = like.itemsize
    return carray(pointer(word(address + DATA) + start * size), stop - start, like.dtype)


@jit
def share(offsets, t, way, ways):
    """The elements of parameter t that fall into share number `way` of all elements."""
    total = offsets[offsets.size - 1]
    start = max(offsets[t], total * way // ways) - offsets[t]
    stop = min(offsets[t + 1], total * (way + 1) // ways) - offsets[t]
    return start, stop


@jit
def misfit(row, offsets, descr, flags):
    """The first array of a table row that a pass cannot read as dense elements of one dtype, or -1.

    descr is the address of the dtype object, flags the bits that must be set.
    """
    for t in range(row.size):
        size = 1
        for axis in range(word(row[t] + NDIM) & 0x7FFFFFFF):
            size *= word(word(row[t] + SHAPE) + 8 * axis)
        wrong_size = size != offsets[t + 1] - offsets[t]
        if wrong_size or word(row[t] + DESCR) != descr or word(row[t] + FLAGS) & flags != flags:
            return t
    return -1


@functools.cache
def addressable() -> bool:
    """Whether array objects look in memory as this module believes (checked on an example)."""
    import ctypes
    import sys

    if (
        sys.implementation.name != "cpython"
        or sys.maxsize != 2**63 - 1
        or "t" in getattr(sys, "abiflags", "")
    ):
        return False
    example = np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::2]

    def read(address: int, kind: Any) -> int:
        return kind.from_address(address).value

    at = id(example)
    return (
        read(at + DATA, ctypes.c_int64) == example.__array_interface__["data"][0]
        and read(at + NDIM, ctypes.c_int32) == 2
        and read(read(at + SHAPE, ctypes.c_int64) + 8, ctypes.c_int64) == 2
        and read(at + DESCR, ctypes.c_int64) == id(example.dtype)
        and read(at + FLAGS, ctypes.c_int32) & 0x7FF == example.flags.num & 0x7FF
    )


@functools.cache
def _reader() -> Callable[[int], Any]:
    import ctypes

    return ctypes.c_int64.from_address


def address(x: np.ndarray) -> int:
    """Where the elements of x lie (`x.ctypes.data` costs six times as much)."""
    return _reader()(id(x) + DATA).value if addressable() else x.ctypes.data


# -- the sweeps: one loop nest for each number of state arrays -------------------------------------


@jit
def rule(p, g, c):
    """Stands for the textbook rule that a sweep is bound to."""
    raise NotImplementedError


WIDTH = 0
"""Stands for the number of constants of that rule."""


@jit(parallel=True)
def sweep0(table, offsets, constants, ways):
    """for each share of all elements, for each parameter in it: p <- rule(p, g)."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                c = to_tuple(constants[t], WIDTH)
                for i in range(b - a):
                    p[i] = rule(p[i], g[i], c)[0]


@jit(parallel=True)
def sweep1(table, offsets, constants, ways):
    """As `sweep0`: p, x <- rule(p, g, x)."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                x = view(table[2, t], a, b, constants)
                c = to_tuple(constants[t], WIDTH)
                for i in range(b - a):
                    p[i], x[i] = rule(p[i], g[i], x[i], c)


@jit(parallel=True)
def sweep2(table, offsets, constants, ways):
    """As `sweep0`: p, x, y <- rule(p, g, x, y)."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                x = view(table[2, t], a, b, constants)
                y = view(table[3, t], a, b, constants)
                c = to_tuple(constants[t], WIDTH)
                for i in range(b - a):
                    p[i], x[i], y[i] = rule(p[i], g[i], x[i], y[i], c)


@jit(parallel=True)
def sweep3(table, offsets, constants, ways):
    """As `sweep0`: p, x, y, z <- rule(p, g, x, y, z)."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                x = view(table[2, t], a, b, constants)
                y = view(table[3, t], a, b, constants)
                z = view(table[4, t], a, b, constants)
                c = to_tuple(constants[t], WIDTH)
                for i in range(b - a):
                    p[i], x[i], y[i], z[i] = rule(p[i], g[i], x[i], y[i], z[i], c)


class Rule:
    """A textbook update, the sweep that applies it to a table, and the names of its state arrays.

    Called as `rule(p, g, *state, constants=(...))` it returns the new p and state, in NumPy.
    `width` is the number of its constants.
    """

    def __init__(self, textbook: Kernel, width: int, *state: str) -> None:
        self.name = textbook.function.__name__
        self.textbook: Callable[..., tuple[Any, ...]] = textbook.function
        loops = (sweep0, sweep1, sweep2, sweep3)[len(state)]
        self.sweep = loops.bind(self.name, rule=textbook, WIDTH=width)
        self.state = state

    def __call__(self, *arrays: Any, constants: tuple[float, ...]) -> tuple[Any, ...]:
        return self.textbook(*arrays, constants)

    def run(self, table: np.ndarray, offsets: np.ndarray, constants: np.ndarray) -> None:
        """Apply the update in place to every parameter of the table."""
        if offsets[-1] < SERIAL_BELOW:
            self.sweep.serial(table, offsets, constants, 1)
        else:
            self.sweep(table, offsets, constants, threads())

    def __repr__(self) -> str:
        return f"<update rule {self.name}({', '.join(('p', 'g', *self.state))})>"


# -- gradient descent -----------------------------------------------------------------------------


@jit
def sgd(p, g, c):
    """p <- p - lr * (g + l2 * p)."""
    maximize, l2, lr = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    return (p - lr * g,)


@jit
def sgd_momentum(p, g, buf, c):
    """buf <- momentum * buf + undamped * g (first step: g); p <- p - lr * buf.

    Nesterov: p <- p - lr * (g + momentum * buf).
    """
    maximize, l2, lr, momentum, undamped, nesterov, first = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    if first:
        buf = g
    else:
        buf = momentum * buf + undamped * g
    if nesterov:
        g = g + momentum * buf
    else:
        g = buf
    return p - lr * g, buf


@jit
def asgd(p, g, ax, c):
    """p <- p * decay - eta * g; ax <- ax + mu * (p - ax): the average of the path."""
    maximize, l2, decay, eta, mu, average = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    p = p * decay - eta * g
    if average:
        ax = ax + (p - ax) * mu
    else:
        ax = p
    return p, ax


# -- by the sign of the gradient ------------------------------------------------------------------


@jit
def rprop(p, g, prev, step_size, c):
    """Each weight has its own step, longer while its gradient keeps its sign, shorter when not.

    step <- clip(step * (plus where g * prev > 0, minus where < 0), low, high); where the sign
    changed the weight rests and forgets its gradient: p <- p - sign(g) * step.
    """
    maximize, minus, plus, low, high, zero = c
    if maximize:
        g = -g
    turn = g * prev
    grown = where(turn > 0, step_size * plus, step_size)
    step_size = where(turn < 0, step_size * minus, grown)
    step_size = np.minimum(np.maximum(step_size, low), high)
    g = where(turn < 0, zero, g)
    return p - np.sign(g) * step_size, g, step_size


@jit
def lion(p, g, m, c):
    """p <- p * decay - lr * sign(b1 * m + (1 - b1) * g); m <- b2 * m + (1 - b2) * g."""
    maximize, decay, lr, b1, w1, b2, w2 = c
    if maximize:
        g = -g
    p = p * decay - lr * np.sign(b1 * m + w1 * g)
    return p, b2 * m + w2 * g


RULES = {
    "sgd": Rule(sgd, 3),
    "sgd_momentum": Rule(sgd_momentum, 7, "momentum_buffer"),
    "asgd": Rule(asgd, 6, "ax"),
    "rprop": Rule(rprop, 6, "prev", "step_size"),
    "lion": Rule(lion, 7, "exp_avg"),
}
