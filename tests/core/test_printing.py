"""Printing, by examples a reader can check by eye; test_printing of tests/oracle has the rest."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.core.printing import (
    format_tensor,
    get_printoptions,
    printoptions,
    set_printoptions,
)


def show(values, dtype=np.float32, **options):
    given = {"dtype_suffix": None, "requires_grad": False, "grad_fn": None} | options
    return format_tensor(np.asarray(values, dtype), **given)


@pytest.mark.parametrize(
    ("values", "dtype", "text"),
    [
        (3.5, np.float32, "tensor(3.5000)"),
        ([[1.0, 2.5], [-3.0, 4.0]], np.float32, ("tensor([[ 1.0000,  2.5000],\n"
     "        [-3.0000,  4.0000]])")),
        ([1, 2, 30], np.float32, "tensor([ 1.,  2., 30.])"),
        ([1, 200], np.int64, "tensor([  1, 200])"),
        ([True, False], np.bool_, "tensor([ True, False])"),
        ([1e-5, 1.0], np.float32, "tensor([1.0000e-05, 1.0000e+00])"),
        ([np.nan, 1.5, -np.inf], np.float32, "tensor([   nan, 1.5000,   -inf])"),
        ([], np.float32, "tensor([])"),
        ([], np.int64, "tensor([], dtype=torch.int64)"),
        (np.zeros((0, 3)), np.float32, "tensor([], size=(0, 3))"),
        (np.zeros((2, 2, 1)), np.float32, ("tensor([[[0.],\n         [0.]],\n\n"
     "        [[0.],\n         [0.]]])")),
        (np.arange(2000), np.int64, "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    ],
)  # fmt: skip
def test_values(values, dtype, text):
    assert show(values, dtype) == text


def test_suffixes():
    assert show([1.0], requires_grad=True) == "tensor([1.], requires_grad=True)"
    text = show([1.0], requires_grad=True, grad_fn="<MulBackward0>")
    assert text == "tensor([1.], grad_fn=<MulBackward0>)"
    text = show([1.0], np.float64, dtype_suffix="torch.float64")
    assert text == "tensor([1.], dtype=torch.float64)"
    text = show([1.0], parameter=True, requires_grad=True)
    assert text == "Parameter containing:\ntensor([1.], requires_grad=True)"
    assert show([1.0], name="Mine") == "Mine([1.])"


def test_options_last_for_the_block_only():
    before = get_printoptions()
    with printoptions(precision=2, sci_mode=True):
        assert show([1.2345]) == "tensor([1.23e+00])"
    assert get_printoptions() == before
    assert show([1.2345]) == "tensor([1.2345])"


def test_profiles():
    try:
        set_printoptions(profile="short")
        assert show([1.2345]) == "tensor([1.23])"
        set_printoptions(profile="full")
        assert "..." not in show(np.zeros(2000))
    finally:
        set_printoptions(profile="default")
    assert show([1.2345]) == "tensor([1.2345])"
