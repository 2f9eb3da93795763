"""Gradients through complex numbers against PyTorch's, for every operator of its database.

An op either gives PyTorch's gradient or refuses one: never a silently wrong one.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import op_database

torch = op_database.torch

NAMES = [
    name
    for name, op in op_database.ENTRIES.items()
    if op.supports_autograd and torch.complex128 in op.supported_dtypes("cpu")
]
#: said instead of a gradient
REFUSALS = ("no gradient flows through complex", "not implemented for", "absent")
#: whose gradient in PyTorch is not the derivative, and why
NOT_DERIVATIVES = {
    "as_strided_scatter": "PyTorch gives what was overwritten a gradient, and the rest none",
    "cholesky_inverse": "PyTorch gives the triangle that is not looked at a gradient",
    "cholesky_solve": "PyTorch gives the triangle that is not looked at a gradient",
}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NOT_DERIVATIVES])
def test_gradients(name: str) -> None:
    compared = op_database.Hold(op_database.ENTRIES[name])
    if compared.ours is None:
        pytest.skip("no such name here")
    for sample in compared.samples("complex128", 3, True):
        compared.both("complex128", compared.op.op, compared.ours, sample, True)
    wrong = [f for f in compared.failures if "gradient " in f and not refused(f)]
    assert not wrong, "\n".join([*wrong[:5], str(compared.counts)])


def refused(failure: Any) -> bool:
    return any(words in failure for words in REFUSALS)


def test_that_most_entries_have_gradients() -> None:
    """The share of entries compared in full; it may only grow."""
    passed = 0
    for name in NAMES:
        compared = op_database.Hold(op_database.ENTRIES[name])
        if compared.ours is None:
            continue
        for sample in compared.samples("complex128", 1, True):
            compared.both("complex128", compared.op.op, compared.ours, sample, True)
        passed += bool(compared.counts["gradients"]) and not compared.failures
    assert passed >= 0.6 * len(NAMES), f"{passed} of {len(NAMES)}"
