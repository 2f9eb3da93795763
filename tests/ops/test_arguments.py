"""What a function says when an argument is not the Tensor it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as tl

x, m = tl.ones(2), tl.ones(2, 2)

CALLS: dict[str, Callable[[], Any]] = {
    r"dot\(\): argument 'tensor' \(position 2\) must be Tensor, not int": lambda: tl.dot(x, 3),
    r"mv\(\): argument 'vec' \(position 2\) must be Tensor, not float": lambda: m.mv(0.5),
    r"addmm\(\): argument 'mat1' \(position 2\) must be Tensor, not int": lambda: m.addmm(3, m),
    r"take\(\): argument 'index' \(position 2\) must be Tensor, not list": lambda: x.take([0]),
    r"view_as\(\): argument 'other' \(position 2\) must be Tensor, not tuple": lambda: x.view_as(
        (2,)
    ),
    r"expected Tensor as element 1 in argument 0, but got int": lambda: tl.block_diag(x, 3),
}


@pytest.mark.parametrize("message", CALLS)
def test_the_argument_that_should_be_a_tensor_is_named(message: str) -> None:
    with pytest.raises(TypeError, match=message):
        CALLS[message]()


def test_other_attribute_errors_are_left_alone() -> None:
    class Odd(tl.Tensor):
        pass

    with pytest.raises(AttributeError, match="nothing"):
        x.as_subclass(Odd).nothing


def test_numbers_are_filled_in_at_the_precision_of_the_tensor() -> None:
    wide = tl.zeros(1, dtype=tl.float64)
    assert wide.masked_fill(wide == 0, 1.2).item() == 1.2
    assert wide.masked_fill_(wide == 0, 1.2).item() == 1.2
