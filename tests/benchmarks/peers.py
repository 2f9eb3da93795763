"""The other engines, where installed: HIPS autograd, MyGrad and JAX (as called, and jitted).

Two workloads, each written the way that library's users write it: the chain of 100 small ops, and
a training step of a 784-300-100-10 network with tanh and cross entropy on a batch of 200. The
column headed torch shows the library named in the row.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from tests.benchmarks.small_nets import chain

SIZES = (784, 300, 100, 10)
RATE = 0.1

Step = Callable[[], float]


def small_numbers() -> list[np.ndarray]:
    """x, w and b of the chain (small_nets.chain draws the same)."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=16).astype(np.float32) for _ in range(3)]


def network() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Weights and biases in turn, a batch, and its labels."""
    rng = np.random.default_rng(0)
    params: list[np.ndarray] = []
    for fan_in, fan_out in pairwise(SIZES):
        params.append(rng.normal(0, fan_in**-0.5, (fan_in, fan_out)).astype(np.float32))
        params.append(np.zeros(fan_out, np.float32))
    return params, rng.random((200, 784), dtype=np.float32), rng.integers(0, 10, 200)


def ours_network() -> Step:
    """The network on this engine."""
    import tinygrad_lite as tl

    arrays, x_, t_ = network()
    params = [tl.from_numpy(p).requires_grad_() for p in arrays]
    x, t = tl.from_numpy(x_), tl.from_numpy(t_)

    def step() -> float:
        h = x
        for i in range(0, len(params), 2):
            h = (tl.tanh(h) if i else h) @ params[i] + params[i + 1]
        loss = tl.nn.functional.cross_entropy(h, t)
        loss.backward()
        with tl.no_grad():
            for p in params:
                p -= RATE * p.grad
                p.grad = None
        return float(loss.item())

    return step


def functional_loss(np_: Any, log_sum_exp: Callable[..., Any]) -> Callable[..., Any]:
    """loss(params, x, t) in a library that offers NumPy's functions."""

    def loss(params: Any, x: Any, t: Any) -> Any:
        h = x
        for i in range(0, len(params), 2):
            h = np_.dot(np_.tanh(h) if i else h, params[i]) + params[i + 1]
        picked = h[np.arange(len(t)), t]
        return np_.mean(log_sum_exp(h) - picked)

    return loss


def chain_value(np_: Any) -> Callable[..., Any]:
    """sum of the chain, as a function of (w, b)."""
    x, _, _ = small_numbers()

    def value(wb: Any) -> Any:
        w, b = wb
        y = x
        for _ in range(25):
            y = np_.tanh(y * w + b) - x
        return np_.sum(y)

    return value


def hips() -> dict[str, tuple[Step, Step]]:
    """HIPS autograd."""
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    import tinygrad_lite as tl

    _, w, b = small_numbers()
    grad = autograd.grad(chain_value(anp))
    value_and_grad = autograd.value_and_grad(functional_loss(anp, lambda h: logsumexp(h, axis=1)))
    params, x, t = network()

    def step() -> float:
        value, grads = value_and_grad(params, x, t)
        for p, g in zip(params, grads, strict=True):
            p -= RATE * g
        return float(value)

    return {
        "chain of 100, HIPS autograd": (chain(tl), lambda: float(grad((w, b))[0].sum())),
        "MLP step, HIPS autograd": (ours_network(), step),
    }


def mygrad() -> dict[str, tuple[Step, Step]]:
    """MyGrad."""
    import mygrad as mg
    from mygrad.nnet.losses import softmax_crossentropy

    import tinygrad_lite as tl

    x_, w_, b_ = small_numbers()
    w, b = mg.tensor(w_), mg.tensor(b_)

    def small() -> float:
        y = x_
        for _ in range(25):
            y = mg.tanh(y * w + b) - x_
        mg.sum(y).backward()
        return float(w.grad.sum())

    arrays, x, t = network()
    params = [mg.tensor(p) for p in arrays]

    def step() -> float:
        h = x
        for i in range(0, len(params), 2):
            h = mg.matmul(mg.tanh(h) if i else h, params[i]) + params[i + 1]
        loss = softmax_crossentropy(h, t)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
        return float(loss)

    return {
        "chain of 100, MyGrad": (chain(tl), small),
        "MLP step, MyGrad": (ours_network(), step),
    }


def jax() -> dict[str, tuple[Step, Step]]:
    """JAX, as called and jitted."""
    import jax as library
    import jax.numpy as jnp

    import tinygrad_lite as tl

    _, w, b = small_numbers()
    pair = (jnp.asarray(w), jnp.asarray(b))
    grad = library.grad(chain_value(jnp))
    jitted_grad = library.jit(grad)
    loss = functional_loss(jnp, lambda h: library.nn.logsumexp(h, axis=1))

    def update(params: Any, x: Any, t: Any) -> Any:
        value, grads = library.value_and_grad(loss)(params, x, t)
        return value, [p - RATE * g for p, g in zip(params, grads, strict=True)]

    def trained(update: Callable[..., Any]) -> Step:
        arrays, x, t = network()
        state = {"params": [jnp.asarray(p) for p in arrays]}
        x_, t_ = jnp.asarray(x), jnp.asarray(t)

        def step() -> float:
            value, state["params"] = update(state["params"], x_, t_)
            return float(value)

        return step

    return {
        "chain of 100, JAX": (chain(tl), lambda: float(grad(pair)[0].sum())),
        "chain of 100, JAX jitted": (chain(tl), lambda: float(jitted_grad(pair)[0].sum())),
        "MLP step, JAX": (ours_network(), trained(update)),
        "MLP step, JAX jitted": (ours_network(), trained(library.jit(update))),
    }


def workloads() -> dict[str, tuple[Step, Step]]:
    """Name: (ours, that library's), of those that are installed."""
    found: dict[str, tuple[Step, Step]] = {}
    for name, build in {"autograd": hips, "mygrad": mygrad, "jax": jax}.items():
        if importlib.util.find_spec(name) is not None:
            found |= build()
    return found
