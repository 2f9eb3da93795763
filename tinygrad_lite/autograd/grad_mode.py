"""`torch.autograd.grad_mode`: the modes of recording by the name of PyTorch's module."""

from __future__ import annotations

from ..core.modes import enable_grad as enable_grad
from ..core.modes import inference_mode as inference_mode
from ..core.modes import mode_context
from ..core.modes import no_grad as no_grad
from ..core.modes import set_grad_enabled as set_grad_enabled

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


def is_multithreading_enabled() -> bool:
    """Whether one backward pass may use several threads of Python: never here."""
    return False
