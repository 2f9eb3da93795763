"""Steps that are part of the graph: optimizers made with differentiable=True."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import optim
from tinygrad_lite.testing import gradcheck

# name -> (options, state that a step starts from)
RECORDED = {
    "SGD": ({"lr": 0.9, "momentum": 0.9}, ["momentum_buffer"]),
    "Adam": ({"lr": 0.9, "amsgrad": True}, ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]),
    "AdamW": ({"lr": 0.9}, ["exp_avg", "exp_avg_sq"]),
    "RMSprop": (
        {"lr": 0.9, "momentum": 0.9, "maximize": True, "weight_decay": 0.1},
        ["square_avg", "momentum_buffer"],
    ),
    "Adadelta": ({"lr": 0.9, "weight_decay": 0.1}, ["square_avg", "acc_delta"]),
    "Adagrad": ({"lr": 0.9, "lr_decay": 0.1}, ["sum"]),
    "Adamax": ({"lr": 0.9}, ["exp_avg", "exp_inf"]),
    "ASGD": ({"lr": 0.9}, ["ax"]),
    "Rprop": ({"lr": 0.9}, ["prev", "step_size"]),
    "NAdam": ({"lr": 0.9, "decoupled_weight_decay": True}, ["exp_avg", "exp_avg_sq"]),
    "RAdam": ({"lr": 0.9, "weight_decay": 0.1}, ["exp_avg", "exp_avg_sq"]),
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_step_is_the_kernels_and_has_the_gradient_of_its_formula(name):
    options, names = RECORDED[name]
    values = 0.1 + np.random.default_rng(0).random((2 + len(names), 3))

    def one_step(p, g, *state, **flags):
        p = p.clone() if flags else p
        p.grad = g
        optimizer = getattr(optim, name)([p], **options, **flags)
        first = tl.zeros(3, dtype=tl.float64).requires_grad_()
        first.grad = tl.ones(3, dtype=tl.float64)
        other = getattr(optim, name)([first], **options)
        other.step()  # what it keeps besides `state`
        optimizer.state[p].update(
            {k: v.clone() if isinstance(v, tl.Tensor) else v for k, v in other.state[first].items()}
        )
        optimizer.state[p].update(zip(names, [s.clone() for s in state]))
        optimizer.step()
        return p, *[optimizer.state[p][k] for k in names]

    plain = one_step(*[tl.tensor(v, requires_grad=i == 0) for i, v in enumerate(values)])
    inputs = [tl.tensor(v, requires_grad=True) for v in values]
    recorded = one_step(*inputs, differentiable=True)
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6)
    assert gradcheck(lambda *xs: one_step(*xs, differentiable=True), inputs)


def test_a_learning_rate_is_learned_through_two_steps():
    lr = tl.tensor(0.1, dtype=tl.float64, requires_grad=True)

    def loss_after_training(lr):
        p = tl.ones(2, dtype=tl.float64, requires_grad=True).clone()
        optimizer = optim.Adam([p], lr=lr, differentiable=True)
        for _ in range(2):
            p.grad = 2 * p
            optimizer.step()
        return (p * p).sum()

    assert gradcheck(loss_after_training, (lr,))
