"""out= of every function that takes it behaves as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error, warned

BEHAVIOURS: list[Callable[[Any], Any]] = []


def behaviour(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BEHAVIOURS.append(f)
    return f


@behaviour
def of_out_errors(lib: Any) -> Any:
    x = lib.ones(2)
    r = lib.ones(2, requires_grad=True)
    return [
        error(lambda: lib.add(r, r, out=lib.empty(2)), 70),
        error(lambda: lib.add(x, x, out=r), 70),
        error(lambda: lib.add(x, x, out=lib.empty(2, dtype=lib.long)), 90),
        warned(lambda: lib.add(x, x, out=lib.empty(3))),
        warned(lambda: lib.add(x, x, out=lib.empty(0))),
    ]


@behaviour
def of_out_nograd(lib: Any) -> Any:
    x = lib.ones(2, requires_grad=True)
    o = lib.empty(2)
    with lib.no_grad():
        lib.mul(x, 2, out=o)
    return (o, lib.add(lib.ones(2), lib.ones(2), out=lib.empty(2, dtype=lib.double)))


@behaviour
def of_out_view(lib: Any) -> Any:
    a = lib.zeros(3, 2)
    lib.add(lib.ones(2), lib.ones(2), out=a[1])
    lib.mul(lib.ones(3), 5, out=a[:, 0])
    return a


@behaviour
def of_out_alias(lib: Any) -> Any:
    a = lib.arange(4.0)
    lib.add(a, 1, out=a)
    return a


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
