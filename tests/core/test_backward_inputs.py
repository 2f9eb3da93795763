"""Gradients that meet: `.grad` given by the user, `inputs=` of backward, roots of another kind."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl


def test_a_retained_gradient_asked_for_is_added_once():
    y = tl.tensor([1.0, 2.0], requires_grad=True) * 3
    y.retain_grad()
    y.square().sum().backward(inputs=[y, y])
    np.testing.assert_array_equal(y.grad.numpy(), [6, 12])


def test_inputs_of_backward_keep_their_gradient_in_later_passes():
    y = tl.tensor([1.0, 2.0], requires_grad=True) * 3
    loss = y.square().sum()
    loss.backward(inputs=[y], retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(y.grad.numpy(), [12, 24])


def test_gradients_are_added_to_an_expanded_one():
    x = tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x.grad = tl.ones(1).expand(3)
    x.square().sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3, 5, 7])


def test_a_complex_gradient_of_real_numbers_is_refused():
    y = tl.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="For complex Tensors"):
        y.backward(tl.ones(2, dtype=tl.complex64))
