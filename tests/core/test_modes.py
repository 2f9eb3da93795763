"""Modes: as contexts, as decorators, in generators, and what each leaves behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.modes import MODE, Mode, current, mode_context


def state() -> tuple[bool, bool]:
    return tl.is_grad_enabled(), tl.is_inference_mode_enabled()


def test_a_mode_as_it_is_made() -> None:
    mode = Mode()
    assert (mode.grad, mode.inference, mode.watch, mode.sweep) == (True, False, None, None)
    full = Mode(False, True, "watch", ("order", None))
    assert (full.grad, full.inference) == (False, True)
    assert (full.watch, full.sweep) == ("watch", ("order", None))


def test_a_changed_mode_keeps_its_other_fields() -> None:
    before = Mode(False, True, "watch", ("order", None))
    for name in ("grad", "inference", "watch", "sweep"):
        after = before.but(**{name: "new"})
        for other in ("grad", "inference", "watch", "sweep"):
            expected = "new" if other == name else getattr(before, other)
            assert getattr(after, other) == expected
    assert before.grad is False


CONTEXTS = [
    (tl.no_grad, (False, False)),
    (tl.inference_mode, (False, True)),
    (lambda: tl.inference_mode(False), (True, False)),
    (lambda: tl.set_grad_enabled(False), (False, False)),
    (lambda: tl.set_grad_enabled(True), (True, False)),
    (tl.enable_grad, (True, False)),
]


@pytest.mark.parametrize(("make", "inside"), CONTEXTS)
def test_a_context_ends_with_its_block(make: Callable[[], Any], inside: Any) -> None:
    for outer in (tl.enable_grad, tl.no_grad):
        with outer():
            before = state()
            with make():
                assert state() == inside
            assert state() == before
            with pytest.raises(KeyError), make():
                raise KeyError
            assert state() == before


def test_one_context_may_be_entered_twice() -> None:
    once = tl.no_grad()
    with once as same:
        assert same is once
        with tl.enable_grad(), once:
            assert state() == (False, False)
        assert state() == (False, False)
    assert state() == (True, False)
    with once:
        assert state() == (False, False)
    assert state() == (True, False)


def test_enable_grad_leaves_inference_mode() -> None:
    with tl.inference_mode(), tl.enable_grad():
        assert state() == (True, False)


def test_set_grad_enabled_holds_at_once_and_until_the_blocks_end() -> None:
    tl.set_grad_enabled(False)
    assert state() == (False, False)
    tl.set_grad_enabled(True)
    assert state() == (True, False)
    with tl.set_grad_enabled(False) as context:
        assert isinstance(context, tl.set_grad_enabled)
        assert context.mode is False
    assert state() == (True, False)
    assert tl.set_grad_enabled(1).mode is True
    assert tl.inference_mode(0).mode is False


DECORATORS = [
    (tl.no_grad(), (False, False)),
    (tl.no_grad, (False, False)),
    (tl.inference_mode(), (False, True)),
    (tl.inference_mode, (False, True)),
    (tl.inference_mode(False), (True, False)),
    (tl.enable_grad, (True, False)),
]


@pytest.mark.parametrize(("decorator", "inside"), DECORATORS)
def test_a_decorated_function_runs_in_the_mode(decorator: Any, inside: Any) -> None:
    @decorator
    def function(*args: Any, **kwargs: Any) -> Any:
        """Its text."""
        return args, kwargs, state()

    assert state() == (True, False)
    for _ in range(2):
        assert function(1, x=2) == ((1,), {"x": 2}, inside)
    assert state() == (True, False)
    assert (function.__name__, function.__doc__) == ("function", "Its text.")


def test_a_function_decorated_by_set_grad_enabled() -> None:
    """The decorator itself changes nothing; only its function's calls do."""

    @tl.set_grad_enabled(False)
    def function() -> Any:
        return state()

    assert state() == (True, False)
    assert function() == (False, False)
    assert state() == (True, False)
    enabled = tl.set_grad_enabled(True)(state)
    with tl.no_grad():
        assert enabled() == (True, False)
        assert state() == (False, False)


def test_a_generator_runs_in_the_mode_and_is_suspended_outside() -> None:
    seen: list[Any] = []

    @tl.no_grad()
    def generator(start: int, *, step: int) -> Any:
        """Its text."""
        try:
            for i in itertools.count(start, step):
                seen.append(state())
                try:
                    sent = yield i
                except KeyError as error:
                    sent = error
                seen.append(sent)
                if sent == "stop":
                    return "done"
        finally:
            seen.append(("closed", state()))

    steps = generator(3, step=2)
    assert generator.__name__ == "generator"
    assert next(steps) == 3
    assert state() == (True, False)
    assert steps.send("a") == 5
    thrown = KeyError("b")
    assert steps.throw(thrown) == 7
    assert state() == (True, False)
    with pytest.raises(StopIteration) as stop:
        steps.send("stop")
    assert stop.value.value == "done"
    off = (False, False)
    assert seen == [off, "a", off, thrown, off, "stop", ("closed", off)]
    seen.clear()
    steps = generator(0, step=1)
    next(steps)
    steps.close()
    assert seen == [off, ("closed", off)]
    assert state() == (True, False)


def test_an_error_of_a_generator_is_the_callers() -> None:
    @tl.no_grad()
    def generator() -> Iterator[int]:
        yield 1
        raise KeyError("mine")

    steps = generator()
    next(steps)
    with pytest.raises(KeyError, match="mine"):
        next(steps)
    assert state() == (True, False)


def test_a_decorated_class_warns() -> None:
    with pytest.warns(FutureWarning) as warned:

        @tl.no_grad()
        class Model:
            def __init__(self) -> None:
                self.state = state()

    assert str(warned[0].message) == (
        "Decorating classes is deprecated and will be disabled in future versions. You should "
        "only decorate functions or methods (here: Model)."
    )
    assert Model().state == (False, False)


def test_the_warning_names_the_line_of_the_class() -> None:
    with pytest.warns(FutureWarning) as warned:
        tl.no_grad()(type("Model", (), {}))
    assert warned[0].filename == __file__


def test_a_context_of_ones_own() -> None:
    class watching(mode_context):
        def changes(self) -> dict[str, Any]:
            return {"watch": None, "sweep": "mine"}

    with watching():
        assert current().sweep == "mine"
        assert state() == (True, False)
    assert current().sweep is None
    with pytest.raises(NotImplementedError):
        mode_context().changes()
    assert MODE.get() is current()
