"""What users hang on the tape: hooks of values and of nodes, and saved arrays that were packed.

A hook sees Tensors and PyTorch's gradients; between nodes flow arrays (engine.py), of complex
numbers mirrored. Here is the way there and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .chain import conjugate
from .node import Keeper, Node, Packed
from .saved import unpacked
from .tensor import Tensor, make


def mirrored(g: Any) -> Any:
    """The conjugate of a complex gradient, array or Tensor (or of several); others as they are."""
    if isinstance(g, tuple):
        return tuple([mirrored(d) for d in g])
    if isinstance(g, Tensor):
        return conjugate(g) if g.array.dtype.kind == "c" else g
    return np.conjugate(g) if isinstance(g, np.ndarray) and g.dtype.kind == "c" else g


def run_hooks(node: Node, g: Any, recorded: bool) -> Any:
    """The gradient after a value's hooks; where the Tensor retains it, it sees the last one."""
    value = g if recorded else make(g)
    keeper: Keeper | None = None
    hooks: list[Any] = list(node.hooks or ())
    for hook in hooks:
        if isinstance(hook, Keeper):
            keeper = hook
            continue
        replaced = hook(value)
        if replaced is not None:
            value = _checked_replacement(hook, value, replaced)
    tensor = None if keeper is None else keeper.tensor()
    if tensor is not None:
        kept = value if recorded else make(value.array.copy())
        tensor._grad = kept if tensor._grad is None else tensor._grad + kept
    return value if recorded else value.array


def _checked_replacement(hook: Any, value: Tensor, replaced: Any) -> Tensor:
    if not isinstance(replaced, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
    name = getattr(hook, "__name__", type(hook).__name__)
    if replaced.array.dtype != value.array.dtype:
        raise RuntimeError(
            f"hook '{name}' has changed the type of value (was {value.dtype} got {replaced.dtype})"
        )
    if replaced.array.shape != value.array.shape:
        raise RuntimeError(
            f"hook '{name}' has changed the size of value "
            f"(was {list(value.array.shape)} got {list(replaced.array.shape)})"
        )
    return replaced


def _wrapped(values: Any) -> tuple[Any, ...]:
    """Gradients as users see them: Tensors (or None), complex ones mirrored."""
    values = values if isinstance(values, (tuple, list)) else (values,)
    return tuple(
        [mirrored(d if d is None or isinstance(d, Tensor) else make(np.asarray(d))) for d in values]
    )


def _unwrapped(values: Sequence[Any], recorded: bool) -> list[Any]:
    mirrors = [mirrored(d) for d in values]
    return [d if d is None or recorded else d.array for d in mirrors]


def _replaced(hook: Any, values: tuple[Any, ...], returned: Any) -> tuple[Any, ...]:
    """What a hook of a node gives instead of `values`; RuntimeError if it does not fit."""
    if returned is None:
        return values
    if not isinstance(returned, (tuple, list)):
        returned = (returned,)
    if len(returned) != len(values):
        name = getattr(hook, "__name__", type(hook).__name__)
        raise RuntimeError(
            f"hook '{name}' has returned an incorrect number of values "
            f"(got {len(returned)}, but expected {len(values)})"
        )
    return tuple(
        [
            new if old is None or new is None else _checked_replacement(hook, old, new)
            for old, new in zip(values, returned)
        ]
    )


def run_before(hooks: list[Any], g: Any, recorded: bool) -> Any:
    """The gradient of a node's value after the node's own prehooks (`grad_fn.register_prehook`)."""
    outputs = _wrapped(g)
    for hook in list(hooks):
        outputs = _replaced(hook, outputs, hook(outputs))
    values = _unwrapped(outputs, recorded)
    return tuple(values) if isinstance(g, tuple) else values[0]


def run_after(hooks: list[Any], g: Any, found: Sequence[Any], recorded: bool) -> list[Any]:
    """Contributions after the hooks of the node itself (`grad_fn.register_hook`)."""
    inputs, outputs = _wrapped(tuple(found)), _wrapped(g)
    for hook in list(hooks):
        inputs = _replaced(hook, inputs, hook(inputs, outputs))
    return _unwrapped(inputs, recorded)


def all_unpacked(saved: Any) -> Any:
    """What the node saved, with what `saved_tensors_hooks` packed unpacked again."""
    if isinstance(saved, tuple):
        return tuple([all_unpacked(value) for value in saved])
    return unpacked(saved).array if isinstance(saved, Packed) else saved
