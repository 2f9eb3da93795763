"""Checkpoints: what runs again when, and what is said when a second run differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import tinygrad_lite as torch
from tinygrad_lite.utils.checkpoint import (
    CheckpointError,
    GraphExecGroup,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
)


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def in_turn(*runs: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that is another one at its second call."""
    left = list(runs)
    return lambda x: left.pop(0)(x)


def test_a_second_run_ends_once_it_has_saved_enough():
    lines: list[str] = []

    def run(x: torch.Tensor) -> torch.Tensor:
        y = x.sin()
        lines.append("after")
        return y + 1

    for early_stop, expected in ((True, ["after"]), (False, ["after"] * 2)):
        lines.clear()
        checkpoint(run, leaf(1.0), use_reentrant=False, early_stop=early_stop).backward()
        assert lines == expected
    lines.clear()
    with set_checkpoint_early_stop(False):
        y = checkpoint(run, leaf(1.0), use_reentrant=False)
    y.backward()
    assert lines == ["after"] * 2


def test_each_run_has_a_context_of_its_own():
    lines: list[str] = []

    @contextmanager
    def around(name: str) -> Iterator[None]:
        lines.append(name)
        yield

    contexts = lambda: (around("first"), around("second"))
    y = checkpoint(torch.exp, leaf(1.0), use_reentrant=False, context_fn=contexts)
    assert lines == ["first"]
    y.backward()
    assert lines == ["first", "second"]
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(torch.exp, leaf(1.0), use_reentrant=True, context_fn=contexts)


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        (lambda x: x.sin().exp(), lambda x: x.sin(), {}, "A different number of tensors was saved"),
        (
            lambda x: x.sin(),
            lambda x: x.sin().exp(),
            {"early_stop": False},
            "trying to save more tensors during recomputation",
        ),
        (
            lambda x: x.sin().exp(),
            lambda x: x.sin() * torch.ones(2),
            {},
            "following tensors have different metadata than during the forward pass",
        ),
        (
            lambda x: x.sin().exp(),
            lambda x: x.sin(),
            {"debug": True},
            r"(?s)because you passed `debug=True`.*forward:\nsin\nexp\n.*recomputation:\nsin$",
        ),
    ],
)
def test_a_second_run_that_differs_is_found(
    first: Any, second: Any, options: dict[str, Any], message: str
):
    y = checkpoint(in_turn(first, second), leaf(1.0), use_reentrant=False, **options)
    with pytest.raises(CheckpointError, match=message):
        y.sum().backward()


def test_metadata_may_be_left_uncompared():
    runs = in_turn(lambda x: x.exp(), lambda x: x.exp().double())
    checkpoint(runs, leaf(1.0), use_reentrant=False, determinism_check="none").backward()
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(torch.exp, leaf(1.0), use_reentrant=False, determinism_check="some")


def test_debug_may_be_set_for_all():
    runs = in_turn(lambda x: x.sin().exp(), lambda x: x.sin())
    with set_checkpoint_debug_enabled(True):
        y = checkpoint(runs, leaf(1.0), use_reentrant=False)
    with pytest.raises(CheckpointError, match="debug=True"):
        y.backward()


def test_passes_of_a_group_share_one_run():
    calls = []

    def run(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(1)
        y = x.sin()
        return y, y.cos()

    for group in (True, False):
        calls.clear()
        x = leaf(1.0)
        y, z = checkpoint(run, x, use_reentrant=False)

        def steps(x: Any = x, y: Any = y, z: Any = z) -> None:
            (g,) = torch.autograd.grad(z, y)
            torch.autograd.grad(y, x, g)

        if group:
            with GraphExecGroup():
                steps()
        else:
            steps()
        assert len(calls) == (2 if group else 3)
    y = checkpoint(torch.sin, leaf(1.0), use_reentrant=False)
    with GraphExecGroup():
        y.backward(retain_graph=True)
        with pytest.raises(CheckpointError, match="Performing two backward calls that overlap"):
            y.backward()


def test_what_is_asked_for_must_be_said():
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(torch.exp, leaf(1.0)).backward()
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint_sequential([torch.exp, torch.sin], 2, leaf(1.0)).backward()
    y = checkpoint(torch.exp, x := leaf(1.0), use_reentrant=True)
    with pytest.raises(
        RuntimeError, match=r"torch.utils.checkpoint is incompatible with .grad\(\)"
    ):
        torch.autograd.grad(y, x)


def test_callbacks_run_at_the_end_of_their_pass():
    engine, lines = torch.autograd.Variable._execution_engine, []
    x = leaf(1.0)
    x.register_hook(
        lambda g: engine.queue_callback(
            lambda: (lines.append(x.grad.item()), engine.queue_callback(lambda: lines.append(0)))
        )
    )
    (x * 3).backward()
    assert lines == [3.0, 0]
    with pytest.raises(RuntimeError, match="during backward pass"):
        engine.queue_callback(print)


@pytest.mark.parametrize("early_stop", [True, False])
def test_a_checkpointed_function_may_differentiate(early_stop: bool):
    def run(x: torch.Tensor) -> torch.Tensor:
        inner = checkpoint(lambda x: x.sin().exp(), x, use_reentrant=False)
        (g,) = torch.autograd.grad(inner, x)
        return x.sin() * g

    x = leaf(0.5)
    run(x).backward()
    expected = x.grad.item()
    x.grad = None
    with set_checkpoint_early_stop(early_stop):
        checkpoint(run, x, use_reentrant=False).backward()
    assert x.grad.item() == pytest.approx(expected)


def test_the_older_form_warns_where_nothing_requires_grad():
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpoint(torch.sin, torch.ones(2), use_reentrant=True)


def test_a_segment_without_derivative_is_not_necessary():
    x = torch.ones(2, requires_grad=True)
    out = checkpoint(lambda a, b: a, torch.ones(2), x, use_reentrant=True)
    with pytest.raises(RuntimeError, match="none of output has requires_grad=True"):
        out.sum().backward()
