"""Hooks on nodes and on several gradients do not keep a graph alive once its Tensors are gone."""

from __future__ import annotations

import gc
import weakref

import tinygrad_lite as tl
from tinygrad_lite.autograd.graph import register_multi_grad_hook
from tinygrad_lite.core.node import any_extras


def _node_with_a_hook_that_knows_its_tensor():
    y = tl.ones(2, requires_grad=True) * 2
    y.grad_fn.register_hook(lambda inputs, outputs: None if y.ndim else inputs)
    y.sum().backward()
    return weakref.ref(y.grad_fn)


def test_a_node_hook_that_knows_its_tensor_is_collected():
    node = _node_with_a_hook_that_knows_its_tensor()
    gc.collect()
    assert node() is None
    assert not any_extras()


def test_a_multi_grad_hook_lets_go_of_the_pass():
    x = tl.ones(2, requires_grad=True)
    calls = []
    register_multi_grad_hook([x], calls.append)
    y = x * 2
    node = weakref.ref(y.grad_fn)
    y.sum().backward()
    del y
    gc.collect()
    assert len(calls) == 1
    assert node() is None
