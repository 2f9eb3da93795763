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

`jvp`, where a Function has one, is asked for tangents (`forward_ad`, `func.jvp`). They are made by
two backward passes here, so what the first pass needs is the transpose of `jvp`: a gradient of it,
for `jvp` is linear in the tangents.
"""

from __future__ import annotations

import functools
import inspect
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..core.engine import backprop
from ..core.inplace import rebase, require_writable
from ..core.modes import around, current, enable_grad, no_grad
from ..core.node import Node, Pick
from ..core.primitive import Primitive
from ..core.tensor import Tensor, live_node, make, make_view
from .context import FunctionCtx, FunctionNode, Saved

_PUSHING: ContextVar[bool] = ContextVar("tinygrad_lite_pushing", default=False)


@contextmanager
def pushing() -> Iterator[None]:
    """Inside, a backward pass is the first of the two that make tangents."""
    token = _PUSHING.set(True)
    try:
        yield
    finally:
        _PUSHING.reset(token)


BackwardCFunction = FunctionNode


class _UserOp:
    """What the engine needs to know of a Function: its `backward`, which insists on Tensors."""

    on_tensors = True
    plain = joint = view = False
    named = None
    holds = True
    rewritable = False
    layout = ()

    def __init__(self, function: type[Function], outputs: bool) -> None:
        self.function = function
        self.name = self.title = function.__name__
        self.outputs = outputs

    def differentiate(self, node: Node, g: Any, saved: Sequence[Any]) -> Sequence[Any]:
        ctx = saved[0]
        gs = g if self.outputs else (g,)
        if _PUSHING.get() and self._has_jvp():
            return self._transposed_jvp(ctx, gs)
        if ctx._materialize:
            shapes = node.shape if self.outputs else (node.shape,)
            gs = tuple(
                [
                    make(np.zeros(s, d)) if h is None and d is not None else h
                    for s, d, h in zip(shapes, ctx._zeros, gs)
                ]
            )
        return self._checked(self._backward()(ctx, *gs), ctx, node)

    def _has_jvp(self) -> bool:
        """Whether to ask `jvp` for tangents; where nothing else can be asked, it says so."""
        function = self.function
        no_backward = (function.backward, function.vjp) == (Function.backward, Function.vjp)
        return function.jvp is not Function.jvp or no_backward

    def _transposed_jvp(self, ctx: FunctionCtx, gs: Sequence[Any]) -> list[Any]:
        """The gradients of sum(g * jvp(tangents)) towards the tangents, one for each argument."""
        with enable_grad():
            leaves = [
                None if form is None else make(np.zeros(*form)).requires_grad_()
                for form in ctx._forms
            ]
            # copies, for `jvp` of a Function that writes in place writes into its tangents
            tangents = [None if leaf is None else leaf.clone() for leaf in leaves]
            ctx._in_jvp = True
            try:
                found = self.function.jvp(ctx, *tangents)
            finally:
                ctx._in_jvp = False
        outs = found if isinstance(found, tuple) else (found,)
        pairs = [(live_node(o), g) for o, g in zip(outs, gs) if isinstance(o, Tensor)]
        roots: list[Any] = [(n, g) for n, g in pairs if n is not None and g is not None]
        nodes = [None if leaf is None else leaf.node for leaf in leaves]
        wanted = [n for n in nodes if n is not None]
        by_leaf = backprop(roots, wanted, create_graph=True, accumulate=False)
        return [None if n is None else by_leaf.get(n) for n in nodes]

    def _backward(self) -> Callable[..., Any]:
        """The user's `backward`, or `vjp`, which is the same by another name."""
        function = self.function
        if function.vjp is Function.vjp:
            return function.backward
        if function.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        return function.vjp

    def _checked(self, found: Any, ctx: FunctionCtx, node: Node) -> list[Any]:
        found = found if isinstance(found, tuple) else (found,)
        count = len(ctx.needs_input_grad)
        if len(found) < count or any(d is not None for d in found[count:]):
            raise RuntimeError(
                f"function {self.name}Backward returned an incorrect number of gradients "
                f"(expected {count}, got {len(found)})"
            )
        for i, (d, parent) in enumerate(zip(found, node.parents)):
            if d is None:
                continue
            if i not in ctx._places:
                raise RuntimeError(
                    f"function {self.name}Backward returned a gradient different than None at "
                    f"position {i + 1}, but the corresponding forward input was not a Variable"
                )
            if parent is None:
                continue
            if not isinstance(d, Tensor):
                raise RuntimeError(
                    f"expected Variable or None (got {type(d).__name__}): gradient {i} of "
                    f"{self.name}Backward"
                )
            if not _reduces_to(d.array.shape, parent.shape):
                raise RuntimeError(
                    f"Function {self.name}Backward returned an invalid gradient at index {i} - got "
                    f"{list(d.array.shape)} but expected shape compatible with "
                    f"{list(parent.shape)}"
                )
        return list(found[:count])


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

    generate_vmap_rule = False
    _backward_cls: type[FunctionNode]  # of the nodes of this Function

    def __init_subclass__(cls) -> None:
        # FunctionNode under the name PyTorch shows, e.g. ExpBackward
        cls._backward_cls = type(cls.__name__ + "Backward", (FunctionNode,), {"__slots__": ()})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself: use its apply()",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method, called by its apply()"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The value. Called with `ctx` first, unless `setup_context` is overridden too."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

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

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs, from those of the arguments (None of what is no float).

        A Function without one is differentiated forwards by its `backward`.
        """
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """How `apply` treats a batch; called by `func.vmap` implementations that ask for it."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod "
            "or set generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` and record the call."""
        nodes = [live_node(a) if isinstance(a, Tensor) else None for a in args]
        ctx = FunctionCtx()
        recorded = current().grad and any(n is not None for n in nodes)
        ctx.needs_input_grad = tuple([n is not None for n in nodes])
        ctx._places = tuple([i for i, a in enumerate(args) if isinstance(a, Tensor)])
        if cls.jvp is not Function.jvp:
            ctx._forms = [
                (a.array.shape, a.array.dtype)
                if isinstance(a, Tensor) and a.array.dtype.kind in "fc"
                else None
                for a in args
            ]
        with around(cls.__name__), no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, _with_defaults(cls.forward, args), result)
        several = isinstance(result, tuple)
        results = result if several else (result,)
        if not recorded:
            return result
        outputs = [_fresh(out, args, ctx) for out in results]
        node = _record(cls, ctx, args, nodes, results, outputs, several)
        if current().watch is not None:
            arrays = [a.array for a in args if isinstance(a, Tensor)]
            for out in outputs:
                if isinstance(out, Tensor):
                    current().watch.forward(node.op, arrays, {}, out.array, node)  # type: ignore[union-attr]
        return tuple(outputs) if several else outputs[0]


def _with_defaults(forward: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a call, with those left out that have a default."""
    given = inspect.signature(forward).bind_partial(*args)
    given.apply_defaults()
    return given.args


def _fresh(out: Any, args: Sequence[Any], ctx: FunctionCtx) -> Any:
    """`out` as a Tensor of its own, so that giving it a history leaves an input alone."""
    if not isinstance(out, Tensor) or any(out is d for d in ctx._dirty):
        return out
    if any(out is a for a in args):
        return make_view(out.array, None, out)
    return make(out.array) if live_node(out) is not None and out.base is None else out


def _record(
    cls: type[Function],
    ctx: FunctionCtx,
    args: Sequence[Any],
    nodes: Sequence[Node | None],
    results: Sequence[Any],
    outputs: Sequence[Any],
    several: bool,
) -> FunctionNode:
    if any(all(d is not out for out in results) for d in ctx._dirty):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. "
            "The inputs that are modified inplace must all be outputs of the Function."
        )
    _judge_dirty(ctx, args)
    op = _UserOp(cls, several)
    arrays: list[Any] = [out.array if isinstance(out, Tensor) else None for out in outputs]
    dtypes = [None if a is None else a.dtype for a in arrays]
    parents = tuple(nodes)
    shapes = tuple([np.shape(a) for a in arrays])
    if several:
        node = cls._backward_cls(op, parents, (), shapes, None)
    else:
        node = cls._backward_cls(op, parents, (), shapes[0], dtypes[0])
    node.ctx = ctx
    for i, (result, out) in enumerate(zip(results, outputs)):
        if not isinstance(out, Tensor) or out.array.dtype.kind not in "fc":
            continue
        if any(result is t for t in ctx._non_differentiable):
            if not ctx._materialize_non_diff_grads:
                dtypes[i] = None
            continue
        own = Pick(node, i, out.array.shape, out.array.dtype) if several else node
        if any(out is d for d in ctx._dirty):
            if several and out.base is not None:
                raise RuntimeError(_WRITTEN_VIEW)
            require_writable(out, "has been used")
            rebase(out, own)
        else:
            out.node = own
    ctx._zeros = dtypes
    made = [  # an input that is returned stays an input
        None if r is not out and any(r is a for a in args) else r
        for r, out in zip(results, outputs)
    ]
    node.saved = (ctx, [Saved(t, node, made) for t in ctx._to_save])
    ctx._node = weakref.ref(node)
    ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
    return node


def _judge_dirty(ctx: FunctionCtx, args: Sequence[Any]) -> None:
    """Complain of Tensors that are marked as written but are no inputs."""
    for d in ctx._dirty:
        if all(d is not a for a in args):
            text = (
                "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that "
                "have been mutated should be passed to ctx.mark_dirty()."
            )
            if d.base is not None:
                raise RuntimeError(text)
            warnings.warn(text, UserWarning, stacklevel=4)


_WRITTEN_VIEW = (
    "If your Function modifies inplace an input that is a view of another Tensor, your Function "
    "cannot return more than one Tensor. This is not supported by the current autograd engine. "
    "Either make sure the input is not a view (clone() it), or make two Functions: one that writes "
    "in place and returns a single Tensor, and one for the other outputs."
)


class InplaceFunction(Function):
    """A Function that can be told to write in place; kept for programs that derive from it."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


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
