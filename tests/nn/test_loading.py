"""`load_state_dict`: all or nothing, also where hooks and layers have a say in it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn


def state(module: Any) -> dict[str, np.ndarray]:
    return {k: v.numpy().copy() for k, v in module.state_dict().items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(a[k], b[k]) for k in a)


def test_old_states_without_a_counter_load_and_a_failing_load_writes_nothing() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    given = {k: v + 1 for k, v in net.state_dict().items() if "num_batches" not in k}
    before = state(net)
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict({**given, "1.running_var": tl.ones(4)})
    assert same(state(net), before)
    net.load_state_dict(given)
    np.testing.assert_array_equal(net[1].running_mean, before["1.running_mean"] + 1)


@pytest.mark.parametrize("spoilt", ["0.weight", "1.weight_v", "2.weight"])
def test_a_failing_load_writes_nothing_although_hooks_rewrite_the_state(spoilt: str) -> None:
    """The hook of `weight_norm` renames keys; the load is tried with them renamed."""
    norm = nn.utils.parametrizations.weight_norm
    net = nn.Sequential(nn.Linear(2, 3), norm(nn.Linear(3, 3)), nn.Linear(3, 2))
    given = {k: v + 1 for k, v in net.state_dict().items()}
    for i, letter in enumerate("gv"):
        given[f"1.weight_{letter}"] = given.pop(f"1.parametrizations.weight.original{i}")
    before = state(net)
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict({**given, spoilt: tl.ones(7)})
    assert same(state(net), before)
    net.load_state_dict(given)
    assert all(np.array_equal(v, before[k] + 1) for k, v in state(net).items())


def test_strict_loading_asks_lazy_layers_too() -> None:
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "bias"'):
        nn.LazyLinear(2).load_state_dict({"weight": tl.ones(2, 3)})
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "c"'):
        nn.LazyLinear(2, bias=False).load_state_dict({"weight": tl.ones(2, 3), "c": tl.ones(1)})


def _renamed(state: Any, prefix: str, *args: Any) -> None:
    state[prefix + "weight"] = state.pop(prefix + "old")


def test_a_module_with_a_hook_before_loading_is_pickled() -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer._register_load_state_dict_pre_hook(_renamed)
    again = pickle.loads(pickle.dumps(layer))
    again.load_state_dict({"old": tl.ones(1, 2)})
    assert again.weight.tolist() == [[1.0, 1.0]]
