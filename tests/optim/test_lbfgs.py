"""LBFGS and its line search, apart from PyTorch's trajectory (tests/oracle/test_optim.py)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tinygrad_lite.optim import LBFGS, SGD
from tinygrad_lite.optim.lbfgs import _Memory
from tinygrad_lite.optim.line_search import Point, cubic_minimum, strong_wolfe

AIM = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)


def start(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def closure_of(optimizer: Any, loss: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


def bowl(x: torch.Tensor) -> torch.Tensor:
    return (torch.tensor([1.0, 10.0, 0.1]) * (x - AIM) ** 2).sum()


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    return ((1 - x[:-1]) ** 2 + 5 * (x[1:] - x[:-1] ** 2) ** 2).sum()


@pytest.mark.parametrize(("search", "near"), [(None, 1e-2), ("strong_wolfe", 1e-5)])
def test_it_finds_the_bottom_of_a_bowl(search: str | None, near: float):
    x = start(0.0, 0.0, 0.0)
    optimizer = LBFGS([x], lr=0.05 if search is None else 1, max_iter=60, line_search_fn=search)
    closure = closure_of(optimizer, lambda: bowl(x))
    for _ in range(3):
        optimizer.step(closure)
    np.testing.assert_allclose(x.detach().numpy(), AIM.numpy(), atol=near)


def test_several_parameters_of_any_shape_and_layout_are_one_vector():
    whole = start(0.3, 0.8, 0.3, 1.2, -0.7, 0.1)
    base = torch.tensor(np.array([[0.3, 0.3, -0.7], [0.8, 1.2, 0.1]]))
    matrix = base.t().requires_grad_()  # of which rows of two are pieces of `whole`
    optimizers = [LBFGS([p], line_search_fn="strong_wolfe") for p in (whole, matrix)]
    losses = [lambda: rosenbrock(whole), lambda: rosenbrock(matrix.reshape(-1))]
    for optimizer, loss in zip(optimizers, losses):
        optimizer.step(closure_of(optimizer, loss))
    np.testing.assert_allclose(matrix.detach().numpy().reshape(-1), whole.detach().numpy())
    three = [torch.tensor(v, requires_grad=True) for v in (0.3, [[0.8, 0.3]], [1.2, -0.7, 0.1])]
    three = [p.detach().double().requires_grad_() for p in three]
    optimizer = LBFGS(three, line_search_fn="strong_wolfe")
    joined = lambda: torch.cat([p.reshape(-1) for p in three])
    optimizer.step(closure_of(optimizer, lambda: rosenbrock(joined())))
    np.testing.assert_allclose(joined().detach().numpy(), whole.detach().numpy(), rtol=1e-5)


def test_a_parameter_without_a_gradient_stays_where_it_is():
    x, unused = start(0.0, 0.0, 0.0), start(5.0)
    y = start(0.0)
    optimizer = LBFGS([x, unused, y], line_search_fn="strong_wolfe")
    optimizer.step(closure_of(optimizer, lambda: bowl(x) + (y - 2).square().sum()))
    assert unused.item() == 5.0 and unused.grad is None
    np.testing.assert_allclose(y.item(), 2, atol=1e-4)


def test_complex_parameters_are_pairs_of_numbers():
    aim = torch.tensor([1 + 2j, -3j])
    z = torch.zeros(2, dtype=torch.complex64, requires_grad=True)
    y = torch.zeros(2, requires_grad=True)
    optimizer = LBFGS([z, y], line_search_fn="strong_wolfe")
    optimizer.step(
        closure_of(optimizer, lambda: (z - aim).abs().square().sum() + (y - 1).square().sum())
    )
    np.testing.assert_allclose(z.detach().numpy(), aim.numpy(), atol=1e-3)
    np.testing.assert_allclose(y.detach().numpy(), [1, 1], atol=1e-3)


def test_it_goes_on_where_a_saved_state_ended():
    def run(saved: bool) -> np.ndarray:
        x = start(-0.5, 0.8, 0.3, 1.2)
        optimizer = LBFGS([x], max_iter=4, line_search_fn="strong_wolfe")
        optimizer.step(closure_of(optimizer, lambda: rosenbrock(x)))
        if saved:
            x = x.detach().clone().requires_grad_()
            other = LBFGS([x], max_iter=4, line_search_fn="strong_wolfe")
            other.load_state_dict(optimizer.state_dict())
            optimizer = other
        optimizer.step(closure_of(optimizer, lambda: rosenbrock(x)))
        return x.detach().numpy()

    np.testing.assert_array_equal(run(True), run(False))


@pytest.mark.parametrize("options", [{"line_search_fn": "strong_wolfe"}, {"lr": 0.02}])
def test_two_steps_go_where_one_of_twice_the_iterations_goes(options: dict[str, Any]):
    ends = []
    for steps, iterations in ((1, 8), (2, 4), (4, 2)):
        x = start(-0.5, 0.8, 0.3, 1.2)
        optimizer = LBFGS([x], max_iter=iterations, max_eval=100, **options)
        calls: list[int] = []

        def loss(x: torch.Tensor = x, calls: list[int] = calls) -> torch.Tensor:
            calls.append(1)
            return rosenbrock(x)

        for _ in range(steps):
            optimizer.step(closure_of(optimizer, loss))
        ends.append(x.detach().numpy())
        assert optimizer.state[x]["n_iter"] == 8
        assert optimizer.state[x]["func_evals"] == len(calls)
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-9)
    np.testing.assert_allclose(ends[2], ends[0], rtol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 10])
def test_the_direction_is_that_of_the_bfgs_formula(size: int):
    """H <- (1 - rho s y^T) H (1 - rho y s^T) + rho s s^T, from (y s / y y) times the identity."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 4))
    A = A @ A.T + np.eye(4)
    memory = _Memory({}, size)
    x = rng.standard_normal(4)
    points: list[np.ndarray] = []
    for _ in range(6):
        g = A @ x
        direction = memory.direction(g)
        points.append(x)
        pairs = [(b - a, A @ (b - a)) for a, b in itertools.pairwise(points)][-size:]
        H = np.eye(4)
        if pairs:
            s, y = pairs[-1]
            H = H * (s @ y) / (y @ y)
        for s, y in pairs:
            left = np.eye(4) - np.outer(s, y) / (s @ y)
            H = left @ H @ left.T + np.outer(s, s) / (s @ y)
        np.testing.assert_allclose(direction, -H @ g, rtol=1e-8)
        memory.remember(g, direction, 0.3, 0.0)
        x = x + 0.3 * direction
    assert len(memory.y) == len(memory.s) == len(memory.rho) == min(size, 5)


def test_what_is_stored_comes_back():
    memory = _Memory({"H_diag": 2.5}, 5)
    assert memory.scale == 2.5
    state: dict[str, Any] = {}
    memory.store(state)
    assert not state  # nothing was remembered yet
    for g in (np.array([3.0, 1.0]), np.array([2.0, -1.0]), np.array([0.5, 0.25])):
        memory.remember(g, memory.direction(g), 0.5, 7.0)
    memory.store(state)
    other = _Memory(state, 5)
    assert (other.scale, other.length, other.rho) == (memory.scale, 0.5, memory.rho)
    assert other.last is not None and other.last.loss == 7.0
    np.testing.assert_array_equal(other.y, memory.y)
    np.testing.assert_array_equal(other.s, memory.s)
    g = np.array([0.25, 1.0])
    np.testing.assert_array_equal(other.direction(g), memory.direction(g))


def test_a_pair_without_curvature_is_not_remembered():
    memory = _Memory({}, 10)
    g = np.array([1.0, 2.0])
    memory.remember(g, memory.direction(g), 1.0, 0.0)
    np.testing.assert_array_equal(memory.direction(g), -g)  # the gradient did not change
    assert not memory.y and memory.scale == 1.0


# when it ends


def iterations(
    loss: Callable[[torch.Tensor], torch.Tensor], at: float, **options: Any
) -> tuple[int, int, float]:
    """(iterations, evaluations, where it ended) of one step from `at`."""
    x = start(at)
    optimizer = LBFGS([x], **{"max_iter": 7, "tolerance_change": 0.0, **options})
    calls: list[int] = []

    def counted() -> torch.Tensor:
        calls.append(1)
        return loss(x).sum()

    optimizer.step(closure_of(optimizer, counted))
    return optimizer.state[x]["n_iter"], len(calls), x.item()


def test_it_ends_after_as_many_evaluations_as_it_may_make():
    slow = {"lr": 0.01, "tolerance_grad": 0.0}
    assert iterations(lambda x: x**2, 4.0, max_eval=4, **slow)[:2] == (3, 4)
    assert iterations(lambda x: x**2, 4.0, max_eval=100, **slow)[:2] == (7, 7)
    search = {"line_search_fn": "strong_wolfe", "max_eval": 100, "tolerance_grad": 0.0}
    assert iterations(lambda x: x**4 + (x - 1) ** 2, 4.0, max_iter=3, **search)[0] == 3


def test_it_ends_where_no_gradient_exceeds_the_tolerance():
    # the first step goes 1/8 of the gradient's way: from 4 to 3.5
    assert iterations(lambda x: x**2 / 2, 4.0, lr=0.5, tolerance_grad=3.5)[:2] == (1, 2)
    assert iterations(lambda x: x**2 / 2, 4.0, lr=0.5, tolerance_grad=3.49)[0] > 1
    assert iterations(lambda x: x * 0, 4.0) == (0, 1, 4.0)


def test_it_ends_where_the_parameters_hardly_change():
    bowl = {"lr": 0.5, "tolerance_grad": 0.0}
    assert iterations(lambda x: x**2 / 2, 4.0, tolerance_change=0.5, **bowl) == (1, 2, 3.5)
    assert iterations(lambda x: x**2 / 2, 4.0, tolerance_change=0.49, **bowl)[0] > 1


def test_it_ends_where_the_loss_hardly_changes():
    # of x / 2 the slope along the direction is -1/4, and a step of 0.9 changes the loss by 0.225
    line = lambda x: x / 2
    assert iterations(line, 10.0, lr=0.9, tolerance_change=0.24)[0] == 1
    assert iterations(line, 10.0, lr=0.9, tolerance_change=0.2)[0] == 7
    assert iterations(line, 10.0, lr=0.5, tolerance_change=0.125)[0] == 7  # by just as much


def test_it_does_not_move_along_a_direction_that_hardly_descends():
    line = lambda x: x / 2
    assert iterations(line, 10.0, lr=0.9, tolerance_change=0.25)[2] == pytest.approx(9.55)
    assert iterations(line, 10.0, lr=0.9, tolerance_change=0.26) == (1, 1, 10.0)


def test_without_iterations_nothing_moves():
    assert iterations(lambda x: x**2, 4.0, max_iter=0, max_eval=5) == (0, 1, 4.0)


def test_a_search_that_finds_nothing_better_leaves_the_parameters():
    def up(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x < 4, x * 0 + 100, x)  # a wall

    found = iterations(up, 4.0, line_search_fn="strong_wolfe", max_iter=2, max_eval=1000)
    assert found[2] == 4.0


# parameters of several kinds


def test_parameters_of_two_dtypes_move_together():
    x = torch.zeros(2, requires_grad=True)
    y = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = LBFGS([x, y], line_search_fn="strong_wolfe")
    optimizer.step(closure_of(optimizer, lambda: (x - 1).square().sum() + (y + 2).square().sum()))
    np.testing.assert_allclose(x.detach().numpy(), [1, 1], atol=1e-5)
    np.testing.assert_allclose(y.detach().numpy(), [-2, -2], atol=1e-5)


def test_missing_gradients_and_empty_parameters_change_no_dtype():
    x, unused = torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)
    empty = torch.zeros(0, requires_grad=True)
    optimizer = LBFGS([x, unused, empty], max_iter=1)
    optimizer.step(closure_of(optimizer, lambda: (x - 1).square().sum() + empty.sum()))
    state = optimizer.state[x]
    assert state["d"].dtype == torch.float32 and state["d"].shape == (5,)
    assert state["H_diag"] == 1.0
    only = LBFGS([empty])
    assert only.step(closure_of(only, lambda: empty.sum())).item() == 0.0


def test_the_state_has_pytorchs_names():
    x = start(-0.5, 0.8)
    optimizer = LBFGS([x], lr=0.1, max_iter=6, history_size=2)
    optimizer.step(closure_of(optimizer, lambda: rosenbrock(x)))
    state = optimizer.state[x]
    assert set(state) == {
        *("func_evals", "n_iter", "d", "t", "old_dirs", "old_stps", "ro", "H_diag"),
        *("prev_flat_grad", "prev_loss"),
    }
    assert state["n_iter"] == 6 and state["func_evals"] == 6 and state["t"] == 0.1
    assert len(state["old_dirs"]) == len(state["old_stps"]) == len(state["ro"]) == 2
    assert all(torch.is_tensor(state[key]) for key in ("d", "prev_flat_grad"))
    assert isinstance(state["prev_loss"], float)


def test_the_loss_before_the_first_iteration_is_returned_as_the_closure_gave_it():
    x = start(0.0, 0.0, 0.0)
    optimizer = LBFGS([x], lr=0.1)
    first: list[Any] = []

    def closure() -> torch.Tensor:
        assert torch.is_grad_enabled()
        value = closure_of(optimizer, lambda: bowl(x))()
        first.append(value)
        return value

    with torch.no_grad():
        assert optimizer.step(closure) is first[0]
        assert optimizer.step(lambda: (setattr(x, "grad", x.detach() * 0), 7.0)[1]) == 7.0


def test_a_gradient_within_tolerance_ends_the_step_at_once():
    x = start(0.0)
    optimizer = LBFGS([x], tolerance_grad=2.0)
    calls = []

    def closure() -> torch.Tensor:
        calls.append(1)
        return closure_of(optimizer, lambda: (2 * x).sum())()

    optimizer.step(closure)
    assert len(calls) == 1 and x.item() == 0.0
    assert optimizer.state[x] == {"func_evals": 1, "n_iter": 0}


def test_a_graph_from_before_the_step_is_refused():
    x = start(0.5, 0.5)
    before = (x * x).sum()
    optimizer = LBFGS([x], lr=0.1, max_iter=1)
    optimizer.step(closure_of(optimizer, lambda: rosenbrock(x)))
    with pytest.raises(RuntimeError, match=r"was then written by LBFGS\.step"):
        before.backward()


def test_the_first_step_is_no_longer_than_the_gradient_makes_it():
    for slope, moved in ((0.5, 0.25), (8.0, 0.5)):  # lr * min(1, 1 / |g|) * g
        x = start(0.0)
        optimizer = LBFGS([x], lr=0.5, max_iter=1)
        optimizer.step(closure_of(optimizer, lambda x=x, slope=slope: (slope * x).sum()))
        assert -x.item() == pytest.approx(moved)


def test_max_eval_is_five_fourths_of_max_iter():
    assert LBFGS([start(0.0)], max_iter=9).defaults["max_eval"] == 11


def test_a_straight_line_is_followed_to_the_bound_of_the_search():
    x = start(0.0)
    optimizer = LBFGS([x], line_search_fn="strong_wolfe", max_iter=1, max_eval=4)
    optimizer.step(closure_of(optimizer, lambda: -x.sum()))
    assert x.item() == 1000.0  # three times ten times further
    a, b = Point(0.0, 1.0, AIM.numpy(), -1.0), Point(2.0, -1.0, AIM.numpy(), -1.0)
    assert cubic_minimum(a, b, (2.5, 20.0)) == cubic_minimum(b, a, (2.5, 20.0)) == 20.0
    assert cubic_minimum(a, b) == cubic_minimum(b, a) == 2.0


def test_cubic_minimum_of_a_cubic_is_its_minimum():
    f = lambda t: (t**3 - 3 * t, 3 * t**2 - 3)  # least at 1
    points = [Point(t, f(t)[0], AIM.numpy(), f(t)[1]) for t in (0.25, 3.0)]
    assert cubic_minimum(*points) == pytest.approx(1.0)
    assert cubic_minimum(*points[::-1]) == pytest.approx(1.0)
    assert cubic_minimum(*points, (1.5, 2.0)) == 1.5
    assert cubic_minimum(*points, (0.0, 0.5)) == 0.5
    assert isinstance(cubic_minimum(*points), float)


def test_without_a_minimum_the_middle_is_taken():
    a = Point(0.0, 0.0, AIM.numpy(), 1.0)
    b = Point(1.0, 0.6, AIM.numpy(), 1.5)  # d1^2 < slope * slope: the cubic only rises
    assert cubic_minimum(a, b) == 0.5
    assert cubic_minimum(a, b, (2.0, 5.0)) == 3.5


def test_a_step_found_satisfies_the_strong_wolfe_conditions():
    f = lambda t: ((t - 3) ** 4, 4 * (t - 3) ** 3)
    for t in (0.01, 1.0, 50.0):
        calls: list[float] = []

        def evaluate(t: float, calls: list[float] = calls) -> tuple[float, np.ndarray]:
            calls.append(t)
            return f(t)[0], np.array([f(t)[1]])

        value, g, found, evaluations = strong_wolfe(
            evaluate, t, np.array([1.0]), *(f(0.0)[0], np.array([f(0.0)[1]]), f(0.0)[1])
        )
        assert evaluations == len(calls)
        assert (value, g.tolist()) == (f(found)[0], [f(found)[1]])
        assert value <= 81 + 1e-4 * found * -108 and abs(f(found)[1]) <= 0.9 * 108


def test_a_search_without_trials_returns_the_better_of_the_two_points():
    g = np.array([-1.0])
    for value, best in ((-1.0, 2.0), (1.0, 0.0), (0.0, 0.0)):
        found = strong_wolfe(lambda t, value=value: (value, g), 2.0, -g, 0.0, g, -1.0, max_ls=0)
        assert found[2] == best and found[3] == 1


def test_refusals_say_what_is_wrong():
    x = start(0.0)
    for call, kind, message in (
        (
            lambda: LBFGS([x]).step(),
            TypeError,
            (
                "LBFGS.step() missing 1 required positional argument: 'closure' (LBFGS evaluates "
                "the loss several times a step: pass a function that computes it and calls "
                "backward)"
            ),
        ),
        (
            lambda: LBFGS([{"params": [x]}, {"params": [start(1.0)]}]),
            ValueError,
            "LBFGS doesn't support per-parameter options (parameter groups)",
        ),
        (
            lambda: LBFGS([x], line_search_fn="guess").step(lambda: 1.0),
            RuntimeError,
            "only 'strong_wolfe' is supported",
        ),
    ):
        with pytest.raises(kind) as e:
            call()
        assert str(e.value) == message


def test_a_state_without_history_descends_along_the_gradient():
    x, y = start(1.0, 2.0, 3.0), start(1.0, 2.0, 3.0)
    first = LBFGS([x], lr=0.01, max_iter=1)
    first.step(closure_of(first, lambda: bowl(x)))
    g = bowl(y)
    g.backward()
    length = min(1.0, 1.0 / float(y.grad.abs().sum())) * 0.01
    second = SGD([y], lr=length)
    second.step()
    np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-12)
