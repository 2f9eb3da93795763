"""A fused kernel carries its meaning: the composition of primitives that it equals.

    @fused(backward=kernels.gelu_backward, reference=lambda x: 0.5 * x * (1 + erf(x / 2**0.5)))
    def gelu(x): return kernels.gelu(x)

A first derivative runs kernels only: `backward(g, ...)` asks by name, like any rule, and returns
one gradient per input (just the gradient for a single input). Where the derivative is itself to be
differentiated, the reference runs instead, so that every order exists. The reference is also what
the tests hold the kernel to, and what teaching shows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .declaration import parameters
from .doors import bind_all
from .engine import backprop
from .modes import MODE, current
from .node import Node
from .ordinary import ordinary_door
from .primitive import REGISTRY, Primitive, generic_door
from .tensor import make


class Fused(Primitive):
    """An op with a backward kernel and a reference composition."""

    def __init__(
        self, forward: Any, backward: Callable[..., Any], reference: Callable[..., Any], **kw: Any
    ) -> None:
        self.reference = reference
        arity = len(parameters(forward)[0])
        super().__init__(forward, (_tupled(backward, arity),), joint=True, **kw)

    def plan(self, wanted: Any) -> tuple[bool, ...]:
        """Inputs and metadata are always kept: the reference may need them."""
        always = set(self.inputs) | set(self.meta)
        return tuple(n in always or n in self.asked[0] for n in self.layout)

    def _read_rules(self, rules: Any) -> None:
        super()._read_rules(rules)
        missing = tuple(n for n in self.meta if n not in self.layout)
        self.layout = (*self.layout, *missing)

    def differentiate(self, node: Node, g: Any, saved: Sequence[Any]) -> Sequence[Any]:
        """Gradients by the reference, recorded.

        It runs on fresh aliases of the inputs: `g` may itself depend on the inputs, and only the
        paths through this op belong to its derivative.
        """
        saved = self.as_tensors(node, saved)
        arrays = saved[: self.arity]
        meta = {n: saved[self.layout.index(n)] for n in self.meta}
        token = MODE.set(current().but(grad=True))
        try:
            aliases = [
                alias(x) if parent is not None else x for x, parent in zip(arrays, node.parents)
            ]
            value = self.reference(*aliases, **meta)
            targets = [a.node for a, p in zip(aliases, node.parents) if p is not None]
            values, gs = (value, g) if self.outputs else ((value,), (g,))
            roots = [
                (v.node, h) for v, h in zip(values, gs) if h is not None and v.node is not None
            ]
            found = backprop(roots, targets, retain_graph=True, create_graph=True)
        finally:
            MODE.reset(token)
        for a, parent in zip(aliases, node.parents):
            if parent is not None:
                a.node.parents = (parent,)
        return [
            None if parent is None else found.get(a.node)
            for a, parent in zip(aliases, node.parents)
        ]


_ALIAS = Primitive(lambda x: x, (lambda g: g,), promote=None, title="Alias")


def alias(x: Any) -> Any:
    """The same value at a new node. It gets its parent, the node of `x`, once the inner backward
    pass is over, which therefore ends here."""
    return make(x.array, Node(_ALIAS, (None,), (None, None), x.array.shape, x.array.dtype))


def _tupled(backward: Callable[..., Any], arity: int) -> Callable[..., Any]:
    if arity != 1:
        return backward

    @functools.wraps(backward)
    def rule(*args: Any) -> tuple[Any]:
        return (backward(*args),)

    return rule


def fused(
    *,
    backward: Callable[..., Any],
    reference: Callable[..., Any],
    method: bool | str = False,
    inplace: bool = False,
    **options: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a fused op. `options` are those of `primitive`.

    backward   a kernel on arrays: `backward(g, ...)` asks by name for inputs, `out`, `residual` or
               metadata and returns a gradient for each input
    reference  the same function of Tensors as a composition, with the same metadata
    """

    def declare(forward: Callable[..., Any]) -> Callable[..., Any]:
        op = Fused(forward, backward, reference, **options)
        if op.key in REGISTRY:
            raise TypeError(f"an op called {op.name} is already declared")
        call = generic_door(op) if op.variadic else ordinary_door(op)
        call.op = op  # type: ignore[attr-defined]
        REGISTRY[op.key] = op
        op.call = call  # type: ignore[attr-defined]
        bind_all(call, op.name, method, None, inplace)
        return call

    return declare
