"""`Function`: an op of the user's own, with its derivative written out.

    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    y = Exp.apply(x)

`forward` runs unrecorded. `backward` gets Tensors; if the gradient is itself to be differentiated
its operations are recorded, so `backward` must be made of differentiable operations.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.inplace import rebase, require_writable
from ..core.modes import current, no_grad
from ..core.node import Node, Pick, describe, written_since
from ..core.primitive import Primitive
from ..core.tensor import Tensor, live_node, make


class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, and any attribute the user sets."""

    needs_input_grad: tuple[bool, ...] = ()
    _materialize = True

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._saved: list[_Saved] | None = None
        self._node: Node | None = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep `tensors` (inputs, outputs or others; None allowed) for `backward`."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type "
                    f"{type(t).__name__}; set it as an attribute of ctx instead"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Declare inputs that `forward` wrote in place; each must also be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Declare outputs that have no derivative."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether gradients of unused outputs arrive as zeros (default) or as None."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors given to `save_for_backward`, in order.

        RuntimeError if one of them was written in place since, or if the graph was freed.
        """
        if self._saved is None:
            return self._to_save
        return tuple([s.unpack(self._node) for s in self._saved])


class _Saved:
    """A saved tensor as an array and a place on the tape: no Tensor, hence no cycle."""

    def __init__(self, tensor: Any, node: Node, outputs: Sequence[Any]) -> None:
        self.array = None if tensor is None else tensor.array
        self.output = next((i for i, out in enumerate(outputs) if out is tensor), None)
        own = self.output is not None
        self.node = None if tensor is None or own else live_node(tensor)
        self.clock = node.clock

    def unpack(self, node: Node | None) -> Tensor | None:
        if self.array is None:
            return None
        write = written_since(self.array, self.clock)
        if write is not None:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: {describe(self.array)}, saved by save_for_backward, was then "
                f"written by {write.by} (version {write.count})"
            )
        if self.output is None:
            return make(self.array, self.node)
        if node is not None and node.op.outputs and self.array.dtype.kind in "fc":
            node = Pick(node, self.output, self.array.shape, self.array.dtype)
        return make(self.array, node)


class FunctionNode(Node):
    """The node of a user's Function; attributes of its ctx are reachable through it."""

    __slots__ = ("ctx",)

    def name(self) -> str:
        return self.op.title + "Backward"

    def __getattr__(self, name: str) -> Any:
        if name in ("ctx", "note"):
            raise AttributeError(name)
        return getattr(self.ctx, name)


class _UserOp:
    """What the engine needs to know of a Function: its `backward`, which insists on Tensors."""

    on_tensors = True
    plain = False
    holds = True
    layout = ()

    def __init__(self, function: type[Function], outputs: bool) -> None:
        self.function = function
        self.name = self.title = function.__name__
        self.outputs = outputs

    def differentiate(self, node: Node, g: Any) -> Sequence[Any]:
        ctx = node.saved[0]
        gs = g if self.outputs else (g,)
        if ctx._materialize:
            shapes = node.shape if self.outputs else (node.shape,)
            gs = tuple(
                [
                    make(np.zeros(s, ctx._dtypes[i])) if h is None else h
                    for i, (s, h) in enumerate(zip(shapes, gs, strict=True))
                ]
            )
        ctx._node = node
        try:
            found = self.function.backward(ctx, *gs)
        finally:
            ctx._node = None
        return self._checked(found, ctx, node)

    def _checked(self, found: Any, ctx: FunctionCtx, node: Node) -> list[Any]:
        found = found if isinstance(found, tuple) else (found,)
        count = len(ctx.needs_input_grad)
        if len(found) < count or any(d is not None for d in found[count:]):
            raise RuntimeError(
                f"function {self.name}Backward returned an incorrect number of gradients "
                f"(expected {count}, got {len(found)})"
            )
        for i, (d, parent) in enumerate(zip(found, node.parents, strict=False)):
            if d is None or parent is None:
                continue
            if not isinstance(d, Tensor):
                raise TypeError(
                    f"function {self.name}Backward returned {type(d).__name__} as gradient {i}; "
                    "expected a Tensor or None"
                )
            if not _reduces_to(d.array.shape, parent.shape):
                raise RuntimeError(
                    f"Function {self.name}Backward returned an invalid gradient at index {i} - got "
                    f"{list(d.array.shape)} but expected shape compatible with "
                    f"{list(parent.shape)}"
                )
        return [d if p is not None else None for d, p in zip(found, node.parents, strict=False)]


def _reduces_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == shape
    except ValueError:
        return False


class Function:
    """Base of user-defined ops: static methods `forward` and `backward`, called by `apply`.

    `forward(ctx, *args)`, or `forward(*args)` with `setup_context(ctx, inputs, output)`.
    `backward(ctx, *grads)` returns one gradient (or None) for each argument of `forward`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself: use its apply()"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The value. Called with `ctx` first, unless `setup_context` is overridden too."""
        raise NotImplementedError("You must implement the forward function for autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep in `ctx` what `backward` will need, apart from the computation of the value."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradient towards each argument of `forward` (None for what has none)."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` and record the call."""
        nodes = [live_node(a) if isinstance(a, Tensor) else None for a in args]
        ctx = FunctionCtx()
        recorded = current().grad and any(n is not None for n in nodes)
        ctx.needs_input_grad = tuple([recorded and n is not None for n in nodes])
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
        several = isinstance(result, tuple)
        results = result if several else (result,)
        if not recorded:
            return result
        outputs = [_fresh(out, args, ctx) for out in results]
        node = _record(cls, ctx, nodes, results, outputs, several)
        if current().watch is not None:
            arrays = [a.array for a in args if isinstance(a, Tensor)]
            for out in outputs:
                if isinstance(out, Tensor):
                    current().watch.forward(node.op, arrays, {}, out.array, node)  # type: ignore[union-attr]
        return tuple(outputs) if several else outputs[0]


def _fresh(out: Any, args: Sequence[Any], ctx: FunctionCtx) -> Any:
    """`out` as a Tensor of its own, so that giving it a history leaves an input alone."""
    if not isinstance(out, Tensor) or any(out is d for d in ctx._dirty):
        return out
    if any(out is a for a in args) or live_node(out) is not None:
        return make(out.array)
    return out


def _record(
    cls: type[Function],
    ctx: FunctionCtx,
    nodes: Sequence[Node | None],
    results: Sequence[Any],
    outputs: Sequence[Any],
    several: bool,
) -> FunctionNode:
    op = _UserOp(cls, several)
    arrays = [out.array if isinstance(out, Tensor) else np.zeros(()) for out in outputs]
    ctx._dtypes = [a.dtype for a in arrays]  # type: ignore[attr-defined]
    if several:
        node = FunctionNode(op, tuple(nodes), (ctx,), tuple([a.shape for a in arrays]), None)
    else:
        node = FunctionNode(op, tuple(nodes), (ctx,), arrays[0].shape, arrays[0].dtype)
    node.ctx = ctx  # type: ignore[attr-defined]
    for i, (result, out) in enumerate(zip(results, outputs, strict=True)):
        if not isinstance(out, Tensor) or out.array.dtype.kind not in "fc":
            continue
        if any(result is t for t in ctx._non_differentiable):
            continue
        own = Pick(node, i, out.array.shape, out.array.dtype) if several else node
        if any(out is d for d in ctx._dirty):
            require_writable(out)
            rebase(out, own)
        else:
            out.node = own
    ctx._saved = [_Saved(t, node, results) for t in ctx._to_save]
    ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
    return node


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that is not itself differentiable: differentiating it again raises."""

    @functools.wraps(backward)
    def wrapped(ctx: Any, *gs: Any) -> Any:
        with no_grad():
            found = backward(ctx, *gs)
        if not current().grad:
            return found
        several = isinstance(found, tuple)
        sealed = [_seal(d, gs) for d in (found if several else (found,))]
        return tuple(sealed) if several else sealed[0]

    return wrapped


def _refuse(g: Any) -> Any:
    raise RuntimeError(
        "trying to differentiate twice a function that was marked with @once_differentiable"
    )


_SEALED = Primitive(lambda x: x, (_refuse,), promote=None, title="Error")


def _seal(d: Any, gs: Sequence[Any]) -> Any:
    parent = next((g.node for g in gs if isinstance(g, Tensor) and g.node is not None), None)
    if not isinstance(d, Tensor) or parent is None:
        return d
    return make(d.array, Node(_SEALED, (parent,), (None, None), d.array.shape, d.array.dtype))
