"""`Variable`, which a Tensor was called before it could record: kept for old programs."""

from __future__ import annotations

from typing import Any

from ..core.engine import queue_callback
from ..core.tensor import Tensor


class _Variable(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:
        """The Tensor itself, detached, with `requires_grad` as asked."""
        return data.detach().requires_grad_() if requires_grad else data.detach()


class _Engine:
    """What old programs ask `Variable._execution_engine` for."""

    queue_callback = staticmethod(queue_callback)


class Variable(metaclass=_Variable):
    """`Variable(tensor, requires_grad)` is a Tensor; every Tensor is a Variable."""

    _execution_engine = _Engine()
