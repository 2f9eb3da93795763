"""`torch.amp`: mixed precision. Everything is computed in the tensors' own precision here."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import Any


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


class GradScaler:
    """Scales losses for float16 gradients in PyTorch; disabled here: every factor is 1."""

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled:
            _say_once("GradScaler is disabled: gradients are not computed in float16")

    def scale(self, outputs: Any) -> Any:
        """`outputs`, unscaled."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing to undo."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step()`."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Nothing to update."""

    def get_scale(self) -> float:
        """1.0."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Empty, as PyTorch's is when disabled."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to load."""


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
