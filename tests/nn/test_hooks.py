"""Hooks of modules: what they see, what they may return, and where they stand."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict, namedtuple
from typing import Any

import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.nn.modules import module as module_file


def test_the_registries_are_live_dictionaries() -> None:
    net = nn.Linear(2, 2)
    calls: list[str] = []
    handle = net.register_forward_hook(lambda m, a, o: calls.append("hook"))
    assert list(net._forward_hooks) == [handle.id] == list(handle.hooks_dict_ref())
    net._forward_hooks.clear()
    net(tl.zeros(1, 2))
    net._forward_pre_hooks = OrderedDict({0: lambda m, a: calls.append("mine")})
    net(tl.zeros(1, 2))
    assert calls == ["mine"]
    del net._forward_pre_hooks
    assert not net._forward_pre_hooks


def test_a_handle_keeps_no_module_alive_and_can_be_pickled() -> None:
    net = nn.Linear(2, 2)
    net.handle = net.register_forward_hook(copy.copy)
    again = pickle.loads(pickle.dumps(net))
    again.handle.remove()
    assert not again._forward_hooks and len(net._forward_hooks) == 1


def test_arguments_without_gradient_stay_without() -> None:
    seen: list[Any] = []

    class Two(nn.Module):
        def forward(self, x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
            seen.append((x.requires_grad, y.requires_grad))
            return x * y

    net = Two()
    net.register_full_backward_hook(lambda m, gi, go: seen.append([g is None for g in gi]))
    net(tl.ones(2), tl.ones(2, requires_grad=True)).sum().backward()
    assert seen == [(False, True), [True, False]]


@pytest.mark.parametrize(
    ("register", "found"),
    [
        ("register_backward_hook", lambda m, gi, go: ()),
        ("register_full_backward_hook", lambda m, gi, go: ()),
        ("register_full_backward_pre_hook", lambda m, go: ()),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a non-full")
def test_a_wrong_number_of_gradients_is_an_error(register: str, found: Any) -> None:
    net = nn.Sigmoid()
    getattr(net, register)(found)
    with pytest.raises(RuntimeError, match="got 0, but expected 1"):
        net(tl.ones(2, requires_grad=True)).sum().backward()


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_gradients_for_inputs_that_want_none_are_an_error() -> None:
    net = nn.Linear(2, 2)
    net.register_full_backward_hook(lambda m, gi, go: (tl.ones(1, 2),))
    with pytest.raises(RuntimeError, match="where no input requires gradient"):
        net(tl.ones(1, 2)).sum().backward()


def test_a_module_has_hooks_of_one_kind() -> None:
    net = nn.Sigmoid()
    net.register_backward_hook(lambda m, gi, go: None)
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks"):
        net.register_full_backward_hook(lambda m, gi, go: None)


def test_a_hook_of_the_old_kind_sees_the_last_operation_only() -> None:
    class Net(nn.Module):
        def forward(self, x: tl.Tensor) -> dict[str, tl.Tensor]:
            return {"y": x.exp() * 3}

    net = Net()
    seen: list[Any] = []
    net.register_backward_hook(lambda m, gi, go: seen.append((m, gi[0].item(), go[0].item())))
    with pytest.warns(FutureWarning, match="does not return a single Tensor"):
        y = net(tl.zeros((), requires_grad=True))["y"]
    y.backward()
    assert seen == [(net, 3.0, 1.0)]


def test_outputs_keep_their_type_under_full_hooks() -> None:
    Pair = namedtuple("Pair", "a b")

    class Net(nn.Module):
        def forward(self, x: tl.Tensor, as_list: bool) -> Any:
            return [x * 2, None] if as_list else Pair(x * 2, None)

    net = Net()
    seen: list[Any] = []
    net.register_full_backward_hook(lambda m, gi, go: seen.append(go))
    x = tl.ones(1, requires_grad=True)
    net(x, False).a.sum().backward()
    assert isinstance(net(x, False), Pair) and seen[0][1] is None
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        assert isinstance(net(x, True), list)


def test_a_hook_that_is_always_called_does_not_hide_the_error() -> None:
    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            raise RuntimeError("in forward")

    net = Net()

    def fail(*args: Any) -> None:
        raise ValueError("in hook")

    net.register_forward_hook(fail, always_call=True)
    with (
        pytest.warns(UserWarning, match="in hook"),
        pytest.raises(RuntimeError, match="in forward"),
    ):
        net(1)


def test_hooks_after_loading_decide_what_is_missing() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))

    def add_one(m: Any, keys: Any) -> None:
        keys.missing_keys.append("mine")

    handle = net[0].register_load_state_dict_post_hook(add_one)
    assert net.load_state_dict(net.state_dict(), strict=False).missing_keys == ["mine"]
    with pytest.raises(RuntimeError, match="mine"):
        net.load_state_dict(net.state_dict())
    handle.remove()
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    net.load_state_dict({k: v for k, v in net.state_dict().items() if k != "1.bias"})


def test_a_hook_before_loading_sees_the_entries_of_its_module() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    seen: list[Any] = []

    def rename(m: Any, state: Any, prefix: str, *rest: Any) -> None:
        seen.append(sorted(state))
        state[prefix + "bias"] = state.pop(prefix + "shift")

    net[1].register_load_state_dict_pre_hook(rename)
    state = net.state_dict()
    state["1.shift"] = state.pop("1.bias") * 0 + 7
    net.load_state_dict(state)
    assert seen == [["1.shift", "1.weight"]] and net[1].bias.item() == 7


def test_a_private_state_dict_hook_may_return_another_dictionary() -> None:
    net = nn.Linear(1, 1)
    handle = net._register_state_dict_hook(lambda m, state, prefix, meta: {"all": 1})
    assert net.state_dict() == {"all": 1}
    handle.remove()
    net.register_state_dict_post_hook(lambda m, state, prefix, meta: {})
    with pytest.raises(RuntimeError, match="post-hook must return None"):
        net.state_dict()


def test_global_hooks_come_before_those_of_the_module() -> None:
    order: list[str] = []
    net = nn.Sigmoid()
    net.register_forward_hook(lambda *a: order.append("own"))
    with module_file.register_module_forward_hook(lambda *a: order.append("global")):
        net(tl.zeros(1))
    net(tl.zeros(1))
    assert order == ["global", "own", "own"]


def test_backward_hooks_are_left_out_of_derivatives_of_derivatives() -> None:
    calls = []
    loss = nn.MSELoss()
    loss.register_full_backward_hook(lambda module, before, after: calls.append(1))
    x = tl.tensor([0.5], requires_grad=True)
    (g,) = tl.autograd.grad(loss(x, tl.zeros(1)), x, create_graph=True)
    tl.autograd.grad(g, x)
    assert calls == [1]
