"""An op is one declaration: a NumPy function with its derivative rules.

    @primitive(
        lambda g, y: g * y,  # towards x
        lambda g, x: g * x,  # towards y
        samples=reals(2), broadcasts=True,
    )
    def mul(x, y):
        return np.multiply(x, y)

The function's positional parameters are arrays, its keyword-only parameters metadata. A rule asks
for what it needs *by name*: first `g` (the derivative of the loss by the op's value), then any of
the inputs, `out`, `residual`, metadata, `need` (which inputs want a gradient), or the shape or
dtype of an input (`x_shape`, `x_dtype`). The tape keeps exactly those.

Rules are pure calculus. That `mul` may have broadcast `y`, or promoted it, is undone once, in the
engine. A rule is read two ways: with arrays for a first derivative, with Tensors when the
derivative is to be differentiated again; so it is built from operators and other primitives only.

What a call does is written once, in `Primitive.apply`. Ops of one or two arrays have a shorter way
through for the ordinary case (doors.py); tests hold the two equal.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import dtypes
from .declaration import Recipe, Rule, asks, parameters
from .dtypes import from_numpy_dtype
from .modes import current
from .node import Node, Pick, owner
from .saved import look_up
from .shapes import broadcast_shape
from .tensor import Tensor, live_node, make, make_view

REGISTRY: dict[str, Primitive] = {}

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_KEYWORDS = {
    "input": 0, "self": 0, "tensor": 0,
    "other": 1, "exponent": 1, "mat2": 1, "vec": 1, "values": 1,
}  # fmt: skip


class Primitive:
    """A declared op. See the head of this file; the arguments are those of `primitive`."""

    #: whether the rules insist on Tensors (autograd.Function) instead of arrays
    on_tensors = False
    #: whether the rules hold for complex numbers too (ops/analytic.py says of which ops)
    analytic = False

    def __init__(
        self,
        forward: Callable[..., Any],
        rules: Sequence[Rule | None],
        *,
        joint: bool = False,
        promote: str | None = "same",
        typed: Sequence[int] | None = None,
        ufunc: Callable[..., Any] | None = None,
        kernel: Callable[..., Any] | None = None,
        broadcasts: bool = False,
        view: bool = False,
        outputs: bool = False,
        residual: bool = False,
        shown: int = 0,
        title: str | None = None,
        named: Callable[[Node], str] | None = None,
        check: Callable[..., None] | None = None,
        tensors: Sequence[int] = (),
        of_numbers: str | None = None,
        rewritable: bool = False,
        samples: Any = (),
    ) -> None:
        self.forward = forward
        self.name = forward.__name__
        self.title = title or "".join(w.capitalize() for w in self.name.split("_"))
        self.named = named
        self.joint = joint
        self.promote = promote
        self.broadcasts = broadcasts
        self.ufunc = ufunc
        self.kernel = kernel
        self.view = view
        self.outputs = outputs
        self.residual = residual
        self.shown = shown
        self.check = check
        self.of_numbers = of_numbers
        self.rewritable = rewritable
        self.tensors = frozenset(tensors)
        self.samples = samples
        self._read_signature(forward)
        self._read_rules(rules)
        if typed is None:
            with_rule = [i for i, rule in enumerate(self.rules) if rule is not None]
            typed = range(len(self.inputs)) if joint or not with_rule else with_rule
        self.typed = frozenset(typed)
        self._plans: dict[Any, tuple[bool, ...]] = {}
        self._recipes: dict[Any, Recipe] = {}

    # -- the declaration --------------------------------------------------------------------------

    def _read_signature(self, forward: Callable[..., Any]) -> None:
        self.inputs, self.variadic, self.meta = parameters(forward)
        self.arity = len(self.inputs)

    def _read_rules(self, rules: Sequence[Rule | None]) -> None:
        if not self.joint and not self.variadic and len(rules) not in (0, self.arity):
            raise TypeError(f"{self.name}: {len(rules)} rules for {self.arity} inputs")
        self.rules = tuple(rules) if rules or self.variadic else (None,) * self.arity
        asked = [asks(rule) for rule in self.rules]
        known = {*self.inputs, "out", *self.meta, "need", "residual", "out_shape"}
        known |= {name + suffix for name in self.inputs for suffix in ("_shape", "_dtype")}
        for names in asked:
            unknown = [name for name in names if name not in known]
            if unknown:
                raise TypeError(f"{self.name}: a rule asks for {unknown}, which is none of {known}")
        # What follows from the rules, read here once so that no call has to. For `mul` above:
        #   layout  the names of a node's `saved` entries        ("x", "y", "out")
        #   asks    of each rule: their places in the layout     ((1,), (0,))
        #   asked   of each rule: their names                    ({"y"}, {"x"})
        #   calls   (rule on arrays, asks, rule of several calls) for the engine's loop
        #   holds   whether arrays are kept, so that there is something to free
        #   plain   one rule per input and one output: the engine's short way
        extras = dict.fromkeys(n for names in asked for n in names)
        self.layout = (*self.inputs, "out", *(n for n in extras if n not in (*self.inputs, "out")))
        place = {name: i for i, name in enumerate(self.layout)}
        self.asks = tuple(tuple(place[n] for n in names) for names in asked)
        self.asked = tuple(frozenset(names) for names in asked)
        on_arrays = [getattr(rule, "on_arrays", rule) for rule in self.rules]
        of_several = [getattr(rule, "of_several", None) for rule in self.rules]
        self.calls = tuple(zip(on_arrays, self.asks, of_several))
        arrays = {*self.inputs, "out", "residual"}
        self.holds = any(arrays & names for names in self.asked)
        self.plain = not (self.joint or self.variadic or self.outputs)
        self.differentiable = any(rule is not None for rule in self.rules)

    def plan(self, wanted: Any) -> tuple[bool, ...]:
        """Which entries of `layout` must be kept when gradients towards `wanted` are wanted."""
        plan = self._plans.get(wanted)
        if plan is None:
            if self.joint or self.variadic:
                names = self.asked[0]
            else:
                chosen = [a for a, want in zip(self.asked, wanted) if want]
                names = frozenset().union(*chosen)
            plan = self._plans[wanted] = tuple(name in names for name in self.layout)
        return plan

    @property
    def key(self) -> str:
        """Its name in the registry; ops declared outside of this package carry their module's."""
        module = self.forward.__module__
        return self.name if module.startswith("tinygrad_lite.") else f"{module}.{self.name}"

    @property
    def aten(self) -> str:
        """The name under which PyTorch's profiler would show it, e.g. aten::log_softmax."""
        return "aten::" + re.sub("(?<=[a-z])(?=[A-Z])", "_", self.title).lower()

    @property
    def doc(self) -> str:
        """The docstring of the declaration."""
        return inspect.getdoc(self.forward) or ""

    # -- a call -----------------------------------------------------------------------------------

    def apply(self, args: Sequence[Any], meta: dict[str, Any]) -> Any:
        """Compute the op, and record it when a gradient is wanted: the specification of a call."""
        watch = current().watch
        if watch is None:
            return self.run(args, meta)
        with watch.around(self.aten):
            return self.run(args, meta)

    def run(self, args: Sequence[Any], meta: dict[str, Any]) -> Any:
        """What `apply` does, seen or unseen."""
        args, meta = self.bind(args, meta)
        if meta and not (self.variadic or meta.keys() <= self.meta.keys()):
            unknown = next(name for name in meta if name not in self.meta)
            raise TypeError(f"{self.name}() got an unexpected keyword argument '{unknown}'")
        for a in args:
            if isinstance(a, Tensor):
                break
        else:
            if any(isinstance(a, (np.ndarray, np.generic)) for a in args):
                return self.forward(*args, **meta)
            args = self.from_numbers(args)
        for i in self.tensors:
            if type(args[i]) in _NUMBERS:
                raise self.no_tensor(i, args[i])
        arrays, nodes = self.take(args)
        try:
            out = self.forward(*arrays, **meta)
        except (ValueError, TypeError) as error:
            raise self.complaint(error, arrays) from error
        if self.residual:
            out, residual = out
            return self.record(arrays, nodes, meta, out, args, residual)
        return self.record(arrays, nodes, meta, out, args)

    def bind(self, args: Sequence[Any], meta: dict[str, Any]) -> tuple[Sequence[Any], dict]:
        """Sort arguments into arrays and metadata; surplus positional ones are metadata."""
        if "out" in meta and "out" not in self.meta:
            no_out(self.name, meta["out"])
            meta = {name: value for name, value in meta.items() if name != "out"}
        if self.variadic:
            return args, meta
        if len(args) > self.arity:
            surplus = dict(zip(self.meta, args[self.arity :]))
            if len(args) > self.arity + len(self.meta) or surplus.keys() & meta.keys():
                raise TypeError(f"{self.name}() got {len(args)} positional arguments: {self.usage}")
            return args[: self.arity], {**surplus, **meta}
        if len(args) < self.arity:
            named = dict(meta)
            filled = list(args)
            for name in self.inputs[len(args) :]:
                key = next((k for k in named if k == name or self._alias(k) == name), None)
                if key is None:
                    raise TypeError(f"{self.name}() missing argument '{name}': {self.usage}")
                filled.append(named.pop(key))
            return filled, named
        return args, meta

    def _alias(self, keyword: str) -> str | None:
        i = _KEYWORDS.get(keyword)
        return self.inputs[i] if i is not None and i < self.arity else None

    @property
    def usage(self) -> str:
        """How to call it, for messages."""
        return f"{self.name}{inspect.signature(self.forward)}"

    def from_numbers(self, args: Sequence[Any]) -> list[Any]:
        """Tensors of the arguments, none of which is one. TypeError: the op wants a Tensor."""
        if self.of_numbers and all(type(a) in _NUMBERS for a in args):
            return [make(np.asarray(a, dtypes.number_dtype(a).numpy)) for a in args]
        got = type(args[0]).__name__ if args else "nothing"
        name = self.of_numbers or self.name
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {got}")

    def take(self, args: Sequence[Any]) -> tuple[list[Any], list[Node | None]]:
        """The arrays and nodes of the inputs, promoted to one dtype where the op asks for it."""
        arrays: list[Any] = []
        nodes: list[Node | None] = []
        uniform = True
        first = None
        for i, x in enumerate(args):
            promoted = self.variadic or i in self.typed
            if isinstance(x, Tensor):
                a = x.array
                arrays.append(a)
                nodes.append(x.node if x.base is None else live_node(x))
                if promoted:
                    if first is None:
                        first = a.dtype
                    elif a.dtype is not first:
                        uniform = False
            else:
                if isinstance(x, np.generic) and x.dtype.kind in "fiu":
                    x = x.item()  # a number as any other, of no dtype of its own
                if not (x is None and not self.broadcasts) and not isinstance(x, _OPERANDS):
                    raise self.no_tensor(i, x)
                arrays.append(np.asarray(x) if isinstance(x, np.generic) else x)
                nodes.append(None)
                uniform = uniform and (x is None or not promoted)
        if self.promote and not (uniform and (first is FLOAT32 or first is FLOAT64)):
            if self.check is not None:
                self.check(*arrays)
            self._promote(arrays, nodes)
        for i, x in enumerate(arrays):
            if type(x) in _NUMBERS:
                arrays[i] = np.asarray(x, dtype=dtypes.number_dtype(x).numpy)
        return arrays, nodes

    def no_tensor(self, i: int, x: Any) -> TypeError:
        """The error of `x` as input number i."""
        name = ("input", "other")[i] if i < 2 else f"input {i}" if self.variadic else self.inputs[i]
        return TypeError(
            f"{self.of_numbers or self.name}(): argument '{name}' (position {i + 1}) must "
            f"be Tensor, not {type(x).__name__}"
        )

    def _promote(self, arrays: list[Any], nodes: list[Node | None]) -> None:
        levels: tuple[list[Any], ...] = ([], [], [])
        everything = range(len(arrays)) if self.variadic else sorted(self.typed)
        for i in everything:
            a = arrays[i]
            if isinstance(a, np.ndarray):
                levels[0 if a.ndim else 1].append(from_numpy_dtype(a.dtype))
            elif a is not None:
                levels[2].append(dtypes.number_dtype(a))
        target = dtypes.combine(*levels)
        if self.promote == "float" and target.category < dtypes.FLOATING:
            target = dtypes.get_default_dtype()
        numpy_dtype = target.numpy
        for i in everything:
            a = arrays[i]
            if isinstance(a, np.ndarray):
                if a.dtype != numpy_dtype:
                    cast = REGISTRY["cast"]
                    value = cast.apply((make(a, nodes[i]),), {"dtype": numpy_dtype})
                    arrays[i], nodes[i] = value.array, value.node
            elif a is not None:
                arrays[i] = np.asarray(a).astype(numpy_dtype)  # an int wraps around, as in PyTorch

    def complaint(self, error: Exception, arrays: Sequence[Any]) -> Exception:
        """`error` of NumPy's as PyTorch words it, with the op, shapes and dtypes at fault."""
        known = [a for a in arrays if isinstance(a, np.ndarray)]
        got = ", ".join(f"{list(a.shape)} {a.dtype.name}" for a in known)
        if self.broadcasts:
            try:
                broadcast_shape([a.shape for a in known])
            except RuntimeError as mismatch:
                return RuntimeError(f"{mismatch} ({self.name} of {got})")
        kind = TypeError if isinstance(error, TypeError) else RuntimeError
        return kind(f"{self.name}(): {error} (got {got})")

    def record(
        self,
        arrays: Sequence[Any],
        nodes: Sequence[Node | None],
        meta: dict[str, Any],
        out: Any,
        args: Sequence[Any] = (),
        residual: Any = None,
    ) -> Any:
        """The Tensor (or tuple of Tensors) of `out`, with a node if a gradient is wanted."""
        mode = current()
        if not self.outputs and type(out) is not np.ndarray:
            out = np.asarray(out)
        node = None
        if mode.grad and self.differentiable and (self.outputs or out.dtype.kind in "fc"):
            if self.variadic:
                parents = tuple(nodes)
            elif self.joint:
                for i, n in enumerate(nodes):
                    if n is not None and i not in self.typed:
                        raise RuntimeError(
                            f"the derivative for '{self.inputs[i]}' is not implemented "
                            f"({self.name}); detach() it"
                        )
                parents = tuple(nodes)
            else:
                parents = tuple([n if r is not None else None for n, r in zip(nodes, self.rules)])
            if parents.count(None) != len(parents):
                if not self.analytic and (_is_complex(out) or any(map(_is_complex, arrays))):
                    raise RuntimeError(
                        f"{self.name}(): no gradient flows through complex numbers here; compute "
                        "with the real and imaginary parts as two Tensors (view_as_real)"
                    )
                saved = self.keep(parents, arrays, meta, out, residual)
                if self.outputs:
                    shapes = tuple([np.shape(a) for a in out])
                    node = Node(self, parents, saved, shapes, None)
                else:
                    node = Node(self, parents, saved, out.shape, out.dtype)
        if mode.watch is not None:
            mode.watch.forward(self, arrays, meta, out, node)
        if self.outputs:
            of = args[0] if self.view and args and isinstance(args[0], Tensor) else None
            return tuple([output(a, node, i, of) for i, a in enumerate(out)])
        if self.view and args and shares_memory(out, arrays[0]) and isinstance(args[0], Tensor):
            return make_view(out, node, args[0])
        if self.shown:
            return make(out, node), *[make(np.asarray(r)) for r in residual[: self.shown]]
        return make(out, node)

    def keep(
        self,
        parents: tuple[Node | None, ...],
        arrays: Sequence[Any],
        meta: dict[str, Any],
        out: Any,
        residual: Any,
    ) -> tuple[Any, ...]:
        """The values the rules will ask for, in the order of `layout`."""
        wanted = tuple([p is not None for p in parents])
        return self.recipe(wanted).saved(arrays, meta, out, residual)

    def recipe(self, wanted: tuple[bool, ...]) -> Recipe:
        """How `saved` is filled when gradients towards the `wanted` inputs are wanted."""
        recipe = self._recipes.get(wanted)
        if recipe is None:
            recipe = self._recipes[wanted] = Recipe(self, wanted)
        return recipe

    # -- its derivative, recorded -----------------------------------------------------------------

    def differentiate(self, node: Node, g: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """Gradients towards each parent as Tensors: the rules applied to Tensors of what was saved.

        A saved input becomes a Tensor at its parent's node and the value one at this node, so the
        derivative of this derivative finds its way.
        """
        saved = self.as_tensors(node, saved)
        if self.joint or self.variadic:
            return self.rules[0](g, *[saved[i] for i in self.asks[0]])  # type: ignore[misc]
        return [
            None if parent is None else rule(g, *[saved[i] for i in asks])  # type: ignore[misc]
            for parent, rule, asks in zip(node.parents, self.rules, self.asks)
        ]

    def as_tensors(self, node: Node, saved: Sequence[Any]) -> list[Any]:
        """What the node saved, every array as a Tensor at its place on the tape."""
        values = list(saved)
        if self.variadic:
            if values[0] is not None:
                values[0] = tuple([make(a, p) for a, p in zip(values[0], node.parents)])
            inputs = 1
        else:
            inputs = self.arity
            for i in range(inputs):
                if isinstance(values[i], np.ndarray):
                    values[i] = make(values[i], node.parents[i])
        out = values[inputs]
        if isinstance(out, np.ndarray):
            values[inputs] = make(out, node)
        elif out is not None:
            values[inputs] = tuple([output(a, node, i) for i, a in enumerate(out)])
        return values

    def kept(self, node: Node, name: str) -> Any:
        """`node._saved_<name>`: see saved.py."""
        return look_up(self, node, name)

    def __repr__(self) -> str:
        return f"<primitive {self.usage}>"


_NUMBERS = frozenset({float, int, bool, complex})
_OPERANDS = (np.ndarray, float, int, bool, complex, np.generic)


def no_out(name: str, out: Any) -> None:
    """Raise TypeError if the caller passed `out=`."""
    if out is not None:
        raise TypeError(
            f"{name}(): out= is not supported, because it hides a write from the graph; "
            f"assign the result, or copy it: x.copy_({name}(...))"
        )


def _is_complex(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "c"


def output(array: Any, node: Node | None, index: int, of: Tensor | None = None) -> Tensor:
    """Output number `index` of an op that has several, whose first input `of` it may look into."""
    array = np.asarray(array)
    if of is not None and shares_memory(array, of.array):
        pick = None if node is None else Pick(node, index, array.shape, array.dtype)
        return make_view(array, pick, of)
    if node is None or array.dtype.kind not in "fc":
        return make(array)
    return make(array, Pick(node, index, array.shape, array.dtype))


def shares_memory(out: np.ndarray, of: np.ndarray) -> bool:
    """Whether `out` looks at the memory of `of` (both lead back to one owner)."""
    base = out.base
    return base is not None and (base is of or base is of.base or owner(out) is owner(of))


def generic_door(op: Primitive) -> Callable[..., Any]:
    """The function users call: `op.apply` with the signature and docstring of the declaration."""

    forward = op.forward

    @functools.wraps(forward)
    def call(*args: Any, **meta: Any) -> Any:
        for a in args:
            if not isinstance(a, (np.ndarray, np.generic)):
                return op.apply(args, meta)
        return forward(*args, **meta) if args else op.apply(args, meta)  # inside a rule

    return call
