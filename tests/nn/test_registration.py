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


def test_a_buffer_does_not_take_the_place_of_something_else() -> None:
    module = nn.Module()
    module.taken = 5
    with pytest.raises(KeyError, match="already exists"):
        module.taken = nn.Buffer(tl.zeros(1))


def test_a_buffer_goes_through_a_register_buffer_without_persistent() -> None:
    class Old(nn.Module):
        def register_buffer(self, name: str, tensor: tl.Tensor) -> None:  # type: ignore[override]
            super().register_buffer(name, tensor)

    module = Old()
    module.kept = nn.Buffer(tl.zeros(1))
    assert "kept" in module.state_dict()
    with pytest.raises(RuntimeError, match="without the persistent"):
        module.gone = nn.Buffer(tl.zeros(1), persistent=False)


def test_to_refuses_what_it_does_not_take() -> None:
    net = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="invalid combination"):
        net.to("cpu", True)
    with pytest.raises(RuntimeError, match="does not accept copy"):
        net.to("cpu", copy=True)
    with pytest.raises(TypeError, match="floating point or complex"):
        net.to(tl.tensor(3))
    conv = nn.Conv2d(2, 3, 3).to(memory_format=tl.channels_last)
    assert conv.weight.is_contiguous(memory_format=tl.channels_last)


def test_set_submodule_replaces_modules_only() -> None:
    net = nn.Sequential(nn.Linear(1, 1))
    net.note = "text"
    with pytest.raises(AttributeError, match="not an nn.Module"):
        net.set_submodule("note", nn.ReLU())
    with pytest.raises(ValueError, match="not an nn.Module"):
        net.set_submodule("0", "text")
