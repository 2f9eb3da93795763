"""The engine against a naive twin: random programs of ops, views, writes, hooks and backwards.

TINYGRAD_LITE_STEPS sets how many statements the long run does (a night's run: 100000 and more).
"""

from __future__ import annotations

import os

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

import tinygrad_lite as tl
from tinygrad_lite.testing import programs
from tinygrad_lite.testing.naive import Scalar, gradient

STEPS = int(os.environ.get("TINYGRAD_LITE_STEPS", "4000"))
NUMBER = st.integers(0, 30)


class Machine(RuleBasedStateMachine):
    """One statement a rule, so that Hypothesis shrinks a program that goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.program = programs.Program(tl)


def _statement(name: str, count: int):  # type: ignore[no-untyped-def]
    def run(self: Machine, numbers: list[int]) -> None:
        getattr(self.program, name)(*numbers)

    run.__name__ = name
    return rule(numbers=st.lists(NUMBER, min_size=count, max_size=count))(run)


for _name, (_count, _) in programs.STATEMENTS.items():
    setattr(Machine, _name, _statement(_name, _count))


def test_shrinking_programs() -> None:
    run_state_machine_as_test(Machine)


@pytest.mark.parametrize("seed", range(3))
def test_long_programs(seed: int) -> None:
    errors, _ = programs.run(STEPS // 3, seed, tl)
    assert errors > 0  # the programs do reach the refusals


def test_the_machine_notices_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    op = tl.mul.op  # type: ignore[attr-defined]
    wrong = (lambda g, y: g * y * 1.0001, *op.calls[0][1:])
    monkeypatch.setattr(op, "calls", (wrong, op.calls[1]))
    with pytest.raises(programs.Difference, match="gradient of a leaf"):
        programs.run(2000, 0, tl)


def test_the_first_chapter() -> None:
    x, y = Scalar(2.0), Scalar(3.0)
    found = gradient(x * y + x.sin())
    assert found[x] == pytest.approx(3 - 0.4161468365)
    assert found[y] == 2.0
    deep = x
    for _ in range(100_000):
        deep = deep + y
    assert gradient(deep)[y] == 100_000.0
