"""Forward-mode derivatives by PyTorch's names: a dual Tensor carries a tangent along.

    with dual_level():
        y = f(make_dual(x, t))
        value, tangent = unpack_dual(y)      # tangent = J t

There is one rule book, that of the backward pass. J^T u is linear in u, so its own derivative by
u, applied to t, is J t: `unpack_dual` makes two backward passes over what was recorded.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from ..core.engine import backprop
from ..core.fused import alias
from ..core.modes import MODE, current
from ..core.node import Leaf, Node
from ..core.tensor import Tensor, live_node, make
from .function import pushing


class _Level(NamedTuple):
    """The tangent of each dual Tensor's node, and whether recording was on before the level."""

    tangents: dict[Node, Tensor]
    recording: bool


_LEVEL: ContextVar[_Level | None] = ContextVar("tinygrad_lite_dual_level", default=None)


def __getattr__(name: str) -> int:
    """`_current_level`: 0 inside a level, -1 outside."""
    if name == "_current_level":
        return -1 if _LEVEL.get() is None else 0
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class UnpackedDualTensor(NamedTuple):
    """A value and its tangent (None: it does not depend on any dual Tensor)."""

    primal: Tensor
    tangent: Tensor | None


class dual_level:
    """Context manager: dual Tensors live inside, and lose their tangents at the end."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def enter_dual_level() -> int:
    """Begin a level; RuntimeError inside another one, as in PyTorch.

    Tangents follow what is recorded, so the level records even where `no_grad` stands around it.
    Each thread and async task has its own.
    """
    if _LEVEL.get() is not None:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment; func.jvp can be nested"
        )
    _LEVEL.set(_Level({}, current().grad))
    MODE.set(current().but(grad=True))
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: tangents are forgotten."""
    ended = _LEVEL.get()
    if ended is None:
        raise RuntimeError("Trying to exit a forward AD level that was not entered")
    _LEVEL.set(None)
    MODE.set(current().but(grad=ended.recording))


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with the direction `tangent`, of its shape and dtype."""
    at = _LEVEL.get()
    if at is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, t in (("primal", tensor), ("tangent", tangent)):
        if t.array.dtype.kind not in "fc":
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {t.dtype}")
    if tensor.array.shape != tangent.array.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(tensor.array.shape)} while "
            f"the given forward gradient is of size {list(tangent.array.shape)}."
        )
    _require_recording("make_dual")
    own = live_node(tangent)
    if own is not None and not at.tangents.keys().isdisjoint(_ancestors(own)):
        raise RuntimeError(
            "Expected the tangent of a dual Tensor to be no dual Tensor: it has a forward gradient "
            "at the same level 0."
        )
    parent = live_node(tensor)
    if parent is not None and not at.tangents.keys().isdisjoint(_ancestors(parent)):
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            "same level 0 is not supported."
        )
    dual = alias(tensor)
    node = live_node(dual)
    assert node is not None
    node.parents = (parent,)
    at.tangents[node] = tangent
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of `tensor` and its tangent.

    Both can be differentiated where something before them on the tape, or a tangent, requires grad.
    """
    at, node = _LEVEL.get(), live_node(tensor)
    if at is None:
        return UnpackedDualTensor(tensor, None)
    if node is None:
        _require_recording("unpack_dual of what was computed")
        return UnpackedDualTensor(tensor, None)
    before = _ancestors(node)
    sources = [n for n in before if n in at.tangents]
    if not sources:
        return UnpackedDualTensor(tensor, None)
    recorded = any(type(n) is Leaf for n in before)
    recorded = recorded or any(at.tangents[n].requires_grad for n in sources)
    primal = tensor.view_as(tensor) if recorded else make(tensor.array)
    if node in sources:
        return UnpackedDualTensor(primal, at.tangents[node])
    u = make(np.zeros_like(tensor.array)).requires_grad_()
    with pushing():
        found = backprop([(node, u)], sources, retain_graph=True, create_graph=True)
    own = live_node(u)
    assert own is not None
    roots: list[tuple[Any, Any]] = [
        (live_node(g), at.tangents[source] if recorded else at.tangents[source].array)
        for source, g in found.items()
        if live_node(g) is not None
    ]
    tangent = backprop(roots, [own], create_graph=recorded).get(own)
    if tangent is None:
        return UnpackedDualTensor(primal, make(np.zeros_like(tensor.array)))
    return UnpackedDualTensor(primal, tangent if recorded else make(tangent))


def _require_recording(what: str) -> None:
    if not current().grad:
        raise RuntimeError(
            f"{what} under no_grad: tangents follow what is recorded here, so put dual_level "
            "inside of no_grad, or enable_grad inside dual_level"
        )


def _ancestors(node: Node) -> set[Node]:
    seen = {node}
    stack = [node]
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return seen
