"""Tables of calls, run by PyTorch and by this package: values, derivatives, errors.

A line of a table is `inputs : expression`, for instance

    x(2,3) i(2,1)<3 : t.gather(x, 1, i)

where `t` is the package. The first letter of an input says what it holds: i, j, k integers below
the bound, m a mask, n integers of either sign, anything else floats that want a gradient. `:1` and
`:0` stop at the first derivative or at the value (the second is not defined, or nothing is).
`~s`, `~p`, `~r` after a shape: symmetric, symmetric positive, regular matrices; `~d`: distinct.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

import tinygrad_lite as tl

_INPUT = re.compile(r"(\w)\(([\d,]*)\)(?:<(\d+))?(?:~(\w))?")
_NAMES = {"inf": math.inf, "nan": math.nan, "math": math, "np": np}


def lines(table: str) -> list[str]:
    """The lines of a table that hold a call."""
    found = [line.strip() for line in table.strip().splitlines()]
    return [line for line in found if line and not line.startswith("#")]


def _draw(letter: str, shape: tuple[int, ...], bound: str | None, form: str, rng: Any) -> Any:
    if letter in "ijk":
        return rng.integers(0, int(bound or 3), shape)
    if letter == "m":
        return rng.integers(0, 2, shape).astype(bool)
    if letter == "n":
        return rng.integers(-int(bound or 9), int(bound or 9), shape)
    a = rng.uniform(-2, 2, shape)
    n = shape[-1] if shape else 0
    if form == "s":
        return (a + np.swapaxes(a, -1, -2)) / 2 + np.diag(np.arange(n) * 1.5)
    if form == "p":
        return a @ np.swapaxes(a, -1, -2) + np.eye(n)
    if form == "r":
        return a + 4 * np.eye(shape[-2], n)
    if form == "d":
        return rng.permutation(np.linspace(-2, 2, a.size)).reshape(shape)
    return a


def parse(line: str) -> tuple[dict[str, np.ndarray], str, int]:
    """The inputs of a line, its expression, and the highest derivative to compare."""
    left, _, right = line.partition(" :")
    order = 2
    if right[:1] in ("0", "1"):
        order, right = int(right[0]), right[1:]
    rng = np.random.default_rng(len(line))
    inputs = {}
    for letter, shape, bound, form in _INPUT.findall(left):
        sizes = tuple(int(n) for n in shape.split(",") if n)
        inputs[letter] = np.asarray(_draw(letter, sizes, bound, form, rng))
    return inputs, right.strip(), order


def evaluate(t: Any, expression: str, inputs: dict[str, Any]) -> Any:
    """The value of an expression with the names of a table."""
    return eval(expression, {**_NAMES, "t": t, **inputs})


def tensors(t: Any, inputs: dict[str, np.ndarray], grad: bool = True) -> dict[str, Any]:
    """The inputs as tensors of package `t`; floats want a gradient."""
    found = {}
    for name, a in inputs.items():
        found[name] = t.tensor(a.copy())
        if a.dtype.kind == "f" and grad:
            found[name].requires_grad_()
    return found


def flat(value: Any) -> list[Any]:
    """All values in nested tuples, in order."""
    if isinstance(value, (tuple, list)):
        return [v for x in value for v in flat(x)]
    return [value]


def same_value(line: str, ours: Any, theirs: Any, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    """Assert that a value is PyTorch's: numbers, shape, dtype."""
    if not hasattr(theirs, "detach"):
        assert ours == theirs, line
        return
    assert isinstance(ours, tl.Tensor), f"{line}: {type(ours)}"
    assert tuple(ours.shape) == tuple(theirs.shape), f"{line}: {ours.shape}, not {theirs.shape}"
    assert str(ours.dtype) == str(theirs.dtype), f"{line}: {ours.dtype}, not {theirs.dtype}"
    a, b = ours.detach().numpy(), theirs.numpy(force=True)
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=line)


def compare(torch: Any, line: str, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    """Hold one line to PyTorch."""
    inputs, expression, order = parse(line)
    sides = []
    for t in (tl, torch):
        given = tensors(t, inputs)
        sides.append((t, given, flat(evaluate(t, expression, given))))
    (_, ours, mine), (_, theirs, yours) = sides
    assert len(mine) == len(yours), f"{line}: {len(mine)} values, not {len(yours)}"
    for a, b in zip(mine, yours, strict=True):
        same_value(line, a, b, rtol, atol)
        if hasattr(b, "requires_grad"):
            assert a.requires_grad == b.requires_grad, f"{line}: requires_grad {a.requires_grad}"
    for name in inputs:
        same_value(f"{line} [{name} afterwards]", ours[name], theirs[name], rtol, atol)
    rng = np.random.default_rng(1)
    for i, (a, b) in enumerate(zip(mine, yours, strict=True)):
        for name in inputs:
            if hasattr(b, "data_ptr") and b.numel():
                shared = _shares(b, theirs[name])
                assert np.shares_memory(a.array, ours[name].array) == shared, (
                    f"{line}: value {i} should {'' if shared else 'not '}share memory with {name}"
                )
    if order == 0 or not any(getattr(b, "requires_grad", False) for b in yours):
        return
    weights = [rng.uniform(-1, 1, tuple(getattr(b, "shape", ()))) for b in yours]
    again = [rng.uniform(-1, 1, a.shape) for a in inputs.values()]
    for depth, a in enumerate(_gradients(tl, ours, mine, weights, again, order)):
        sides_of_b = _gradients(torch, theirs, yours, weights, again, order)[depth]
        for name, g, h in zip(ours, a, sides_of_b, strict=True):
            if g is None or h is None:
                zero = all(d is None or np.all(abs(d.numpy(force=True)) < 1e-12) for d in (g, h))
                assert zero, f"{line}: derivative {depth + 1} towards {name}: {g}, not {h}"
            else:
                what = f"{line}: derivative {depth + 1} towards {name}"
                same_value(what, g, h, rtol * 10, atol * 10)


def _shares(b: Any, x: Any) -> bool:
    return b.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() and np.shares_memory(
        b.detach().numpy(), x.detach().numpy()
    )


def _gradients(
    t: Any, given: dict[str, Any], values: list[Any], weights: Any, again: Any, order: int
) -> list[Any]:
    """First and second derivatives of a weighted sum of the values."""
    xs = [x for x in given.values() if x.requires_grad and x.is_leaf]
    places = [i for i, x in enumerate(given.values()) if x.requires_grad and x.is_leaf]
    loss = 0
    for v, w in zip(values, weights, strict=True):
        if getattr(v, "requires_grad", False):
            loss = loss + (v * t.tensor(w)).sum()
    first = t.autograd.grad(loss, xs, create_graph=order > 1, retain_graph=True, allow_unused=True)
    found = [_placed(first, places, len(given))]
    if order > 1:
        total = 0
        for g, i in zip(first, places, strict=True):
            if g is not None and g.requires_grad:
                total = total + (g * t.tensor(again[i])).sum()
        if not isinstance(total, int):
            second = t.autograd.grad(total, xs, retain_graph=True, allow_unused=True)
            found.append(_placed(second, places, len(given)))
        else:
            found.append([None] * len(given))
    return found


def _placed(grads: Any, places: list[int], n: int) -> list[Any]:
    out: list[Any] = [None] * n
    for g, i in zip(grads, places, strict=True):
        out[i] = g
    return out


def same_error(torch: Any, line: str, letters: int = 24) -> None:
    """Both raise, the same type, and the messages begin alike."""
    inputs, expression, _ = parse(line)
    raised = []
    for t in (tl, torch):
        try:
            evaluate(t, expression, tensors(t, inputs, grad=".backward" in expression))
        except Exception as error:
            raised.append(error)
        else:
            raised.append(None)
    mine, theirs = raised
    assert theirs is not None, f"{line}: PyTorch does not raise"
    assert mine is not None, f"{line}: nothing raised, PyTorch: {type(theirs).__name__}: {theirs}"
    kinds = type(mine).__mro__
    assert any(k.__name__ == _public(theirs) for k in kinds), f"{line}: {mine!r}, not {theirs!r}"
    n = min(letters, len(str(theirs).splitlines()[0]))
    assert str(mine)[:n].lower() == str(theirs)[:n].lower(), f"{line}:\n{mine}\n{theirs}"


def _public(error: Exception) -> str:
    name = type(error).__name__
    return "LinAlgError" if name in ("LinAlgError", "_LinAlgError") else name
