"""`torch.accelerator`: there is none."""

from __future__ import annotations

from typing import Any

_NONE = "tinygrad_lite runs on the CPU only; accelerator.is_available() is False"


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None."""
    return


def current_device_index() -> int:
    """RuntimeError: there is no accelerator."""
    raise RuntimeError(_NONE)


def set_device_index(device: Any) -> None:
    """RuntimeError: there is no accelerator."""
    raise RuntimeError(_NONE)


def synchronize(device: Any = None) -> None:
    """RuntimeError: there is no accelerator."""
    raise RuntimeError(_NONE)
