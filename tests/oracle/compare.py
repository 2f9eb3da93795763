"""One expression, evaluated with PyTorch and with this package: same value, gradient, error.

A case is a line of Python such as `torch.sum(x, dim=(0, 1))` over the inputs below. `torch` is
PyTorch in one evaluation and tinygrad_lite in the other, so a case reads as a user would write it.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite

oracle = pytest.importorskip("torch")

_rng = np.random.default_rng(7)
_nan, _inf = math.nan, math.inf

INPUTS: dict[str, np.ndarray] = {
    "x": _rng.normal(size=(3, 4)),
    "y": _rng.normal(size=(3, 4)),
    "row": _rng.normal(size=4),
    "col": _rng.normal(size=(3, 1)),
    "s": np.asarray(_rng.normal()),
    "z": _rng.normal(size=(2, 3, 4)),
    "p": _rng.uniform(0.2, 3.0, (3, 4)),
    "q": _rng.uniform(0.2, 3.0, (3, 4)),
    "u": _rng.uniform(-0.9, 0.9, (3, 4)),
    "v": _rng.uniform(0.05, 0.95, (3, 4)),
    "o": _rng.normal(size=5),
    "big": _rng.normal(size=(3, 4)) * 30,
    "f": _rng.normal(size=(3, 4)).astype(np.float32),
    "i": _rng.integers(-6, 7, (3, 4)),
    "j": _rng.integers(1, 5, (3, 4)) * _rng.choice([-1, 1], (3, 4)),
    "k": _rng.integers(0, 5, (3, 4)),
    "i32": _rng.integers(-6, 7, (3, 4)).astype(np.int32),
    "b": _rng.integers(0, 256, (3, 4)).astype(np.uint8),
    "m": _rng.integers(0, 2, (3, 4)).astype(bool),
    "n": _rng.integers(0, 2, (3, 4)).astype(bool),
    "e": np.zeros((0, 4)),
    "ties": np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0], [0.0, -1.0, 0.0]]),
    "zeros": np.array([[1.5, 0.0, -2.0, 0.5], [0.0, 3.0, 0.0, 2.0], [1.0, 2.0, 3.0, 4.0]]),
    "odd": np.array([[_nan, 1.0, -_inf, 2.0], [_inf, 0.0, -0.0, -3.0], [_nan, _nan, 1.0, _inf]]),
    "low": np.full((2, 3), -_inf),
}


def leaves(package: Any, names: tuple[str, ...], wide: Any) -> dict[str, Any]:
    """The inputs called `names` as Tensors of the package; floats in `wide`, requiring grad."""
    found = {}
    for name in names:
        a = INPUTS[name].copy()
        if a.dtype == np.float64:
            a = a.astype(wide)
        t = package.tensor(a)
        found[name] = t.requires_grad_() if a.dtype.kind == "f" else t
    return found


def cases(table: str) -> list[str]:
    """The expressions in a table, separated by semicolons and line ends."""
    lines = [line.split(";") for line in table.strip().splitlines()]
    return [case.strip() for line in lines for case in line if case.strip()]


def names_in(expression: str) -> tuple[str, ...]:
    """The inputs that an expression mentions."""
    code = compile(expression, "<case>", "eval")
    used: set[str] = set()
    stack = [code]
    while stack:
        c = stack.pop()
        used.update(c.co_names)
        stack.extend(k for k in c.co_consts if hasattr(k, "co_names"))
    return tuple(n for n in INPUTS if n in used)


def evaluate(package: Any, expression: str, inputs: dict[str, Any]) -> Any:
    """The value of the expression, warnings about it aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(expression, {"torch": package, "np": np, "math": math, **inputs})


def is_tensor(value: Any) -> bool:
    return isinstance(value, (oracle.Tensor, tinygrad_lite.Tensor))


def flat(value: Any) -> list[Any]:
    """The Tensors and plain values in (nested) tuples and lists, in order."""
    if isinstance(value, (tuple, list)) and not isinstance(
        value, (oracle.Size, tinygrad_lite.Size)
    ):
        return [leaf for v in value for leaf in flat(v)]
    return [value]


def array(t: Any) -> np.ndarray:
    return np.asarray(t.detach().numpy(force=True))


def close(got: np.ndarray, want: np.ndarray, what: str, expression: str) -> None:
    """Equal up to PyTorch's own tolerance for the dtype (torch.testing.assert_close)."""
    assert got.dtype == want.dtype, f"{what} of {expression}: {got.dtype}, want {want.dtype}"
    assert got.shape == want.shape, f"{what} of {expression}: {got.shape}, want {want.shape}"
    rtol, atol = {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5), "float16": (1e-3, 1e-5)}.get(
        got.dtype.name, (0, 0)
    )
    np.testing.assert_allclose(
        got, want, rtol=rtol, atol=atol, err_msg=f"{what} of {expression}", equal_nan=True
    )


def weights(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def gradients(package: Any, outs: list[Any], inputs: list[Any], seed: int) -> list[Any] | None:
    """d(weighted sum of the outs)/d(inputs), recorded; None if nothing requires grad."""
    outs = [t for t in outs if is_tensor(t) and t.requires_grad]
    if not outs:
        return None
    total = 0
    for k, t in enumerate(outs):
        w = package.tensor(weights(tuple(t.shape), seed + k)).to(t.dtype)
        total = total + (t * w).sum()
    return list(package.autograd.grad(total, inputs, create_graph=True, allow_unused=True))


def compare(expression: str, order: int = 2, wide: Any = np.float64) -> None:
    """Value, gradient and (order 2) second derivative agree."""
    names = names_in(expression)
    sides = []
    for package in (oracle, tinygrad_lite):
        inputs = leaves(package, names, wide)
        sides.append([package, inputs, flat(evaluate(package, expression, inputs))])
    (_, _, want), (_, _, got) = sides
    assert len(want) == len(got), f"{expression}: {len(got)} values, want {len(want)}"
    for w, g in zip(want, got, strict=True):
        if is_tensor(w):
            assert is_tensor(g), f"{expression}: {type(g)}"
            close(array(g), array(w), "value", expression)
            if order:
                assert g.requires_grad == w.requires_grad, f"{expression}: requires_grad"
        else:
            assert repr(g) == repr(w) or g == w, f"{expression}: {g!r}, want {w!r}"
    for depth in range(1, order + 1):
        results = []
        for side in sides:
            package, inputs, outs = side
            floats = [t for t in inputs.values() if t.requires_grad]
            found = gradients(package, outs, floats, seed=100 * depth) if floats else None
            results.append(found)
            side[2] = found or []
        theirs, ours = results
        if theirs is None:
            return
        assert ours is not None, f"{expression}: no derivative of order {depth}"
        for name, w, g in zip(names, theirs, ours, strict=False):
            if w is None or g is None:  # an unused input: the other side may say 0
                other = w if g is None else g
                assert other is None or not np.any(array(other)), (expression, depth, name, w, g)
                continue
            close(array(g), array(w), f"derivative {depth} by {name}", expression)


def compare_errors(expression: str, words: int = 3) -> None:
    """Both raise; the same type, and a message that begins with the same words."""
    raised = []
    for package in (oracle, tinygrad_lite):
        inputs = leaves(package, names_in(expression), np.float64)
        with pytest.raises(Exception) as info:
            evaluate(package, expression, inputs)
        raised.append(info.value)
    theirs, ours = raised
    assert type(ours) is type(theirs), f"{expression}: {ours!r}, want {theirs!r}"
    if words:
        first = [str(e).replace("torch.", "").split()[:words] for e in (theirs, ours)]
        assert first[0] == first[1], f"{expression}:\n{ours}\nwant\n{theirs}"
