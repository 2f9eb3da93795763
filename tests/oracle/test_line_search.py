"""The line search of LBFGS against PyTorch's own, evaluation by evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.optim import lbfgs  # noqa: E402

from tinygrad_lite.optim.line_search import Point, cubic_minimum, strong_wolfe  # noqa: E402

# slopes along the line at 0 are negative: a search descends
LINES: dict[str, Callable[[float], tuple[float, float]]] = {
    "bowl": lambda t: ((t - 1.5) ** 2, 2 * (t - 1.5)),
    "far": lambda t: ((t - 300.0) ** 2, 2 * (t - 300.0)),
    "near": lambda t: (50 * (t - 0.01) ** 2, 100 * (t - 0.01)),
    "quartic": lambda t: (t**4 - 2 * t**2 - t, 4 * t**3 - 4 * t - 1),
    "falling": lambda t: (math.exp(-t), -math.exp(-t)),
    "straight": lambda t: (-t, -1.0),
    "waves": lambda t: (
        (math.sin(5 * t) - 2 * t / (1 + t), 5 * math.cos(5 * t) - 2 / (1 + t) ** 2)
        if t > 0
        else (0.0, -1.0)
    ),
    "steep": lambda t: (-t + 1e3 * t**3, -1 + 3e3 * t**2),
    "kink": lambda t: (abs(t - 0.7), math.copysign(1.0, t - 0.7)),
    "flat": lambda t: (-1e-12 * t, -1e-12),
    "cliff": lambda t: (-t if t < 0.5 else 10.0, -1.0 if t < 0.5 else 0.0),
    "steps": lambda t: (math.floor(4 * t) / 4 - 1.4 * t, -1.4),
}


@pytest.mark.parametrize("max_ls", [0, 1, 2, 3, 5, 25])
@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 7.0])
@pytest.mark.parametrize("name", LINES)
def test_every_trial_is_pytorchs(name: str, t: float, max_ls: int) -> None:
    line = LINES[name]
    for d in (1.0, -3.0):  # the direction of the line in space
        trials: list[list[float]] = [[], []]

        def ours(t: float, d: float = d, trials: Any = trials) -> tuple[float, np.ndarray]:
            trials[0].append(float(t))
            value, slope = line(t)
            return value, np.array([slope / d, 0.0])

        def theirs(x: Any, t: float, direction: Any, d: float = d, trials: Any = trials) -> Any:
            trials[1].append(float(t))
            value, slope = line(float(t))
            return value, torch.tensor([slope / d, 0.0], dtype=torch.float64)

        f, slope = line(0.0)
        g = np.array([slope / d, 0.0])
        direction = np.array([d, 0.0])
        found = strong_wolfe(ours, t, direction, f, g, slope, max_ls=max_ls)
        expected = lbfgs._strong_wolfe(
            theirs, None, t, torch.tensor(direction), f, torch.tensor(g), slope, max_ls=max_ls
        )
        np.testing.assert_allclose(trials[0], trials[1], rtol=1e-9)
        assert found[0] == pytest.approx(float(expected[0]), rel=1e-9)
        np.testing.assert_allclose(found[1], expected[1].numpy(), rtol=1e-9)
        assert found[2] == pytest.approx(float(expected[2]), rel=1e-9)
        assert found[3] == expected[3]


@pytest.mark.parametrize(
    "options", [{"c1": 0.3}, {"c1": 0.45, "c2": 0.5}, {"c2": 0.01}, {"tolerance_change": 0.3}]
)
@pytest.mark.parametrize("name", LINES)
def test_its_constants_are_pytorchs(name: str, options: dict[str, float]) -> None:
    line = LINES[name]
    f, slope = line(0.0)
    one = np.array([1.0])
    found = strong_wolfe(
        lambda t: (line(t)[0], one * line(t)[1]), 2.0, one, f, one * slope, slope, **options
    )
    expected = lbfgs._strong_wolfe(
        lambda x, t, d: (line(float(t))[0], torch.tensor(one) * line(float(t))[1]),
        None,
        2.0,
        torch.tensor(one),
        f,
        torch.tensor(one) * slope,
        slope,
        **options,
    )
    assert found[2] == pytest.approx(float(expected[2]), rel=1e-9)
    assert found[3] == expected[3]


@pytest.mark.parametrize("seed", range(8))
def test_trials_are_pytorchs_whatever_they_find(seed: int) -> None:
    """Values and slopes drawn at random, often equal, so that every branch is taken."""
    rng = np.random.default_rng(seed)
    one = np.array([1.0])
    for _ in range(60):
        script = list(
            zip(
                (rng.integers(-6, 3, 40) * 0.25 - 0.25 * np.arange(40) * rng.integers(2)).tolist(),
                rng.choice([-2.0, -1.0, -0.9, -0.5, 0.0, 0.5, 0.9, 2.0], 40).tolist(),
            )
        )
        options = {
            "c1": float(rng.choice([1e-4, 0.25])),
            "max_ls": int(rng.choice([0, 1, 2, 3, 6, 12])),
            "tolerance_change": float(rng.choice([1e-9, 0.125])),
        }
        t, slope = float(rng.choice([0.125, 1.0, 2.0])), float(rng.choice([-0.5, -1.0, -2.0]))
        trials: list[list[float]] = [[], []]

        def ours(t: float, trials: Any = trials, script: Any = script) -> Any:
            trials[0].append(t)
            value, slope = script[len(trials[0])]
            return value, one * slope

        def theirs(x: Any, t: Any, d: Any, trials: Any = trials, script: Any = script) -> Any:
            trials[1].append(float(t))
            value, slope = script[len(trials[1])]
            return value, torch.tensor(one) * slope

        found: Any = strong_wolfe(ours, t, one, 0.0, slope * one, slope, **options)
        try:
            expected = lbfgs._strong_wolfe(
                theirs, None, t, torch.tensor(one), 0.0, torch.tensor(slope * one), slope, **options
            )
        except AttributeError:  # the slope at 0 is no Tensor here: twice at 0, and it has no sqrt
            continue
        if np.isnan(trials[1]).any():  # 0 / 0, where nothing follows that makes sense
            continue
        np.testing.assert_allclose(trials[0], trials[1], rtol=1e-9)
        assert found[0] == expected[0]
        np.testing.assert_array_equal(found[1], expected[1].numpy())
        assert found[2] == pytest.approx(float(expected[2]), rel=1e-9)
        assert found[3] == expected[3]


def test_cubic_minima_are_pytorchs() -> None:
    rng = np.random.default_rng(0)
    for i in range(300):
        a, b, fa, fb, da, db = rng.standard_normal(6).tolist()
        low, high = sorted(rng.standard_normal(2).tolist())
        if i % 3 == 0:  # a clear minimum between them
            da, db = (-abs(da), abs(db)) if a < b else (abs(da), -abs(db))
        bounds = (low, high) if i % 2 else None
        none = np.zeros(1)
        found = cubic_minimum(Point(a, fa, none, da), Point(b, fb, none, db), bounds)
        slopes = torch.tensor([da, db], dtype=torch.float64)
        expected = lbfgs._cubic_interpolate(a, fa, slopes[0], b, fb, slopes[1], bounds=bounds)
        assert found == pytest.approx(float(expected), rel=1e-9)
