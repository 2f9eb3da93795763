"""`torch.amp`: mixed precision. Everything is computed in the tensors' own precision here."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import Any

__path__: list[str] = []  # a package, for what PyTorch has in files of their own


class autocast(contextlib.ContextDecorator):
    """Accepts PyTorch's arguments; inside, every op keeps its operands' precision.

    Warns when enabled, so that nobody believes something was done.
    """

    def __init__(
        self,
        device_type: str = "cuda",
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        self.device = device_type
        self.fast_dtype = dtype
        if enabled:
            _say_once(
                "autocast has no effect: tinygrad_lite computes in the tensors' own precision "
                "(convert with .float() or .double())"
            )

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast would do something: False."""
    return False


def custom_fwd(function: Any = None, **options: Any) -> Any:
    """`function` itself: there is no mixed precision to set up."""
    return _unchanged if function is None else function


def custom_bwd(function: Any = None, **options: Any) -> Any:
    """`function` itself: there is no mixed precision to set up."""
    return _unchanged if function is None else function


def _unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


@functools.cache
def _say_once(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)


def __getattr__(name: str) -> Any:
    """GradScaler is imported when it is first asked for."""
    if name != "GradScaler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .grad_scaler import GradScaler

    return GradScaler
