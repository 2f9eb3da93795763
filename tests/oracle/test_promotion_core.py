"""dtype promotion of every pair of dtypes, 0-d tensors and Python numbers, as PyTorch's.

Where PyTorch has no kernel for a dtype (bool % bool), we may have one: that is not promotion.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
NUMBERS = (True, 2, 2.5)
KINDS = ("with axes", "0-d")


def operand(backend: Any, dtype: str, kind: str) -> Any:
    shape = (2,) if kind == "with axes" else ()
    return backend.ones(shape, dtype=getattr(backend, dtype))


def outcome(call: Any, *args: Any) -> str:
    try:
        out = call(*args)
    except (RuntimeError, TypeError) as error:
        return type(error).__name__
    return str(out.dtype).split(".")[-1]


def ops(backend: Any) -> dict[str, Any]:
    return {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y,
        "floordiv": lambda x, y: x // y,
        "mod": lambda x, y: x % y,
        "pow": lambda x, y: x**y,
        "lt": lambda x, y: x < y,
        "eq": lambda x, y: x == y,
        "maximum": lambda x, y: backend.maximum(x, y) if hasattr(y, "dtype") else x,
        "where": lambda x, y: backend.where(x == x, x, y),
    }


@pytest.mark.parametrize("name", ops(tl))
def test_every_pair(name: str) -> None:
    ours, theirs = ops(tl)[name], ops(torch)[name]
    wrong = []
    for a, b, p, q in itertools.product(DTYPES, DTYPES, KINDS, KINDS):
        got = outcome(ours, operand(tl, a, p), operand(tl, b, q))
        want = outcome(theirs, operand(torch, a, p), operand(torch, b, q))
        if got != want != "NotImplementedError":
            wrong.append(f"{name} of {a} {p} and {b} {q}: {got}, PyTorch {want}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ops(tl))
def test_python_numbers(name: str) -> None:
    ours, theirs = ops(tl)[name], ops(torch)[name]
    wrong = []
    for a, kind, number, swapped in itertools.product(DTYPES, KINDS, NUMBERS, (False, True)):
        if swapped and name in ("maximum", "lt", "eq"):
            continue
        x, y = operand(tl, a, kind), operand(torch, a, kind)
        got = outcome(ours, number, x) if swapped else outcome(ours, x, number)
        want = outcome(theirs, number, y) if swapped else outcome(theirs, y, number)
        if got != want != "NotImplementedError":
            order = f"{number} and {a} {kind}" if swapped else f"{a} {kind} and {number}"
            wrong.append(f"{name} of {order}: {got}, PyTorch {want}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_in_place(name: str) -> None:
    """What may be written into what."""
    wrong = []
    for a, b, q in itertools.product(DTYPES, DTYPES, KINDS):
        got, want = (
            outcome(getattr(operand(m, a, "with axes"), name + "_"), operand(m, b, q))
            for m in (tl, torch)
        )
        if got != want != "NotImplementedError":
            wrong.append(f"{a}.{name}_({b} {q}): {got}, PyTorch {want}")
    assert not wrong, "\n".join(wrong)


def test_promote_types_and_result_type() -> None:
    for a, b in itertools.product(DTYPES, DTYPES):
        got = tl.promote_types(getattr(tl, a), getattr(tl, b))
        want = torch.promote_types(getattr(torch, a), getattr(torch, b))
        assert str(got) == str(want), (a, b)
    for a, b, p, q in itertools.product(DTYPES, DTYPES, KINDS, KINDS):
        got = tl.result_type(operand(tl, a, p), operand(tl, b, q))
        want = torch.result_type(operand(torch, a, p), operand(torch, b, q))
        assert str(got) == str(want), (a, p, b, q)
    for a, p, number in itertools.product(DTYPES, KINDS, NUMBERS):
        got = tl.result_type(operand(tl, a, p), number)
        want = torch.result_type(operand(torch, a, p), number)
        assert str(got) == str(want), (a, p, number)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "cumsum", "var", "exp", "sqrt", "sin"])
def test_one_operand(name: str) -> None:
    wrong = []
    for a in DTYPES:
        axis = [0] if name == "cumsum" else []
        got, want = (outcome(getattr(operand(m, a, "with axes"), name), *axis) for m in (tl, torch))
        if got != want != "NotImplementedError":
            wrong.append(f"{name} of {a}: {got}, PyTorch {want}")
    assert not wrong, "\n".join(wrong)


def test_gradients_keep_their_leafs_dtype() -> None:
    for a, b in itertools.product(("float16", "float32", "float64"), repeat=2):
        got, want = (
            [str(t.grad.dtype) for t in _gradients(backend, a, b)] for backend in (tl, torch)
        )
        assert got == want == [f"torch.{a}", f"torch.{b}"]


def _gradients(backend: Any, a: str, b: str) -> list[Any]:
    x, y = (operand(backend, d, "with axes").requires_grad_() for d in (a, b))
    (x * y).sum().backward()
    return [x, y]
