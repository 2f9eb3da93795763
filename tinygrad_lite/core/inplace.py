"""Writing into a Tensor without losing the truth about its gradient.

An in-place op is its ordinary op followed by a store: compute the value, check that it fits, write
it into the array, stamp the write (node.py), and give the Tensor the value's node. If the Tensor is
a view, the value also reaches its base: the base's new node says "the old base with this region
replaced", and the view's own node says "this region of the new base". Other views notice that the
base's node has changed and are made anew when they are next used (`Tensor._renew`). An op with a
kernel leaves out the value in between: the kernel writes where it is wanted (`_compute_into`).

What a rule saved before the write and the write destroyed is found by the clock when the backward
pass gets there, and raises.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..kernels.arithmetic import LARGE
from ..kernels.copying import assign, duplicated
from . import dtypes
from .dtypes import from_numpy_dtype
from .modes import current
from .node import FREED, Keeper, Leaf, Node, Pick, owner, tick, type_name
from .primitive import FLOAT32, FLOAT64, REGISTRY, shares_memory
from .strided import geometry, layout, share_elements
from .tensor import Tensor, bind, live_node, make, stamp


class _Numbers(dict[Any, Any]):
    """Python numbers as arrays without axes: NumPy takes twice as long over the numbers.

    0 is none of them: 0.0 and -0.0 are one key.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def __missing__(self, value: Any) -> Any:
        if not value:
            return value
        if len(self) >= 1024:
            self.clear()
        array = self[value] = np.asarray(value, self.dtype)
        array.flags.writeable = False
        return array


NUMBERS = {dtype: _Numbers(dtype) for dtype in (FLOAT32, FLOAT64)}
_PLAIN = frozenset({float, int, type(None)})


def in_place(call: Callable[..., Any], by: str, apart: bool = False) -> Callable[..., Tensor]:
    """The in-place form of the op `call`: `x.op_(...)` stores `op(x, ...)` into `x`.

    apart  no other Tensor of the call may share elements with `x`; else none may partly
    """
    # exp_ needs its value only, and the store leaves that in x; sin_ needs x as it was: a copy
    op = getattr(call, "op", None)
    overwrites_what_it_needs = op is None or any(op.inputs[0] in names for names in op.asked)
    comes_to = getattr(call, "comes_to", None)
    if op is not None and (op.kernel or op.ufunc) is not None:

        def comes_to(*others: Any, **meta: Any) -> Any:
            return call, others, meta

    @functools.wraps(call)
    def write(self: Tensor, *args: Any, **meta: Any) -> Tensor:
        require_writable(self)
        a = self.array
        for y in args:
            if type(y) is tuple and apart:  # the indices of index_put_
                require_apart(a, *[i.array for i in y if isinstance(i, Tensor)], partly=False)
            elif isinstance(y, Tensor) and (
                y.array.base is not None or a.base is not None or apart
            ):
                require_apart(a, y.array, partly=not apart)
        if comes_to is not None:
            try:
                same, others, numbers = comes_to(*args, **meta)
            except TypeError:
                pass  # `call` words the error, or knows more ways to be called
            else:
                if _compute_into(same.op, self, others, numbers, by):
                    return self
        source = self
        if overwrites_what_it_needs and _records(self, args):
            source = make(self.array.copy(), live_node(self))
        return store(self, call(source, *args, **meta), by)

    write.__name__ = by
    return write


def _compute_into(op: Any, x: Tensor, others: Any, meta: dict[str, Any], by: str) -> bool:
    """Let the op's kernel write op(x, *others, **meta) straight into `x`, and give `x` its history.

    For ordinary calls only: floats of one dtype, nobody watching. Says whether it was one.
    """
    a, mode = x.array, current()
    d = a.dtype
    if (d is not FLOAT32 and d is not FLOAT64) or mode.watch is not None:
        return False
    if len(others) != op.arity - 1:
        return False
    if meta or op.meta:
        numbers = _PLAIN.issuperset(map(type, meta.values()))
        if not numbers or meta.keys() != op.meta.keys():
            return False
    arrays, nodes = [a], [x.node if x.base is None else live_node(x)]
    for other in others:
        if isinstance(other, Tensor):
            if other.array.dtype is not d:
                return False
            arrays.append(other.array)
            nodes.append(other.node if other.base is None else live_node(other))
        elif (type(other) is float or type(other) is int) and not op.meta:
            arrays.append(NUMBERS[d][other])
            nodes.append(None)
        else:
            return False
    recorded = mode.grad and nodes.count(None) != len(nodes)
    if recorded:
        keeps = op.plan(tuple([n is not None for n in nodes]))
        if any(np.may_share_memory(a, other) for other in arrays[1:]):
            return False
        if keeps[0]:
            arrays[0] = duplicated(a)
    into = op.ufunc if op.kernel is None or a.size < LARGE else op.kernel
    try:
        into(*arrays, out=a, **meta)
    except ValueError:  # shapes that do not fit: the long way words the error
        return False
    stamp(x, by)
    if recorded:
        known = (*arrays, a, *[meta[name] for name in op.layout[len(arrays) + 1 :]])
        saved = tuple([value if kept else None for value, kept in zip(known, keeps, strict=True)])
        rebase(x, Node(op, tuple(nodes), saved, a.shape, d))
    return True


def _records(x: Tensor, args: tuple[Any, ...]) -> bool:
    if not current().grad:
        return False
    return any(isinstance(a, Tensor) and live_node(a) is not None for a in (x, *args))


def require_apart(a: np.ndarray, *others: np.ndarray, partly: bool = True) -> None:
    """RuntimeError if one of `others`, read while `a` is written, has elements in common with it
    (partly: other than by being `a`): what is read would depend on the order of writing."""
    for b in others:
        if np.may_share_memory(a, b) and share_elements(a, b, partly):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. Please clone() the tensor before "
                "performing the operation."
            )


def require_writable(x: Tensor, used: str = "is being used", *, one_value: bool = False) -> None:
    """RuntimeError if `x` must not be written in place: a leaf, overlapping or read-only memory,
    or a view whose history could not be told.

    one_value  what is written is the same everywhere, so that elements may share their place

    If it may be, the op that made it may need a copy of it, see `rewritable` (doors.py).
    """
    if current().grad:
        node, base = live_node(x), x.base
        if base is not None and base.node is not None and x.array.dtype.kind in "fc":
            require_known_view(x)
        if isinstance(node, Leaf) or (base is not None and isinstance(base.node, Leaf)):
            raise RuntimeError(
                f"a {'leaf' if isinstance(node, Leaf) else 'view of a leaf'} Variable that "
                f"requires grad {used if base is None else 'is being used'} in an in-place "
                "operation. Wrap the write in `with no_grad():`, or write out of place"
            )
    a = x.array
    if (
        not one_value
        and a.size
        and 0 in a.strides
        and any(s == 0 and n > 1 for s, n in zip(a.strides, a.shape))
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    if not a.flags.writeable:
        raise RuntimeError(
            "the array behind this tensor is read-only (it came from read-only memory); "
            "clone() the tensor before writing into it"
        )
    whole = x if x.base is None else x.base
    node = whole.node
    if node is not None and node.op is not None and node.op.rewritable:
        _keep_copy(node, whole.array)


def _keep_copy(node: Node, value: np.ndarray) -> None:
    """Let a node that saved its value, which is about to be written, save a copy of it."""
    if type(node) is Pick:
        node = node.parents[0]
    if node.saved is not FREED:
        copies = {id(value): value.copy("K")}
        node.saved = tuple([_replaced(s, copies) for s in node.saved])


def _replaced(saved: Any, by: dict[int, Any]) -> Any:
    if type(saved) is tuple:  # the values of an op with several
        return tuple([_replaced(s, by) for s in saved])
    return by.get(id(saved), saved)


def require_known_view(x: Tensor) -> None:
    """RuntimeError for views that PyTorch does not let be written while gradients are recorded."""
    node, base = live_node(x), x.base.node  # type: ignore[union-attr]
    if node is None:
        raise RuntimeError(
            "A view was created in no_grad mode and is being modified inplace with grad mode "
            "enabled. Given that this use case is ambiguous and error-prone, it is forbidden. Put "
            "both in no_grad, or neither"
        )
    while node is not base and type(node) is not Pick and node.op is not None and node.op.view:
        node = node.parents[0]  # of a view of a view, what the first one was
    if node is base or node.op is None:
        return
    if type(node) is Pick:
        raise RuntimeError(
            f"Output {node.saved} of {node.op.title} is a view and is being modified inplace. This "
            "view is the output of a function that returns multiple views. Such functions do not "
            "allow the output views to be modified inplace. You should replace the inplace "
            "operation by an out-of-place one."
        )
    if node.op.on_tensors:
        raise RuntimeError(
            f"Output 0 of {node.op.title} is a view and is being modified inplace. This view was "
            "created inside a custom Function (or because an input was returned as-is) and the "
            "autograd logic to handle view+inplace would override the custom backward associated "
            "with the custom Function, leading to incorrect gradients. This behavior is forbidden. "
            "You can fix this by cloning the output of the custom Function."
        )


def store(x: Tensor, value: Tensor, by: str) -> Tensor:
    """Write `value` into `x` in place and give `x` its history. Returns `x`.

    Raises RuntimeError, before anything is written, if shape or dtype does not fit.
    """
    a, v = x.array, value.array
    if v.shape != a.shape:
        raise RuntimeError(
            f"output with shape {list(a.shape)} doesn't match the broadcast shape "
            f"{list(v.shape)} ({by})"
        )
    if v.dtype != a.dtype:
        wide, narrow = from_numpy_dtype(v.dtype), from_numpy_dtype(a.dtype)
        if not dtypes.can_cast(wide, narrow):
            raise RuntimeError(
                f"result type {type_name(wide)} can't be cast to the desired output type "
                f"{type_name(narrow)} ({by})"
            )
        value = REGISTRY["cast"].apply((value,), {"dtype": a.dtype})
        v = value.array
    write = stamp(x, by)
    assign(a, v)
    mode = current()
    if mode.watch is not None:
        mode.watch.written(write)
    if mode.grad:
        node = value.node
        if node is not None:
            _keep_stored_value(node, v, a)
            rebase(x, node)
        elif live_node(x) is not None:
            rebase(x, None)
    return x


def _keep_stored_value(node: Node, value: np.ndarray, stored: np.ndarray) -> None:
    """Let a node that saved its value save the stored one: same numbers, one array less.

    It is then stamped later than the write, unless it also saved an array that the write destroyed.
    """
    if not any(s is value for s in node.saved):
        return
    root = owner(stored)
    if any(isinstance(s, np.ndarray) and owner(s) is root for s in node.saved):
        return
    node.saved = tuple([stored if s is value else s for s in node.saved])
    node.clock = tick()


def rebase(x: Tensor, node: Node | None) -> None:
    """Make `node` the history of what is now in `x`, and let `x`'s base and views know."""
    base = x.base
    if base is None:
        old, x.node = x.node, node
        if old is not None and old.hooks:
            _take_along(x, old)
        return
    if node is None and base.node is None:
        return
    old_base = base.node
    there, back, whole = _read_as(x.array.dtype, base.array)
    write = REGISTRY["strided_write"]
    region = {"base": layout(whole), "view": geometry(x.array, whole)}
    parents = (_through(there, base.node, whole), node)
    saved = write.keep(parents, (whole, x.array), region, None, None)
    written = Node(write, parents, saved, whole.shape, whole.dtype)
    base.node = _through(back, written, base.array)
    renew(x)
    if old_base is not None and old_base.hooks:
        _take_along(base, old_base)


def _take_along(x: Tensor, old: Node) -> None:
    """The gradient that `x` retains is that of its latest value; hooks stay where they were."""
    hooks = old.hooks or []
    for keeper in [h for h in hooks if isinstance(h, Keeper) and h.tensor() is x]:
        hooks.remove(keeper)
        node = x.node
        if node is not None and not isinstance(node, Leaf):
            node.hooks = [*(node.hooks or []), keeper]


def renew(x: Tensor) -> Node | None:
    """Read the view `x` from its base anew: its node becomes "this region of the base"."""
    base, old = x.base, x.node
    assert base is not None
    x.seen = base.node
    if base.node is None or x.array.dtype.kind not in "fc":  # bytes seen as integers
        x.node = None
    elif shares_memory(x.array, base.array) or x.array is base.array:
        there, _, whole = _read_as(x.array.dtype, base.array)
        read = REGISTRY["strided"]
        region = {"base": layout(whole), "view": geometry(x.array, whole)}
        parents = (_through(there, base.node, whole),)
        saved = read.keep(parents, (whole,), region, None, None)
        x.node = Node(read, parents, saved, x.array.shape, x.array.dtype)
    if old is not None and old.hooks:
        _take_along(x, old)
    return x.node


def _read_as(dtype: np.dtype, base: np.ndarray) -> tuple[Any, Any, np.ndarray]:
    """The op that reads `base` as numbers of `dtype`, the one that leads back, and what it gives.

    A real part is a view of a complex base, a pair of floats seen as complex one of a real base;
    regions are told in elements of one dtype. Without ops where the dtypes agree.
    """
    if dtype == base.dtype:
        return None, None, base
    pairs, whole = REGISTRY["complex_to_pairs"], REGISTRY["pairs_to_complex"]
    if base.dtype.kind == "c":
        return pairs, whole, pairs.forward(base)
    if base.shape[-1:] == (2,):
        read = whole.forward(base)
        if shares_memory(read, base):
            return whole, pairs, read
    raise RuntimeError(
        f"a {dtype} view of a {base.dtype} tensor of shape {list(base.shape)} cannot be followed "
        "through a write in place; clone() one of the two before writing"
    )


def _through(op: Any, node: Node | None, out: np.ndarray) -> Node | None:
    """The node of `out`, made by `op` from the value of `node`; that itself if there is no op."""
    if op is None or node is None:
        return node
    return Node(op, (node,), (None,) * len(op.layout), out.shape, out.dtype)


bind("_renew", renew)
