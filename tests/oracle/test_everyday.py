"""What a PyTorch user sees: short everyday programs print the same under both libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tinygrad_lite as tl
from tests.oracle.everyday import PROGRAMS

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def default_print_options() -> Iterator[None]:
    yield
    for library in (tl, torch):
        library.set_printoptions(profile="default")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_prints_the_same(
    program: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    program(torch)
    theirs = capsys.readouterr().out
    program(tl)
    assert capsys.readouterr().out == theirs


def both(call: Callable[[Any], Any]) -> tuple[str, str]:
    """The outcome (or the error's type and message) under each library."""
    said = []
    for library in (tl, torch):
        try:
            said.append(repr(call(library)))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return said[0], said[1]


def test_a_key_for_a_parameter_that_is_none_is_unexpected() -> None:
    def loaded(library: Any, strict: bool) -> Any:
        given = library.nn.Linear(2, 2).state_dict()
        return library.nn.Linear(2, 2, bias=False).load_state_dict(given, strict=strict)

    for strict in (False, True):
        ours, theirs = both(lambda library, strict=strict: loaded(library, strict))
        assert ours == theirs
        assert "bias" in ours


def test_lists_and_dictionaries_of_parameters_print_the_same() -> None:
    def printed(library: Any) -> Any:
        nn, one = library.nn, library.nn.Parameter(library.ones(2, 2))
        values = nn.ParameterList([1, one, "s"]), nn.ParameterDict({"a": one, "b": 3})
        return [nn.Sequential(*values), *values, nn.ParameterList([one])]

    ours, theirs = both(printed)
    assert ours == theirs


@pytest.mark.parametrize("name", ["weight", "count", "child", "new"])
@pytest.mark.parametrize("kind", ["tensor", "text", "list"])
def test_assigning_the_wrong_thing_says_the_same(name: str, kind: str) -> None:
    def assign(library: Any) -> Any:
        module = library.nn.Linear(1, 1)
        module.register_buffer("count", library.ones(1))
        module.child = library.nn.ReLU()
        value = {"tensor": library.ones(1), "text": "a", "list": [1]}[kind]
        if name == "new":
            module.register_parameter(name, value)
        else:
            setattr(module, name, value)

    ours, theirs = both(assign)
    assert ours == theirs


def test_limits_and_names_of_types() -> None:
    for call in (
        lambda library: [library.finfo(library.float16), library.finfo(library.float64)],
        lambda library: [library.typename(x) for x in (3, [], dict, library.ones(1), len)],
        lambda library: library.tensor(1)[0],
    ):
        ours, theirs = both(call)
        assert ours == theirs


def test_a_window_larger_than_its_image_names_both_sizes() -> None:
    ours, theirs = both(lambda library: library.nn.MaxPool2d(5)(library.ones(2, 4, 3, 3)))
    assert ours.startswith(theirs)
