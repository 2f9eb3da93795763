"""What autograd.functional refuses, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error

BEHAVIOURS: list[Callable[[Any], Any]] = []


def behaviour(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    BEHAVIOURS.append(f)
    return f


@behaviour
def of_functional_errors(lib: Any) -> Any:
    f = lib.autograd.functional
    x = lib.ones(2)
    s = lambda a: (a**2).sum()
    return [
        error(lambda: f.vjp(lambda a: a * 2, x), 80),
        error(lambda: f.jvp(lambda a: a * 2, x), 80),
        error(lambda: f.hvp(s, x), 80),
        error(lambda: f.jvp(lambda a: a * 2, x, lib.ones(3)), 60),
        error(lambda: f.jvp(lambda a: a * 2, x, (x, x)), 40),
        error(lambda: f.jvp(lambda a, b: a * b, (x, x), (x, lib.ones(3))), 50),
        error(lambda: f.jacobian(lambda a: lib.ones(2), x, strict=True), 80),
        error(lambda: f.vjp(lambda a: lib.ones(2), x, x, strict=True), 80),
        error(lambda: f.jacobian(lambda a, b: a * 2, (x, x), strict=True), 70),
        error(lambda: f.hvp(lambda a: a.sum(), x, strict=True, v=x), 60),
        error(lambda: f.hessian(lambda a: a.sum(), x, strict=True), 60),
        error(lambda: f.vhp(lambda a: a.sum(), x, x, strict=True), 60),
        f.hvp(s, x, x, strict=True),
        f.hessian(s, x, strict=True),
        f.jvp(lambda a: a**2, x, x, strict=True),
        f.vjp(lambda a: a**2, x, x, strict=True),
        f.hessian(lambda a: a.sum(), x),
        f.jacobian(lambda a: lib.ones(3), x),
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda f: f.__name__[3:])
def test_behaviour(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
