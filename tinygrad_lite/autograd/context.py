"""What a call of a Function leaves on the tape: its ctx, the Tensors saved there, and its node."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.node import FREED, Node, Packed, Pick, describe, written_since
from ..core.saved import SavedTensor, unpacked
from ..core.tensor import Tensor, live_node, make


class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, and any attribute the user sets."""

    needs_input_grad: tuple[bool, ...] = ()
    _places: tuple[int, ...] = ()  # of the Tensors among the arguments
    _materialize = True
    _materialize_non_diff_grads = True  # those of outputs marked as not differentiable

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._for_jvp: tuple[Any, ...] = ()
        self._in_jvp = False
        self._forms: Sequence[Any] = ()  # for `jvp`: shape and dtype of each Tensor argument
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._node: Callable[[], Node | None] = _no_node
        self._zeros: Sequence[Any] = ()  # dtypes of the outputs whose gradients may be made zeros

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep `tensors` (inputs, outputs or others; None allowed) for `backward`."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(t).__name__}; set it as an attribute of ctx instead"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep `tensors` for `jvp`, which finds them as `saved_tensors`."""
        self._for_jvp = tensors

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
        if self._in_jvp:
            return self._for_jvp
        node = self._node()
        if node is None:
            return self._to_save
        return tuple([s.unpack(node) for s in self._raw_saved_tensors])

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """The old name of `saved_tensors` (DeprecationWarning)."""
        warnings.warn(
            "'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2
        )
        return self.saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        node = self._node()
        if node is None:
            return ()
        if node.saved[1] is FREED:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if "
                "you need to access saved tensors after calling backward."
            )
        return tuple(node.saved[1])


def _no_node() -> None:
    return None


class Saved(SavedTensor):
    """A saved tensor as an array and a place on the tape; the Tensor itself is known weakly, so
    that there is no cycle."""

    def __init__(self, tensor: Any, node: Node, outputs: Sequence[Any]) -> None:
        self.array: Any = None if tensor is None else tensor.array
        self.packed: Packed | None = None
        self.output = next(
            (i for i, out in enumerate(outputs) if out is tensor and out is not None), None
        )
        own = self.output is not None
        self.node = None if tensor is None or own else live_node(tensor)
        self.tensor = None if tensor is None or own else weakref.ref(tensor)
        self.clock = node.clock

    def _held(self) -> Any:
        return self.array if self.packed is None else self.packed

    def _tensor(self) -> Tensor:
        same = self._same()
        return make(self.array, self.node) if same is None else same

    def _same(self) -> Tensor | None:
        """The Tensor that was saved, if it is still there and as it was."""
        same = None if self.tensor is None else self.tensor()
        if same is None or same.array is not self.array or live_node(same) is not self.node:
            return None
        return same

    def _replace(self, packed: Packed) -> None:
        self.packed = packed
        self.array = None

    def unpack(self, node: Node) -> Tensor | None:
        array = self.array
        same: Tensor | None = None
        if self.packed is not None:
            same = unpacked(self.packed)
            array = same.array
        elif array is None:
            return None
        else:
            self._check_unwritten(array)
            same = self._same()
        if self.output is None:
            known = same is not None and live_node(same) is self.node
            return same if known else make(array, self.node)
        if array.dtype.kind not in "fc":
            return make(array)
        if node.op.outputs:
            node = Pick(node, self.output, array.shape, array.dtype)
        return make(array, node)

    def _check_unwritten(self, array: np.ndarray) -> None:
        write = written_since(array, self.clock)
        if write is not None:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: {describe(array)}, saved by save_for_backward, was then "
                f"written by {write.by} (version {write.count})"
            )


class FunctionNode(Node):
    """The node of a user's Function; attributes of its ctx are reachable through it.

    A backward pass frees the saved tensors, not the node: a `backward` that asks for none of them
    may run again.
    """

    __slots__ = ("_kept", "ctx")

    ctx: FunctionCtx

    @property
    def saved(self) -> Any:
        """The ctx, and what was given to `save_for_backward`, or FREED."""
        return self._kept

    @saved.setter
    def saved(self, value: Any) -> None:
        self._kept = (self.ctx, FREED) if value is FREED else value

    def name(self) -> str:
        return self.op.title + "Backward"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """As of other nodes, for the Tensors among the arguments."""
        found = super().next_functions
        return tuple([found[i] for i in self.ctx._places])

    def __getattr__(self, name: str) -> Any:
        if name in ("_extras", "_kept", "ctx", "note"):
            raise AttributeError(name)
        return getattr(self.ctx, name)
