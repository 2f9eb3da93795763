"""The step itself: in place, hooks, closures, views, the tape's version counter, saving."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import optim
from tinygrad_lite.core.tensor import make
from tinygrad_lite.kernels._jit import enabled, use_numba
from tinygrad_lite.optim import sweep

SIMPLE = (
    "SGD",
    "ASGD",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "Adagrad",
    "Adadelta",
    "RMSprop",
    "Rprop",
    "FTRL",
    "Lion",
    "LAMB",
    "Adafactor",
)


def leaf(*shape: int, dtype: Any = np.float64, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return make(np.asarray(values)).requires_grad_()


def bowl(*params: Any) -> Any:
    """A loss with gradient p - 1."""
    return sum((((p - 1) ** 2).sum() for p in params), start=tl.tensor(0.0)) / 2


def train(optimizer: Any, params: list[Any], steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        bowl(*params).backward()
        optimizer.step()


@pytest.mark.parametrize("name", SIMPLE)
def test_descends(name: str) -> None:
    p = leaf(4, 3)
    optimizer = getattr(optim, name)([p], lr=0.05)
    before = bowl(p).item()
    train(optimizer, [p], 30)
    assert bowl(p).item() < before


def test_in_place_and_not_recorded() -> None:
    p = leaf(3)
    array, node = p.array, p.node
    train(optim.Adam([p]), [p], 2)
    assert p.array is array
    assert p.node is node
    assert p.is_leaf
    assert p.requires_grad


def test_a_graph_from_before_the_step_is_refused() -> None:
    p = leaf(3)
    optimizer = optim.SGD([p], lr=0.1)
    loss = (p * p * p).sum()
    for _ in range(2):  # the second step takes the short way through the remembered sweep
        p.grad = make(np.ones(3))
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
        loss = (p * p * p).sum()
    p.grad = make(np.ones(3))
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"SGD\.step"):
        loss.backward()


@pytest.mark.parametrize("kernel_from", [1, 10**9])
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_views_and_strides(name: str, kernel_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters and gradients of any layout give what contiguous ones give."""
    monkeypatch.setattr(sweep, "KERNEL_FROM", kernel_from)
    options = {"momentum": 0.9} if name == "SGD" else {}
    base = np.random.default_rng(0).standard_normal((6, 8))
    layouts = [base.copy(), base.copy().T, base.copy()[::2, ::-1], np.asfortranarray(base)]
    odd = [make(a).requires_grad_() for a in layouts]
    plain = [make(np.ascontiguousarray(a)).requires_grad_() for a in layouts]
    a = getattr(optim, name)(odd, lr=0.1, **options)
    b = getattr(optim, name)(plain, lr=0.1, **options)
    rng = np.random.default_rng(1)
    for _ in range(5):
        for p, q in zip(odd, plain, strict=True):
            g = rng.standard_normal(q.array.shape)
            p.grad, q.grad = make(np.asfortranarray(g)), make(g)
        a.step()
        b.step()
    for p, q in zip(odd, plain, strict=True):
        np.testing.assert_array_equal(p.array, q.array)


def test_mixed_dtypes_in_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "KERNEL_FROM", 1)
    dtypes = [np.float32, np.float64, np.float16, np.float32]
    params = [leaf(5, dtype=d) for d in dtypes]
    alone = [leaf(5, dtype=d) for d in dtypes]
    together = optim.Adam(params, lr=0.1, eps=1e-3)
    single = [optim.Adam([p], lr=0.1, eps=1e-3) for p in alone]
    for _ in range(3):
        for p, q in zip(params, alone, strict=True):
            p.grad = make(p.array.copy())
            q.grad = make(q.array.copy())
        together.step()
        for optimizer in single:
            optimizer.step()
    for p, q in zip(params, alone, strict=True):
        np.testing.assert_array_equal(p.array, q.array)


@pytest.mark.parametrize("kernel_from", [1, 10**9])
def test_arrays_replaced_between_steps(kernel_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "KERNEL_FROM", kernel_from)
    p, q = leaf(4), leaf(4)
    a, b = optim.SGD([p], lr=0.1, momentum=0.9), optim.SGD([q], lr=0.1, momentum=0.9)
    for t in range(6):
        p.grad = make(p.array.copy())
        if q.grad is None:
            q.grad = make(q.array.copy())
        else:
            q.grad.array[...] = q.array
        if t == 2:
            p.data = make(p.array.copy())
        if t == 4:
            state = a.state[p]
            state["momentum_buffer"] = make(state["momentum_buffer"].array.copy())
        a.step()
        b.step()
    np.testing.assert_array_equal(p.array, q.array)


def test_state_cleared_starts_anew() -> None:
    p, q = leaf(4), leaf(4)
    a, b = optim.SGD([p], lr=0.1, momentum=0.9), optim.SGD([q], lr=0.1, momentum=0.9)
    train(a, [p], 3)
    a.state.clear()
    q.array[...] = p.array
    train(a, [p], 3)
    train(b, [q], 3)
    np.testing.assert_array_equal(p.array, q.array)
    a.state[p].clear()
    train(a, [p], 1)


def test_frozen_and_gradientless_parameters_are_skipped() -> None:
    p, q, frozen = leaf(3), leaf(3), make(np.ones(3))
    optimizer = optim.AdamW([p, q, frozen])
    before = q.array.copy()
    p.grad = make(np.ones(3))
    optimizer.step()
    np.testing.assert_array_equal(q.array, before)
    np.testing.assert_array_equal(frozen.array, np.ones(3))
    assert list(optimizer.state_dict()["state"]) == [0]


def test_step_without_any_gradient_warns_once() -> None:
    p = leaf(3)
    before = p.array.copy()
    optimizer = optim.SGD([p])
    with pytest.warns(UserWarning, match=r"no parameter has a gradient. Call backward\(\)"):
        optimizer.step()
    optimizer.step()
    np.testing.assert_array_equal(p.array, before)


@pytest.mark.parametrize("kernel_from", [1, 10**9])
def test_gradients_are_not_kept(kernel_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once zero_grad has dropped them their memory is free for the next forward pass."""
    monkeypatch.setattr(sweep, "KERNEL_FROM", kernel_from)
    params = [leaf(3, 4), make(np.zeros((4, 3)).T).requires_grad_()]
    optimizer = optim.Adam(params)
    for _ in range(3):
        for p in params:
            p.grad = make(np.ones((4, 3)).T if p is params[0] else np.ones((3, 4)))
        seen = [weakref.ref(p.grad.array) for p in params]
        optimizer.step()
        optimizer.zero_grad()
        assert [r() for r in seen] == [None, None]


def test_zero_grad() -> None:
    p = leaf(3)
    optimizer = optim.SGD([p])
    bowl(p).backward()
    gradient = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is gradient
    np.testing.assert_array_equal(p.grad.array, np.zeros(3))
    optimizer.zero_grad()
    assert p.grad is None


def test_closure_runs_with_recording_on() -> None:
    p = leaf(3)
    optimizer = optim.SGD([p], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = bowl(p)
        loss.backward()
        return loss

    with tl.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() > bowl(p).item()


def test_hooks() -> None:
    p = leaf(3)
    optimizer = optim.SGD([p], lr=0.1)
    p.grad = make(np.ones(3))
    seen: list[str] = []
    handles = [
        optim.register_optimizer_step_pre_hook(lambda o, a, k: seen.append("all before")),
        optimizer.register_step_pre_hook(lambda o, a, k: seen.append("before")),
        optimizer.register_step_post_hook(lambda o, a, k: seen.append("after")),
        optim.register_optimizer_step_post_hook(lambda o, a, k: seen.append("all after")),
    ]
    optimizer.step()
    assert seen == ["all before", "before", "after", "all after"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(seen) == 4
    calls: list[Any] = []
    swap = optimizer.register_step_pre_hook(lambda o, a, k: ((o, lambda: calls.append(1)), {}))
    optimizer.step()
    assert calls == [1]
    swap.remove()
    optimizer.register_step_pre_hook(lambda o, a, k: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple of"):
        optimizer.step()


def test_state_dict_hooks() -> None:
    p = leaf(3)
    optimizer = optim.Adam([p])
    train(optimizer, [p], 1)
    seen: list[str] = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, s: s | {"extra": 1})
    saved = optimizer.state_dict()
    assert seen == ["first", "second"]
    assert saved.pop("extra") == 1
    optimizer.register_load_state_dict_pre_hook(lambda o, s: s | {"state": {}})
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(saved)
    assert seen[-1] == "loaded"
    assert not optimizer.state


def test_an_error_leaves_everything_as_it_was() -> None:
    """State of another model in the second group: the first group is not updated either."""
    p, q = leaf(3), leaf(4)
    optimizer = optim.Adam([{"params": [p]}, {"params": [q]}])
    train(optimizer, [p, q], 2)
    optimizer.state[q]["exp_avg"] = make(np.zeros(7))
    p.grad, q.grad = make(np.ones(3)), make(np.ones(4))
    before = p.array.copy(), q.array.copy()
    step = float(optimizer.state[p]["step"])
    with pytest.raises(RuntimeError, match=r"The size of tensor a \[4\] must match .* \[7\]"):
        optimizer.step()
    np.testing.assert_array_equal(p.array, before[0])
    np.testing.assert_array_equal(q.array, before[1])
    assert float(optimizer.state[p]["step"]) == step


def test_differentiable_refuses_to_write_into_a_leaf() -> None:
    p = leaf(3)
    optimizer = optim.SGD([p], lr=0.1, differentiable=True)
    train(optimizer, [p], 1)
    optimizer.zero_grad()
    (p**3).sum().backward(create_graph=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        optimizer.step()


def test_duplicate_parameters_warn_and_count_once() -> None:
    p, q = leaf(3), leaf(3)
    with pytest.warns(UserWarning, match="contains a parameter group with duplicate parameters"):
        a = optim.Adam([p, p])
    b = optim.Adam([q])
    train(a, [p], 3)
    train(b, [q], 3)
    np.testing.assert_array_equal(p.array, q.array)


def test_non_leaf() -> None:
    p = leaf(3)
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        optim.SGD([p * 2])


def test_an_optimizer_written_for_pytorch() -> None:
    class Signs(optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @tl.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        state = self.state[p]
                        state["count"] = state.get("count", 0) + 1
                        p.sub_(group["lr"] * p.grad.sign())

    p = leaf(3)
    optimizer = Signs([p], lr=0.1)
    before = p.array.copy()
    optimizer.zero_grad()
    bowl(p).backward()
    optimizer.step()
    np.testing.assert_allclose(p.array, before - 0.1 * np.sign(before - 1))
    assert optimizer.state_dict()["state"] == {0: {"count": 1}}


@pytest.mark.parametrize("name", SIMPLE)
def test_resumes_bit_for_bit(name: str) -> None:
    """Saved after ten steps and loaded by a new optimizer, training goes on as if never stopped."""
    params = [leaf(4, 3, dtype=np.float32), leaf(2, dtype=np.float32)]
    optimizer = getattr(optim, name)(params, lr=0.05)
    train(optimizer, params, 10)
    saved = pickle.loads(pickle.dumps(optimizer.state_dict()))
    again = [make(p.array.copy()).requires_grad_() for p in params]
    other = getattr(optim, name)(again, lr=1.0)
    other.load_state_dict(saved)
    train(optimizer, params, 10)
    train(other, again, 10)
    for p, q in zip(params, again, strict=True):
        np.testing.assert_array_equal(p.array, q.array)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_alone(duplicate: Any) -> None:
    p = leaf(3)
    optimizer = optim.Adam([p], lr=0.1)
    train(optimizer, [p], 3)
    other = duplicate(optimizer)
    q = other.param_groups[0]["params"][0]
    assert q is not p
    train(optimizer, [p], 3)
    train(other, [q], 3)
    np.testing.assert_array_equal(p.array, q.array)


def test_loading_takes_the_parameters_dtype() -> None:
    p, q = leaf(3, dtype=np.float32), leaf(3)
    a, b = optim.Adam([p]), optim.Adam([q])
    train(a, [p], 2)
    b.load_state_dict(a.state_dict())
    assert b.state[q]["exp_avg"].array.dtype == np.float64
    assert b.state[q]["step"].array.dtype == np.float32
    assert b.state[q]["exp_avg"].array is not a.state[p]["exp_avg"].array


@pytest.mark.skipif(not enabled(), reason="the NumPy reference makes temporary arrays")
@pytest.mark.parametrize(
    ("name", "options"),
    [("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {"amsgrad": True}), ("RMSprop", {})],
)
def test_no_allocation_after_the_first_step(name: str, options: dict[str, Any]) -> None:
    params = [leaf(100, 100, dtype=np.float32) for _ in range(10)]
    optimizer = getattr(optim, name)(params, lr=0.01, **options)
    for p in params:
        p.grad = make(np.ones((100, 100), np.float32))
    optimizer.step()
    optimizer.step()
    for p in params:
        p.grad = make(np.ones((100, 100), np.float32))
    tracemalloc.start()
    try:
        optimizer.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000, f"{peak} bytes; one parameter alone has {params[0].nbytes}"


@pytest.mark.skipif(not enabled(), reason="numba is switched off or missing")
def test_numba_is_not_needed() -> None:
    results = []
    for on in (True, False):
        with use_numba(on):
            p = leaf(100, 100, dtype=np.float32)
            train(optim.Adam([p], lr=0.01), [p], 3)
            results.append(p.array)
    np.testing.assert_array_equal(*results)


@pytest.mark.skipif(not enabled(), reason="numba is switched off or missing")
def test_small_groups_change_to_the_kernel_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    p, q = leaf(5), leaf(5)
    a, b = optim.Adam([p], lr=0.1), optim.Adam([q], lr=0.1)
    train(a, [p], 20)
    monkeypatch.setattr(sweep, "KERNEL_AFTER", 7)
    monkeypatch.setattr(sweep, "loaded", lambda: True)
    train(b, [q], 20)
    (used,) = b._sweeps.values()
    assert used.blocks
    assert not used.singles
    np.testing.assert_array_equal(p.array, q.array)


def test_rates_as_tensors() -> None:
    p = leaf(3)
    optimizer = optim.SGD([p], lr=tl.tensor(0.1))
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    rate = optimizer.param_groups[0]["lr"]
    train(optimizer, [p], 1)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.05)
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        optim.Adam([p], lr=tl.tensor([0.1, 0.2]))
