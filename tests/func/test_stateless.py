"""functional_call: every name of a tensor, what is refused, and what is left behind."""

from __future__ import annotations

import re

import pytest

import tinygrad_lite as torch
from tinygrad_lite import nn
from tinygrad_lite.func import functional_call

ONE = torch.ones(1)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 1)
        self.second = self.first
        self.register_buffer("count", torch.zeros(1))
        self.plain = 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count = self.count + 1
        return self.second(self.first(x))


WEIGHT, BIAS = torch.tensor([[2.0]]), torch.tensor([1.0])


def test_a_tensor_with_two_names_is_replaced_under_both():
    out = functional_call(Tied(), {"first.weight": WEIGHT, "second.bias": BIAS}, ONE)
    assert out.item() == 7.0
    same = {"first.weight": WEIGHT, "second.weight": WEIGHT, "first.bias": BIAS}
    assert functional_call(Tied(), same, ONE).item() == 7.0
    with pytest.raises(ValueError, match=r"multiple values for keys \['first.bias', 'second.bias'"):
        functional_call(Tied(), {"first.bias": BIAS, "second.bias": BIAS.clone()}, ONE)


def test_what_forward_assigns_is_found_in_the_dictionary():
    model, given = Tied(), {"count": torch.tensor([5.0])}
    functional_call(model, given, ONE)
    assert given["count"].item() == 6.0
    assert model.count.item() == 0.0


def test_none_takes_a_parameter_away():
    given = {"first.weight": WEIGHT, "first.bias": None}
    assert functional_call(Tied(), given, ONE).item() == 4.0


def test_an_attribute_that_was_not_there_is_gone_afterwards():
    class Adds(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.extra

    model = Adds()
    assert functional_call(model, {"extra": ONE}, ONE).item() == 2.0
    assert not hasattr(model, "extra")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"first.weight": 3}, TypeError, "3 is not an instance of torch.Tensor"),
        ({"plain": ONE}, TypeError, "attribute `plain`: 0.5 is not an instance"),
        ({"third.weight": ONE}, AttributeError, "Tied has no attribute `third`"),
        ({"count.weight": ONE}, TypeError, "submodule `count`: "),
        (3, ValueError, "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple"),
        ((3,), ValueError, "Expected all elements of parameter_and_buffer_dicts"),
        (({"plain": ONE}, {"plain": ONE}), ValueError, "['plain'] appeared in multiple"),
    ],
)
def test_what_is_refused_leaves_the_module_alone(given: object, error: type, message: str):
    model = Tied()
    before = list(model.parameters())
    with pytest.raises(error, match=re.escape(message)):
        functional_call(model, given, ONE)
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))


def test_strict_names_all_that_is_wrong():
    model = nn.Linear(1, 1)
    with pytest.raises(RuntimeError) as error:
        functional_call(model, {"weight": WEIGHT, "w": WEIGHT}, ONE, strict=True)
    lines = ["Error(s) in reparametrizing for Linear:", "Unexpected key(s): 'w'."]
    assert str(error.value).split("\n\t") == [*lines, "Missing key(s): 'bias'."]
