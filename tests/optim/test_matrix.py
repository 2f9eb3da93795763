"""Adafactor, Muon, LAMB and their base: the corners of their formulas, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tinygrad_lite import optim
from tinygrad_lite.optim.matrix import PerParameter, newton_schulz


def given(values: Any, gradient: Any, dtype: Any = np.float64) -> torch.Tensor:
    p = torch.tensor(np.array(values, dtype), requires_grad=True)
    p.grad = torch.tensor(np.array(gradient, dtype))
    return p


def test_lamb_moves_by_the_size_of_the_weights():
    p = given([3.0, 4.0], [1.0, -1.0])
    optim.LAMB([p], lr=0.1, eps=0.0).step()
    # the first direction is the sign; |p| / |u| = 5 / sqrt(2)
    np.testing.assert_allclose(
        p.detach().numpy(), np.array([3, 4]) - 0.5 / 2**0.5 * np.array([1, -1])
    )


def test_lamb_moves_small_weights_and_by_small_directions_alike():
    p = given([3e-4, 4e-4], [1e-3, -1e-3])
    optim.LAMB([p], lr=0.1, eps=0.0).step()
    np.testing.assert_allclose(
        p.detach().numpy(), np.array([3e-4, 4e-4]) - 0.5e-4 / 2**0.5 * np.array([1, -1])
    )
    p = given([3.0, 4.0], [1e-3, -1e-3])
    optim.LAMB([p], lr=0.1, eps=1.0).step()  # u is about 1e-3
    np.testing.assert_allclose(
        p.detach().numpy(), np.array([3, 4]) - 0.5 / 2**0.5 * np.array([1, -1])
    )


def test_lamb_moves_zero_weights_by_the_rate():
    p = given([0.0, 0.0], [5.0, -5.0])
    optim.LAMB([p], lr=0.1, eps=0.0).step()
    np.testing.assert_allclose(p.detach().numpy(), [-0.1, 0.1])


def test_lamb_without_a_gradient_or_a_decay_does_not_move():
    p = given([3.0, 4.0], [0.0, 0.0])
    optim.LAMB([p], lr=0.1).step()
    assert p.tolist() == [3.0, 4.0]
    optim.LAMB([p], lr=0.1, weight_decay=1.0).step()
    np.testing.assert_allclose(p.detach().numpy(), [2.7, 3.6])


def test_lamb_keeps_pytorchs_names_of_adams_state():
    p = given([3.0], [2.0], np.float32)
    optimizer = optim.LAMB([p], betas=(0.5, 0.75))
    optimizer.step()
    state = optimizer.state[p]
    assert {name: value.item() for name, value in state.items()} == {
        "step": 1.0,
        "exp_avg": 1.0,
        "exp_avg_sq": 1.0,
    }
    assert all(value.dtype == torch.float32 for value in state.values())
    optimizer.step()
    assert state["step"].item() == 2.0


@pytest.mark.parametrize("name", ["LAMB", "Adafactor"])
def test_maximize_climbs_what_the_other_descends(name: str):
    moves = []
    for maximize in (False, True):
        p = given([[3.0, 4.0]], [[1.0, -2.0]])
        optimizer = getattr(optim, name)([p], maximize=maximize)
        optimizer.step()
        moves.append(p.detach().numpy() - [[3.0, 4.0]])
        assert p.grad.tolist() == [[1.0, -2.0]]
    np.testing.assert_allclose(moves[0], -moves[1], rtol=1e-6)


@pytest.mark.parametrize("name", ["LAMB", "Adafactor", "Muon"])
def test_a_write_is_marked(name: str):
    p = given([[3.0, 4.0]], [[1.0, -2.0]])
    before = (p * p).sum()
    getattr(optim, name)([p]).step()
    with pytest.raises(RuntimeError, match=rf"was then written by {name}\.step"):
        before.backward()


@pytest.mark.parametrize("name", ["LAMB", "Adafactor", "Muon"])
def test_parameters_without_a_gradient_have_no_state(name: str):
    p, q = given([[3.0, 4.0]], [[1.0, -2.0]]), torch.ones(1, 2, requires_grad=True)
    optimizer = getattr(optim, name)([p, q])
    optimizer.step()
    assert list(optimizer.state) == [p]
    p.grad = None
    with pytest.warns(UserWarning, match="changed nothing"):
        optimizer.step()


def test_complex_parameters_are_refused_before_anything_is_written():
    for name in ("LAMB", "Adafactor", "Muon"):
        p = given([[3.0, 4.0]], [[1.0, -2.0]])
        z = given([[1j]], [[1j]], np.complex128)
        with pytest.raises(RuntimeError) as e:
            getattr(optim, name)([p, z]).step()
        assert str(e.value) == f"{name} does not support complex parameters"
        assert p.tolist() == [[3.0, 4.0]]


def test_an_optimizer_of_ones_own_says_how_one_parameter_moves():
    class Half(PerParameter):
        def start(self, p: Any, state: dict[str, Any]) -> None:
            state["count"] = state.get("count", 0) + 1

        def update(self, p: Any, g: Any, state: Any, group: Any) -> None:
            p -= 0.5 * g * state["count"]

    p = given([3.0], [2.0])
    optimizer = Half([p], {})
    optimizer.step()
    optimizer.step()
    assert p.tolist() == [0.0]
    p.grad = p * 2
    with pytest.raises(RuntimeError, match=r"^Half\(differentiable=True\): a gradient is itself"):
        Half([p], {"differentiable": True}).step()
    for missing in ("start", "update"):
        with pytest.raises(NotImplementedError):
            getattr(PerParameter, missing)(optimizer, *[None] * (2 if missing == "start" else 4))


# Adafactor


def textbook_adafactor(
    p: np.ndarray, gradients: list[np.ndarray], lr: float, **options: Any
) -> np.ndarray:
    """The formula of the docstring, written out."""
    decay = options.get("beta2_decay", -0.8)
    eps1, eps2 = options.get("eps", (None, 1e-3))
    eps1 = np.finfo(p.dtype).eps if eps1 is None else eps1
    d, weight_decay = options.get("d", 1.0), options.get("weight_decay", 0.0)
    rms = lambda x: np.sqrt((x**2).mean())
    R = C = v = 0.0
    for t, g in enumerate(gradients, 1):
        w = t**decay
        rate = max(eps2, rms(p)) * min(lr, t**-0.5)
        p = p * (1 - lr * weight_decay)
        if g.ndim > 1:
            R = (1 - w) * R + w * (g**2).mean(axis=-1, keepdims=True)
            C = (1 - w) * C + w * (g**2).mean(axis=-2, keepdims=True)
            v = R * C / np.maximum(R.mean(axis=-2, keepdims=True), eps1)
        else:
            v = (1 - w) * v + w * g**2
        u = g / np.sqrt(np.maximum(v, eps1**2))
        p = p - rate * u / max(1.0, rms(u) / d)
    return p


@pytest.mark.parametrize("shape", [(3, 4), (5,), (2, 3, 4), ()])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.9},
        {"weight_decay": 0.25},
        {"weight_decay": 1.0},
        {"beta2_decay": -0.3},
        {"eps": (0.5, 1e-3)},
        {"eps": (None, 2.0)},
        {"d": 4.0, "lr": 0.3},
    ],
    ids=str,
)
def test_adafactor_is_its_formula(shape: tuple[int, ...], options: dict[str, Any]):
    rng = np.random.default_rng(0)
    start = rng.standard_normal(shape)
    gradients = [np.asarray(rng.standard_normal(shape)) * 10.0**-k for k in range(5)]
    p = torch.tensor(start, requires_grad=True)
    optimizer = optim.Adafactor([p], **options)
    for g in gradients:
        p.grad = torch.tensor(g)
        optimizer.step()
    expected = textbook_adafactor(start, gradients, **{"lr": 1e-2, **options})
    np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-12)


def test_adafactor_keeps_a_row_and_a_column():
    p = torch.ones(2, 3, 4, requires_grad=True)
    p.grad = torch.ones(2, 3, 4)
    optimizer = optim.Adafactor([p])
    optimizer.step()
    shapes = {name: tuple(value.shape) for name, value in optimizer.state[p].items()}
    assert shapes == {"step": (), "row_var": (2, 3, 1), "col_var": (2, 1, 4)}
    assert {value.dtype for value in optimizer.state[p].values()} == {torch.float32}
    q = given([1.0, 2.0], [1.0, 1.0])
    optimizer = optim.Adafactor([q])
    optimizer.step()
    assert set(optimizer.state[q]) == {"step", "variance"}
    assert optimizer.state[q]["variance"].dtype == torch.float64


def test_adafactor_clips_the_direction_and_not_the_rate():
    p = given([2.0, 2.0], [1.0, 3.0])
    optim.Adafactor([p], lr=0.5).step()  # rate 2 * 0.5, direction the sign
    np.testing.assert_allclose(p.detach().numpy(), [1.0, 1.0])


# Muon


def textbook_muon(p: np.ndarray, gradients: list[np.ndarray], **options: Any) -> np.ndarray:
    lr, momentum = options.get("lr", 1e-3), options.get("momentum", 0.95)
    b = 0 * p
    for g in gradients:
        b = momentum * b + (1 - momentum) * g
        u = (1 - momentum) * g + momentum * b if options.get("nesterov", True) else b
        a, c, d = options.get("ns_coefficients", (3.4445, -4.775, 2.0315))
        U, S, V = np.linalg.svd(u, full_matrices=False)
        S = S / max(np.linalg.norm(u), options.get("eps", 1e-7))
        for _ in range(options.get("ns_steps", 5)):
            S = a * S + c * S**3 + d * S**5
        rows, columns = p.shape
        scale = np.sqrt(max(1, rows / columns))
        if options.get("adjust_lr_fn") == "match_rms_adamw":
            scale = 0.2 * np.sqrt(max(rows, columns))
        p = p * (1 - lr * options.get("weight_decay", 0.1)) - lr * scale * U @ np.diag(S) @ V
    return p


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.5},
        {"momentum": 0.5, "lr": 0.2},
        {"nesterov": False, "lr": 0.1},
        {"ns_steps": 2, "lr": 0.1},
        {"ns_coefficients": (2.0, -1.5, 0.5), "lr": 0.1},
        {"eps": 50.0, "lr": 0.1},
        {"adjust_lr_fn": "original", "lr": 0.1},
        {"adjust_lr_fn": "match_rms_adamw", "lr": 0.1},
        {"lr": torch.tensor(0.125)},
    ],
    ids=str,
)
def test_muon_is_its_formula(shape: tuple[int, int], options: dict[str, Any]):
    rng = np.random.default_rng(0)
    start = rng.standard_normal(shape)
    gradients = [rng.standard_normal(shape) for _ in range(3)]
    p = torch.tensor(start, requires_grad=True)
    optimizer = optim.Muon([p], **options)
    for g in gradients:
        p.grad = torch.tensor(g)
        optimizer.step()
    plain = {**options, "lr": float(options.get("lr", 1e-3))}
    expected = textbook_muon(start, gradients, **plain)
    np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-8)


def test_muon_keeps_its_momentum_between_steps_and_across_options():
    p = given([[3.0, 4.0]], [[1.0, 2.0]], np.float32)
    optimizer = optim.Muon([p], momentum=0.5)
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].tolist() == [[0.5, 1.0]]
    optimizer.state[p]["other"] = 1
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].tolist() == [[0.75, 1.5]]


MATRIX = np.eye(2)
REFUSED: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: newton_schulz(MATRIX, (1.0, 1.0, 1.0), 100, 1e-7),
        "Number of steps must be less than 100 for computational efficiency",
    ),
    (
        lambda: newton_schulz(MATRIX[0], (1.0, 1.0, 1.0), 99, 1e-7),
        "Input tensor gradient must be a 2D matrix",
    ),
    (
        lambda: newton_schulz(MATRIX, (1.0, 1.0), 5, 1e-7),  # type: ignore[arg-type]
        "Coefficients must be a tuple of exactly 3 values",
    ),
    (
        lambda: optim.Muon([{"params": [torch.ones(2, 2)]}, {"params": [torch.ones(2)]}]),
        "Muon only supports 2D parameters whereas we found a parameter with size: torch.Size([2])",
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refusals_say_what_is_wrong(call: Callable[[], Any], message: str):
    with pytest.raises(ValueError) as e:
        call()
    assert str(e.value) == message


def test_ninety_nine_iterations_are_allowed():
    np.testing.assert_allclose(newton_schulz(3 * MATRIX, (1.5, -0.5, 0.0), 99, 1e-7), MATRIX)
