"""Short ways through `Primitive.apply` for ops of one and two arrays, and the decorators.

A door handles the ordinary call: float32 or float64 Tensors of one dtype (or a Python number beside
one), nobody watching. It does what `apply` does, without the questions whose answers are then
known; everything else it hands to `apply`. Tests hold every door equal to `apply`.

"Nobody watching" is `mode.watch is None` (modes.py): no anomaly detection, no counting of ops.
Read a door against `Primitive.take`, `record` and `keep`: the same steps in the same order, written
out, because a Python call costs as much as a small NumPy operation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..kernels.arithmetic import LARGE
from .declaration import Rule
from .inplace import NUMBERS, in_place
from .modes import current
from .node import Node, tick
from .ordinary import ordinary_door
from .primitive import FLOAT32, FLOAT64, REGISTRY, Primitive, generic_door, shares_memory
from .tensor import Tensor, bind, live_node, make, make_view

_ndarray = np.ndarray
_ARRAYS = (np.ndarray, np.generic)
_new = object.__new__
_NOTHING = (None, None, None)


def unary_door(op: Primitive) -> Callable[..., Any]:
    """The public function of an op of one array without metadata."""
    forward = op.ufunc or op.forward
    differentiable = op.differentiable
    keep_x, keep_out = op.plan((True,))[:2] if differentiable else (False, False)

    @functools.wraps(op.forward)
    def call(input: Any, **meta: Any) -> Any:
        if isinstance(input, Tensor) and not meta:
            x = input.array
            d = x.dtype
            mode = current()
            if (d is FLOAT32 or d is FLOAT64) and mode.watch is None:
                out = forward(x)
                if type(out) is not _ndarray:
                    out = np.asarray(out)
                node = input.node if input.base is None else live_node(input)
                if node is None or not differentiable or not mode.grad:
                    return make(out)
                saved = (x if keep_x else None, out if keep_out else None)
                made = _new(Node)  # here and below: as Node and `make` do, without the calls
                made.op, made.parents, made.saved = op, (node,), saved
                made.clock = tick()
                made.shape, made.dtype, made.hooks = out.shape, d, None
                t = _new(Tensor)
                t.array, t.node = out, made
                t._grad = t.base = t.seen = None
                return t
        elif isinstance(input, _ARRAYS):  # inside a rule
            return forward(input, **meta)
        return op.apply((input,), meta)

    return call


def binary_door(op: Primitive, operator: bool = False) -> Callable[..., Any]:
    """The public function of an op of two arrays without metadata.

    As an `operator` it gives NotImplemented for foreign objects, which Python then asks.
    """
    forward = op.ufunc or op.forward
    kernel = op.kernel or forward
    # what to keep if a gradient is wanted towards the first, the second, or both
    plans = [
        op.plan(wanted)[:3] if op.differentiable else ()
        for wanted in ((True, False), (False, True), (True, True))
    ]
    keeps = [plan if any(plan) else None for plan in plans]
    differentiable = op.differentiable
    numbers = op.ufunc is not None
    number_first, number_second = 0 not in op.tensors, 1 not in op.tensors
    of_integers, check = (op.forward if op.promote == "same" else None), op.check

    def call(input: Any, other: Any) -> Any:
        if isinstance(input, Tensor):
            x: Any = input.array
            d, size = x.dtype, x.size
            m = input.node if input.base is None else live_node(input)
            if isinstance(other, Tensor):
                y: Any = other.array
                n = other.node if other.base is None else live_node(other)
                ordinary = y.dtype is d
            else:
                y, n = other, None
                ordinary = (type(other) is float or type(other) is int) and number_second
        elif (
            isinstance(other, Tensor)
            and (type(input) is float or type(input) is int)
            and number_first
        ):
            x, m = input, None
            y = other.array
            n = other.node if other.base is None else live_node(other)
            d, size = y.dtype, y.size
            ordinary = True
        else:
            ordinary = False
        if ordinary and (d is FLOAT32 or d is FLOAT64):
            mode = current()
            if mode.watch is not None:
                return op.apply((input, other), {})
            if numbers:
                if n is None and type(y) is not _ndarray:
                    y = NUMBERS[d][y]
                elif m is None and type(x) is not _ndarray:
                    x = NUMBERS[d][x]
            try:
                out = forward(x, y) if size < LARGE else kernel(x, y)
            except ValueError:  # shapes that do not broadcast: `apply` words the error
                return op.apply((input, other), {})
            if type(out) is not _ndarray:
                out = np.asarray(out)
            if m is None:
                if n is None or not differentiable or not mode.grad:
                    return make(out)
                kept = keeps[1]
            elif not differentiable or not mode.grad:
                return make(out)
            else:
                kept = keeps[0] if n is None else keeps[2]
            if kept is None:
                saved = _NOTHING
            else:
                saved = (x if kept[0] else None, y if kept[1] else None, out if kept[2] else None)
            made = _new(Node)
            made.op, made.parents, made.saved = op, (m, n), saved
            made.clock = tick()
            made.shape, made.dtype, made.hooks = out.shape, d, None
            t = _new(Tensor)
            t.array, t.node = out, made
            t._grad = t.base = t.seen = None
            return t
        if ordinary and of_integers is not None and d.kind in "biu":
            # integers of one dtype, or one of its own numbers beside them: nothing to record
            alike = type(x) is type(y) or (type(y) is int and d.kind != "b")
            if alike and current().watch is None:
                if check is not None:
                    check(x, y)
                if type(y) is int:
                    y = np.asarray(y).astype(d)
                try:
                    return make(np.asarray(of_integers(x, y)))
                except (ValueError, TypeError):  # `apply` words the error
                    return op.apply((input, other), {})
        if isinstance(input, _ARRAYS) and isinstance(other, _ARRAYS):  # inside a rule
            return forward(input, other)
        if operator and not isinstance(other if isinstance(input, Tensor) else input, _OPERANDS):
            return NotImplemented
        return op.apply((input, other), {})

    if operator:
        return functools.wraps(op.forward)(call)

    @functools.wraps(op.forward)
    def named(input: Any, other: Any = MISSING, **meta: Any) -> Any:
        if meta or other is MISSING:
            return op.apply((input,) if other is MISSING else (input, other), meta)
        return call(input, other)

    return named


def metadata_door(op: Primitive) -> Callable[..., Any]:
    """The public function of an op of one array and metadata."""
    forward = op.forward
    differentiable, view = op.differentiable, op.view
    any_real = op.promote is None  # dtypes without a derivative are as ordinary then
    name = op.inputs[0]
    # each entry of `saved`: its place in `known`, below (0: None, not kept); -1: metadata
    places = {name: 1, "out": 2, f"{name}_shape": 3, f"{name}_dtype": 4}
    recipe = [
        (places.get(entry, -1) if kept else 0, entry, op.meta.get(entry))
        for entry, kept in zip(op.layout, op.plan((True,)) if differentiable else (), strict=False)
    ]

    @functools.wraps(forward)
    def call(*args: Any, **meta: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Tensor):
            input = args[0]
            x = input.array
            d = x.dtype
            mode = current()
            ordinary = d is FLOAT32 or d is FLOAT64 or (any_real and d.kind in "biu")
            if ordinary and mode.watch is None and "out" not in meta:
                try:
                    out = forward(x, **meta)
                except (ValueError, TypeError):  # `apply` words the error
                    return op.apply(args, meta)
                if type(out) is not _ndarray:
                    out = np.asarray(out)
                node = input.node if input.base is None else live_node(input)
                made = None
                if node is not None and differentiable and mode.grad and out.dtype.kind in "fc":
                    known = (None, x, out, x.shape, d)
                    saved = [
                        known[place] if place >= 0 else meta.get(entry, default)
                        for place, entry, default in recipe
                    ]
                    made = Node(op, (node,), tuple(saved), out.shape, out.dtype)
                if view and shares_memory(out, x):
                    return make_view(out, made, input)
                return make(out, made)
        elif len(args) == 1 and isinstance(args[0], _ARRAYS):  # inside a rule
            return forward(args[0], **meta)
        return op.apply(args, meta)

    return call


_OPERANDS = (Tensor, int, float, complex, np.ndarray, np.generic)
MISSING: Any = object()


def primitive(
    *rules: Rule | None,
    method: bool | str = True,
    operator: str | None = None,
    inplace: bool = False,
    **options: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an op: see primitive.py. `rules` are one per array input (None: no derivative).

    joint       one rule for all inputs, returning a tuple of gradients; may ask for `need`
    promote     "same": inputs to their common dtype; "float": and integers to the default float;
                None: dtypes are the op's own business
    typed       numbers of the inputs that take part in promotion (default: those with a rule); of a
                joint rule also those that have a derivative (default: all)
    ufunc       what the body calls and nothing else, for the short ways to call it directly; takes
                out=, as NumPy's ufuncs do
    kernel      the same for floats, beyond LARGE elements
    broadcasts  inputs broadcast against each other; the engine undoes it
    view        the value may share memory with the first input
    outputs     the function returns a tuple of arrays; `g` is then a tuple, None where unused
    residual    the function returns (value, residual): the latter is kept for rules that ask
    shown       so many of the residual's first arrays are given back too, without a derivative
    title       what PyTorch calls it: the node of `mul` is shown as MulBackward0
    named       a function of the node to its whole name, where that depends on the call
    check       raises for inputs (arrays and numbers) of dtypes the op does not take, before they
                are promoted; not asked when all are float32 or all float64
    tensors     which of the first two inputs must not be Python numbers
    of_numbers  of an op that takes numbers without a Tensor too: PyTorch's name of it
    rewritable  a rule asks for `out`, and yet the value may be written in place later: PyTorch's
                rule does without, so programs do that. The node then keeps a copy
    method      bind as Tensor.<name> (or under the given name; False: not at all)
    operator    bind as `__<operator>__` and `__r<operator>__` as well, e.g. "mul"
    inplace     bind `<name>_` (and `__i<operator>__`) as well
    samples     specs of valid inputs (samples.py), from which the tests are derived
    """

    def declare(forward: Callable[..., Any]) -> Callable[..., Any]:
        op = Primitive(forward, rules, **options)
        if op.key in REGISTRY:
            raise TypeError(f"an op called {op.name} is already declared")
        simple = not (op.variadic or op.joint or op.outputs or op.residual)
        plain = simple and not (op.meta or op.view) and len(op.layout) == op.arity + 1
        complete = not op.differentiable or None not in op.rules  # both inputs, or neither
        if plain and op.arity == 1 and op.promote:
            call = unary_door(op)
        elif plain and op.arity == 2 and op.promote and len(op.typed) == 2 and complete:
            call = binary_door(op)
            call.between = binary_door(op, operator=True)  # type: ignore[attr-defined]
        elif simple and op.arity == 1 and "out_shape" not in op.layout:
            call = metadata_door(op)
        else:
            call = generic_door(op) if op.variadic else ordinary_door(op)
        call.op = op  # type: ignore[attr-defined]
        REGISTRY[op.key] = op
        op.call = call  # type: ignore[attr-defined]
        bind_all(call, op.name, method, operator, inplace)
        return call

    return declare


class Composed(NamedTuple):
    """A public function built of primitives only, with the samples its tests are derived from."""

    name: str
    call: Callable[..., Any]
    samples: Any


COMPOSED: dict[str, Composed] = {}


def composed(
    *,
    method: bool | str = True,
    operator: str | None = None,
    inplace: bool = False,
    apart: bool = False,
    comes_to: Callable[..., Any] | None = None,
    samples: Any = (),
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a public function that needs no rules of its own, being built of primitives.

    The options are `primitive`'s, and
    apart       the Tensors given to `<name>_` must not share elements with the one it writes
    comes_to    for the in-place form of a function that comes to one op: of the arguments after the
                first, gives that op and its further arrays and metadata (see `in_place`)
    """

    def declare(call: Callable[..., Any]) -> Callable[..., Any]:
        key = name or call.__name__
        if key in COMPOSED:
            raise TypeError(f"a function called {key} is already declared")
        COMPOSED[key] = Composed(key, call, samples)
        if comes_to is not None:
            call.comes_to = comes_to  # type: ignore[attr-defined]
        bind_all(call, key, method, operator, inplace, apart)
        return call

    return declare


def bind_all(
    call: Callable[..., Any],
    name: str,
    method: bool | str,
    operator: str | None,
    inplace: bool,
    apart: bool = False,
) -> None:
    """Bind a declaration's methods and operators to Tensor."""
    name = method if isinstance(method, str) else name
    if method:
        bind(name, call)
    if operator in _COMPARISONS:
        bind(f"__{operator}__", _comparison(call))
    elif operator in _ONE_SIDED:
        bind(f"__{operator}__", call)
    elif operator:
        between = getattr(call, "between", call)
        bind(f"__{operator}__", between)
        swapped = between if operator in _COMMUTING else lambda self, other: between(other, self)
        bind(f"__r{operator}__", swapped)
    if inplace:
        written = in_place(call, name + "_", apart)
        bind(name + "_", written)
        if operator and operator not in _COMPARISONS and operator not in _ONE_SIDED:
            bind(f"__i{operator}__", written)


_COMPARISONS: Sequence[str] = ("eq", "ne", "lt", "le", "gt", "ge")
_ONE_SIDED: Sequence[str] = ("neg", "pos", "abs", "invert")
_COMMUTING: Sequence[str] = ("add", "mul")  # 2 * x is x * 2, on the tape too


def _comparison(call: Callable[..., Any]) -> Callable[..., Any]:
    """`x == None` and the like are Python's business, as for any two foreign objects."""

    def compare(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, int, float, complex, np.ndarray, np.generic)):
            return call(self, other)
        return NotImplemented

    return compare
