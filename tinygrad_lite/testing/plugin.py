"""The pytest plugin behind `@op_test`: each decorated op is collected as one test.

# conftest.py
pytest_plugins = ["tinygrad_lite.testing.plugin"]
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from .report import LawError


def pytest_addoption(parser: Any) -> None:
    """--op-profile: how many inputs `@op_test` draws."""
    parser.addoption(
        "--op-profile",
        choices=["ci", "dev", "thorough"],
        default=None,
        help="inputs drawn by @op_test: ci (40), dev (100) or thorough (2000)",
    )


def pytest_configure(config: Any) -> None:
    """Hand the profile to check_op, in worker processes too."""
    chosen = config.getoption("--op-profile", default=None)
    if chosen:
        os.environ["TINYGRAD_LITE_PROFILE"] = chosen


class OpItem(pytest.Item):
    """One op under every law."""

    def __init__(self, *, op: Any, **kw: Any) -> None:
        super().__init__(**kw)
        self.op = op

    def runtest(self) -> None:
        """Run check_op; LawError is the failure."""
        from .checking import check_op

        inputs, options = self.op.__op_test__
        check_op(self.op, *inputs, **options)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The law's report alone; a traceback through the laws would say nothing."""
        if isinstance(excinfo.value, LawError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Where the op is defined."""
        code = getattr(self.op, "__code__", None)
        line = code.co_firstlineno - 1 if code else 0
        return self.path, line, f"laws of {self.name}"


def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> Iterator[Any] | Any:
    """An item for each module-level object that `@op_test` marked."""
    if getattr(obj, "__op_test__", None) is None or not isinstance(collector, pytest.Module):
        return None
    return OpItem.from_parent(collector, name=name, op=obj)
