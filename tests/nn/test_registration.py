"""What stands under a name in a Module, and in which order."""

from __future__ import annotations

import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.func import functional_call, stack_module_state, vmap


def test_a_replaced_child_keeps_its_turn() -> None:
    """As when a layer of a Sequential is wrapped (LoRA, quantization, a new head)."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    net.add_module("0", nn.Linear(2, 3, bias=False))
    net[0] = nn.Sequential(nn.Linear(2, 3))
    setattr(net, "1", nn.Tanh())
    assert [type(m).__name__ for m in net] == ["Sequential", "Tanh", "Linear"]
    assert list(net._modules) == ["0", "1", "2"]
    assert net(tl.ones(4, 2)).shape == (4, 1)


def test_a_replaced_parameter_keeps_its_place() -> None:
    layer = nn.Linear(2, 3)
    layer.weight = nn.Parameter(tl.zeros(3, 2))
    layer.extra = nn.Parameter(tl.zeros(1))
    layer.weight = nn.Parameter(tl.ones(3, 2))
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias", "extra"]


def test_a_name_moves_between_registries() -> None:
    m = nn.Module()
    m.x = nn.Buffer(tl.zeros(1))
    m.x = nn.Linear(1, 1)
    assert not m._buffers
    m.x = nn.Parameter(tl.zeros(1))
    assert not m._modules
    assert list(m.state_dict()) == ["x"]
    with pytest.raises(TypeError, match=r"cannot assign '.*\.Linear' as parameter 'x'"):
        m.x = nn.Linear(1, 1)


def test_an_ensemble() -> None:
    models = [nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval() for _ in range(3)]
    x = tl.randn(5, 3)
    parameters, buffers = stack_module_state(models)
    out = vmap(lambda p, b: functional_call(models[0], (p, b), (x,)))(parameters, buffers)
    assert tl.allclose(out, tl.stack([m(x) for m in models]), atol=1e-6)
    assert parameters["0.weight"].shape == (3, 2, 3)
    assert all(p.is_leaf and p.requires_grad for p in parameters.values())


def test_an_ensemble_of_unlike_models() -> None:
    with pytest.raises(RuntimeError, match="at least one model"):
        stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        stack_module_state([nn.Linear(1, 1), nn.ReLU()])
    with pytest.raises(RuntimeError, match="same training/eval mode"):
        stack_module_state([nn.Linear(1, 1), nn.Linear(1, 1).eval()])
