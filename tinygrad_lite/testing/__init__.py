"""Checks anyone can run on an op of their own, and the laws this package holds its own ops to.

`gradcheck` and `gradgradcheck` are PyTorch's; `check_op` draws the inputs itself and reports the
smallest that fails. `laws` has every law, `strategies` the Hypothesis strategies behind them.
"""

from __future__ import annotations

from typing import Any

from .close import assert_allclose as assert_allclose
from .close import assert_close as assert_close
from .close import make_tensor as make_tensor
from .gradcheck import GradcheckError as GradcheckError
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck
from .report import LawError as LawError

_LAZY = {"check_op": "checking", "op_test": "checking"}
_ROOMS = ("strategies", "laws", "naive", "programs", "drawing", "plugin")


def __getattr__(name: str) -> Any:
    """What needs Hypothesis, or is large, is imported when it is first asked for."""
    import importlib

    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
