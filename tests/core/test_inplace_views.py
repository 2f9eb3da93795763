"""Writes in place in detail: what is copied, and what views are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.core.writes import leaf, value, written
from tinygrad_lite.core.inplace import in_place
from tinygrad_lite.core.modes import MODE, Watcher, current
from tinygrad_lite.core.tensor import make_view

# -- what the op is given -------------------------------------------------------------------------


def needs_value(g: Any, out: Any) -> Any:
    return g * out


def needs_input(g: Any, x: Any) -> Any:
    return g * x


COPIES = [
    # rules towards x and y; whether x, y want gradients; recording; does the op see a copy of x?
    ((needs_value, None), True, False, True, False),
    ((needs_input, None), True, False, True, True),
    ((needs_input, None), True, False, False, False),
    ((needs_input, None), False, False, True, False),
    ((None, needs_input), False, True, True, True),
    ((None, needs_input), False, True, False, False),
    ((None, needs_value), False, True, True, False),
]


@pytest.mark.parametrize(("rules", "x_wants", "y_wants", "recording", "copied"), COPIES)
def test_the_input_is_copied_only_where_a_rule_will_need_it(
    rules: Any, x_wants: bool, y_wants: bool, recording: bool, copied: bool
) -> None:
    seen = []

    def forward(x: Any, y: Any) -> Any:
        seen.append(x)
        return x * y

    x = value([1.0, 2.0]) if x_wants else tl.ones(2, dtype=tl.float64)
    y = value([3.0, 4.0]) if y_wants else tl.ones(2, dtype=tl.float64)
    with tl.set_grad_enabled(recording):
        written(forward, *rules)(x, y)
    assert np.shares_memory(seen[0], x.array) == (not copied)


@pytest.mark.parametrize("wants", [False, True])
def test_a_composed_function_gets_a_copy_of_what_is_recorded(wants: bool) -> None:
    seen = []

    def twice(x: tl.Tensor, *, times: int = 2) -> tl.Tensor:
        """Twice."""
        seen.append((x.array, x.requires_grad))
        return x * times

    twice_ = in_place(twice, "twice_")
    assert (twice_.__name__, twice_.__doc__) == ("twice_", "Twice.")
    x = value([1.0, 2.0]) if wants else tl.ones(2, dtype=tl.float64)
    assert twice_(x, times=3) is x
    assert seen[0][1] == wants
    assert np.shares_memory(seen[0][0], x.array) == (not wants)


def test_a_node_keeps_the_stored_value_not_a_second_array() -> None:
    y = value([0.5, 1.0])
    y.exp_()
    assert any(a is y.array for a in y.grad_fn.saved)
    x, other = value([1.0, 2.0]), leaf([3.0, 4.0])

    def rule(g: Any, y: Any, out: Any) -> Any:
        return g * y + 0 * out

    product = written(lambda x, y: x * y, rule, None)
    product(x, other)
    saved = x.grad_fn.saved
    assert saved[0] is None
    assert saved[1] is other.array
    assert saved[2] is x.array
    x.sum().backward()


def test_a_value_that_was_made_from_what_it_overwrote_is_noticed() -> None:
    def quotient(x: Any, y: Any) -> Any:
        return x / y

    def rule_x(g: Any, y: Any) -> Any:
        return g / y

    def rule_y(g: Any, y: Any, out: Any) -> Any:
        return -g * out / y

    y = value([2.0, 4.0])
    written(quotient, rule_x, rule_y, by="quotient_")(y, y)
    with pytest.raises(RuntimeError, match=r"saved as its 'y', was then written by quotient_"):
        y.sum().backward()


# -- what is stored -------------------------------------------------------------------------------


def test_a_wider_value_is_cast_and_its_gradient_cast_back() -> None:
    x, y = value([1.0, 2.0], tl.float32), leaf([3.0, 4.0])
    x.mul_(y)
    assert x.dtype is tl.float32
    assert x.tolist() == [3.0, 8.0]
    x.sum().backward()
    assert y.grad.dtype is tl.float64
    assert y.grad.tolist() == [1.0, 2.0]


def test_a_watcher_is_shown_the_write() -> None:
    class Log(Watcher):
        def __init__(self) -> None:
            super().__init__()
            self.writes: list[Any] = []

        def forward(self, *args: Any) -> None: ...

        def written(self, write: Any) -> None:
            self.writes.append((write.by, write.count))

    log = Log()
    x = tl.ones(2)
    token = MODE.set(current().but(watch=log))
    try:
        x.add_(1)
        x.mul_(2)
    finally:
        MODE.reset(token)
    assert log.writes == [("add_", 1), ("mul_", 2)]


def test_a_value_without_history_takes_the_history_away() -> None:
    y = value([1.5, 2.5])
    written(lambda x: np.floor(x))(y)
    assert y.tolist() == [1.0, 2.0]
    assert not y.requires_grad
    with tl.no_grad():
        z = leaf([1.5])
        z.add_(1)
    assert z.requires_grad


def test_a_value_without_history_takes_that_of_its_region_away() -> None:
    x = leaf([1.5, 2.5, 3.5])
    y = x * 1
    written(lambda x: np.floor(x))(y[1:])
    assert y.tolist() == [1.5, 2.0, 3.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_a_buffer_learns_of_a_write_through_its_view(dtype: Any) -> None:
    x = leaf([1.0, 2.0], dtype)
    buffer = tl.zeros(3, dtype=dtype)
    view = buffer[1:]
    view.add_(x * 5)
    assert buffer.grad_fn.name() == "CopySlices"
    assert view.requires_grad
    (buffer * buffer).sum().backward()
    assert x.grad.tolist() == [50.0, 100.0]
    plain = tl.zeros(3)
    plain[1:].add_(1)
    assert not plain.requires_grad


@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_two_views_of_one_base(dtype: Any) -> None:
    x = leaf([1.0, 2.0, 3.0, 4.0], dtype)
    y = x * 1
    head, tail = y[:3], y[1:]
    head.mul_(tl.tensor([2.0, 3.0, 5.0], dtype=dtype))
    tail.mul_(10)
    assert head.grad_fn.name() == "AsStridedBackward0"
    (head.sum() + tail.sum() * 100).backward()
    assert x.grad.tolist() == [2.0, 3030.0, 5050.0, 1000.0]


@pytest.mark.parametrize("through", ["view", "base"])
def test_a_retained_gradient_is_that_of_the_latest_value(through: str) -> None:
    """Hooks stay with the value they were registered on."""
    x = leaf([1.0, 2.0])
    y = x * 1
    seen: list[Any] = []
    y.retain_grad()
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y if through == "base" else y[:]).mul_(3)
    assert y.retains_grad
    (y * 5).sum().backward()
    assert y.grad.tolist() == [5.0, 5.0]
    assert seen == [[15.0, 15.0]]
    assert x.grad.tolist() == [15.0, 15.0]


def test_a_view_that_retains_its_gradient() -> None:
    x = leaf([1.0, 2.0, 3.0])
    y = x * 1
    view = y[1:]
    view.retain_grad()
    view.mul_(3)
    (view * 5).sum().backward()
    assert view.grad.tolist() == [5.0, 5.0]
    assert x.grad.tolist() == [0.0, 15.0, 15.0]


def test_two_retain_one_takes_along_its_own() -> None:
    x = leaf([1.0])
    y = x * 1
    other = y.view(1)
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.mul_(3)
    y.register_hook(lambda g: g * 7)
    y.sum().backward()
    assert y.grad.tolist() == [7.0]
    assert x.grad.tolist() == [42.0]
    assert other.tolist() == [3.0]


def test_nothing_is_retained_by_what_lost_its_history() -> None:
    y = value([1.5])
    y.retain_grad()
    written(lambda x: np.floor(x))(y)
    assert not y.retains_grad


def test_views_of_what_lost_its_history_lose_theirs() -> None:
    y = value([1.5, 2.5])
    view, bits = y[1:], y.view(tl.int64)
    written(lambda x: np.floor(x))(y)
    assert not view.requires_grad
    assert not bits.requires_grad
    assert view.grad_fn is bits.grad_fn is None


def test_a_view_that_is_all_of_its_base() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    view = make_view(y.array, y.node, y)
    y.mul_(3)
    (view * 2).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_view_that_was_given_other_data_keeps_its_history() -> None:
    y = value([1.0, 2.0])
    view = y[1:]
    node = view.grad_fn
    view.data = tl.ones(1, dtype=tl.float64)
    y.mul_(3)
    assert view.grad_fn is node


# -- complex numbers and their parts --------------------------------------------------------------


@pytest.mark.parametrize("dtype", [tl.complex64, tl.complex128])
def test_a_write_through_the_real_part(dtype: Any) -> None:
    x = leaf([1 + 2j, 3 - 4j], dtype)
    z = x * 1
    z.real.mul_(10)
    tl.ones(1).add_(1)  # a write elsewhere: the pass looks whether it hit what was saved
    assert z.tolist() == [10 + 2j, 30 - 4j]
    assert z.dtype is dtype
    other = z.imag
    assert other.tolist() == [2.0, -4.0]
    (z.real * 3 + z.imag).sum().backward()
    assert x.grad.tolist() == [30 + 1j, 30 + 1j]


def test_a_write_through_pairs_and_back() -> None:
    x = leaf([1 + 2j], tl.complex64)
    z = x * 1
    pairs = tl.view_as_real(z)
    pairs[0, 1] = 7.0
    assert z.tolist() == [1 + 7j]
    assert pairs.tolist() == [[1.0, 7.0]]
    pairs.sum().backward()
    assert x.grad.tolist() == [1 + 0j]


def test_a_write_through_pairs_seen_as_complex() -> None:
    for shape in ((2,), (2, 2), (3, 2, 2)):
        x = tl.arange(1.0, 1 + np.prod(shape)).reshape(shape).requires_grad_()
        y = x * 1
        z = tl.view_as_complex(y)
        z.mul_(1j)
        np.testing.assert_array_equal(y.detach()[..., 0], -x.detach()[..., 1])
        assert y.dtype is tl.float32
        (y[..., 0] * 10).sum().backward()
        assert (x.grad[..., 0] == 0).all()
        assert (x.grad[..., 1] == -10).all()


def test_bytes_seen_as_integers_may_be_written_and_have_no_history() -> None:
    y = value([1.0, 2.0])
    bits = y.view(tl.int64)
    bits.add_(0)
    assert not bits.requires_grad
    assert bits.grad_fn is None


def test_a_view_that_cannot_be_followed() -> None:
    y = value([1.0, 2.0, 3.0], tl.float32)
    half = tl.Tensor.__new__(tl.Tensor)
    half.__setstate__((y.array.view(np.float16), False, {}))
    half.base, half.seen, half.node = y, y.node, y.node
    with pytest.raises(RuntimeError) as raised:
        half.add_(1)
    assert str(raised.value) == (
        "a float16 view of a float32 tensor of shape [3] cannot be followed through a write in "
        "place; clone() one of the two before writing"
    )


def test_the_gradient_a_view_retains_is_that_of_its_latest_value() -> None:
    base = leaf([1.0]) * 1
    one, other = base[:], base[:]
    one.retain_grad()
    other.retain_grad()
    one.mul_(2)
    (one + other).sum().backward()
    assert one.grad.tolist() == other.grad.tolist() == [1.0]


def test_other_memory_makes_another_leaf() -> None:
    x = leaf([1.0, 2.0, 3.0])
    old = x * 2
    with tl.no_grad():
        x.set_(x[1:])
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        tl.autograd.grad(old.sum(), x)


def test_gradients_lie_in_memory_as_their_leaves_do() -> None:
    x = tl.ones(2, 3, 4, 5).to(memory_format=tl.channels_last).requires_grad_()
    (x * tl.ones(2, 3, 4, 5)).sum().backward()
    assert x.grad.stride() == x.stride() == (60, 1, 15, 3)
    y = tl.empty_strided((2, 2), (4, 2)).fill_(1.0).requires_grad_()
    y.sum().backward()
    assert y.grad.stride() == (2, 1)
