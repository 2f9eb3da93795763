"""Bad input raises what PyTorch raises, in its words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.oracle.optim_pairs import OPTIONS  # noqa: E402
from tinygrad_lite import optim  # noqa: E402
from tinygrad_lite.core.tensor import make  # noqa: E402


def outcome(call: Any) -> tuple[type, str] | None:
    try:
        call()
    except Exception as error:
        return type(error), str(error)
    return None


BAD: list[tuple[str, dict[str, Any]]] = [
    *((name, {"lr": -1.0}) for name in (*OPTIONS, "LBFGS", "Muon", "SparseAdam")),
    *((name, {"weight_decay": -1.0}) for name in (*OPTIONS, "Muon") if name != "Rprop"),
    *((name, {"betas": (1.0, 0.9)}) for name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam")),
    *((name, {"betas": (0.9, -0.1)}) for name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam")),
    *((name, {"eps": -1e-8}) for name in ("Adam", "Adamax", "Adagrad", "Adadelta", "RMSprop")),
    ("SGD", {"momentum": -0.1}),
    ("SGD", {"nesterov": True}),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
    ("SGD", {"fused": True, "foreach": True}),
    ("Adam", {"fused": True, "differentiable": True}),
    ("Adam", {"betas": (0, 0.9)}),
    ("Adagrad", {"lr_decay": -1}),
    ("Adagrad", {"initial_accumulator_value": -1}),
    ("Adadelta", {"rho": 1.1}),
    ("RMSprop", {"alpha": -0.1}),
    ("RMSprop", {"momentum": -0.1}),
    ("NAdam", {"momentum_decay": -0.1}),
    ("Rprop", {"etas": (0.5, 0.9)}),
    ("Adafactor", {"d": 0.5}),
    ("Adafactor", {"beta2_decay": 0.5}),
    ("Adafactor", {"eps": (-1.0, 0.1)}),
    ("Muon", {"momentum": -1.0}),
    ("Muon", {"adjust_lr_fn": "x"}),
]


@pytest.mark.parametrize(("name", "options"), BAD)
def test_bad_options(name: str, options: dict[str, Any]) -> None:
    ours = outcome(lambda: getattr(optim, name)([make(np.ones((2, 2)))], **options))
    theirs = outcome(lambda: getattr(torch.optim, name)([torch.ones(2, 2)], **options))
    assert theirs is not None
    assert ours == theirs


def both() -> Any:
    """(our optimizers, a function that makes our leaf), and PyTorch's."""
    return (
        (optim, lambda: make(np.ones(2)).requires_grad_()),
        (torch.optim, lambda: torch.ones(2, dtype=torch.float64, requires_grad=True)),
    )


@pytest.mark.parametrize("name", ["SGD", "Adam", "LBFGS"])
def test_bad_parameters(name: str) -> None:
    found: list[list[Any]] = []
    for library, leaf in both():
        make_it = getattr(library, name)
        p = leaf()
        calls = [
            lambda p=p, make_it=make_it: make_it(p),
            lambda make_it=make_it: make_it([]),
            lambda make_it=make_it: make_it([3]),
            lambda make_it=make_it: make_it(["x"]),
            lambda p=p, make_it=make_it: make_it([{"params": {p}}]),
            lambda p=p, make_it=make_it: make_it([("a", p), p]),
            lambda p=p, make_it=make_it: make_it([p]).add_param_group([p]),
            lambda p=p, make_it=make_it: make_it([p]).add_param_group({"params": [p]}),
        ]
        found.append([outcome(call) for call in calls])
    for ours, theirs in zip(*found, strict=True):
        assert theirs is not None
        assert ours == theirs


def test_named_parameters_and_repr() -> None:
    texts = []
    for library, leaf in both():
        optimizer = library.AdamW([("weight", leaf()), ("bias", leaf())], lr=0.5)
        assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
        with pytest.raises(ValueError, match="cannot add param group without names"):
            optimizer.add_param_group({"params": [leaf()]})
        optimizer.add_param_group({"params": [("more", leaf())], "lr": 0.1})
        texts.append((repr(optimizer), optimizer.state_dict()["param_groups"]))
    assert texts[0] == texts[1]


def test_mismatching_state() -> None:
    messages = []
    for library, leaf in both():
        saved = library.Adam([leaf(), leaf()]).state_dict()
        wrong_size = library.Adam([leaf()])
        wrong_number = library.Adam([{"params": [leaf()]}, {"params": [leaf()]}])
        messages.append(
            [outcome(lambda o=o, s=saved: o.load_state_dict(s)) for o in (wrong_size, wrong_number)]
        )
    for ours, theirs in zip(*messages, strict=True):
        assert ours is not None
        assert theirs is not None
        assert ours[0] is theirs[0]
        assert ours[1].startswith(theirs[1])
