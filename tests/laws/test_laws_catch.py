"""The tests are tested: every rule of every op, made wrong, is caught by the laws."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lite  # noqa: F401  (declares the ops)
from tinygrad_lite.core.fused import Fused
from tinygrad_lite.core.primitive import REGISTRY, Primitive
from tinygrad_lite.testing import drawing, laws
from tinygrad_lite.testing.calls import Case
from tinygrad_lite.testing.report import LawError, Skip

_spec = importlib.util.spec_from_file_location("mutants", Path(__file__).parent / "mutants.py")
assert _spec is not None and _spec.loader is not None
mutants = importlib.util.module_from_spec(_spec)
sys.modules["mutants"] = mutants
_spec.loader.exec_module(mutants)

drawing.registered()
DIFFERENTIABLE = [name for name, op in REGISTRY.items() if op.differentiable]


def caught(cases: list[Case]) -> bool:
    for case in cases:
        try:
            laws.rule_is_derivative(case, drawing.seeded(case.name), order=1)
        except LawError:
            return True
        except Skip:
            continue
        except Exception:  # a rule so wrong that it does not run
            return True
    return False


def gradients(cases: list[Case]) -> list[np.ndarray]:
    found = []
    for case in cases:
        cs = case.cotangents(drawing.seeded(case.name))
        if cs:
            found += [g for g in case.gradient(cs) if g is not None]
    return found


def equivalent(op: Primitive, wrong: object, cases: list[Case]) -> bool:
    """Whether the mutant computes what the rule computes (x * x with its operands swapped)."""
    right = gradients(cases)
    try:
        with wrong():  # type: ignore[operator]
            changed = gradients(cases)
    except Exception:
        return False
    return len(right) == len(changed) and all(
        np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
        for a, b in zip(right, changed, strict=True)
    )


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_wrong_rule_is_caught(name: str) -> None:
    op = REGISTRY[name]
    cases = [c for c in drawing.cases(op, 6) if c.wanted]
    survivors = []
    for what, wrong in mutants.wrong_rules(op):
        with wrong():
            seen = caught(cases)
        if not seen and not equivalent(op, wrong, cases):
            survivors.append(what)
    assert not survivors, f"{name}: nobody noticed {survivors}"


@pytest.mark.parametrize("name", [n for n, op in REGISTRY.items() if isinstance(op, Fused)])
def test_a_wrong_reference_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op = REGISTRY[name]
    assert isinstance(op, Fused)
    right = op.reference

    def scaled(*args: object, **meta: object) -> object:
        value = right(*args, **meta)
        return tuple(v * 1.001 for v in value) if isinstance(value, tuple) else value * 1.001

    monkeypatch.setattr(op, "reference", scaled)
    with pytest.raises(LawError):
        [laws.fused_is_reference(case, drawing.seeded(name)) for case in drawing.cases(op, 3)]


several_are_summed = laws.OP_LAWS["several_are_summed"]
SHARED = [n for n, op in REGISTRY.items() if any(of_several for _, _, of_several in op.calls)]


@pytest.mark.parametrize("name", SHARED)
def test_a_wrong_sum_over_several_calls_is_caught(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = REGISTRY[name]
    for i, (rule, asks, of_several) in enumerate(op.calls):
        if of_several is None:
            continue
        without_last = (rule, asks, lambda calls, right=of_several: right(calls[:-1]))
        with monkeypatch.context() as patch:
            patch.setattr(op, "calls", (*op.calls[:i], without_last, *op.calls[i + 1 :]))
            with pytest.raises(LawError, match="three calls"):
                [several_are_summed(case, drawing.seeded(name)) for case in drawing.cases(op, 3)]
