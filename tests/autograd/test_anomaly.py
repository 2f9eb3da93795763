"""Anomaly detection: what it stops at, what it says, what it lets pass."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tinygrad_lite.autograd import (
    Function,
    anomaly,
    detect_anomaly,
    graph,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from tinygrad_lite.core.modes import MODE, Watcher, current


@pytest.fixture
def every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages show all lines of the stack, however deep the test runs."""
    monkeypatch.setattr(anomaly, "_FRAMES", 1000)


def ours(lines: list[str]) -> list[str]:
    """The lines of this file."""
    return [line for line in lines if line.startswith(f'  File "{__file__}", line ')]


def leaf(*values: float, **options: Any) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True, **options)


class BadGradient(Function):
    """Its backward gives NaN towards its second argument."""

    @staticmethod
    def forward(ctx, x, y):
        return x * y

    @staticmethod
    def backward(ctx, g):
        return g, g * torch.tensor([[1.0, float("nan")]])


# values


pytestmark = [
    pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled"),
    pytest.mark.filterwarnings("ignore:Error detected in"),
]


def stopped(call: Callable[[], Any]) -> str:
    with pytest.raises(RuntimeError) as e, detect_anomaly(check_values=True):
        call()
    return str(e.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: torch.tensor([[4.0, 0.0], [1.0, -1.0]]).log(),
            (
                "log made the first inf, at index [0, 1] of its value of shape [2, 2], from x[0, "
                "1] = 0.0."
            ),
        ),
        (
            lambda: torch.tensor([4.0, -1.0, 0.0]).log(),
            "log made the first nan, at index [1] of its value of shape [3], from x[1] = -1.0.",
        ),
        (
            lambda: torch.ones(2, 2) / torch.tensor([1.0, 0.0]),
            (
                "quotient made the first inf, at index [0, 1] of its value of shape [2, 2], from "
                "x[0, 1] = 1.0, y[0, 1] = 0.0."
            ),
        ),
        (
            lambda: torch.ones(3) / torch.tensor(0.0),
            (
                "quotient made the first inf, at index [0] of its value of shape [3], from x[0] = "
                "1.0, y = 0.0."
            ),
        ),
        (
            lambda: torch.ones(2) / 0,
            (
                "quotient made the first inf, at index [0] of its value of shape [2], from x[0] = "
                "1.0, y = 0.0."
            ),
        ),
        (
            lambda: torch.full((2, 3), 1e30) @ torch.full((3, 1), 1e30),
            (
                "product made the first inf, at index [0, 0] of its value of shape [2, 1], from x "
                "of shape [2, 3], from 1.0000000150474662e+30 to 1.0000000150474662e+30, y of "
                "shape [3, 1], from 1.0000000150474662e+30 to 1.0000000150474662e+30."
            ),
        ),
        (
            lambda: torch.full((2,), 3e38).sum(),
            (
                "total made the first inf, at index [] of its value of shape [], from x of shape "
                "[2], from 3.0000000054977558e+38 to 3.0000000054977558e+38."
            ),
        ),
        (
            lambda: torch.tensor([1e300, 1.0], dtype=torch.float64).mul(1e300),
            (
                "mul made the first inf, at index [0] of its value of shape [2], from x[0] = "
                "1e+300, y = 1e+300."
            ),
        ),
        (
            lambda: torch.tensor([0j, 1j]).reciprocal(),
            (
                "reciprocal made the first nan, at index [0] of its value of shape [2], from x[0] "
                "= 0j."
            ),
        ),
    ],
    ids=lambda v: "" if callable(v) else v.split()[0],
)
def test_the_first_value_that_is_not_finite_is_named(call: Callable[[], Any], message: str):
    found = stopped(call)
    assert found.startswith(message + " Here:\n"), found


@pytest.mark.usefixtures("every_line")
def test_a_value_is_traced_to_the_innermost_lines_of_the_user():
    def inner():
        return torch.zeros(1).log()

    def middle():
        return inner()

    def outer():
        return middle()

    lines = stopped(outer).split("Here:\n")[1].splitlines()
    *_, first, second, third = ours(lines)
    assert third == f'  File "{__file__}", line {inner.__code__.co_firstlineno + 1}, in inner'
    assert first.endswith("in outer") and second.endswith("in middle")
    assert not [line for line in lines if anomaly._PACKAGE in line]


def test_three_lines_are_shown():
    message = stopped(lambda: torch.zeros(1).log())
    assert len(message.splitlines()) == 4


def test_each_of_several_outputs_is_looked_at_and_every_kind_of_input_named():
    op = SimpleNamespace(name="split", inputs=("x",))
    good, bad = np.ones(2), np.array([1.0, np.inf])
    with pytest.raises(RuntimeError) as e:
        anomaly.Anomaly(True, True).forward(op, (good, 2.5, good[:0]), {}, (good, bad), None)
    assert str(e.value).startswith(
        "split made the first inf, at index [1] of its value of shape [2], from x[1] = 1.0, input "
        "1 = 2.5. Here:\n"
    )


def test_a_bad_number_given_as_an_option_is_not_made_by_the_op():
    op, bad = SimpleNamespace(name="fill"), np.array([np.inf])
    anomaly.Anomaly(True, True).forward(op, (np.ones(1),), {"value": np.inf, "n": 3}, bad, None)
    with pytest.raises(RuntimeError, match="fill made the first inf"):
        anomaly.Anomaly(True, True).forward(op, (np.ones(1),), {"value": 1.0, "n": 3}, bad, None)


def test_the_inputs_of_a_users_function_are_numbered():
    class Log(Function):
        @staticmethod
        def forward(ctx, x, y):
            with np.errstate(divide="ignore"):
                return torch.from_numpy(np.log(x.detach().numpy()))

    message = stopped(lambda: Log.apply(leaf(0.0), torch.ones(1)))
    assert message.startswith(
        "Log made the first inf, at index [0] of its value of shape [1], from input 0[0] = 0.0, "
        "input 1[0] = 1.0. Here:\n"
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.tensor([float("inf")]) * 2,  # not made by the op
        lambda: torch.ones(1) * float("inf"),
        lambda: torch.ones(1) + float("nan"),
        lambda: torch.zeros(1).masked_fill(torch.tensor([True]), float("-inf")),
        lambda: torch.full((1,), float("inf")).long() // 2,
        lambda: torch.nn.functional.pad(torch.ones(1), (1, 0), value=float("-inf")),
        lambda: torch.tensor([2.0]).log(),
        lambda: torch.tensor([5]) // 2,
    ],
)
def test_what_was_not_finite_before_is_let_pass(call: Callable[[], Any]):
    with detect_anomaly():
        call()


def test_without_check_nan_values_and_gradients_are_not_looked_at():
    x = leaf(0.0)
    with detect_anomaly(check_nan=False):
        torch.zeros(1).log()
        BadGradient.apply(x, torch.ones(1, 2, requires_grad=True)).sum().backward()


# gradients


@pytest.mark.usefixtures("every_line")
def test_a_gradient_that_is_nan_names_the_rule_and_the_line_of_its_op():
    x = leaf(1.0)
    with detect_anomaly():
        y = BadGradient.apply(x, torch.ones(1, 2, requires_grad=True))
        with pytest.raises(RuntimeError) as e:
            y.sum().backward()
    first, *lines = str(e.value).splitlines()
    assert first == (
        "Function 'BadGradientBackward' returned nan values in its 1th output (op BadGradient, "
        "gradient of shape [1, 2]). It was made here:"
    )
    assert ours(lines)[-1].endswith(
        "in test_a_gradient_that_is_nan_names_the_rule_and_the_line_of_its_op"
    )


def test_a_node_made_outside_has_no_line_to_show():
    x = leaf(0.0)
    y = (x * 0).sqrt()
    with pytest.raises(RuntimeError) as e, detect_anomaly():
        y.backward(torch.zeros(1))
    assert str(e.value) == (
        "Function 'SqrtBackward0' returned nan values in its 0th output (op sqrt, gradient of "
        "shape [1])."
    )


def test_infinite_gradients_are_let_pass():
    x = leaf(0.0)
    with detect_anomaly():
        x.sqrt().backward()
    assert x.grad.item() == float("inf")


def test_recorded_gradients_are_looked_at_too():
    x = leaf(0.0)
    y = (x * 0).sqrt()
    with pytest.raises(RuntimeError, match="returned nan values"), detect_anomaly():
        y.backward(torch.zeros(1), create_graph=True)


def test_values_are_looked_at_only_where_that_is_asked_for():
    with detect_anomaly():
        assert torch.zeros(1).log().item() == -float("inf")


# warnings


@pytest.mark.filterwarnings("default:Anomaly Detection")
def test_entering_warns_of_the_cost():
    with pytest.warns(UserWarning, match="^Anomaly Detection has been enabled"):
        detect_anomaly()
    set_detect_anomaly(False)


@pytest.mark.filterwarnings("default:Error detected")
def test_a_pass_that_fails_warns_with_the_lines_that_made_the_op():
    x = leaf(1.0)
    with detect_anomaly():
        y = x + 1
        z = y.sqrt()
        y += 1
        z += 1
        with (
            pytest.warns(UserWarning, match="Error detected in SqrtBackward0") as seen,
            pytest.raises(RuntimeError),
        ):
            z.backward()
    assert "Traceback of forward call" in str(seen[0].message)
    assert "    z = y.sqrt()" in str(seen[0].message).splitlines()


@pytest.mark.filterwarnings("default:Error detected")
def test_of_an_op_made_before_the_warning_has_no_lines():
    y = leaf(1.0).exp()
    z = y.sin()
    y += 1
    with (
        pytest.warns(UserWarning, match="No forward pass information available"),
        pytest.raises(RuntimeError),
        detect_anomaly(),
    ):
        z.backward()


# writes


@pytest.mark.usefixtures("every_line")
def test_an_array_written_behind_the_tapes_back_is_noticed():
    x = leaf(1.0, 2.0)
    with detect_anomaly():
        z = x * 1
        y = z.exp().sin()
        w = z * z
        z.detach().numpy()[0] = 7
        with pytest.raises(RuntimeError) as e:
            w.sum().backward()
        y.sum().backward()  # which kept other arrays
    first, *lines = str(e.value).splitlines()
    assert first == (
        "the array that mul saved as its 'x' (shape [2]) was changed since, without an op of "
        "this library: probably through an array obtained by .numpy() or given to from_numpy(). "
        "Copy it before writing. Saved here:"
    )
    assert ours(lines)[-1].endswith("in test_an_array_written_behind_the_tapes_back_is_noticed")


def test_the_second_saved_array_is_looked_at_and_strided_ones_too():
    x = torch.ones(2, 3, requires_grad=True)
    other = torch.ones(2, 3).t()
    with detect_anomaly():
        y = x.t() * other
        other.numpy()[1, 1] = 5
        with pytest.raises(RuntimeError, match="saved as its 'y'"):
            y.sum().backward()


def test_arrays_left_alone_pass_and_those_freed_are_not_looked_at():
    x = leaf(1.0, 2.0)
    with detect_anomaly():
        y = (x * x).exp().sum()
        y.backward(retain_graph=True)
        y.backward()
        with pytest.raises(RuntimeError, match="a second time"):
            y.backward()
    assert x.grad is not None


def test_what_was_saved_outside_is_not_looked_at():
    x = leaf(1.0)
    z = x * 1
    y = z * z
    z.detach().numpy()[0] = 7
    with detect_anomaly():
        y.backward()
    assert x.grad.item() == 14


def test_arrays_packed_since_are_not_looked_at():
    x = leaf(2.0)
    with detect_anomaly():
        z = x * 1
        y = z * z
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t * 5, lambda t: t)
        y.backward()
    assert x.grad.item() == 12


@pytest.mark.usefixtures("every_line")
def test_a_write_is_traced_to_its_line():
    x = leaf(1.0)
    with detect_anomaly():
        z = x * 2
        y = z * z
        z.add_(1)
        with pytest.raises(RuntimeError) as e:
            y.backward()
    saved, written = str(e.value).split("Saved here:\n")[1].split("\nWritten here:\n")
    name = "in test_a_write_is_traced_to_its_line"
    number = lambda lines: int(ours(lines.splitlines())[-1].split("line ")[1].split(",")[0])
    assert all(ours(lines.splitlines())[-1].endswith(name) for lines in (saved, written))
    assert number(written) == number(saved) + 1


# turning it on and off


def state() -> tuple[bool, bool]:
    return is_anomaly_enabled(), anomaly.is_anomaly_check_nan_enabled()


def test_it_is_on_inside_its_context():
    assert state() == (False, True)
    with detect_anomaly():
        assert state() == (True, True)
        with detect_anomaly(check_nan=False):
            assert state() == (True, False)
        assert state() == (True, True)
    assert state() == (False, True)


def test_it_decorates_functions():
    @detect_anomaly(check_nan=False)
    def inside():
        return state()

    assert inside() == (True, False)
    assert detect_anomaly()(state)() == (True, True)
    assert state() == (False, True)


def test_it_may_be_turned_on_and_off_at_once():
    set_detect_anomaly(True, False)
    try:
        assert state() == (True, False)
        set_detect_anomaly(False)
        assert state() == (False, True)
        set_detect_anomaly(True)
        assert state() == (True, True)
    finally:
        set_detect_anomaly(False)


def test_turned_on_as_a_context_it_ends_with_the_block():
    context = set_detect_anomaly(True)
    with context as entered:
        assert entered is context and state() == (True, True)
        with set_detect_anomaly(False):
            assert state() == (False, True)
        assert state() == (True, True)
    assert state() == (False, True)


def test_another_watcher_is_no_anomaly_detection():
    outer = current()
    MODE.set(outer.but(watch=Watcher()))
    try:
        assert state() == (False, True)
    finally:
        MODE.set(outer)


def test_it_is_on_inside_hooks_on_what_is_saved():
    with detect_anomaly(False), graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        assert state() == (True, False)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        assert state() == (False, True)


def test_values_of_a_backward_pass_are_judged_as_gradients():
    class Rule(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            torch.zeros(1).log()  # a step on the way, not a gradient
            return g

    x = leaf(1.0)
    with detect_anomaly():
        Rule.apply(x).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1])
