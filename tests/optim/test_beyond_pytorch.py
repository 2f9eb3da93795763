"""Optimizers PyTorch lacks, against plain NumPy transcriptions of their papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_lite import optim
from tinygrad_lite.core.tensor import make
from tinygrad_lite.optim import sweep
from tinygrad_lite.optim.matrix import newton_schulz

STEPS = 50


@pytest.fixture(params=[1, 10**9], autouse=True)
def path(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the kernel and without."""
    monkeypatch.setattr(sweep, "KERNEL_FROM", request.param)


def gradient(x: np.ndarray, t: int) -> np.ndarray:
    noise = np.random.default_rng(t).standard_normal(x.shape)
    return np.linspace(0.5, 2, x.size).reshape(x.shape) * (x - 0.3) + 0.1 * noise


def follow(
    make_optimizer: Callable[[Any], Any],
    step: Callable[..., Any],
    start: Any = None,
    *,
    together: bool = False,
) -> Any:
    """50 steps with the optimizer and with the transcription step(x, g, t, memory).

    together: each step starts from the same point, where rounding errors would be amplified.
    """
    start = np.random.default_rng(0).standard_normal((4, 3)) if start is None else start
    p = make(start.copy()).requires_grad_()
    optimizer = make_optimizer([p])
    x, memory = start.copy(), {}
    for t in range(1, STEPS + 1):
        x = p.array.copy() if together else x
        p.grad = make(gradient(p.array, t))
        optimizer.step()
        x = step(x, gradient(x, t), t, memory)
        np.testing.assert_allclose(p.array, x, rtol=1e-10, atol=1e-13)
    return optimizer


LION = [
    (lr, b1, b2, wd, sign)
    for lr, wd in ((1e-2, 0.0), (0.1, 0.1), (1e-3, 1.0))
    for b1, b2 in ((0.9, 0.99), (0.5, 0.8))
    for sign in (1, -1)
]


@pytest.mark.parametrize(("lr", "b1", "b2", "decay", "sign"), LION)
def test_lion(lr: float, b1: float, b2: float, decay: float, sign: int) -> None:
    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        m = memory.get("m", 0 * x)
        update = np.sign(b1 * m + (1 - b1) * sign * g)
        memory["m"] = b2 * m + (1 - b2) * sign * g
        return x - lr * (update + decay * x)

    follow(
        lambda ps: optim.Lion(ps, lr=lr, betas=(b1, b2), weight_decay=decay, maximize=sign < 0),
        step,
    )


LAMBS = [
    (lr, betas, eps, wd)
    for lr in (1e-2, 0.1)
    for betas in ((0.9, 0.999), (0.5, 0.9))
    for eps, wd in ((1e-6, 0.0), (1e-6, 0.1), (1e-2, 0.01))
]


@pytest.mark.parametrize(("lr", "betas", "eps", "decay"), LAMBS)
def test_lamb(lr: float, betas: tuple[float, float], eps: float, decay: float) -> None:
    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        memory["m"] = betas[0] * memory.get("m", 0) + (1 - betas[0]) * g
        memory["v"] = betas[1] * memory.get("v", 0) + (1 - betas[1]) * g**2
        m, v = memory["m"] / (1 - betas[0] ** t), memory["v"] / (1 - betas[1] ** t)
        r = m / (np.sqrt(v) + eps) + decay * x
        return x - lr * np.sqrt((x**2).sum()) / np.sqrt((r**2).sum()) * r

    follow(lambda ps: optim.LAMB(ps, lr=lr, betas=betas, eps=eps, weight_decay=decay), step)


FTRLS = [
    (lr, beta, l1, l2)
    for lr in (0.1, 1.0)
    for beta in (1.0, 0.1)
    for l1, l2 in ((0.0, 0.0), (0.5, 0.0), (2.0, 0.5))
]


@pytest.mark.parametrize(("lr", "beta", "l1", "l2"), FTRLS)
def test_ftrl(lr: float, beta: float, l1: float, l2: float) -> None:
    """Algorithm 1 of the paper, from zero weights."""

    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        z, n = memory.get("z", 0 * x), memory.get("n", 0 * x)
        sigma = (np.sqrt(n + g**2) - np.sqrt(n)) / lr
        memory["z"] = z = z + g - sigma * x
        memory["n"] = n = n + g**2
        below = (beta + np.sqrt(n)) / lr + l2
        return np.where(np.abs(z) <= l1, 0.0, -(z - np.sign(z) * l1) / below)

    follow(lambda ps: optim.FTRL(ps, lr=lr, beta=beta, l1=l1, l2=l2), step, np.zeros((4, 3)))


def test_ftrl_makes_exact_zeros_and_keeps_its_start() -> None:
    p = make(np.array([0.5, -2.0, 0.0])).requires_grad_()
    optimizer = optim.FTRL([p], lr=0.5, l1=1.0)
    rng = np.random.default_rng(0)
    p.grad = make(np.zeros(3))
    optimizer.step()
    np.testing.assert_allclose(p.array, [0.5, -2.0, 0.0], rtol=1e-14)
    for _ in range(200):
        noise = 0.1 * rng.standard_normal(3)
        p.grad = make(np.array([2.0, 1e-3, 1e-3]) * p.array + noise * [1, 0, 0])
        optimizer.step()
    assert p.array[0] == 0.0
    assert p.array[1] != 0.0


MUONS = [
    (lr, momentum, nesterov, how)
    for lr in (0.01, 0.1)
    for momentum in (0.95, 0.5)
    for nesterov in (True, False)
    for how in (None, "match_rms_adamw")
]


@pytest.mark.parametrize(("lr", "momentum", "nesterov", "how"), MUONS)
def test_muon(lr: float, momentum: float, nesterov: bool, how: str | None) -> None:
    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        memory["b"] = b = momentum * memory.get("b", 0) + (1 - momentum) * g
        u = (1 - momentum) * g + momentum * b if nesterov else b
        u = u / np.sqrt((u**2).sum())
        for _ in range(5):
            a = u.T @ u  # x is tall here: the smaller of the two products
            u = 3.4445 * u + u @ (-4.775 * a + 2.0315 * a @ a)
        ratio = 0.2 * np.sqrt(4) if how else np.sqrt(4 / 3)
        return x * (1 - lr * 0.1) - lr * ratio * u

    follow(
        lambda ps: optim.Muon(ps, lr=lr, momentum=momentum, nesterov=nesterov, adjust_lr_fn=how),
        step,
        together=True,  # five iterations enlarge small singular values 500 times
    )


def test_newton_schulz_orthogonalizes() -> None:
    x = np.random.default_rng(0).standard_normal((5, 8))
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    exact = newton_schulz(x, (1.5, -0.5, 0.0), 40, 1e-7)
    np.testing.assert_allclose(exact, u @ vt, atol=1e-8)
    usual = np.linalg.svd(newton_schulz(x, (3.4445, -4.775, 2.0315), 5, 1e-7))[1]
    assert 0.6 < usual.min() < usual.max() < 1.3
    for bad in ((x, (1.0, 1.0), 5), (x[0], (1.0, 1.0, 1.0), 5), (x, (1.0, 1.0, 1.0), 100)):
        with pytest.raises(ValueError, match=r"exactly 3|2D matrix|less than 100"):
            newton_schulz(*bad, 1e-7)  # type: ignore[arg-type]


def test_muon_refuses_vectors() -> None:
    with pytest.raises(ValueError, match="only supports 2D parameters"):
        optim.Muon([make(np.zeros(3))])


@pytest.mark.parametrize("name", ["Adagrad", "RMSprop", "Adam", "AdamW"])
def test_epsilon_inside_the_root(name: str) -> None:
    """As the lectures write it."""
    lr, eps = 0.05, 0.1

    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        if name == "Adagrad":
            memory["s"] = s = memory.get("s", 0) + g * g
            return x - lr * g / np.sqrt(s + eps)
        if name == "RMSprop":
            memory["s"] = s = 0.99 * memory.get("s", 0) + 0.01 * g * g
            return x - lr * g / np.sqrt(s + eps)
        if name == "AdamW":
            x = x - lr * 0.01 * x
        memory["m"] = m = 0.9 * memory.get("m", 0) + 0.1 * g
        memory["v"] = v = 0.999 * memory.get("v", 0) + 0.001 * g * g
        return x - lr * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t) + eps)

    optimizer = follow(
        lambda ps: getattr(optim, name)(ps, lr=lr, eps=eps, eps_inside_sqrt=True), step
    )
    assert optimizer.defaults["eps_inside_sqrt"]
    assert "eps_inside_sqrt" not in getattr(optim, name)([make(np.zeros(1))]).defaults


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_epsilon_inside_the_root_of_rmsprop(centered: bool, momentum: float) -> None:
    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        memory["s"] = s = 0.9 * memory.get("s", 0) + 0.1 * g * g
        memory["m"] = m = 0.9 * memory.get("m", 0) + 0.1 * g
        spread = s - m * m if centered else s
        memory["b"] = b = momentum * memory.get("b", 0) + g / np.sqrt(spread + 0.1)
        return x - 0.05 * b

    follow(
        lambda ps: optim.RMSprop(
            ps, 0.05, 0.9, 0.1, momentum=momentum, centered=centered, eps_inside_sqrt=True
        ),
        step,
    )


def test_epsilon_inside_the_root_of_amsgrad() -> None:
    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        memory["m"] = m = 0.9 * memory.get("m", 0) + 0.1 * g
        memory["v"] = v = 0.5 * memory.get("v", 0) + 0.5 * g * g
        memory["top"] = top = np.maximum(memory.get("top", 0), v)
        return x - 0.05 * (m / (1 - 0.9**t)) / np.sqrt(top / (1 - 0.5**t) + 0.1)

    follow(
        lambda ps: optim.Adam(ps, 0.05, (0.9, 0.5), 0.1, amsgrad=True, eps_inside_sqrt=True),
        step,
    )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
def test_nesterov_at_the_point_ahead_is_the_usual_form(momentum: float) -> None:
    """The points ahead, p + momentum * v, are the parameters of SGD(nesterov=True)."""
    start = np.random.default_rng(0).standard_normal(6)
    p, q = make(start.copy()).requires_grad_(), make(start.copy()).requires_grad_()
    textbook = optim.NesterovLookahead([p], lr=0.05, momentum=momentum)
    usual = optim.SGD([q], lr=0.05, momentum=momentum, nesterov=momentum > 0)
    for t in range(STEPS):

        def closure(t: int = t) -> float:
            np.testing.assert_allclose(p.array, q.array, rtol=1e-9, atol=1e-12)
            p.grad = make(gradient(p.array, t))
            return 0.0

        textbook.step(closure)
        q.grad = make(gradient(q.array, t))
        usual.step()
    ahead = p.array + momentum * textbook.state[p]["velocity"].array
    np.testing.assert_allclose(ahead, q.array, rtol=1e-9, atol=1e-12)
    with pytest.raises(TypeError, match="needs a closure"):
        textbook.step()


def test_nesterov_puts_the_parameters_back_when_the_closure_fails() -> None:
    p = make(np.ones(3)).requires_grad_()
    optimizer = optim.NesterovLookahead([p], lr=0.1)

    def good() -> float:
        p.grad = make(np.ones(3))
        return 0.0

    optimizer.step(good)
    before = p.array.copy()

    def bad() -> float:
        raise ArithmeticError("no loss today")

    with pytest.raises(ArithmeticError):
        optimizer.step(bad)
    np.testing.assert_array_equal(p.array, before)


@pytest.mark.parametrize(("k", "alpha"), [(1, 0.5), (5, 0.5), (3, 0.8), (4, 0.0), (2, 1.0)])
def test_lookahead(k: int, alpha: float) -> None:
    def step(x: Any, g: Any, t: int, memory: Any) -> Any:
        slow = memory.setdefault("slow", x.copy())
        fast = x - 0.1 * g
        if t % k == 0:
            memory["slow"] = fast = slow + alpha * (fast - slow)
        return fast

    optimizer = follow(lambda ps: optim.Lookahead(optim.SGD(ps, lr=0.1), k, alpha), step)
    assert optimizer.count == STEPS


def test_lookahead_resumes_and_schedules() -> None:
    p = make(np.ones(3)).requires_grad_()
    optimizer = optim.Lookahead(optim.Adam([p], lr=0.1), k=3)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 2, 0.5)

    def advance(optimizer: Any, p: Any, steps: int) -> None:
        for t in range(steps):
            p.grad = make(gradient(p.array, t))
            optimizer.step()

    advance(optimizer, p, 4)
    scheduler.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    q = make(p.array.copy()).requires_grad_()
    other = optim.Lookahead(optim.Adam([q]), k=9)
    other.load_state_dict(optimizer.state_dict())
    advance(optimizer, p, 10)
    advance(other, q, 10)
    np.testing.assert_array_equal(p.array, q.array)


def test_sparse_adam_says_why() -> None:
    p = make(np.ones(3)).requires_grad_()
    optimizer = optim.SparseAdam([p])
    p.grad = make(np.ones(3))
    with pytest.raises(
        RuntimeError, match="does not support dense gradients, please consider Adam"
    ):
        optimizer.step()
