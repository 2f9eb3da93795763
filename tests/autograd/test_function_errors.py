"""What `Function` refuses, in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as torch
from tests.autograd.functions import Cube, function, leaf
from tests.refusals import Refusal, refusals
from tinygrad_lite.autograd import Function

MUST = "You must implement "


def broken(found: Any, forward: Callable[..., Any] = lambda ctx, x, y: x * y) -> Any:
    F = function(forward, lambda ctx, g: found)
    return F.apply(leaf(1.0, 2.0), leaf(1.0, 2.0)).sum().backward()


class Both(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g

    @staticmethod
    def vjp(ctx, g):
        return g


class Nothing(Function):
    pass


class Forward(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1


class SavesText(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, "text")


WITH_TWO = function(lambda ctx, x, y: x * y, lambda ctx, g: (g, "text"))
WITH_A_NUMBER = function(lambda ctx, x, k: x * k, lambda ctx, g: (g, g))

REFUSED: list[Refusal] = [
    (
        lambda: Nothing.apply(torch.ones(1)),
        NotImplementedError,
        MUST + "the forward function for custom autograd.Function.",
    ),
    (
        lambda: Nothing.setup_context(None, (), None),
        NotImplementedError,
        "setup_context is not implemented.",
    ),
    (
        lambda: Forward.apply(leaf(1.0)).backward(),
        NotImplementedError,
        MUST + "either the backward or vjp method for your custom autograd.Function to use it with "
        "backward mode AD.",
    ),
    (
        lambda: Nothing.jvp(None),
        NotImplementedError,
        MUST + "the jvp function for custom autograd.Function to use it with forward mode AD.",
    ),
    (
        lambda: Nothing.vmap(None, (0,)),
        NotImplementedError,
        (
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or "
            "set generate_vmap_rule=True."
        ),
    ),
    (
        lambda: Both.apply(leaf(1.0)).backward(),
        RuntimeError,
        (
            "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
            "should only implement one of them."
        ),
    ),
    (
        lambda: SavesText.apply(leaf(1.0)),
        TypeError,
        (
            "save_for_backward can only save variables, but argument 1 is of type str; set it as "
            "an attribute of ctx instead"
        ),
    ),
    (
        lambda: broken(torch.ones(2)),
        RuntimeError,
        "function FBackward returned an incorrect number of gradients (expected 2, got 1)",
    ),
    (
        lambda: broken((None, None, torch.ones(2))),
        RuntimeError,
        "function FBackward returned an incorrect number of gradients (expected 2, got 3)",
    ),
    (
        lambda: WITH_A_NUMBER.apply(leaf(1.0), 2).backward(),
        RuntimeError,
        (
            "function FBackward returned a gradient different than None at position 2, but the "
            "corresponding forward input was not a Variable"
        ),
    ),
    (
        lambda: WITH_TWO.apply(torch.ones(1), leaf(1.0)).backward(),
        RuntimeError,
        "expected Variable or None (got str): gradient 1 of FBackward",
    ),
    (
        lambda: broken((None, 3.0)),
        RuntimeError,
        "expected Variable or None (got float): gradient 1 of FBackward",
    ),
    (
        lambda: broken((None, torch.ones(3))),
        RuntimeError,
        (
            "Function FBackward returned an invalid gradient at index 1 - got [3] but expected "
            "shape compatible with [2]"
        ),
    ),
    (
        lambda: broken((None, torch.ones(1))),
        RuntimeError,
        (
            "Function FBackward returned an invalid gradient at index 1 - got [1] but expected "
            "shape compatible with [2]"
        ),
    ),
]


test_refusals_say_what_is_wrong = refusals(REFUSED)


def test_a_function_is_not_to_be_instantiated_nor_called():
    with pytest.warns(DeprecationWarning, match="should not be instantiated") as record:
        instance = Cube(1, a=2)
    assert str(record[0].message) == (
        f"{Cube} should not be instantiated. Methods on autograd functions are all static, so you "
        "should invoke them on the class itself: use its apply()"
    )
    with pytest.raises(RuntimeError) as e:
        instance(1)
    assert str(e.value) == (
        "Legacy autograd function with non-static forward method is deprecated. Please use "
        "new-style autograd function with static forward method, called by its apply()"
    )
