"""Backpropagation: the chain rule, applied once to every node, from the latest to the earliest.

`pending` holds, for each node that some later node has reached, the sum of the gradients that have
arrived so far. Nodes are visited in the order of the clock, so when a node's turn comes everything
that depends on it has been visited, and its sum is complete. Then each rule turns it into gradients
towards the node's parents:

    pending[parent] += rule(g, saved...)        summed over broadcast axes, cast to its dtype

A leaf adds its sum to `.grad`. There is no recursion, so the depth of a graph is limited by memory
alone, and what a node saved is freed as soon as it has been used.

Complex numbers. What flows between nodes is the c for which dL = Re(c dz). With it the rules of
calculus hold as they stand: of w = f(z) comes c f'(z), and a real parent takes the real part. What
users see is PyTorch's gradient, the direction of steepest ascent: the conjugate of c. So gradients
are mirrored where they enter and leave the tape: roots, leaves, hooks, Functions.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ..kernels.arithmetic import add
from ..kernels.copying import LARGE, contiguous, copied
from .chain import cast, sum_to
from .hooks import all_unpacked, mirrored, run_after, run_before, run_hooks
from .modes import MODE, current
from .node import (
    FREED,
    WRITES,
    Leaf,
    Node,
    Pick,
    Write,
    any_extras,
    describe,
    extras,
    touch,
    written_since,
)
from .primitive import REGISTRY
from .tensor import Tensor, make

_ndarray = np.ndarray
_sum_to: Any = REGISTRY["sum_to"].forward  # of arrays, without the question whether they are
_clock = attrgetter("clock")

FEW = 1 << 16
"""Numbers in a gradient up to which adding up several products at once gains anything; larger ones
are not kept waiting in memory."""
MANY = 1 << 22
"""Numbers in gradients that wait for one sum: more would keep the memory of a long sequence."""


_PASSES = itertools.count()  # each backward pass has a number
_CALLBACKS: dict[int, list[Any]] = {}  # what to call at the end of the pass of that number


def queue_callback(callback: Any) -> None:
    """Call `callback()` at the end of the backward pass that runs; RuntimeError outside of one."""
    sweep = current().sweep
    if sweep is None:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    _CALLBACKS.setdefault(sweep[2], []).append(callback)


def backprop(
    roots: Sequence[tuple[Node, Any]],
    wanted: Sequence[Node] | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    accumulate: bool = True,
) -> dict[Node, Any]:
    """Send gradients from `roots` down the tape.

    roots         pairs of a node and the gradient of its value: an array, or (with `create_graph`)
                  a Tensor
    wanted        nodes whose gradients to return; only paths to them are followed. None: all
                  leaves are reached
    retain_graph  keep what nodes saved, so that another pass may follow
    create_graph  apply the rules to Tensors, recording every operation, so that the gradients can
                  themselves be differentiated
    accumulate    add the gradients of leaves to their `.grad`

    Returns the gradients of the nodes in `wanted` that were reached. RuntimeError if a node's
    saved arrays were freed by an earlier pass or overwritten in place.
    """
    order = _latest_first([node for node, _ in roots])
    needed = None if wanted is None else _leading_to(wanted, order)
    targets = frozenset(wanted or ())
    results: dict[Node, Any] = {}
    pending: dict[Node, Any] = {}
    owned: set[Node] = set()  # whose pending array was made here: nobody else can see it change
    several: dict[Node, dict[Any, list[Any]]] = {}  # what is added up when the node's turn comes
    began = WRITES.last  # when the first of those was put off
    for node, g in roots:
        _arrive(node, mirrored(g), pending, owned, create_graph)
    outer = current()
    # special: rules are applied to Tensors, or somebody looks on; else the short way below
    special = create_graph or outer.watch is not None or any_extras()
    number = next(_PASSES)
    token = MODE.set(outer.but(grad=create_graph, sweep=(order, needed, number)))
    try:
        for node in order:
            g = pending.pop(node, None)
            if g is None:
                continue
            if several and node in several:
                g = _sum_of_several(node, g, several.pop(node), began)
            if several and _runs_foreign_code(node):  # which may write: nothing is left waiting
                for other, calls in several.items():
                    pending[other] = _sum_of_several(other, pending[other], calls, began)
                several.clear()
            if node.hooks is not None:
                g = mirrored(run_hooks(node, mirrored(g), create_graph))
            if needed is not None:
                if node in targets:
                    results[node] = mirrored(g)
                    # asked for itself only: what it saved stays, for another pass from there
                    if type(node) is not Leaf and needed.isdisjoint(node.parents):
                        continue
                if node not in needed:
                    continue
            if type(node) is not Node:
                if type(node) is Leaf:
                    if accumulate:
                        d = None  # it may be what arrives here, which is then not ours alone
                        _accumulate(node, g, create_graph, special)
                    continue
                if type(node) is Pick:
                    _pick(node, g, pending)
                    continue
            op, saved = node.op, node.saved
            if saved is FREED:
                raise RuntimeError(_SECOND_TIME.format(node.name()))
            if WRITES.last > node.clock:  # some array was written since; one that it saved?
                _check_unwritten(node, create_graph)
            if special or not op.plain:
                for parent, d in zip(
                    node.parents, _contributions(node, g, create_graph, outer.watch)
                ):
                    if (
                        parent is not None
                        and d is not None
                        and (needed is None or parent in needed)
                    ):
                        _arrive(parent, d, pending, owned, create_graph)
            else:
                i = -1
                calls = op.calls
                for parent in node.parents:
                    i += 1
                    if parent is None or (needed is not None and parent not in needed):
                        continue
                    rule, asks, of_several = calls[i]
                    if of_several is not None and parent in pending and g.size <= FEW:
                        if not several:
                            began = WRITES.last
                        waiting = several.setdefault(parent, {}).setdefault(of_several, [])
                        waiting.append((g, *[saved[k] for k in asks]))
                        if len(waiting) * g.size > MANY:
                            late = several.pop(parent)
                            pending[parent] = _sum_of_several(parent, pending[parent], late, began)
                        continue
                    if not asks:
                        d = rule(g)
                    elif len(asks) == 1:
                        d = rule(g, saved[asks[0]])
                    else:
                        d = rule(g, *[saved[k] for k in asks])
                    # what `_arrive` does, without the call, for an array that fits as it is
                    if type(d) is _ndarray and d.shape == parent.shape and d.dtype is parent.dtype:
                        old = pending.get(parent)
                        if old is None:
                            pending[parent] = d
                            continue
                        if parent in owned:
                            if d.size < LARGE:
                                old += d
                            else:
                                add(old, d, old)
                            continue
                        # of arrays without axes NumPy makes numbers; large ones may differ in order
                        if d.ndim > 0 and (d.size < LARGE or d.strides == old.strides):
                            pending[parent] = old + d if d.size < LARGE else add(old, d)
                            owned.add(parent)
                            continue
                    _arrive(parent, d, pending, owned, False)
            if not retain_graph and op.holds:
                node.saved = saved = FREED
        if _CALLBACKS:
            for callback in _CALLBACKS.get(number, ()):  # which may add others
                callback()
    except Exception:
        if outer.watch is not None:
            outer.watch.failed(node)
        raise
    finally:
        MODE.reset(token)
        if _CALLBACKS:
            _CALLBACKS.pop(number, None)
    return results


def _latest_first(roots: Sequence[Node]) -> list[Node]:
    """Every node that `roots` were made from, by the clock, latest first."""
    seen: set[Node | None] = {None, *roots}
    order = list(dict.fromkeys(roots))
    for node in order:  # which grows meanwhile
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                order.append(parent)
    order.sort(key=_clock, reverse=True)
    return order


def _leading_to(wanted: Sequence[Node], order: Sequence[Node]) -> set[Node]:
    """The nodes among `order` that were made from one of `wanted` (these included)."""
    needed = set(wanted)
    for node in reversed(order):
        if node not in needed and not needed.isdisjoint(node.parents):
            needed.add(node)
    return needed


def _arrive(node: Node, d: Any, pending: dict[Node, Any], owned: set[Node], recorded: bool) -> None:
    """Add the gradient `d` to what has arrived at `node`, in the node's shape and dtype.

    Arrays made here are owned and added to in place; arrays that came from a rule may be shared.
    """
    if recorded:
        if d.array.shape != node.shape and node.shape is not None:
            d = sum_to(d, shape=node.shape)
        if d.array.dtype != node.dtype and node.dtype is not None:
            d = cast(d, dtype=node.dtype)
        old = pending.get(node)
        pending[node] = d if old is None else old + d
        return
    if type(d) is not _ndarray:
        d = np.asarray(d)
    if d.shape != node.shape:
        d = _sum_to(d, shape=node.shape)
    if d.dtype is not node.dtype and d.dtype != node.dtype and node.dtype is not None:
        d = (d.real if node.dtype.kind != "c" else d).astype(node.dtype)
    old = pending.get(node)
    if old is None:
        pending[node] = d
    elif node in owned:
        add(old, d, old)
    else:
        if d.size >= LARGE and d.strides != old.strides:  # two orders in one loop are slow
            d, old = contiguous(d), contiguous(old)
        pending[node] = np.asarray(add(old, d))
        owned.add(node)


def _sum_of_several(node: Node, g: Any, calls: dict[Any, list[Any]], began: int) -> Any:
    """`g` and the gradients of the calls that were put off: one sum of products, not a product
    for each call.

    RuntimeError if one of their arrays was written since `began`, when the first was put off (the
    gradient that the pass began with may be a `.grad`).
    """
    for of_several, arguments in calls.items():
        if WRITES.last > began:
            for array in [a for call in arguments for a in call if isinstance(a, _ndarray)]:
                write = written_since(array, began)
                if write is not None:
                    raise RuntimeError(
                        f"{describe(array)} was modified by an inplace operation ({write.by}) "
                        f"during the backward pass that needs it for the gradient of {node.name()};"
                        " write into a copy"
                    )
        d = of_several(arguments)
        g = g + (sum_to(d, shape=node.shape) if d.shape != node.shape else d)
    return np.asarray(g, node.dtype)  # of 0-d arrays NumPy makes numbers


def _runs_foreign_code(node: Node) -> bool:
    """Whether the visit of `node` calls a user's function: a hook or a Function."""
    if node.hooks is not None:
        return True
    return node.after is not None if type(node) is Leaf else node.op.on_tensors


def _pick(node: Node, g: Any, pending: dict[Node, Any]) -> None:
    """Hand the gradient of one output to the node that has several."""
    gradients = pending.setdefault(node.parents[0], {})
    i = node.saved
    gradients[i] = gradients[i] + g if i in gradients else g


def _contributions(node: Node, g: Any, recorded: bool, watch: Any) -> Sequence[Any]:
    """The gradients towards each parent, from rules on arrays or on Tensors, and after hooks."""
    op, saved = node.op, node.saved
    if op.outputs:
        g = tuple([g.get(i) for i in range(len(node.shape))])
    if watch is not None:
        watch.before(node)
    more = extras(node)
    if more is not None:
        if more.before:
            g = run_before(more.before, g, recorded)
        if more.packed:
            saved = all_unpacked(saved)
    if op.on_tensors:
        if not recorded:
            g = tuple([a if a is None else make(a) for a in g]) if op.outputs else make(g)
        found = [mirrored(d) for d in op.differentiate(node, mirrored(g), saved)]
        if not recorded:
            found = [d.array if isinstance(d, Tensor) else d for d in found]
    elif recorded:
        found = op.differentiate(node, g, saved)
    elif op.joint or op.variadic:
        found = op.calls[0][0](g, *[saved[i] for i in op.asks[0]])
    else:
        found = [
            None if parent is None else rule(g, *[saved[i] for i in asks])
            for parent, (rule, asks, _) in zip(node.parents, op.calls)
        ]
    if watch is not None:
        watch.backward(node, found)
    if more is None or not more.after:
        return found
    return run_after(more.after, g, found, recorded)


def _accumulate(leaf: Leaf, g: Any, recorded: bool, special: bool) -> None:
    tensor = leaf.tensor()
    if tensor is None:
        return
    more = extras(leaf) if special else None
    if more is not None and more.before:
        g = run_before(more.before, g, recorded)
    if leaf.dtype is None or leaf.dtype.kind == "c":
        g = mirrored(g)
    old = tensor._grad
    if recorded:
        tensor._grad = g if old is None else old + g
    elif old is None:
        if tensor.array.flags.c_contiguous:
            tensor._grad = make(g if _is_unshared(g) else copied(g))
        else:
            tensor._grad = make(_laid_out_as(tensor.array, g))
    elif 0 in old.array.strides:  # the user's, expanded: its elements are one place of memory
        tensor._grad = make(old.array + g)
    else:
        add(old.array, contiguous(g) if g.size >= LARGE else g, old.array)
        touch(old.array, "gradient accumulation")
    if leaf.after is not None:
        for hook in list(leaf.after):
            returned = hook(tensor)
            if returned is not None and returned is not tensor:
                if isinstance(returned, Tensor):
                    raise RuntimeError("Tensor post accumulate grad hooks should return None.")
                raise TypeError(
                    f"expected Variable, but hook returned '{type(returned).__name__}': a hook "
                    "after accumulation returns nothing"
                )
    if more is not None:
        run_after(more.after, mirrored(g), (), recorded)


def _laid_out_as(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """A copy of `g` in the order of the leaf `x`, say channels last; row-major if `x` has gaps."""
    whole = x.nbytes == np.lib.array_utils.byte_bounds(x)[1] - np.lib.array_utils.byte_bounds(x)[0]
    laid = np.empty_like(x, dtype=g.dtype, order="K" if whole else "C")
    laid[...] = g
    return laid


def _called(self: Node, *gs: Tensor) -> Any:
    """`grad_fn(g)`: the gradients towards the node's inputs that follow from that of its value.

    Of an op with several values one gradient (or None) each is wanted; TypeError otherwise.
    """
    several = self.op is not None and self.op.outputs
    expected = len(self.shape) if several else 1
    if len(gs) != expected:
        raise TypeError(f"expected {expected} arguments, got {len(gs)} instead")
    if isinstance(self, Leaf):
        _accumulate(self, gs[0].array, False, True)
        return None
    if self.saved is FREED:
        raise RuntimeError(_SECOND_TIME.format(self.name()))
    arrays = [mirrored(g.array) for g in gs]
    g: Any = dict(enumerate(arrays)) if several else arrays[0]
    results = []
    for parent, d in zip(self.parents, _contributions(self, g, False, None)):
        towards: dict[Node, Any] = {}
        if parent is not None and d is not None:
            _arrive(parent, d, towards, set(), False)
        results.append(make(mirrored(towards[parent])) if towards else None)
    return results[0] if len(results) == 1 else tuple(results)


Node.__call__ = _called  # type: ignore[method-assign]


def _is_unshared(g: np.ndarray) -> bool:
    """Whether nobody but the engine holds `g`, so that it may become a `.grad` without a copy."""
    return (
        g.flags.c_contiguous
        and g.flags.writeable
        and sys.getrefcount(g) <= _UNSHARED
        and has_memory_alone(g)
    )


def _references_of_unshared() -> int:
    """What `getrefcount` reports, along the path above, for an array only the engine holds."""
    counts = []

    def accumulate(g: np.ndarray) -> None:
        count(g)

    def count(g: np.ndarray) -> None:
        counts.append(sys.getrefcount(g))

    pending: dict[int, Any] = {0: np.empty(0)}
    g = pending.pop(0, None)
    accumulate(g)
    return counts[0]


def has_memory_alone(g: np.ndarray) -> bool:
    """Whether `g` owns its memory, or is all there is of the array that does (a reshaped view)."""
    base = g.base
    if base is None:
        return True
    whole = type(base) is _ndarray and base.base is None and base.nbytes == g.nbytes
    return whole and sys.getrefcount(base) <= _BY_ONE_VIEW


def _references_by_one_view() -> int:
    """What `getrefcount` reports, along the path above, for an array that only its view holds."""
    view = np.empty(1).reshape(1, 1)
    base = view.base
    return sys.getrefcount(base)


_UNSHARED = _references_of_unshared()
_BY_ONE_VIEW = _references_by_one_view()


_SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward. "
    "(at {})"
)


def _check_unwritten(node: Node, recorded: bool) -> None:
    """RuntimeError if an array that is wanted of what the node saved was written in place since.

    A fused op saves its inputs for its reference, which runs only if the pass is recorded.
    """
    joint = node.op.joint and not recorded
    for i in node.op.asks[0] if joint else range(len(node.saved)):
        value = node.saved[i]
        if value is None:
            continue
        for array in value if type(value) is tuple else (value,):
            if isinstance(array, _ndarray):
                write = written_since(array, node.clock)
                if write is not None:
                    raise _overwritten(node, i, array, write)


def _overwritten(node: Node, i: int, array: np.ndarray, write: Write) -> RuntimeError:
    lines, note = "", getattr(node, "note", None)
    if note:
        where = write.where or "  (outside anomaly mode)"
        lines = f"\nSaved here:\n{note}\nWritten here:\n{where}"
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: {describe(array)}, which {node.op.name} saved as its '{node.op.layout[i]}', "
        f"was then written by {write.by} (version {write.count}). Write out of place, clone() "
        "what is written, or do it before it is used. Hint: enable anomaly detection "
        f"(autograd.set_detect_anomaly(True)) to see the lines of both.{lines}"
    )
