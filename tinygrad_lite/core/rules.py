"""Derivative rules that have more to say than their formula: how arrays are computed in one pass.

A rule as such is read with Tensors too, when the derivative is differentiated; what is hung on it
here is for arrays only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..kernels.formulas import compiled
from .declaration import Rule


def with_kernel(kernel: Callable[..., Any]) -> Callable[[Rule], Rule]:
    """Decorate a rule: on arrays `kernel` computes it (same arguments, one pass), and the rule's
    own formula says what that is and is read when the derivative is differentiated again."""

    def decorate(rule: Rule) -> Rule:
        rule.on_arrays = kernel  # type: ignore[attr-defined]
        return rule

    return decorate


def pointwise(rule: Rule) -> Rule:
    """Decorate a rule that is a formula of numbers (operators, constants, exp, log, rsqrt): on
    large arrays it is compiled as it stands."""
    return with_kernel(compiled(rule))(rule)


def with_sum(of_several: Callable[[Sequence[Any]], Any]) -> Callable[[Rule], Rule]:
    """Decorate a rule: where one input serves several calls of the op, as the weight of a layer
    does that is applied step by step, `of_several` gives the sum of their gradients at once from
    the list of the rule's arguments (tuples of arrays)."""

    def decorate(rule: Rule) -> Rule:
        rule.of_several = of_several  # type: ignore[attr-defined]
        return rule

    return decorate
