"""Options of the optimizers: defaults, that each reaches its place, what is refused and how."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_lite as torch
from tinygrad_lite import optim

# fmt: off
FLAGS = {"foreach": None, "maximize": False, "differentiable": False}
DEFAULTS: dict[str, dict[str, Any]] = {
    "SGD": {
        "lr": 1e-3, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False,
        "fused": None, **FLAGS,
    },
    "ASGD": {
        "lr": 1e-2, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6, "weight_decay": 0,
        "capturable": False, **FLAGS,
    },
    "Adam": {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False,
        "decoupled_weight_decay": False, "capturable": False, "fused": None, **FLAGS,
    },
    "AdamW": {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "amsgrad": False,
        "decoupled_weight_decay": True, "capturable": False, "fused": None, **FLAGS,
    },
    "Adamax": {
        "lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "capturable": False,
        **FLAGS,
    },
    "NAdam": {
        "lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "momentum_decay": 4e-3,
        "decoupled_weight_decay": False, "capturable": False, **FLAGS,
    },
    "RAdam": {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0,
        "decoupled_weight_decay": False, "capturable": False, **FLAGS,
    },
    "Lion": {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0, "maximize": False},
    "Adagrad": {
        "lr": 1e-2, "lr_decay": 0, "eps": 1e-10, "weight_decay": 0,
        "initial_accumulator_value": 0, "fused": None, **FLAGS,
    },
    "Adadelta": {
        "lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0, "capturable": False, **FLAGS,
    },
    "RMSprop": {
        "lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0,
        "centered": False, "capturable": False, **FLAGS,
    },
    "Rprop": {
        "lr": 1e-2, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50), "capturable": False, **FLAGS,
    },
    "FTRL": {
        "lr": 0.1, "beta": 1.0, "l1": 0.0, "l2": 0.0, "initial_accumulator_value": 0.0,
        "maximize": False,
    },
    "Adafactor": {
        "lr": 1e-2, "beta2_decay": -0.8, "eps": (None, 1e-3), "d": 1.0, "weight_decay": 0.0,
        "foreach": None, "maximize": False,
    },
    "Muon": {
        "lr": 1e-3, "weight_decay": 0.1, "momentum": 0.95, "nesterov": True,
        "ns_coefficients": (3.4445, -4.7750, 2.0315), "eps": 1e-7, "ns_steps": 5,
        "adjust_lr_fn": None,
    },
    "LAMB": {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-6, "weight_decay": 0.0, "maximize": False,
    },
    "LBFGS": {
        "lr": 1, "max_iter": 20, "max_eval": 25, "tolerance_grad": 1e-7,
        "tolerance_change": 1e-9, "history_size": 100, "line_search_fn": None,
    },
}
OTHER: dict[str, Any] = {
    "lr": 0.25, "momentum": 0.5, "dampening": 0.25, "weight_decay": 0.125, "lambd": 0.25,
    "alpha": 0.5, "t0": 3.0, "betas": (0.5, 0.25), "eps": 0.0625, "amsgrad": True,
    "momentum_decay": 0.5, "lr_decay": 0.5, "initial_accumulator_value": 0.75, "rho": 0.5,
    "centered": True, "etas": (0.25, 1.5), "step_sizes": (0.5, 2.0), "beta": 0.5, "l1": 0.25,
    "l2": 0.125, "beta2_decay": -0.5, "d": 2.0, "ns_coefficients": (1.0, 2.0, 3.0), "ns_steps": 7,
    "adjust_lr_fn": "original", "max_iter": 9, "max_eval": 4, "tolerance_grad": 0.5,
    "tolerance_change": 0.25, "history_size": 3, "line_search_fn": "strong_wolfe",
    "maximize": True, "foreach": False, "fused": False, "differentiable": True,
    "capturable": True, "decoupled_weight_decay": True,
}
# fmt: on
SPECIAL = {
    "Adafactor": {"eps": (0.5, 0.25)},
    "SGD": {"nesterov": False},
    "Muon": {"nesterov": False},
}
ROOTS = ("Adam", "AdamW", "Adagrad", "RMSprop")  # with epsilon inside, which PyTorch has not


def leaf() -> torch.Tensor:
    return torch.ones(2, 2, requires_grad=True)


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(name: str) -> None:
    optimizer = getattr(optim, name)([leaf()])
    assert optimizer.defaults == DEFAULTS[name]
    group = optimizer.param_groups[0]
    assert {key: value for key, value in group.items() if key != "params"} == DEFAULTS[name]


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_option_reaches_its_place(name: str) -> None:
    options = {key: {**OTHER, **SPECIAL.get(name, {})}[key] for key in DEFAULTS[name]}
    given = {k: v for k, v in options.items() if (name, k) != ("AdamW", "decoupled_weight_decay")}
    assert getattr(optim, name)([leaf()], **given).defaults == options


@pytest.mark.parametrize("name", ROOTS)
def test_epsilon_inside_the_root_is_an_option_only_where_it_is_on(name: str) -> None:
    optimizer = getattr(optim, name)([leaf()], eps_inside_sqrt=True)
    assert optimizer.defaults == {**DEFAULTS[name], "eps_inside_sqrt": True}


def test_nesterov_needs_momentum_and_no_dampening() -> None:
    assert optim.SGD([leaf()], nesterov=True, momentum=0.5).defaults["nesterov"] is True


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adadelta", {"rho": 0.0}),
        ("Adadelta", {"rho": 1.0}),
        ("RMSprop", {"alpha": 0.0, "eps": 0.0}),
        ("Adagrad", {"eps": 0.0}),
        ("Adam", {"eps": 0.0, "betas": (0.0, 0.0)}),
        ("Adamax", {"eps": 0.0}),
        ("Adadelta", {"eps": 0.0}),
        ("Lion", {"betas": (0.0, 0.0)}),
        ("LAMB", {"eps": 0.0}),
        ("Adafactor", {"beta2_decay": 0.0, "eps": (0.0, 0.0), "d": 1.0}),
        ("Muon", {"momentum": 0.0, "weight_decay": 0.0}),
        ("NAdam", {"momentum_decay": 0.0}),
        ("FTRL", {"beta": 0.0, "l2": 0.1}),
        ("FTRL", {"beta": 0.0, "initial_accumulator_value": 0.1}),
        ("FTRL", {"beta": 0.5}),
        ("Rprop", {"lr": 0.0}),
        ("SGD", {"lr": 0.0, "momentum": 0.0, "nesterov": False, "dampening": 0.5}),
        ("SGD", {"nesterov": True, "momentum": 0.5, "lr": torch.tensor([[0.5]])}),
        ("Adam", {"betas": (torch.tensor(0.5), torch.tensor([0.25]))}),
        ("Adam", {"lr": torch.tensor(0.5), "foreach": True, "capturable": True}),
        ("Adam", {"lr": torch.tensor(0.5)}),
        ("Adam", {"fused": True}),
        ("Adam", {"foreach": True, "differentiable": True}),
        ("SGD", {"weight_decay": torch.tensor(0.5)}),
    ],
    ids=str,
)
def test_the_ends_of_the_ranges_are_allowed(name: str, options: dict[str, Any]) -> None:
    found = getattr(optim, name)([leaf()], **options).defaults
    assert all(found[key] is value for key, value in options.items() if key != "betas")


INVALID = [
    *[
        (name, {"lr": -1.0}, "Invalid learning rate: -1.0")
        for name in DEFAULTS
        if name not in ("Adafactor", "Muon")
    ],
    ("Adafactor", {"lr": -1.0}, "Learning rate should be >= 0 but is: -1.0"),
    ("Muon", {"lr": -1.0}, "Learning rate should be >= 0 but is: -1.0"),
    *[(name, {"lr": torch.tensor([0.5, 0.5])}, "Tensor lr must be 1-element") for name in DEFAULTS],
    *[
        (name, {"weight_decay": -1.0}, "Invalid weight_decay value: -1.0")
        for name in DEFAULTS
        if "weight_decay" in DEFAULTS[name] and name not in ("Adafactor", "Muon")
    ],
    *[
        (name, {"betas": betas}, f"Invalid beta parameter at index {i}: {betas[i]}")
        for name in DEFAULTS
        for i, betas in ((0, (1.0, 0.5)), (0, (-0.1, 0.5)), (1, (0.5, 1.0)), (1, (0.5, -0.1)))
        if "betas" in DEFAULTS[name]
    ],
    *[
        (name, {"eps": -0.5}, "Invalid epsilon value: -0.5")
        for name in DEFAULTS
        if "eps" in DEFAULTS[name] and name not in ("Adafactor", "Muon")
    ],
    ("SGD", {"momentum": -0.1}, "Invalid momentum value: -0.1"),
    *[
        ("SGD", options, "Nesterov momentum requires a momentum and zero dampening")
        for options in (
            {"nesterov": True},
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            {"nesterov": True, "dampening": 0.1},
        )
    ],
    (
        "Adam",
        {"betas": (0.5, torch.tensor(0.5))},
        "betas must be either both floats or both Tensors",
    ),
    (
        "Adam",
        {"betas": (torch.tensor(0.5), 0.5)},
        "betas must be either both floats or both Tensors",
    ),
    ("Adam", {"betas": (0.5, 0)}, "betas must be either both floats or both Tensors"),
    ("Adam", {"betas": (0, 0.5)}, "betas must be either both floats or both Tensors"),
    (
        "Adam",
        {"betas": (torch.tensor([0.5, 0.5]), torch.tensor(0.5))},
        "Tensor betas[0] must be 1-element",
    ),
    (
        "Adam",
        {"betas": (torch.tensor(0.5), torch.tensor([0.5, 0.5]))},
        "Tensor betas[1] must be 1-element",
    ),
    (
        "Adam",
        {"lr": torch.tensor(0.5), "foreach": True},
        "lr as a Tensor is not supported for capturable=False and foreach=True",
    ),
    (
        "Adam",
        {"betas": (torch.tensor(0.5), torch.tensor(0.5)), "foreach": True},
        "betas[0] as a Tensor is not supported for capturable=False and foreach=True",
    ),
    (
        "Adam",
        {"betas": (torch.tensor(0.5), 0.5), "foreach": True},
        "betas[0] as a Tensor is not supported for capturable=False and foreach=True",
    ),
    ("NAdam", {"momentum_decay": -1}, "Invalid momentum_decay value: -1"),
    ("Adagrad", {"lr_decay": -1}, "Invalid lr_decay value: -1"),
    (
        "Adagrad",
        {"initial_accumulator_value": -1},
        "Invalid initial_accumulator_value value: -1",
    ),
    ("Adadelta", {"rho": 1.1}, "Invalid rho value: 1.1"),
    ("Adadelta", {"rho": -0.1}, "Invalid rho value: -0.1"),
    ("RMSprop", {"momentum": -0.1}, "Invalid momentum value: -0.1"),
    ("RMSprop", {"alpha": -0.1}, "Invalid alpha value: -0.1"),
    *[
        ("Rprop", {"etas": etas}, f"Invalid eta values: {etas[0]}, {etas[1]}")
        for etas in ((0.0, 1.5), (1.0, 1.5), (0.5, 1.0))
    ],
    ("FTRL", {"lr": 0.0}, "Invalid learning rate: 0.0 (FTRL divides by it)"),
    ("FTRL", {"beta": -0.5}, "Invalid beta value: -0.5"),
    ("FTRL", {"l1": -0.5}, "Invalid l1 value: -0.5"),
    ("FTRL", {"l2": -0.5}, "Invalid l2 value: -0.5"),
    ("FTRL", {"initial_accumulator_value": -1}, "Invalid initial_accumulator_value value: -1"),
    ("FTRL", {"beta": 0.0}, "beta, l2 and initial_accumulator_value cannot all be 0"),
    ("Adafactor", {"beta2_decay": 0.5}, "beta2_decay should be <= 0 but is: 0.5"),
    ("Adafactor", {"eps": (-0.5, 0.1)}, "epsilon1 should be >= 0 but is: -0.5"),
    ("Adafactor", {"eps": (None, -0.5)}, "epsilon2 should be >= 0 but is: -0.5"),
    ("Adafactor", {"d": 0.5}, "Clipping threshold d should be >= 1 but is: 0.5"),
    ("Adafactor", {"weight_decay": -1.0}, "weight_decay should be >= 0 but is: -1.0"),
    ("Muon", {"momentum": -1.0}, "momentum should be >= 0 but is: -1.0"),
    ("Muon", {"weight_decay": -1.0}, "weight decay should be >= 0 but is: -1.0"),
    ("Muon", {"adjust_lr_fn": "x"}, "Adjust learning rate function x is not supported"),
]


@pytest.mark.parametrize(("name", "options", "message"), INVALID)
def test_options_out_of_range_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as e:
        getattr(optim, name)([leaf()], **options)
    assert str(e.value) == message


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_implementations_that_exclude_each_other_are_refused(name: str) -> None:
    for options, message in (
        ({"fused": True, "foreach": True}, "`fused` and `foreach` cannot be `True` together."),
        ({"fused": True, "differentiable": True}, "`fused` does not support `differentiable`"),
    ):
        with pytest.raises(RuntimeError) as e:
            getattr(optim, name)([leaf()], **options)
        assert str(e.value) == message
