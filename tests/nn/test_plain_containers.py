"""Modules in plain lists and dictionaries: the warning, and where there is none."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest

from tinygrad_lite import nn, optim


class Net(nn.Module):
    """Whatever `fill` puts into it."""

    def __init__(self, fill: Any) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        fill(self)


def append(net: Any) -> None:
    net.layers = []
    for _ in range(2):
        net.layers.append(nn.Linear(2, 2))


def nested(net: Any) -> None:
    net.layers = [[nn.Linear(2, 2)], {"a": nn.ReLU()}]


def dictionary(net: Any) -> None:
    net.heads = {}
    net.heads["a"] = nn.Linear(2, 2)


WARNED = {
    "list": (lambda net: setattr(net, "layers", [nn.Linear(2, 2)]), "layers", "list", "ModuleList"),
    "appended": (append, "layers", "list", "ModuleList"),
    "nested": (nested, "layers", "list", "ModuleList"),
    "tuple": (
        lambda net: setattr(net, "pair", (nn.Conv1d(1, 1, 1),)),
        "pair",
        "tuple",
        "ModuleList",
    ),
    "dict": (dictionary, "heads", "dict", "ModuleDict"),
    "dropout": (lambda net: setattr(net, "drop", [nn.Dropout()]), "drop", "list", "ModuleList"),
    "buffers": (
        lambda net: setattr(net, "norms", [nn.BatchNorm1d(2, affine=False)]),
        "norms",
        "list",
        "ModuleList",
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_an_optimizer_over_it_warns_once(case: str) -> None:
    fill, name, kind, remedy = WARNED[case]
    net = Net(fill)
    message = rf"Net\.{name} is a plain {kind} of Modules: .* not be trained.*Use nn\.{remedy}\."
    with pytest.warns(UserWarning, match=message) as caught:
        optim.SGD(net.parameters(), lr=0.1)
    assert len(caught) == 1
    assert caught[0].filename == __file__  # the line that asked for the parameters
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(net.parameters())
        list(net.named_parameters())


def test_modules_below_are_looked_into_and_copies_remember() -> None:
    outer = nn.Sequential(nn.ReLU(), Net(append))
    for twin in (copy.deepcopy(outer), pickle.loads(pickle.dumps(outer)), outer):
        with pytest.warns(UserWarning, match="Net.layers"):
            list(twin.named_parameters())


def registered_too(net: Any) -> None:
    net.layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    net.body = nn.Sequential(*net.layers)
    net.again = [net.first, net.body]


def by_name(net: Any) -> None:
    net.layers = [nn.Linear(2, 2)]
    for i, layer in enumerate(net.layers):
        net.add_module(f"layer{i}", layer)


SILENT = {
    "registered too": registered_too,
    "by name": by_name,
    "no state": lambda net: setattr(net, "losses", [nn.MSELoss(), nn.ReLU()]),
    "replaced": lambda net: (append(net), setattr(net, "layers", nn.ModuleList(net.layers))),
    "numbers": lambda net: setattr(net, "sizes", [1, 2, "a", None, {"k": (3,)}]),
    "taken out": lambda net: (append(net), net.layers.clear()),
    "deleted": lambda net: (append(net), delattr(net, "layers")),
}


@pytest.mark.parametrize("case", SILENT)
def test_no_warning(case: str) -> None:
    net = Net(SILENT[case])
    list(net.parameters())  # warnings are errors in this suite


def test_no_warning_without_descending() -> None:
    list(Net(append).parameters(recurse=False))


def test_a_long_list_costs_little() -> None:
    net = Net(lambda net: setattr(net, "words", ["word"] * 1_000_000))
    net.words.append(nn.Linear(2, 2))  # past what is looked at
    list(net.parameters())
