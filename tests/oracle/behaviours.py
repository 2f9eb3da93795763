"""A behaviour is a function of the library that returns what it saw; both libraries must see the
same. `check` compares; `error` makes an exception something that can be seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import tinygrad_lite as tl


def error(call: Callable[[], Any], letters: int = 40) -> Any:
    """The type of the exception and the beginning of its message, or ("value", value)."""
    try:
        return "value", call()
    except Exception as e:
        return type(e).__name__, str(e).replace("tinygrad_lite", "torch")[:letters]


def seen(value: Any, library: Any) -> Any:
    """`value` as something that compares across libraries."""
    if isinstance(value, library.Tensor):
        kind = str(value.dtype).replace("tinygrad_lite", "torch")
        content = np.asarray(value.detach().tolist())
        return "tensor", kind, tuple(value.shape), value.requires_grad, content
    if isinstance(value, (list, tuple)):
        return [seen(v, library) for v in value]
    if isinstance(value, dict):
        return [[str(k), seen(v, library)] for k, v in value.items()]
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.ndarray)):
        return value
    return str(value).replace("tinygrad_lite", "torch")


def same(a: Any, b: Any) -> bool:
    """Whether two things seen agree: numbers to float32's precision, all else exactly."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))
    return type(a) is type(b) and bool(a == b)


def check(behaviour: Callable[[Any], Any]) -> None:
    """Run `behaviour` under both libraries and compare what it returns."""
    expected, found = [seen(behaviour(library), library) for library in (torch, tl)]
    assert same(expected, found), f"torch: {expected}\ntinygrad_lite: {found}"


def warned(call: Callable[[], Any]) -> Any:
    """What `call` returns, and the categories of the warnings it gave."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        value = call()
    return value, sorted({w.category.__name__ for w in record})


def net(lib: Any) -> Any:
    """A network with a shared layer, both kinds of buffers, and a parameter that is None."""

    class N(lib.nn.Module):
        def __init__(s):
            super().__init__()
            s.l1 = lib.nn.Linear(2, 3)
            s.l2 = s.l1
            s.seq = lib.nn.Sequential(lib.nn.Linear(3, 2), lib.nn.ReLU())
            s.register_buffer("b", lib.zeros(2))
            s.register_buffer("nb", lib.zeros(1), persistent=False)
            s.p = lib.nn.Parameter(lib.ones(2))
            s.register_parameter("none", None)

        def forward(s, x):
            return s.seq(s.l1(x))

    n = N()
    for p in n.parameters():
        lib.nn.init.constant_(p, 0.5)
    return n
