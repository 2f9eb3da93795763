"""`cond` and `while_loop`: for PyTorch's tracers operators, here Python's own `if` and `while`.

Whatever runs is recorded as ever, so gradients flow through the branch that was taken and through
every turn of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.tensor import Tensor


def cond(
    pred: Any,
    true_fn: Callable[..., Any],
    false_fn: Callable[..., Any],
    operands: Sequence[Any] = (),
) -> Any:
    """`true_fn(*operands)` if `pred` (a bool or a Tensor with one element), else `false_fn`.

    Of a Tensor the rest is checked, as PyTorch does: RuntimeError if it has several elements, a
    branch cannot be called, or `operands` is no tuple or list.
    """
    if isinstance(pred, Tensor):
        if pred.array.size != 1:
            raise RuntimeError(
                f"Expected pred to be bool or single-element tensor, but got {pred}."
            )
        if not callable(true_fn) or not callable(false_fn):
            raise RuntimeError("Expect both branches to be callable.")
        if not isinstance(operands, (tuple, list)):
            raise RuntimeError(
                "Expect operands to be a tuple of possibly nested dict/list/tuple that only "
                f"consists of tensor leaves, but got {operands}."
            )
    return true_fn(*operands) if pred else false_fn(*operands)


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> Any:
    """Replace the carried values by `body_fn(*values)` as long as `cond_fn(*values)`.

    Returns the tuple of the last values. RuntimeError if the body returns another number of them.
    """
    values = tuple(carried_inputs)
    while cond_fn(*values):
        made = body_fn(*values)
        made = tuple(made) if isinstance(made, (tuple, list)) else (made,)
        if len(made) != len(values):
            raise RuntimeError(
                "body_fn should return the same number of elements as carried_inputs, "
                f"{len(values)}, but returned {len(made)}"
            )
        values = made
    return values
