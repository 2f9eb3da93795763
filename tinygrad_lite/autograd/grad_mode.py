"""`torch.autograd.grad_mode`: the modes of recording by the name of PyTorch's module."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
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


_MULTITHREADING: ContextVar[bool] = ContextVar("tinygrad_lite_multithreading", default=True)


class set_multithreading_enabled(mode_context):
    """Accepted, at once and as a context: a backward pass runs in the thread that asked for it."""

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self._token = _MULTITHREADING.set(self.mode)

    def __enter__(self) -> set_multithreading_enabled:
        return self

    def __exit__(self, *exc: object) -> None:
        _MULTITHREADING.reset(self._token)

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
    """What `set_multithreading_enabled` set last; it changes nothing."""
    return _MULTITHREADING.get()
