"""Classes made from Tensor and types with a `__torch_function__`: who is asked, what comes out."""

from __future__ import annotations

import importlib
import pickle

import numpy as np
import pytest

import tinygrad_lite

torch = pytest.importorskip("torch")

EXPRESSIONS = """
y + 1;1 + y;y - 1;1 - y;y * 2;2 * y;y / 2;2**y;y**2;y % 2;y // 2;-y;abs(y);y @ y;y == y;y < 1;y != 2
z + y;z * y;y[0];y[1:];y.T;y.grad;y.device;y.requires_grad;len(y);float(y[0]);bool(y[0]);repr(y)
~(y > 0);(y > 0) & (y > 1);y.sum();torch.mean(y);torch.max(y, 0);y.sort();F.linear(y, w)
F.relu(y);F.mse_loss(y, z);y.softmax(0);torch.cat([z, y]);torch.stack((y, y));torch.zeros_like(y)
torch.where(y > 0, y, z);y.new_zeros(2);y.to(torch.float64);y.clone();y.detach();y.data;y.numpy()
y.tolist();y.add_(1);y.__setitem__(0, 5.0);y.__iadd__(1);y.shape;y.size();y.dim();y.view(2, 2)
y.split(2);y.unbind();torch.einsum("i,i->", y, z);y.norm();F.dropout(y, 0.5);y.nonzero();y.argmax()
torch.is_tensor(y);torch.is_floating_point(y);torch.tensor([1.0]);torch.linalg.norm(y)
torch.fft.fft(y);y[0].item();torch.maximum(z, y);torch.nn.ReLU()(y);torch.nn.Linear(4, 2)(y)
L([1, 2]);torch.nn.Parameter(z) * y;y.reshape(2, 2);y.as_subclass(torch.Tensor);[*y]
(y.requires_grad_() * 2).sum().backward();torch.autograd.grad((y.requires_grad_() * y).sum(), y)
F.cross_entropy(y[None], torch.tensor([1]));torch.allclose(y, y);y.requires_grad_(False)
"""


def _kinds(value):
    if isinstance(value, (tuple, list)):
        return type(value).__name__, [_kinds(v) for v in value]
    return type(value).__name__


def _seen(lib, expression):
    """The type of the value, and the functions that were handed over to the class."""
    names = []

    class L(lib.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            own = func is getattr(lib.Tensor, func.__name__, None)
            names.append(("Tensor." if own else "") + func.__name__)
            return super().__torch_function__(func, types, args, kwargs or {})

    plain = lib.arange(1.0, 5.0)
    scope = {
        "torch": lib,
        "F": lib.nn.functional,
        "L": L,
        "y": plain.as_subclass(L),
        "z": lib.ones(4),
        "w": lib.ones(3, 4),
    }
    value = eval(expression, scope)
    return _kinds(value), names


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", EXPRESSIONS.replace("\n", ";").strip(";").split(";"))
def test_what_is_handed_over(expression):
    (ours, names), (theirs, wanted) = _seen(tinygrad_lite, expression), _seen(torch, expression)
    assert str(ours).replace("return_types.", "") == str(theirs).replace("return_types.", "")
    if expression == "[*y]":
        names.insert(0, "Tensor.dim")  # PyTorch asks for the rank first
    if expression == "y**2":
        wanted = ["Tensor.pow"]  # PyTorch shows torch.pow
    assert names == wanted


def _duck(lib):
    class Duck:
        def __init__(self, value):
            self.value = value

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func is lib.sub:
                return NotImplemented
            return cls(func(*[a.value if isinstance(a, cls) else a for a in args]))

    return Duck


@pytest.mark.parametrize("lib", [tinygrad_lite, torch])
def test_what_is_no_tensor_may_take_over(lib):
    overrides = importlib.import_module(f"{lib.__name__}.overrides")
    if lib is tinygrad_lite:
        overrides.begin()
    kind = _duck(lib)
    x = kind(lib.ones(2))
    np.testing.assert_allclose(lib.exp(x).value.numpy(), np.exp([1, 1]), rtol=1e-6)
    assert lib.nn.functional.linear(x, lib.ones(3, 2)).value.tolist() == [2, 2, 2]
    assert lib.add(lib.ones(1), x).value.tolist() == [2, 2]
    assert overrides.has_torch_function((1, x))
    assert not overrides.has_torch_function((1, lib.ones(1)))
    assert overrides.is_tensor_like(x)
    assert overrides.resolve_name(lib.nn.functional.relu) == "torch.nn.functional.relu"
    assert overrides.resolve_name(lib.Tensor.add) == "torch.Tensor.add"
    with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch.sub'"):
        lib.sub(x, 2)


@pytest.mark.parametrize("lib", [tinygrad_lite, torch])
def test_a_mode_sees_every_function(lib):
    names = []

    class Mode(importlib.import_module(f"{lib.__name__}.overrides").TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            names.append(func.__name__)
            return func(*args, **(kwargs or {}))

    if lib is tinygrad_lite:
        tinygrad_lite.overrides.begin()
    with Mode():
        found = lib.ones(2) + lib.exp(lib.zeros(2))
    lib.ones(1)
    assert names == ["ones", "zeros", "exp", "add"]
    assert found.tolist() == [2, 2]


@pytest.mark.parametrize("lib", [tinygrad_lite, torch])
def test_attributes_gradients_and_constructors(lib):
    class Named(lib.Tensor):
        @staticmethod
        def __new__(cls, data, name, *args):
            return super().__new__(cls, data)

        def __init__(self, data, name):
            self.label = name

    x = Named([1.0, 2.0], "weights").requires_grad_()
    assert x.label == "weights"
    assert type(x * 2) is Named
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]

    class Marked(lib.nn.Parameter):
        def __new__(cls, data, requires_grad=True, mark=0):
            made = super().__new__(cls, data, requires_grad)
            made.mark = mark
            return made

    p = Marked(lib.ones(2), mark=3)
    assert (p.mark, type(p + 1), p.requires_grad) == (3, lib.Tensor, True)
    plain = lib.ones(2, requires_grad=True)
    view = plain.as_subclass(Named)
    view.sum().backward()
    assert plain.grad.tolist() == [1, 1]
    assert type(lib.Tensor._make_subclass(Named, lib.ones(1), True)) is Named


def test_functions_that_ask_are_pickled():
    tl = tinygrad_lite

    class Mine(tl.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return super().__torch_function__(func, types, args, kwargs)

    functions = [tl.sigmoid, tl.nn.functional.gelu, tl.special.erfc]
    assert [pickle.loads(pickle.dumps(f)) for f in functions] == functions


@pytest.mark.parametrize("lib", [torch, tinygrad_lite], ids=["torch", "lite"])
def test_a_class_keeps_its_name_in_texts_batches_and_modules(lib):
    data = importlib.import_module(f"{lib.__name__}.utils.data")

    class Note(lib.Tensor):
        pass

    notes = [lib.full((2,), float(i)).as_subclass(Note) for i in range(2)]
    assert repr(notes[1]) == "Note([1., 1.])" and f"{notes[0].sum()}" == "Note(0.)"
    assert type(data.default_collate(notes)) is Note
    module = lib.nn.BatchNorm1d(2)
    module.register_buffer("note", notes[0])
    weight, mean = module.weight.data_ptr(), module.running_mean
    module.float()
    assert module.weight.data_ptr() == weight and module.running_mean is mean
    module.double()
    assert type(module.note) is Note and module.note.dtype == lib.float64
