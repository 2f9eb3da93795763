"""What nodes keep, looked at from outside: `grad_fn._saved_self`, and hooks on one saved array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .modes import MODE, current
from .node import FREED, Leaf, Node, Packed, mark_packed
from .tensor import Tensor, make

_OF_PYTORCH = {"self": 0, "input": 0, "other": 1, "mat2": 1, "vec": 1, "exponent": 1}


class SavedTensor:
    """One value a node keeps; `register_hooks(pack, unpack)` replaces it by what `pack` returns.

    `unpack_hook` and `data` tell which hook gives it back and what is kept.
    """

    def __init__(self) -> None:
        raise RuntimeError("Trying to create a SavedTensor object from Python is forbidden.")

    def _held(self) -> Any:
        """The array, a Packed, or None."""
        raise NotImplementedError

    def _replace(self, packed: Packed) -> None:
        raise NotImplementedError

    def _tensor(self) -> Tensor:
        """The Tensor that `pack` is given."""
        raise NotImplementedError

    def register_hooks(self, *hooks: Callable[[Any], Any]) -> None:
        """Keep `pack(tensor)` instead, and give the rules `unpack` of it."""
        if len(hooks) != 2 or not all(callable(hook) for hook in hooks):
            raise TypeError(
                "register_hooks(): incompatible function arguments: expected a pack and an unpack "
                "hook"
            )
        value = self._held()
        if isinstance(value, Packed):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. "
                "Hint: only one pair of hooks is allowed at a time."
            )
        if not isinstance(value, np.ndarray):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor with value None is forbidden"
            )
        self._replace(packed_by(*hooks, self._tensor()))

    @property
    def unpack_hook(self) -> Callable[[Any], Any] | None:
        """The hook that gives the value back, or None."""
        held = self._held()
        return held.unpack if isinstance(held, Packed) else None

    @property
    def data(self) -> Any:
        """What is kept: the Tensor, or what a pack hook made of it."""
        held = self._held()
        return held.content if isinstance(held, Packed) else held if held is None else make(held)


class SavedArray(SavedTensor):
    """The array at one place of what a node saved."""

    def __init__(self, node: Node, place: int) -> None:
        self._node = node
        self._place = place

    def _held(self) -> Any:
        saved = self._node.saved
        if saved is FREED:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved "
                "intermediate values of the graph are freed when you call .backward() or "
                "autograd.grad()."
            )
        return saved[self._place]

    def _tensor(self) -> Tensor:
        return _before_packing(self._node, self._place, self._held())

    def _replace(self, packed: Packed) -> None:
        saved = self._node.saved
        self._node.saved = (*saved[: self._place], packed, *saved[self._place + 1 :])
        mark_packed(self._node)


def packed_by(pack: Callable[[Any], Any], unpack: Callable[[Any], Any], tensor: Tensor) -> Packed:
    """`tensor` as `pack` keeps it, which is not recorded. RuntimeError if `pack` wrote into it."""
    version = tensor._version
    token = MODE.set(current().but(watch=None, grad=False))
    try:
        content = pack(tensor)
    finally:
        MODE.reset(token)
    if tensor._version != version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input "
            "to pack hook can not be modified by in-place operations as this can lead to "
            "unexpected side-effects. Please open an issue if you need to perform in-place "
            "operations on the input to a pack hook."
        )
    return Packed(content, unpack)


def unpacked(packed: Packed) -> Tensor:
    """What an unpack hook gives back. TypeError if it is no Tensor."""
    content = packed.unpack(packed.content)
    if not isinstance(content, Tensor):
        raise TypeError(
            "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
            f"{type(content).__name__}"
        )
    return content


def pack_all(node: Node, pack: Callable[[Any], Any], unpack: Callable[[Any], Any]) -> Any:
    """Everything a node saved with its arrays packed."""

    def packed(value: Any, place: int) -> Any:
        if isinstance(value, tuple):
            return tuple([packed(v, place) for v in value])
        if not isinstance(value, np.ndarray) or _may_be_a_number(node, place, value):
            return value
        return packed_by(pack, unpack, _before_packing(node, place, value))

    return tuple([packed(value, place) for place, value in enumerate(node.saved)])


def _may_be_a_number(node: Node, place: int, value: np.ndarray) -> bool:
    """Whether a hook should not see the value: the 3 of x * 3 is an array here, but no Tensor."""
    return value.ndim == 0 and place < len(node.op.inputs) and node.parents[place] is None


def _before_packing(node: Node, place: int, value: np.ndarray) -> Tensor:
    """The Tensor that `pack` is given: of an input at its place on the tape, of a leaf itself.

    Of the node's own value without its place: whoever kept that would keep the node by itself.
    """
    return _input(node, place, value) if place < len(node.op.inputs) else make(value)


def _input(node: Node, place: int, value: np.ndarray) -> Tensor:
    parent = node.parents[place]
    leaf = parent.tensor() if isinstance(parent, Leaf) else None
    return leaf if leaf is not None and leaf.array is value else make(value, parent)


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
        return SavedArray(node, place)
    if node.saved is FREED:
        raise RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have already been freed). Saved intermediate values of the graph are freed "
            "when you call .backward() or autograd.grad()."
        )
    value = node.saved[place]
    if isinstance(value, Packed):
        value = unpacked(value).array
    if not isinstance(value, np.ndarray):
        return value
    if wanted == "out":
        return make(value, None if op.outputs else node)
    return _input(node, place, value) if place < len(op.inputs) else make(value)
