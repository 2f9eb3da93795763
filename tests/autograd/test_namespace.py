"""What `tinygrad_lite.autograd` offers by name."""

from __future__ import annotations

import pytest

import tinygrad_lite as torch
from tinygrad_lite import testing
from tinygrad_lite.autograd import grad_mode


def test_names_loaded_when_first_asked_for():
    assert torch.autograd.gradcheck is testing.gradcheck
    assert torch.autograd.gradgradcheck is testing.gradgradcheck
    assert torch.autograd.profiler.record_function is torch.profiler.record_function


def test_other_names_are_refused():
    with pytest.raises(AttributeError) as e:
        torch.autograd.nothing
    assert str(e.value) == "module 'tinygrad_lite.autograd' has no attribute 'nothing'"


def test_multithreading_is_accepted_and_changes_nothing():
    assert grad_mode.is_multithreading_enabled()
    for asked in (True, False, 1, 0):
        context = grad_mode.set_multithreading_enabled(asked)
        assert context.mode is bool(asked) and context.clone().mode is bool(asked)
        with context:
            assert torch.is_grad_enabled()
        assert grad_mode.is_multithreading_enabled()
    with grad_mode.set_multithreading_enabled(False):
        assert not grad_mode.is_multithreading_enabled()
    assert grad_mode.is_multithreading_enabled()
