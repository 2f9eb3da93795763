"""Of PyTorch's tracers, `torch._dynamo`, `torch._subclasses` and `torch.fx`, what libraries ask."""

from __future__ import annotations

import contextlib
from typing import Any

__path__: list[str] = []  # a package, for what PyTorch has below its tracers


class TransformGetItemToIndex(contextlib.nullcontext[None]):
    """Nothing to transform: `x[i]` with a Tensor index is never traced here."""


class SymInt:
    """Nothing is an instance: sizes are numbers."""


class SymFloat:
    """Nothing is an instance: see `SymInt`."""


class SymBool:
    """Nothing is an instance: see `SymInt`."""


class FakeTensor:
    """Nothing is an instance: there is no Tensor without values."""


def is_fake(x: Any) -> bool:
    """False."""
    return False


def get_proxy_mode() -> None:
    """None: nothing is being traced."""
