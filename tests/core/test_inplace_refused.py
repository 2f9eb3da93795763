"""Which Tensors may not be written in place, and which look as if they might not, but may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.core.writes import leaf, value
from tinygrad_lite.core.inplace import require_writable


def in_no_grad() -> tl.Tensor:
    y = value([1.0, 2.0])
    with tl.no_grad():
        return y[:1]


def of_a_function() -> tl.Tensor:
    class Seen(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.view(-1)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    return Seen.apply(value([1.0, 2.0]))


def read_only() -> tl.Tensor:
    t = tl.ones(2)
    t.array = np.frombuffer(b"12345678", np.float32)
    return t


LEAF = (
    "Variable that requires grad is being used in an in-place operation. Wrap the write in `with "
    "no_grad():`, or write out of place"
)
OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single "
    "memory location. Please clone() the tensor before performing the operation."
)
REFUSED: list[tuple[Callable[[], tl.Tensor], str]] = [
    (lambda: leaf([1.0]), f"a leaf {LEAF}"),
    (lambda: leaf([1.0])[:], f"a view of a leaf {LEAF}"),
    (lambda: tl.ones(1).expand(2), OVERLAP),
    (lambda: tl.ones(3, 1).expand(3, 4), OVERLAP),
    (
        in_no_grad,
        (
            "A view was created in no_grad mode and is being modified inplace with grad mode "
            "enabled. Given that this use case is ambiguous and error-prone, it is forbidden. Put "
            "both in no_grad, or neither"
        ),
    ),
    (
        lambda: value([1.0, 2.0]).unbind()[1],
        (
            "Output 1 of Unbind is a view and is being modified inplace. This view is the output "
            "of a function that returns multiple views. Such functions do not allow the output "
            "views to be modified inplace. You should replace the inplace operation by an "
            "out-of-place one."
        ),
    ),
    (
        of_a_function,
        (
            "Output 0 of Seen is a view and is being modified inplace. This view was created "
            "inside a custom Function (or because an input was returned as-is) and the autograd "
            "logic to handle view+inplace would override the custom backward associated with the "
            "custom Function, leading to incorrect gradients. This behavior is forbidden. You can "
            "fix this by cloning the output of the custom Function."
        ),
    ),
    (
        read_only,
        (
            "the array behind this tensor is read-only (it came from read-only memory); clone() "
            "the tensor before writing into it"
        ),
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_what_may_not_be_written(make: Callable[[], tl.Tensor], message: str) -> None:
    x = make()
    before = x.tolist()
    with pytest.raises(RuntimeError) as raised:
        x.add_(1)
    assert str(raised.value) == message
    assert x.tolist() == before


def test_the_word_for_what_was_done_is_the_callers_but_for_views() -> None:
    with pytest.raises(RuntimeError, match="^a leaf Variable that requires grad has been used in"):
        require_writable(leaf([1.0]), "has been used")
    with pytest.raises(RuntimeError, match="^a view of a leaf Variable .* grad is being used in"):
        require_writable(leaf([1.0])[:], "has been used")


NARROW = [
    (tl.int64, 0.5, "result type Float can't be cast to the desired output type Long (add_)"),
    (tl.uint16, 0.5, "result type Float can't be cast to the desired output type uint16 (add_)"),
    (tl.float32, 1j, "result type ComplexFloat can't be cast to the desired output type Float"),
    (tl.bool, 2, "result type Long can't be cast to the desired output type Bool (add_)"),
]


@pytest.mark.parametrize(("dtype", "number", "message"), NARROW)
def test_what_does_not_fit_the_dtype(dtype: Any, number: Any, message: str) -> None:
    with pytest.raises(RuntimeError) as raised:
        tl.ones(2, dtype=dtype).add_(number)
    assert str(raised.value).startswith(message)


def test_what_does_not_fit_the_shape() -> None:
    with pytest.raises(RuntimeError) as raised:
        tl.ones(2).add_(tl.ones(3, 2))
    assert str(raised.value) == (
        "output with shape [2] doesn't match the broadcast shape [3, 2] (add_)"
    )


@pytest.mark.parametrize("shape", [(1,), (3, 1), (1, 3), (0, 1)])
def test_axes_of_one_element_do_not_overlap(shape: tuple[int, ...]) -> None:
    x = tl.ones(shape).expand(shape)
    x.add_(1)
    assert (x.numpy() == 2).all()


def test_a_view_of_one_of_several_may_not_be_written_either() -> None:
    base = leaf([1.0, 2.0]) * 1
    part = base.unbind()[0]
    with pytest.raises(RuntimeError, match="^Output 0 of Unbind is a view"):
        part.view(1).mul_(2)
    with pytest.raises(RuntimeError, match="^Output 0 of Unbind is a view"):
        part.unsqueeze_(0)
    base.view(2).view(2).mul_(2)


def test_parts_cut_one_by_one_may_be_written() -> None:
    x = leaf([1.0, 2.0, 3.0])
    first, *_ = (x * 1).unsafe_split(1)
    first.mul_(5).sum().backward()
    assert x.grad.tolist() == [5.0, 0.0, 0.0]


def test_turning_a_view_under_no_grad_keeps_its_history() -> None:
    x = tl.ones(2, 3).requires_grad_()
    y = (x * 1).view(2, 3)
    with tl.no_grad():
        y.t_()
    y.mul_(2)
    y.sum().backward()
    assert x.grad.tolist() == [[2.0] * 3] * 2
