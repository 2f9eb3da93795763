"""Each optimizer's step is the formula in its docstring, written out here in NumPy.

Two parameters take some steps; the second gets its first gradient one step later, so that its
count of steps differs. Whole trajectories against PyTorch: tests/oracle/test_optim.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tinygrad_lite import optim

STEPS = 6
Memory = dict[str, Any]


def decayed(x: np.ndarray, g: np.ndarray, o: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(p, g) after the weight decay, of p itself or as an L2 penalty."""
    decay = o.get("weight_decay", 0.0)
    if o.get("decoupled_weight_decay"):
        return x * (1 - o["lr"] * decay), g
    return x, g + decay * x


def moments(g: np.ndarray, t: int, s: Memory, o: dict[str, Any]) -> tuple[Any, Any]:
    """m_hat and v of Adam."""
    b1, b2 = o["betas"]
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    return s["m"] / (1 - b1**t), s["v"]


def sgd(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    momentum = o.get("momentum", 0)
    if not momentum:
        return x - o["lr"] * g
    s["b"] = momentum * s["b"] + (1 - o.get("dampening", 0)) * g if "b" in s else g
    return x - o["lr"] * (g + momentum * s["b"] if o.get("nesterov") else s["b"])


def asgd(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    f32 = lambda v: float(np.float32(v))  # where PyTorch keeps them
    eta, mu = s.get("eta", f32(o["lr"])), s.get("mu", 1.0)
    x = x * (1 - o["lambd"] * eta) - eta * g
    s["ax"] = s.get("ax", 0) + mu * (x - s.get("ax", 0))
    s["eta"] = f32(o["lr"] / (1 + o["lambd"] * o["lr"] * t) ** o["alpha"])
    s["mu"] = f32(1 / max(1, t - o["t0"]))
    return x


def adam(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    m, v = moments((xg := decayed(x, g, o))[1], t, s, o)
    if o.get("amsgrad"):
        v = s["top"] = np.maximum(s.get("top", 0), v)
    v = v / (1 - o["betas"][1] ** t)
    if o.get("eps_inside_sqrt"):
        return xg[0] - o["lr"] * m / np.sqrt(v + o["eps"])
    return xg[0] - o["lr"] * m / (np.sqrt(v) + o["eps"])


def adamax(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    m, _ = moments(g, t, s, o)
    s["u"] = np.maximum(o["betas"][1] * s.get("u", 0), np.abs(g) + o["eps"])
    return x - o["lr"] * m / s["u"]


def nadam(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    _, v = moments(g, t, s, o)
    mu = lambda t: o["betas"][0] * (1 - 0.5 * 0.96 ** (t * o["momentum_decay"]))
    s["product"] = np.float32(s.get("product", 1.0)) * np.float32(mu(t))  # as PyTorch keeps it
    product = float(s["product"])
    m_hat = mu(t + 1) * s["m"] / (1 - product * mu(t + 1))
    m_hat = m_hat + (1 - mu(t)) * g / (1 - product)
    return x - o["lr"] * m_hat / (np.sqrt(v / (1 - o["betas"][1] ** t)) + o["eps"])


def radam(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    m, v = moments(g, t, s, o)
    b2 = o["betas"][1]
    limit = 2 / (1 - b2) - 1
    length = limit - 2 * t * b2**t / (1 - b2**t)
    if length <= 5:
        return x - o["lr"] * m
    r2 = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
    return x - o["lr"] * m * np.sqrt(r2 * (1 - b2**t)) / (np.sqrt(v) + o["eps"])


def lion(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    b1, b2 = o["betas"]
    m = s.get("m", 0 * x)
    s["m"] = b2 * m + (1 - b2) * g
    return x * (1 - o["lr"] * o.get("weight_decay", 0)) - o["lr"] * np.sign(b1 * m + (1 - b1) * g)


def adagrad(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    s["s"] = s.get("s", o.get("initial_accumulator_value", 0)) + g**2
    rate = o["lr"] / (1 + (t - 1) * o.get("lr_decay", 0))
    if o.get("eps_inside_sqrt"):
        return x - rate * g / np.sqrt(s["s"] + o["eps"])
    return x - rate * g / (np.sqrt(s["s"]) + o["eps"])


def adadelta(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    rho, eps = o["rho"], o["eps"]
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g**2
    d = np.sqrt(s.get("u", 0) + eps) / np.sqrt(s["v"] + eps) * g
    s["u"] = rho * s.get("u", 0) + (1 - rho) * d**2
    return x - o["lr"] * d


def rmsprop(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    x, g = decayed(x, g, o)
    a = o["alpha"]
    s["v"] = v = a * s.get("v", 0) + (1 - a) * g**2
    if o.get("centered"):
        s["m"] = a * s.get("m", 0) + (1 - a) * g
        v = v - s["m"] ** 2
    below = np.sqrt(v + o["eps"]) if o.get("eps_inside_sqrt") else np.sqrt(v) + o["eps"]
    s["b"] = o.get("momentum", 0) * s.get("b", 0) + g / below
    return x - o["lr"] * s["b"]


def rprop(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    size = s.get("size", np.full_like(x, o["lr"]))
    same = np.sign(g * s.get("prev", 0 * g))
    factor = np.where(same > 0, o["etas"][1], np.where(same < 0, o["etas"][0], 1))
    s["size"] = np.clip(size * factor, *o["step_sizes"])
    s["prev"] = g = np.where(same < 0, 0, g)
    return x - np.sign(g) * s["size"]


def ftrl(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    lr, beta, l1, l2 = o["lr"], o["beta"], o.get("l1", 0), o.get("l2", 0)
    n = s.get("n", o.get("initial_accumulator_value", 0) + 0 * x)
    start = -x * ((beta + np.sqrt(n)) / lr + l2) - np.sign(x) * l1
    s["z"] = s.get("z", start) + g - (np.sqrt(n + g**2) - np.sqrt(n)) / lr * x
    s["n"] = n = n + g**2
    moved = -(s["z"] - np.sign(s["z"]) * l1) / ((beta + np.sqrt(n)) / lr + l2)
    return np.where(np.abs(s["z"]) <= l1, 0, moved)


def lamb(x: Any, g: Any, t: int, s: Memory, o: dict[str, Any]) -> Any:
    m, v = moments(g, t, s, o)
    u = m / (np.sqrt(v / (1 - o["betas"][1] ** t)) + o["eps"]) + o.get("weight_decay", 0) * x
    return x - o["lr"] * np.linalg.norm(x) / np.linalg.norm(u) * u


BETAS = {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.0625}
L2 = {"weight_decay": 0.25}
DECOUPLED = {"weight_decay": 0.25, "decoupled_weight_decay": True}
INSIDE = {"eps_inside_sqrt": True}
CASES: dict[str, tuple[Callable[..., Any], dict[str, Any], list[dict[str, Any]]]] = {
    "SGD": (
        sgd,
        {"lr": 0.25},
        [
            *({}, L2, {"momentum": 0.5}, {"momentum": 0.5, "dampening": 0.25, **L2}),
            {"momentum": 0.5, "nesterov": True},
        ],
    ),
    "ASGD": (
        asgd,
        {"lr": 0.25, "lambd": 0.5, "alpha": 0.75, "t0": 2.0},
        [{}, L2, {"t0": 0.0}, {"t0": 1e6}],
    ),
    "Adam": (
        adam,
        BETAS,
        [*({}, L2, DECOUPLED, {"amsgrad": True}, INSIDE, {"amsgrad": True, **INSIDE})],
    ),
    "AdamW": (adam, {**BETAS, **DECOUPLED}, [{}, {"amsgrad": True}, INSIDE]),
    "Adamax": (adamax, BETAS, [{}, L2]),
    "NAdam": (nadam, {**BETAS, "momentum_decay": 4.0}, [{}, L2, DECOUPLED]),
    "RAdam": (radam, BETAS, [{}, L2, DECOUPLED, {"betas": (0.5, 0.95)}]),
    "Lion": (lion, {"lr": 0.25, "betas": (0.5, 0.75)}, [{}, L2]),
    "LAMB": (lamb, BETAS, [{}, L2, {"weight_decay": 1.0}]),
    "Adagrad": (
        adagrad,
        {"lr": 0.25, "eps": 0.0625},
        [*({}, L2, {"lr_decay": 0.5}, {"initial_accumulator_value": 0.75}, INSIDE)],
    ),
    "Adadelta": (adadelta, {"lr": 0.5, "rho": 0.75, "eps": 0.0625}, [{}, L2]),
    "RMSprop": (
        rmsprop,
        {"lr": 0.25, "alpha": 0.75, "eps": 0.0625},
        [
            *({}, L2, {"momentum": 0.5}, {"centered": True}, {"centered": True, "momentum": 0.5}),
            *(INSIDE, {"centered": True, **INSIDE}, {"momentum": 0.5, **INSIDE}),
        ],
    ),
    "Rprop": (
        rprop,
        {"lr": 0.25, "etas": (0.5, 1.5), "step_sizes": (0.125, 0.75)},
        [{}, {"step_sizes": (1e-6, 50)}],
    ),
    "FTRL": (
        ftrl,
        {"lr": 0.25, "beta": 1.0},
        [*({}, {"l1": 0.5}, {"l2": 0.25}, {"initial_accumulator_value": 0.75, "l1": 0.1})],
    ),
}
ALL = [
    pytest.param(name, formula, {**base, **options}, id=f"{name}-{i}")
    for name, (formula, base, several) in CASES.items()
    for i, options in enumerate(several)
]


# what the state calls the variables of the formulas
NAMES = {
    "SGD": {"b": "momentum_buffer"},
    "ASGD": {"ax": "ax", "eta": "eta", "mu": "mu"},
    "Adam": {"m": "exp_avg", "v": "exp_avg_sq", "top": "max_exp_avg_sq"},
    "AdamW": {"m": "exp_avg", "v": "exp_avg_sq", "top": "max_exp_avg_sq"},
    "Adamax": {"m": "exp_avg", "u": "exp_inf"},
    "NAdam": {"m": "exp_avg", "v": "exp_avg_sq", "product": "mu_product"},
    "RAdam": {"m": "exp_avg", "v": "exp_avg_sq"},
    "Lion": {"m": "exp_avg"},
    "LAMB": {"m": "exp_avg", "v": "exp_avg_sq"},
    "Adagrad": {"s": "sum"},
    "Adadelta": {"v": "square_avg", "u": "acc_delta"},
    "RMSprop": {"v": "square_avg", "m": "grad_avg"},
    "Rprop": {"size": "step_size", "prev": "prev"},
    "FTRL": {"z": "z", "n": "n"},
}


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("name", "formula", "options"), ALL)
def test_the_step_is_the_formula(
    name: str, formula: Callable[..., Any], options: dict[str, Any], maximize: bool
) -> None:
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((2, 3)), rng.standard_normal(4)]
    params = [torch.tensor(x, requires_grad=True) for x in xs]
    given = {k: v for k, v in options.items() if (name, k) != ("AdamW", "decoupled_weight_decay")}
    optimizer = getattr(optim, name)(params, maximize=maximize, **given)
    memories: list[Memory] = [{}, {}]
    counts = [0, 0]
    for step in range(STEPS):
        for i, p in enumerate(params):
            if i > step:
                continue
            g = np.linspace(0.5, 2, xs[i].size).reshape(xs[i].shape) * (xs[i] - 0.3)
            g += 0.1 * rng.standard_normal(xs[i].shape)
            p.grad = torch.tensor(g)
            counts[i] += 1
            xs[i] = formula(xs[i], -g if maximize else g, counts[i], memories[i], options)
        optimizer.step()
        for p, x, memory, count in zip(params, xs, memories, counts):
            np.testing.assert_allclose(p.detach().numpy(), x, rtol=1e-10, atol=1e-13)
            state = optimizer.state.get(p, {})
            assert float(state.get("step", count)) == count
            for variable, key in NAMES[name].items():
                if variable in memory:
                    np.testing.assert_allclose(state[key].numpy(), memory[variable], rtol=1e-10)


@pytest.mark.parametrize("name", ["SGD", "ASGD", "Adam", "Adamax", "NAdam", "RAdam", "Lion"])
def test_rates_may_be_tensors(name: str) -> None:
    _, base, _ = CASES[name]
    ends = []
    for lr in (0.25, torch.tensor(0.25), torch.tensor([0.25])):
        p = torch.tensor([1.0, -2.0], requires_grad=True)
        optimizer = getattr(optim, name)([p], **{**base, "lr": lr})
        for _ in range(3):
            p.grad = p.detach() * 2 + 1
            optimizer.step()
        ends.append(p.tolist())
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize("name", ["Adagrad", "Adadelta", "RMSprop", "Rprop", "FTRL"])
def test_rates_of_adaptive_steps_may_be_tensors(name: str) -> None:
    test_rates_may_be_tensors(name)


def test_betas_may_be_tensors() -> None:
    ends = []
    for betas in ((0.5, 0.75), (torch.tensor(0.5), torch.tensor([0.75]))):
        p = torch.tensor([1.0, -2.0], requires_grad=True)
        optimizer = optim.Adam([p], lr=0.25, betas=betas)
        for _ in range(3):
            p.grad = p.detach() * 2 + 1
            optimizer.step()
        ends.append(p.tolist())
    assert ends[0] == ends[1]


STATES = {
    "SGD": [],
    "ASGD": ["step", "eta", "mu", "ax"],
    "Adam": ["step", "exp_avg", "exp_avg_sq"],
    "AdamW": ["step", "exp_avg", "exp_avg_sq"],
    "Adamax": ["step", "exp_avg", "exp_inf"],
    "NAdam": ["step", "mu_product", "exp_avg", "exp_avg_sq"],
    "RAdam": ["step", "exp_avg", "exp_avg_sq"],
    "Lion": ["exp_avg"],
    "Adagrad": ["step", "sum"],
    "Adadelta": ["step", "square_avg", "acc_delta"],
    "RMSprop": ["step", "square_avg"],
    "Rprop": ["step", "prev", "step_size"],
    "FTRL": ["z", "n"],
    "LAMB": ["step", "exp_avg", "exp_avg_sq"],
}


@pytest.mark.parametrize("name", STATES)
def test_the_state_has_pytorchs_names_and_the_parameters_dtype(name: str) -> None:
    p = torch.ones(2, 3, dtype=torch.float16, requires_grad=True)
    p.grad = torch.ones(2, 3, dtype=torch.float16)
    optimizer = getattr(optim, name)([p])
    optimizer.step()
    state = optimizer.state.get(p, {})
    assert sorted(state) == sorted(STATES[name])
    for key, value in state.items():
        scalar = key in ("step", "eta", "mu", "mu_product")
        assert value.dtype == (torch.float32 if scalar else torch.float16)
        assert value.shape == (() if scalar else (2, 3))


def test_numbers_of_the_state_are_double_where_that_is_the_default() -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        for name in ("ASGD", "NAdam", "Adagrad", "Rprop", "Adafactor", "LAMB"):
            p = torch.ones(2, requires_grad=True)
            p.grad = torch.ones(2)
            optimizer = getattr(optim, name)([p])
            optimizer.step()
            assert {v.dtype for v in optimizer.state[p].values()} == {torch.float64}
    finally:
        torch.set_default_dtype(before)


def test_adagrad_fills_its_state_at_once_and_the_others_at_the_first_step() -> None:
    p = torch.ones(2, requires_grad=True)
    state = optim.Adagrad([p], initial_accumulator_value=0.5).state[p]
    assert state["step"].item() == 0 and state["sum"].tolist() == [0.5, 0.5]
    assert not optim.Adam([p]).state and not optim.Rprop([p]).state


@pytest.mark.parametrize("name", ["Adagrad", "Rprop"])
def test_complex_parameters_are_pairs_of_real_ones(name: str) -> None:
    options = {"Adagrad": {"lr": 0.25, "initial_accumulator_value": 0.5}, "Rprop": {"lr": 0.25}}
    start = np.array([1 + 2j, -3 + 0.5j])
    z = torch.tensor(start, requires_grad=True)
    pair = torch.tensor(start.view(np.float64).copy(), requires_grad=True)
    optimizers = [getattr(optim, name)([p], **options[name]) for p in (z, pair)]
    for g in (np.array([1j, 1 - 1j]), np.array([-1j, 2 - 1j])):
        z.grad, pair.grad = torch.tensor(g), torch.tensor(g.view(np.float64).copy())
        for optimizer in optimizers:
            optimizer.step()
    np.testing.assert_allclose(z.detach().numpy().view(np.float64), pair.detach().numpy())
