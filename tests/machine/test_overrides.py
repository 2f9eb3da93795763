"""Who is asked before a function runs: what is shown of properties, how asking is turned off."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import pytest

import tinygrad_lite as torch
from tinygrad_lite.machine.native import DisableTorchFunction, DisableTorchFunctionSubclass


@pytest.fixture
def overrides() -> Any:
    module = importlib.import_module("tinygrad_lite.overrides")
    module.begin()  # tests/conftest.py ends it
    return module


@pytest.fixture
def mode(overrides: Any) -> Any:
    class Answers(overrides.TorchFunctionMode):  # type: ignore[misc,name-defined]
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return func

    return Answers()


def test_properties_are_shown_as_pytorch_names_them(overrides: Any, mode: Any):
    t = torch.ones(2)
    with mode:
        found = t.shape
    assert found == torch.Tensor.shape.__get__
    assert found(t) == (2,)
    assert overrides.resolve_name(found) == "torch.Tensor.shape.__get__"
    assert torch.Tensor.grad.__get__ in overrides.get_default_nowrap_functions()


def test_modes_are_asked_unless_all_asking_is_off(mode: Any):
    t = torch.ones(2)
    with mode:
        with DisableTorchFunctionSubclass():
            assert torch.sin(t) is torch.sin
        with DisableTorchFunction():
            assert isinstance(torch.sin(t), torch.Tensor)


def test_named_tuples_of_values_can_be_pickled():
    found = torch.linalg.slogdet(torch.eye(2))
    assert isinstance(found, torch.return_types.linalg_slogdet)
    assert type(pickle.loads(pickle.dumps(found))) is type(found)
