"""`torch.xpu`: not available. Programs ask it when they choose a device."""

from __future__ import annotations

from typing import Any, NoReturn


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise AttributeError(
        f"xpu.{name}: tinygrad_lite runs on the CPU only; xpu.is_available() is False"
    )


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def empty_cache() -> None:
    """Nothing to free: there is no XPU memory."""


def manual_seed(seed: int) -> None:
    """Nothing to seed: there is no XPU generator."""


def manual_seed_all(seed: int) -> None:
    """Nothing to seed: there is no XPU generator."""


def memory_allocated(device: Any = None) -> int:
    """0: there is no XPU memory."""
    return 0
