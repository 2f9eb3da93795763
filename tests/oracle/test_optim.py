"""Every optimizer against PyTorch's trajectory: 50 steps, several shapes and groups.

Each library computes its gradients from its own parameters, so the whole trajectory is compared,
not single steps. float64 to 1e-10 relative, float32 to PyTorch's own `assert_close` tolerance.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tinygrad_lite import optim  # noqa: E402
from tinygrad_lite.core.tensor import Tensor, make  # noqa: E402
from tinygrad_lite.optim import sweep  # noqa: E402
from tinygrad_lite.serialization import load, save  # noqa: E402

SHAPES = [(3, 4), (5,), (2, 3, 4), (), (0,), (1, 7)]
STEPS = 50

L2 = {"weight_decay": 0.1}
MAX = {"maximize": True}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {},
        L2,
        MAX,
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.5},
        {"momentum": 0.5, **L2},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "nesterov": True, **L2},
        {"momentum": 0.9, **MAX},
        {"lr": 0.3},
        {"lr": 0.0},
        {"momentum": 0.99, "dampening": 0.9, **L2},
        {"foreach": True},
        {"fused": True},
    ],
    "ASGD": [
        {},
        L2,
        MAX,
        {"lambd": 0.01},
        {"alpha": 0.5},
        {"t0": 10},
        {"t0": 0},
        {"t0": 5, **L2},
        {"lr": 0.2},
        {"lambd": 0.1, "alpha": 1.0},
        {"t0": 3, **MAX},
        {"lr": 0.3, "t0": 20, "alpha": 0.9},
    ],
    "Rprop": [
        {},
        MAX,
        {"etas": (0.3, 1.5)},
        {"step_sizes": (1e-3, 0.1)},
        {"lr": 0.1},
        {"lr": 1e-4},
        {"etas": (0.9, 1.1)},
        {"etas": (0.1, 2.0), **MAX},
        {"step_sizes": (1e-2, 1e-2)},
        {"foreach": True},
        {"lr": 0.5, "etas": (0.5, 1.01)},
        {"step_sizes": (0, 50)},
    ],
    "Adagrad": [
        {},
        L2,
        MAX,
        {"lr": 0.5},
        {"lr_decay": 0.1},
        {"initial_accumulator_value": 0.5},
        {"eps": 1e-3},
        {"lr_decay": 0.01, **L2},
        {"initial_accumulator_value": 2.0, **MAX},
        {"foreach": True},
        {"fused": True},
        {"lr": 0.5, "lr_decay": 1.0, **L2},
    ],
    "Adadelta": [
        {},
        L2,
        MAX,
        {"lr": 0.1},
        {"rho": 0.5},
        {"rho": 0.99},
        {"eps": 1e-3},
        {"rho": 0.0},
        {"lr": 2.0, **L2},
        {"eps": 1e-2, **MAX},
        {"foreach": True},
        {"rho": 0.8, "eps": 1e-4},
    ],
    "RMSprop": [
        {},
        L2,
        MAX,
        {"alpha": 0.9},
        {"momentum": 0.9},
        {"centered": True},
        {"momentum": 0.5, "centered": True},
        {"eps": 1e-2},
        {"lr": 0.1, "alpha": 0.5},
        {"momentum": 0.9, **L2},
        {"centered": True, **MAX},
        {"foreach": True},
        {"momentum": 0.9, "centered": True, **L2},
        {"alpha": 0.0},
    ],
    "Adam": [
        {},
        L2,
        MAX,
        {"amsgrad": True},
        {"betas": (0.8, 0.9)},
        {"eps": 1e-2},
        {"lr": 0.1},
        {"betas": (0.0, 0.9)},
        {"amsgrad": True, **L2},
        {"decoupled_weight_decay": True, **L2},
        {"amsgrad": True, **MAX},
        {"foreach": True},
        {"fused": True},
        {"betas": (0.9, 0.3)},
    ],
    "AdamW": [
        {},
        L2,
        MAX,
        {"amsgrad": True},
        {"betas": (0.8, 0.9)},
        {"eps": 1e-2},
        {"lr": 0.1},
        {"weight_decay": 0.0},
        {"amsgrad": True, **L2},
        {"weight_decay": 0.5, "lr": 0.05},
        {"amsgrad": True, **MAX},
        {"foreach": True},
        {"fused": True},
    ],
    "Adamax": [
        {},
        L2,
        MAX,
        {"betas": (0.8, 0.9)},
        {"eps": 1e-2},
        {"lr": 0.1},
        {"betas": (0.0, 0.9)},
        {"lr": 0.05, **L2},
        {"betas": (0.5, 0.5), **MAX},
        {"foreach": True},
        {"eps": 0.1, **L2},
        {"betas": (0.95, 0.99)},
    ],
    "NAdam": [
        {},
        L2,
        MAX,
        {"betas": (0.8, 0.9)},
        {"eps": 1e-2},
        {"lr": 0.1},
        {"momentum_decay": 0.1},
        {"decoupled_weight_decay": True, **L2},
        {"momentum_decay": 0.0},
        {"foreach": True},
        {"betas": (0.5, 0.5), **MAX},
        {"lr": 0.05, "momentum_decay": 0.01, **L2},
    ],
    "RAdam": [
        {},
        L2,
        MAX,
        {"betas": (0.8, 0.9)},
        {"eps": 1e-2},
        {"lr": 0.1},
        {"betas": (0.9, 0.99)},
        {"decoupled_weight_decay": True, **L2},
        {"betas": (0.0, 0.7)},
        {"foreach": True},
        {"betas": (0.5, 0.5), **MAX},
        {"lr": 0.05, **L2},
    ],
    "Adafactor": [
        {},
        L2,
        MAX,
        {"lr": 0.5},
        {"beta2_decay": -0.3},
        {"d": 2.0},
        {"eps": (1e-3, 1e-2)},
        {"eps": (None, 0.5)},
        {"lr": 0.3, **L2},
        {"d": 1.5, **MAX},
        {"beta2_decay": -1.0},
        {"eps": (1e-8, 1e-3), "d": 4.0},
        {"foreach": True},
    ],
}
CASES = [
    pytest.param(name, options, id=f"{name}-{i}")
    for name, all_options in OPTIONS.items()
    for i, options in enumerate(all_options)
]


def start(dtype: Any, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def slope(p: np.ndarray, i: int, t: int) -> np.ndarray:
    """Gradient of a quadratic bowl that differs by weight, plus noise that both libraries share."""
    rng = np.random.default_rng([i, t])
    curvature = 0.5 + np.arange(p.size).reshape(p.shape) / max(p.size, 1)
    gradient = curvature * (p - 0.3) + 0.1 * rng.standard_normal(p.shape)
    return np.asarray(gradient).astype(p.dtype)


def grouped(params: list[Any]) -> list[dict[str, Any]]:
    """Two groups; the second with a rate of its own."""
    return [{"params": params[:3]}, {"params": params[3:], "lr": 0.02}]


def pair(
    name: str, options: dict[str, Any], dtype: Any, shapes: list[tuple[int, ...]]
) -> tuple[list[Any], Any, list[Any], Any]:
    """Our parameters and optimizer, PyTorch's parameters and optimizer."""
    ours = [make(a.copy()).requires_grad_() for a in start(dtype, shapes)]
    theirs = [torch.tensor(a, requires_grad=True) for a in start(dtype, shapes)]
    return (
        ours,
        getattr(optim, name)(grouped(ours), **options),
        theirs,
        getattr(torch.optim, name)(grouped(theirs), **options),
    )


def give_gradients(ours: list[Any], theirs: list[Any], t: int) -> None:
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if (i + t) % 7 == 3:  # now and then a parameter has no gradient
            a.grad = b.grad = None
            continue
        a.grad = make(slope(a.array, i, t))
        b.grad = torch.tensor(slope(b.detach().numpy(), i, t))


def compare(ours: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        expected = b.detach().numpy()
        assert a.array.dtype == expected.dtype
        if expected.dtype == np.float64:
            np.testing.assert_allclose(a.array, expected, rtol=1e-10, atol=1e-13)
        else:
            np.testing.assert_allclose(a.array, expected, rtol=1.3e-6, atol=1e-5)


@pytest.fixture(params=["numpy", "kernel"])
def path(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to make a step, whatever the size."""
    monkeypatch.setattr(sweep, "KERNEL_FROM", 1 if request.param == "kernel" else 10**9)
    return str(request.param)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_trajectory(name: str, options: dict[str, Any], dtype: Any, path: str) -> None:
    shapes = [s for s in SHAPES if s != (0,)] if name == "Adafactor" else SHAPES  # 0 / 0 there
    ours, a, theirs, b = pair(name, options, dtype, shapes)
    for t in range(STEPS):
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    compare(ours, theirs)


def arrays(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value.array


def to_torch(value: Any) -> Any:
    if isinstance(value, Tensor):
        return torch.tensor(value.array)
    if isinstance(value, dict):
        return {k: to_torch(v) for k, v in value.items()}
    return [to_torch(v) for v in value] if isinstance(value, list) else value


def from_torch(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return make(np.array(value.detach().numpy()))
    if isinstance(value, dict):
        return {k: from_torch(v) for k, v in value.items()}
    return [from_torch(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, options, id=f"{name}-{i}")
        for name, all_options in OPTIONS.items()
        for i, options in enumerate(all_options[:9])
    ],
)
def test_state_dict_goes_both_ways(name: str, options: dict[str, Any]) -> None:
    shapes = [s for s in SHAPES if s != (0,)]
    ours, a, theirs, b = pair(name, options, np.float64, shapes)
    for t in range(10):
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    mine, other = a.state_dict(), b.state_dict()
    assert set(mine) == set(other)
    assert set(mine["state"]) == set(other["state"])
    for i, state in other["state"].items():
        assert set(mine["state"][i]) == set(state)
        for key, value in state.items():
            got = mine["state"][i][key].array
            assert got.dtype == value.numpy().dtype
            np.testing.assert_allclose(got, value.numpy(), rtol=1e-6, atol=1e-12)
    for group, expected in zip(mine["param_groups"], other["param_groups"], strict=True):
        assert group == expected
    # Exchange: ours into a new optimizer of PyTorch, theirs into a new one of ours.
    ours2, a2, theirs2, b2 = pair(name, options, np.float64, shapes)
    for new, old in zip(ours2 + theirs2, theirs + ours, strict=True):
        arrays(new)[...] = arrays(old)
    a2.load_state_dict(from_torch(other))
    b2.load_state_dict(to_torch(mine))
    for t in range(10, 20):
        give_gradients(ours, theirs2, t)
        give_gradients(ours2, theirs, t)
        for optimizer in (a, b, a2, b2):
            optimizer.step()
    compare(ours, theirs)
    compare(ours2, theirs)
    compare(ours, theirs2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("Adam", {"amsgrad": True}),
        ("AdamW", {}),
        ("RMSprop", {"centered": True, "momentum": 0.5}),
    ],
)
def test_files_go_both_ways(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    """What one library saves the other loads, and goes on as the first would have."""
    ours, a, theirs, b = pair(name, options, np.float64, [(3, 4), (5,), (2, 3), ()])
    for t in range(10):
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    save(a.state_dict(), tmp_path / "ours.pt")
    torch.save(b.state_dict(), tmp_path / "theirs.pt")
    a.load_state_dict(load(tmp_path / "theirs.pt"))
    b.load_state_dict(torch.load(tmp_path / "ours.pt"))
    for t in range(10, 20):
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    compare(ours, theirs)


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    value = float(((1 - x[:-1]) ** 2 + 5 * (x[1:] - x[:-1] ** 2) ** 2).sum())
    g = np.zeros_like(x)
    g[:-1] = -2 * (1 - x[:-1]) - 20 * x[:-1] * (x[1:] - x[:-1] ** 2)
    g[1:] += 10 * (x[1:] - x[:-1] ** 2)
    return value, g


LBFGS_OPTIONS = [
    {"lr": 0.05},
    {"lr": 0.05, "max_iter": 5},
    {"lr": 0.02, "history_size": 3},
    {"lr": 0.05, "max_iter": 1},
    {"lr": 0.05, "max_eval": 4},
    {"lr": 0.05, "tolerance_grad": 0.5},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 0.1},
    {"line_search_fn": "strong_wolfe", "max_iter": 3},
    {"lr": 0.05, "tolerance_change": 1e-2},
    {"line_search_fn": "strong_wolfe", "history_size": 2},
    {"line_search_fn": "strong_wolfe", "lr": 5.0},
    {"line_search_fn": "strong_wolfe", "max_eval": 7},
]


@pytest.mark.parametrize("options", LBFGS_OPTIONS)
def test_lbfgs(options: dict[str, Any]) -> None:
    x0 = np.array([-0.5, 0.8, 0.3, 1.2, -0.7])
    ours = [make(x0[:2].copy()).requires_grad_(), make(x0[2:].copy()).requires_grad_()]
    theirs = [torch.tensor(x0[:2], requires_grad=True), torch.tensor(x0[2:], requires_grad=True)]
    a, b = optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)
    count = [0, 0]

    def mine() -> float:
        count[0] += 1
        value, g = rosenbrock(np.concatenate([p.array for p in ours]))
        ours[0].grad, ours[1].grad = make(g[:2]), make(g[2:])
        return value

    def other() -> float:
        count[1] += 1
        value, g = rosenbrock(np.concatenate([p.detach().numpy() for p in theirs]))
        theirs[0].grad, theirs[1].grad = torch.tensor(g[:2]), torch.tensor(g[2:])
        return value

    for _ in range(5):
        np.testing.assert_allclose(a.step(mine), b.step(other), rtol=1e-8, atol=1e-14)
        assert count[0] == count[1]
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-8, atol=1e-12)
    mine_state, other_state = a.state[ours[0]], b.state[theirs[0]]
    assert set(mine_state) == set(other_state) - {"al"}
    assert mine_state["n_iter"] == other_state["n_iter"]
    assert mine_state["func_evals"] == other_state["func_evals"]


MUON_OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1},
    {"weight_decay": 0.0},
    {"momentum": 0.5},
    {"nesterov": False},
    {"ns_steps": 3},
    {"ns_coefficients": (2.0, -1.5, 0.5)},
    {"adjust_lr_fn": "match_rms_adamw"},
    {"adjust_lr_fn": "original", "lr": 0.01},
    {"momentum": 0.0},
    {"eps": 1e-3},
    {"ns_steps": 8, "ns_coefficients": (1.5, -0.5, 0.0)},
]


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
@pytest.mark.parametrize("options", MUON_OPTIONS)
def test_muon(options: dict[str, Any], shape: tuple[int, int]) -> None:
    """One step equals PyTorch's to the precision of bfloat16, in which PyTorch iterates."""
    p0 = np.random.default_rng(0).standard_normal(shape)
    p, q = make(p0.copy()).requires_grad_(), torch.tensor(p0, requires_grad=True)
    a, b = optim.Muon([p], **options), torch.optim.Muon([q], **options)
    g = np.random.default_rng(1).standard_normal(shape)
    p.grad, q.grad = make(g), torch.tensor(g)
    a.step()
    b.step()
    decayed = p0 * (1 - a.defaults["lr"] * a.defaults["weight_decay"])
    mine, other = decayed - p.array, decayed - q.detach().numpy()
    assert np.linalg.norm(mine - other) <= 0.03 * np.linalg.norm(other)
    np.testing.assert_allclose(
        a.state[p]["momentum_buffer"].array, b.state[q]["momentum_buffer"].numpy(), rtol=1e-12
    )


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


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_options_changed_between_steps(name: str) -> None:
    """Rates as Tensors, rates set by hand, momentum switched on, groups added."""
    ours, a, theirs, b = pair(name, {"lr": 0.1}, np.float64, [(3,)] * 6)
    key = "momentum" if name != "Adam" else "eps"
    for t in range(30):
        if t == 5:
            for optimizer in (a, b):
                optimizer.param_groups[0]["lr"] = 0.01
        if t == 10:
            a.param_groups[1]["lr"] = make(np.array(0.05))
            b.param_groups[1]["lr"] = torch.tensor(0.05, dtype=torch.float64)
        if t == 15 and name == "SGD":
            for optimizer in (a, b):
                optimizer.param_groups[0][key] = 0.9
        if t == 20:
            ours.append(make(np.ones(2)).requires_grad_())
            theirs.append(torch.ones(2, dtype=torch.float64, requires_grad=True))
            a.add_param_group({"params": ours[-1:]})
            b.add_param_group({"params": theirs[-1:]})
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    compare(ours, theirs)


@pytest.mark.parametrize("name", [n for n in OPTIONS if n != "Adafactor"])
def test_complex_parameters(name: str) -> None:
    rng = np.random.default_rng(0)
    p0 = rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2))
    p, q = make(p0.copy()).requires_grad_(), torch.tensor(p0, requires_grad=True)
    a, b = getattr(optim, name)([p]), getattr(torch.optim, name)([q])
    for _ in range(10):
        g = rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2))
        p.grad, q.grad = make(g), torch.tensor(g)
        a.step()
        b.step()
    np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-10)


def test_every_optimizer_of_pytorch_is_here() -> None:
    theirs = {n for n in dir(torch.optim) if n[0].isupper()}
    assert theirs <= set(dir(optim))
    assert all(len(options) >= 12 for options in OPTIONS.values())
    assert len(list(itertools.chain(*OPTIONS.values()))) > 150
