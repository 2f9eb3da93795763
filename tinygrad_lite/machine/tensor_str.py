"""`torch._tensor_str`: how Tensors are printed, for classes that print parts of themselves."""

from __future__ import annotations

from typing import Any

from ..core.printing import OPTIONS, _append, _body
from ..core.printing import get_printoptions as get_printoptions
from ..core.printing import printoptions as printoptions
from ..core.printing import set_printoptions as set_printoptions

PRINT_OPTS = OPTIONS


def _tensor_str(self: Any, indent: int) -> str:
    return _body(self.array, indent)


def _add_suffixes(
    tensor_str: str, suffixes: list[str], indent: int, force_newline: bool = False
) -> str:
    if force_newline:
        tensor_str, suffixes = f"{tensor_str},\n{' ' * indent}{suffixes[0]}", suffixes[1:]
    return _append(tensor_str, suffixes, indent)
