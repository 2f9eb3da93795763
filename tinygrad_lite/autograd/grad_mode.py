"""`torch.autograd.grad_mode`: the modes of recording by the name of PyTorch's module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.modes import enable_grad as enable_grad
from ..core.modes import inference_mode as inference_mode
from ..core.modes import mode_context
from ..core.modes import no_grad as no_grad
from ..core.modes import set_grad_enabled as set_grad_enabled
from ..core.node import WRITES, owner
from ..core.tensor import Tensor

__all__ = [
    "enable_grad",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]


class set_multithreading_enabled(mode_context):
    """Accepted: a backward pass runs in the thread that asked for it, one node after another."""

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)

    def changes(self) -> dict[str, object]:
        return {}

    def clone(self) -> set_multithreading_enabled:
        return set_multithreading_enabled(self.mode)


class _unsafe_preserve_version_counter(mode_context):
    """What is written into `tensors` inside does not count: no backward pass will complain.

    Unsafe, for gradients of what was saved before the write are then of other numbers.
    """

    def __init__(self, tensors: Tensor | Sequence[Tensor]) -> None:
        self.tensors = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)

    def __enter__(self) -> None:
        self._before: list[Any] = []
        for t in self.tensors:
            write = WRITES.of.get(id(owner(t.array)))
            self._before.append((0, 0) if write is None else (write.clock, write.count))

    def __exit__(self, *exc: object) -> None:
        for t, before in zip(self.tensors, self._before):
            write = WRITES.of.get(id(owner(t.array)))
            if write is not None:
                write.clock, write.count = before


def is_multithreading_enabled() -> bool:
    """Whether one backward pass may use several threads of Python: never here."""
    return False
