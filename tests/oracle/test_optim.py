"""Every optimizer against PyTorch's trajectory: 50 steps, several shapes and groups.

Each library computes its gradients from its own parameters, so the whole trajectory is compared,
not single steps. float64 to 1e-10 relative, float32 to PyTorch's own `assert_close` tolerance.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.oracle.optim_pairs import (  # noqa: E402
    OPTIONS,
    SHAPES,
    compare,
    give_gradients,
    pair,
)
from tinygrad_lite import optim  # noqa: E402
from tinygrad_lite.core.tensor import make  # noqa: E402
from tinygrad_lite.optim import sweep  # noqa: E402

STEPS = 50

CASES = [
    pytest.param(name, options, id=f"{name}-{i}")
    for name, all_options in OPTIONS.items()
    for i, options in enumerate(all_options)
]


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
