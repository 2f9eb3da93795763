"""The tape: nodes, the clock that orders them, and the record of in-place writes.

A node remembers which op made a value, the nodes of the op's inputs, and the arrays the op's
derivative rules asked for. It never holds a Tensor, so there are no reference cycles and memory
falls by reference count.

Every node is stamped by one counter, the clock. A value is always younger than what it was made
from, so going through nodes from the latest to the earliest is a valid backward order. The same
clock stamps writes into arrays: an array that a node saved was overwritten if, and only if, its
last write is later than the node. That comparison is the whole version counter.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .dtypes import dtype, from_numpy_dtype

tick = itertools.count(1).__next__


class Freed:
    """Stands where a node's saved arrays stood until a backward pass freed them."""

    def __repr__(self) -> str:
        return "<freed>"


FREED: Any = Freed()

# PyTorch numbers the names of most nodes (MulBackward0), of these not.
_UNNUMBERED = {"CopySlices": "CopySlices", "Copy": "CopyBackwards", "Error": "Error"}


class Node:
    """One application of an op.

    op       the declaration that made the value (see primitive.py)
    parents  a node, or None where no gradient is wanted, for each array input
    saved    what the rules asked for: inputs, out, then metadata; None where nobody asked
    clock    time of creation
    shape    of the value, so that the engine can undo broadcasting; of an op with several outputs
             the tuple of their shapes (each output is then a Pick below)
    dtype    of the value (NumPy's), so that the engine can undo promotion; None if several
    hooks    functions of the value's gradient (and a Keeper for retain_grad), or None
    note     the lines of the program that made it; set in anomaly mode only
    """

    __slots__ = (
        "__weakref__",
        "_extras",
        "clock",
        "dtype",
        "hooks",
        "note",
        "op",
        "parents",
        "saved",
        "shape",
    )
    _extras: Extras

    def __init__(self, op: Any, parents: Any, saved: Any, shape: Any, dtype: Any) -> None:
        self.op = op
        self.parents = parents
        self.saved = saved
        self.clock = tick()
        self.shape = shape
        self.dtype = dtype
        self.hooks: list[Any] | None = None

    def name(self) -> str:
        """The name PyTorch prints, e.g. MulBackward0."""
        if self.op.named is not None:
            return self.op.named(self)
        title = self.op.title
        return _UNNUMBERED.get(title) or title + "Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes this one passes gradients to, each with the number of the output it used."""
        return tuple([(shown(p), p.saved if type(p) is Pick else 0) for p in self.parents])

    def _sequence_nr(self) -> int:
        """When it was made, compared to others."""
        return self.clock

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary that belongs to the user."""
        return _METADATA.setdefault(self, {})

    def register_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(grad_inputs, grad_outputs)` once this node has passed on its gradients.

        What it returns (a tuple) replaces the gradients towards the inputs.
        """
        return Handle(_extras_of(self).after, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(grad_outputs)` before this node's rules run; what it returns replaces them."""
        return Handle(_extras_of(self).before, hook)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Extras:
    """What only few nodes have: hooks of the node itself, and saved arrays that were packed.

    before, after  hooks that run before and after the node's rules
    packed         for the places of `saved` that hold a `Packed`: see `autograd.graph`
    """

    __slots__ = ("after", "before", "packed")

    def __init__(self) -> None:
        self.before: list[Any] = []
        self.after: list[Any] = []
        self.packed = False


_METADATA: weakref.WeakKeyDictionary[Node, dict[str, Any]] = weakref.WeakKeyDictionary()
_WITH_EXTRAS: weakref.WeakSet[Node] = weakref.WeakSet()


def _extras_of(node: Node) -> Extras:
    """The node's Extras. They hang on the node, not in a table, where a hook that knows a Tensor of
    its own graph would keep that graph alive for ever."""
    found = extras(node)
    if found is None:
        found = node._extras = Extras()
        _WITH_EXTRAS.add(node)
    return found


def any_extras() -> bool:
    """Whether any living node has hooks of its own or packed arrays."""
    return len(_WITH_EXTRAS) > 0


def extras(node: Node) -> Extras | None:
    """The hooks of the node itself (not of its value) and its packed arrays, or None."""
    return getattr(node, "_extras", None)


class Packed:
    """Stands where a saved array stood: what a user's hook made of it, and the way back."""

    __slots__ = ("content", "unpack")

    def __init__(self, content: Any, unpack: Callable[[Any], Any]) -> None:
        self.content = content
        self.unpack = unpack


def mark_packed(node: Node) -> None:
    """Tell the engine that `node.saved` holds `Packed` entries."""
    _extras_of(node).packed = True


_SHOWN: dict[str, type[Node]] = {}


def _kept(self: Node, name: str) -> Any:
    """`_saved_self`, `_saved_result` and the like: what the node keeps, as Tensors."""
    if name.startswith(("_saved_", "_raw_saved_")) and self.op is not None:
        return self.op.kept(self, name)
    raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")


def shown(node: Node | None) -> Node | None:
    """The node as users see it: its class bears the name of its op, e.g. MulBackward0.

    All nodes of ops are made as plain `Node`s; one that is looked at changes its class then, so
    that being named costs nothing where nobody looks.
    """
    if type(node) is Pick:
        node = node.parents[0]
    if type(node) is Node:
        name = node.name()
        kind = _SHOWN.get(name)
        if kind is None:
            # `__getattr__` here only: a class that has one loads every attribute more slowly
            body = {"__slots__": (), "__getattr__": _kept}
            kind = _SHOWN[name] = type(name, (Node,), body)
        node.__class__ = kind
    return node


class Keeper:
    """Stands among a node's hooks when its Tensor wants a copy of the gradient (retain_grad)."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Any) -> None:
        self.tensor = weakref.ref(tensor)


class Leaf(Node):
    """The end of the tape: a Tensor the user made and wants a gradient for.

    It knows its Tensor weakly; the Tensor owns it. `after` holds hooks that run once the gradient
    has been added to `.grad`.
    """

    __slots__ = ("after", "tensor")

    def __init__(self, tensor: Any) -> None:
        super().__init__(None, (), (), tensor.array.shape, tensor.array.dtype)
        self.tensor = weakref.ref(tensor)
        self.after: list[Callable[[Any], None]] | None = None

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self) -> Any:
        """The leaf Tensor (None once it is gone)."""
        return self.tensor()

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"


Leaf.__name__ = "AccumulateGrad"  # type(grad_fn).__name__ is how programs tell nodes apart


class Pick(Node):
    """Output number `saved` of a node that has several outputs."""

    __slots__ = ()

    def __init__(self, source: Node, index: int, shape: Any, dtype: Any) -> None:
        super().__init__(source.op, (source,), index, shape, dtype)

    def name(self) -> str:
        return self.parents[0].name()


class Handle:
    """Removes the hook it was returned for; also usable as a context manager."""

    __slots__ = ("__weakref__", "_hook", "_hooks", "id")
    next_id = itertools.count()

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks = hooks
        self._hook = hook
        self.id = next(Handle.next_id)
        hooks.append(hook)

    def remove(self) -> None:
        """Take the hook out; calling it twice does nothing."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


Handle.__name__ = "RemovableHandle"


# -- writes ---------------------------------------------------------------------------------------


class Write:
    """The latest in-place write into one buffer: when, how many so far, and by which op."""

    __slots__ = ("by", "clock", "count", "where")

    def __init__(self) -> None:
        self.clock = self.count = 0
        self.by = ""
        self.where: str | None = None


class Writes:
    """All buffers written in place, by the identity of the array that owns the memory.

    `last` is the time of the latest write anywhere: a node made after it needs no check at all,
    which is the ordinary case.
    """

    __slots__ = ("_alive", "last", "of")

    def __init__(self) -> None:
        self.of: dict[int, Write] = {}
        self.last = 0
        self._alive: dict[int, Any] = {}

    def record(self, array: np.ndarray, by: str) -> Write:
        root = owner(array)
        key = id(root)
        write = self.of.get(key)
        if write is None:
            write = self.of[key] = Write()
            try:
                self._alive[key] = weakref.ref(root, lambda _: self._forget(key))
            except TypeError:  # bytes, memoryview: kept alive, so that the identity stays theirs
                self._alive[key] = root
        self.last = write.clock = tick()
        write.count += 1
        write.by = by
        write.where = None
        return write

    def _forget(self, key: int) -> None:
        self.of.pop(key, None)
        self._alive.pop(key, None)


WRITES = Writes()


def owner(array: Any) -> Any:
    """The object that owns the memory `array` looks at."""
    base = array.base
    while base is not None:
        array = base
        base = getattr(array, "base", None)
    return array


def touch(array: np.ndarray, by: str = "an in-place write") -> Write:
    """Record that `array` was written in place, by the op called `by`.

    Whoever writes into an array that a Tensor may share calls this, else a later backward pass
    through a node that saved the array would be silently wrong.
    """
    return WRITES.record(array, by)


def written_since(array: np.ndarray, clock: int) -> Write | None:
    """The last write into `array`'s memory if it is later than `clock`, else None."""
    write = WRITES.of.get(id(array if array.base is None else owner(array)))
    return write if write is not None and write.clock > clock else None


def describe(array: np.ndarray) -> str:
    """`[torch.FloatTensor [2, 3]]`, as PyTorch names an array in its errors."""
    return f"[torch.{type_name(from_numpy_dtype(array.dtype))}Tensor {list(array.shape)}]"


def type_name(d: dtype) -> str:
    """The name PyTorch's compiled half gives a dtype in its messages, e.g. Half."""
    return _LEGACY.get(d.name, d.name)


_LEGACY = {
    "float32": "Float",
    "float64": "Double",
    "float16": "Half",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
    "uint8": "Byte",
    "bool": "Bool",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "bfloat16": "BFloat16",
}
