"""What nodes keep, looked at from outside: `grad_fn._saved_self`, and hooks on one saved array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .node import FREED, Leaf, Node, Packed, mark_packed
from .tensor import Tensor, make

_OF_PYTORCH = {"self": 0, "input": 0, "other": 1, "mat2": 1, "vec": 1, "exponent": 1}


class SavedTensor:
    """One array a node keeps; `register_hooks(pack, unpack)` replaces it by what `pack` returns."""

    def __init__(self, node: Node, place: int) -> None:
        self._node = node
        self._place = place

    def register_hooks(self, pack: Callable[[Any], Any], unpack: Callable[[Any], Any]) -> None:
        """Keep `pack(tensor)` instead, and give the rules `unpack` of it."""
        saved = self._node.saved
        if saved is FREED:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved "
                "intermediate values of the graph are freed when you call .backward() or "
                "autograd.grad()."
            )
        value = saved[self._place]
        if isinstance(value, Packed):
            raise RuntimeError("Calling register_hooks on a saved tensor with existing hooks.")
        if not isinstance(value, np.ndarray):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor with value None is forbidden"
            )
        for hook in (pack, unpack):
            if not callable(hook):
                raise TypeError("register_hooks expects two callables")
        packed = packed_by(pack, unpack, make(value))
        self._node.saved = (*saved[: self._place], packed, *saved[self._place + 1 :])
        mark_packed(self._node)


def packed_by(pack: Callable[[Any], Any], unpack: Callable[[Any], Any], tensor: Tensor) -> Packed:
    """`tensor` as `pack` keeps it. RuntimeError if `pack` wrote into it."""
    version = tensor._version
    content = pack(tensor)
    if tensor._version != version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input "
            "to pack hook can not be modified by in-place operations as this can lead to "
            "unexpected side-effects. Please open an issue if you need to perform in-place "
            "operations on the input to a pack hook."
        )
    return Packed(content, unpack)


def pack_all(value: Any, pack: Callable[[Any], Any], unpack: Callable[[Any], Any]) -> Any:
    """Everything a node saved with its arrays packed."""
    if isinstance(value, tuple):
        return tuple([pack_all(v, pack, unpack) for v in value])
    return packed_by(pack, unpack, make(value)) if isinstance(value, np.ndarray) else value


def look_up(op: Any, node: Node, name: str) -> Any:
    """`node._saved_<name>` or `node._raw_saved_<name>`, of an op with a `layout`.

    Names are PyTorch's (`self`, `other`, `result`, `self_sym_sizes`) or those of the declaration.
    RuntimeError once a backward pass has freed them.
    """
    raw, wanted = name.startswith("_raw_"), name.split("_saved_", 1)[1]
    layout = op.layout
    if wanted == "result":
        wanted = "out"
    elif wanted == "self_sym_sizes" and op.inputs:
        wanted = op.inputs[0] + "_shape"
    elif wanted not in layout and _OF_PYTORCH.get(wanted, len(op.inputs)) < len(op.inputs):
        wanted = op.inputs[_OF_PYTORCH[wanted]]
    if wanted not in layout:
        raise AttributeError(f"'{node.name()}' object has no attribute '{name}'")
    place = layout.index(wanted)
    if raw:
        return SavedTensor(node, place)
    if node.saved is FREED:
        raise RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have already been freed). Saved intermediate values of the graph are freed "
            "when you call .backward() or autograd.grad()."
        )
    value = node.saved[place]
    if isinstance(value, Packed):
        value = value.unpack(value.content).array
    if not isinstance(value, np.ndarray):
        return value
    if wanted == "out":
        return make(value, None if op.outputs else node)
    if place >= len(op.inputs):
        return make(value)
    parent = node.parents[place]
    leaf = parent.tensor() if isinstance(parent, Leaf) else None
    return leaf if leaf is not None and leaf.array is value else make(value, parent)
