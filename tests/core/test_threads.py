"""Modes belong to a thread or a task; two threads train two models at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_lite as tl


def train(seed: int, steps: int = 40) -> tuple[np.ndarray, float]:
    rng = np.random.default_rng(seed)
    x = tl.tensor(rng.standard_normal((32, 4)))
    target = tl.tensor(rng.standard_normal((32, 1)))
    w1 = tl.tensor(rng.standard_normal((4, 8)) * 0.5, requires_grad=True)
    w2 = tl.tensor(rng.standard_normal((8, 1)) * 0.5, requires_grad=True)
    loss = target.sum()
    for _ in range(steps):
        d = (x @ w1).tanh() @ w2 - target
        loss = (d * d).mean()
        w1.grad = w2.grad = None
        loss.backward()
        with tl.no_grad():
            w1 -= 0.05 * w1.grad
            w2 -= 0.05 * w2.grad
    return w1.detach().numpy(), loss.item()


def test_threads_train_as_one_thread_does() -> None:
    alone = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train, range(4)))
    for (w, loss), (v, other) in zip(alone, together, strict=True):
        np.testing.assert_array_equal(w, v)
        assert loss == other


def test_no_grad_stays_in_its_thread() -> None:
    inside, done = threading.Event(), threading.Event()
    found = []

    def other() -> None:
        inside.wait(5)
        found.append(tl.is_grad_enabled())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tl.no_grad():
        inside.set()
        done.wait(5)
        assert not tl.is_grad_enabled()
    thread.join()
    assert found == [True]


def test_no_grad_stays_in_its_task() -> None:
    async def with_grad(turn: asyncio.Event) -> bool:
        await turn.wait()
        x = tl.ones(2, requires_grad=True)
        return (x * 2).requires_grad

    async def without_grad(turn: asyncio.Event) -> bool:
        with tl.no_grad():
            turn.set()
            await asyncio.sleep(0.01)
            x = tl.ones(2, requires_grad=True)
            return (x * 2).requires_grad

    async def both() -> list[bool]:
        turn = asyncio.Event()
        return await asyncio.gather(with_grad(turn), without_grad(turn))

    assert asyncio.run(both()) == [True, False]


def test_a_generator_under_no_grad_leaves_its_caller_alone() -> None:
    @tl.no_grad()
    def numbers():  # type: ignore[no-untyped-def]
        yield tl.is_grad_enabled()
        yield tl.is_grad_enabled()

    steps = numbers()
    assert next(steps) is False
    assert tl.is_grad_enabled()
    assert next(steps) is False


def test_modes_nest_and_survive_exceptions() -> None:
    with tl.no_grad():
        with tl.enable_grad():
            assert tl.is_grad_enabled()
        assert not tl.is_grad_enabled()
        with pytest.raises(ValueError, match="inside"):
            with tl.set_grad_enabled(True):
                raise ValueError("inside")
        assert not tl.is_grad_enabled()
    assert tl.is_grad_enabled()
    with tl.inference_mode():
        assert tl.is_inference_mode_enabled()
        assert not (tl.ones(1, requires_grad=True) * 2).requires_grad
    assert not tl.is_inference_mode_enabled()


def test_set_grad_enabled_as_a_statement() -> None:
    tl.set_grad_enabled(False)
    try:
        assert not tl.is_grad_enabled()
    finally:
        tl.set_grad_enabled(True)


def test_one_graph_built_in_one_thread_and_differentiated_in_another() -> None:
    x = tl.ones(3, dtype=tl.float64, requires_grad=True)
    loss = (x * x).sum()
    thread = threading.Thread(target=loss.backward)
    thread.start()
    thread.join()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
