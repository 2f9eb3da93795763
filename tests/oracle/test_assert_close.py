"""`torch.testing.assert_close`: the same verdicts in the same words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import tinygrad_lite as tl
from tests.oracle.snippets import programs

CALLS = programs("""
    1, 1
    1, 2
    1.0, 1.1
    1, 1.0
    True, False
    1j, 2j
    "a", "b"
    None, None
    None, 1
    nan, nan
    inf, -inf
    np.float64(1), 1.0
    np.ones(2), np.zeros(2)
    t.ones(2), t.ones(2)
    t.ones(2), t.tensor([1.0, 2.0])
    t.ones(2), t.tensor([1.0, nan])
    t.ones(2), t.ones(3)
    t.ones(2), t.ones(2, dtype=t.float64)
    t.tensor([1, 2, 3]), t.tensor([1, 5, 3])
    t.tensor([True]), t.tensor([False])
    t.tensor([1 + 1j]), t.tensor([2 + 1j])
    t.tensor(1.0), t.tensor(2.0)
    t.tensor([[1.0, 2], [3, nan]]), t.tensor([[1.0, 5], [3, nan]])
    t.ones(2, dtype=t.uint8), t.zeros(2, dtype=t.uint8)
    t.ones(2), [1.0, 1.0]
    [1, 2], [1, 3]
    [1, 2], [1]
    [[1], [2]], [[1], [3]]
    [{"a": (1, 2.0)}], [{"a": (1, 3.0)}]
    {"a": 1}, {"b": 1}
    {"a": t.ones(2)}, {"a": t.zeros(2)}
    object(), object()
""")
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"rtol": 0.0, "atol": 0.0},
    {"rtol": 0.1, "atol": 1.0},
    {"rtol": 0.1},
    {"equal_nan": True, "check_dtype": False},
    {"msg": "no"},
    {"msg": lambda text: f"see: {text}"},
    {"check_stride": True, "allow_subclasses": False},
)


def verdict(call: str, options: dict[str, Any], library: Any) -> Any:
    names = {"t": library, "np": np, "nan": math.nan, "inf": math.inf}
    try:
        return library.testing.assert_close(*eval(call, names), **options)
    except Exception as e:
        return type(e).__name__, str(e).replace("tinygrad_lite", "torch").split("torch.core")[0]


@pytest.mark.parametrize("call", CALLS)
def test_as_in_pytorch(call: str) -> None:
    for options in OPTIONS:
        expected = verdict(call, options, torch)
        if expected and "class 'torch.Tensor'" in expected[1]:  # where our class lives differs
            expected = expected[0], expected[1].split("torch.Tensor")[0]
        assert verdict(call, options, tl) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"low": 3, "high": 1},
        {"low": 2, "high": 2, "dtype": "int64"},
        {"low": math.nan},
        {"dtype": "int64", "requires_grad": True},
        {"noncontiguous": True, "memory_format": True},
    ],
)
def test_make_tensor_refuses(options: dict[str, Any]) -> None:
    said = []
    for library in (torch, tl):
        asked = {"dtype": "float32", **options}
        asked["dtype"] = getattr(library, asked["dtype"])
        with pytest.raises(ValueError) as raised:
            library.testing.make_tensor((2, 3), device="cpu", **asked)
        said.append(str(raised.value).replace("tinygrad_lite", "torch"))
    assert said[0] == said[1]
