"""A kernel that nothing calls is no help: rules do not hide those that others were given."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_lite  # noqa: F401  (declares the ops)
from tinygrad_lite.core.primitive import REGISTRY


def hidden(rule: Any) -> list[str]:
    """Names of rules with a kernel that `rule`, having none itself, only calls."""
    code = getattr(rule, "__code__", None)
    if code is None or hasattr(rule, "on_arrays"):
        return []
    known = getattr(rule, "__globals__", {})
    return [name for name in code.co_names if hasattr(known.get(name), "on_arrays")]


@pytest.mark.parametrize("name", REGISTRY)
def test_no_rule_hides_a_kernel(name: str) -> None:
    """`lambda g, x: _rule(g, x)` for a rule declared further down would run its formula instead."""
    for rule in REGISTRY[name].rules:
        assert hidden(rule) == []


def test_a_hidden_kernel_is_found() -> None:
    def rule(g: Any, x: Any) -> Any:
        return g * x

    rule.on_arrays = rule  # type: ignore[attr-defined]
    found = eval("lambda g, x: rule(g, x)", {"rule": rule})
    assert hidden(found) == ["rule"]
    assert hidden(rule) == []
