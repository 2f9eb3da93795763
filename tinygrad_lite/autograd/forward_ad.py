"""Forward-mode derivatives by PyTorch's names: a dual Tensor carries a tangent along.

    with dual_level():
        y = f(make_dual(x, t))
        value, tangent = unpack_dual(y)      # tangent = J t

There is one rule book, that of the backward pass. J^T u is linear in u, so its own derivative by
u, applied to t, is J t: `unpack_dual` makes two backward passes over what was recorded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.engine import backprop
from ..core.fused import alias
from ..core.modes import current
from ..core.node import Node
from ..core.tensor import Tensor, live_node, make

_LEVELS: list[dict[Node, Tensor]] = []


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
    """Begin a level; RuntimeError inside another one, as in PyTorch."""
    if _LEVELS:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment; func.jvp can be nested"
        )
    _LEVELS.append({})
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: tangents are forgotten."""
    if not _LEVELS:
        raise RuntimeError("Trying to exit a forward AD level that was not entered")
    _LEVELS.pop()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with the direction `tangent`, of its shape and dtype."""
    if not _LEVELS:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, t in (("primal", tensor), ("tangent", tangent)):
        if t.array.dtype.kind not in "fc":
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {t.dtype}")
    if tensor.array.shape != tangent.array.shape:
        raise RuntimeError(
            f"Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor: {tangent.shape} for {tensor.shape}"
        )
    if not current().grad:
        raise RuntimeError(
            "make_dual under no_grad: tangents follow what is recorded here, so put dual_level "
            "outside of no_grad, or enable_grad inside it"
        )
    dual = alias(tensor)
    node = live_node(dual)
    assert node is not None
    node.parents = (live_node(tensor),)
    _LEVELS[-1][node] = tangent
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of `tensor` and its tangent."""
    node = live_node(tensor)
    if not _LEVELS or node is None:
        return UnpackedDualTensor(tensor, None)
    sources = [n for n in _ancestors(node) if n in _LEVELS[-1]]
    if not sources:
        return UnpackedDualTensor(tensor, None)
    if node in sources:
        return UnpackedDualTensor(make(tensor.array), _LEVELS[-1][node])
    u = make(np.zeros_like(tensor.array)).requires_grad_()
    found: dict[Node, Any] = backprop(
        [(node, u)], sources, retain_graph=True, create_graph=True, accumulate=False
    )
    own = live_node(u)
    assert own is not None
    roots = [
        (live_node(g), _LEVELS[-1][source].array)
        for source, g in found.items()
        if live_node(g) is not None
    ]
    pushed = backprop(roots, [own], retain_graph=True, accumulate=False)  # type: ignore[arg-type]
    tangent = pushed.get(own)
    zeros = np.zeros_like(tensor.array)
    return UnpackedDualTensor(make(tensor.array), make(zeros if tangent is None else tangent))


def _ancestors(node: Node) -> set[Node]:
    seen = {node}
    stack = [node]
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return seen
