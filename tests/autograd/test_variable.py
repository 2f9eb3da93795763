"""`Variable`, the old name of a Tensor that records."""

from __future__ import annotations

import tinygrad_lite as torch
from tinygrad_lite.autograd import Variable


def test_variable_of_a_tensor_is_the_tensor_detached_requiring_a_gradient_as_asked():
    x = torch.ones(2, requires_grad=True)
    for asked in (False, True):
        v = Variable(x, asked)
        assert v.requires_grad is asked and v.is_leaf
        assert v.data_ptr() == x.data_ptr()
    assert not Variable(x).requires_grad


def test_every_tensor_is_a_variable_and_nothing_else_is():
    assert isinstance(torch.ones(1), Variable)
    assert not isinstance(1.0, Variable)
