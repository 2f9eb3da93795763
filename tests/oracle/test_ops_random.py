"""Random functions: shapes, dtypes and errors are PyTorch's, distributions by their moments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracle.compare import cases, compare_errors, evaluate, flat, leaves, names_in

torch = pytest.importorskip("torch")

SHAPES = """
torch.rand(3); torch.rand(2, 3); torch.rand((2, 3)); torch.rand([])
torch.rand(2, dtype=torch.float64); torch.rand(0); torch.rand(size=(2,))
torch.rand(2, requires_grad=True); torch.rand(2, generator=torch.Generator())
torch.rand(2, device='cpu'); torch.randn(3); torch.randn(2, 3, dtype=torch.float64)
torch.randn((2,)); torch.randn(2, dtype=torch.float16); torch.randn(())
torch.randn(2, generator=torch.Generator().manual_seed(1), requires_grad=True)
torch.randn(*[2, 2]); torch.randn(torch.Size([3])); torch.rand_like(x); torch.randn_like(x)
torch.rand_like(f, dtype=torch.float64); torch.randn_like(i, dtype=torch.float32)
torch.randn_like(x, requires_grad=True); torch.randint(5, (2, 3)); torch.randint(2, 5, (3,))
torch.randint(0, 5, [2]); torch.randint(5, size=(2,)); torch.randint(low=1, high=4, size=(2, 2))
torch.randint(5, (2,), dtype=torch.int32); torch.randint(0, 2, (3,), dtype=torch.float32)
torch.randint(high=3, size=(2,)); torch.randint(0, 2, (2, 3), generator=torch.Generator())
torch.randint(3, ()); torch.randint_like(x, 5); torch.randint_like(i, 2, 5)
torch.randint_like(f, 3, dtype=torch.int64); torch.randperm(5); torch.randperm(0)
torch.randperm(5, dtype=torch.int32); torch.randperm(3, generator=torch.Generator())
torch.normal(0.0, 1.0, (2, 3)); torch.normal(0, 1, size=(2,)); torch.normal(mean=x, std=p)
torch.normal(x, 1.0); torch.normal(0.0, p); torch.normal(x)
torch.normal(0.0, 1.0, (2,), dtype=torch.float64); torch.normal(row, p)
torch.normal(mean=0.0, std=1.0, size=(1, 2)); torch.bernoulli(v); torch.bernoulli(x, 0.3)
torch.bernoulli(x, p=0.5); v.bernoulli(); x.bernoulli(0.2); f.sigmoid().bernoulli()
torch.multinomial(p, 2); torch.multinomial(p[0], 3); torch.multinomial(p, 6, replacement=True)
p.multinomial(1); p[0].multinomial(2, True); torch.multinomial(torch.tensor([0.0, 3.0, 1.0]), 2)
torch.poisson(p); torch.poisson(f.abs()); torch.binomial(k.double(), v); x.detach().normal_()
x.detach().normal_(2, 3); x.detach().normal_(mean=1, std=2); x.detach().uniform_()
x.detach().uniform_(-1, 1); f.detach().uniform_(0, 5); x.detach().exponential_()
x.detach().exponential_(2.0); x.detach().bernoulli_(); x.detach().bernoulli_(0.2)
x.detach().bernoulli_(v.detach()); i.random_(); i.random_(5); i.random_(2, 5)
x.detach().random_(3); b.random_(); m.random_(); x.detach().cauchy_(); x.detach().log_normal_()
x.detach().geometric_(0.4); x.clone().normal_(); x.clone().uniform_(); i.geometric_(0.3)
x.detach().normal_(generator=torch.Generator())
x.detach().uniform_(0, 1, generator=torch.Generator()); i.random_(0, 3)
"""

ERRORS = """
torch.rand(2, dtype=torch.int64); torch.randn(2, dtype=torch.int32); torch.rand(-1)
torch.randn(-2, 2); torch.randn_like(i); torch.rand_like(i); torch.randint(5, 3, (2,))
torch.randint(0, 0, (2,)); torch.randint(-1, (2,)); torch.randperm(-1)
torch.normal(0.0, -1.0, (2,)); torch.normal(x, -p); torch.normal(x, -2.0); torch.bernoulli(x * 10)
torch.bernoulli(i); torch.multinomial(-p, 1); torch.multinomial(torch.zeros(3), 1)
torch.multinomial(p, 5); torch.multinomial(p, 0); torch.multinomial(torch.ones(2, 2, 2), 1)
torch.multinomial(k, 1); torch.multinomial(torch.tensor([1.0, float('inf')]), 1)
torch.multinomial(torch.tensor([1.0, float('nan')]), 1); torch.poisson(-p); x.normal_()
x.uniform_(); x.detach().normal_(0, -1); x.detach().uniform_(3, 1); x.detach().exponential_(-1.0)
i.normal_(); i.uniform_(); x.detach().geometric_(1.5); x.detach().log_normal_(1, -1)
x.detach().bernoulli_(1.5); i.random_(5, 5); torch.rand_like(1); i.exponential_(); i.cauchy_()
x.detach().exponential_(0.0)
"""

ERROR_TYPES = """
torch.rand(); torch.rand('a'); torch.randn(2.5); torch.rand(2, foo=1); torch.randint(5)
torch.randint((2,)); torch.randint(1, 2, 3); torch.normal(0.0, 1.0); torch.normal('a', 1.0, (2,))
torch.randperm('a'); torch.multinomial(p); torch.rand(2, generator=3); torch.bernoulli(0.5)
torch.multinomial(1, 1); torch.poisson(2.0); torch.rand(2, dtype='float32')
"""


@pytest.mark.parametrize("expression", cases(SHAPES))
def test_shape_and_dtype(expression: str) -> None:
    sides = []
    for package in (torch, tl):
        inputs = leaves(package, names_in(expression), np.float64)
        sides.append(flat(evaluate(package, expression, inputs)))
    for want, got in zip(*sides, strict=True):
        assert tuple(got.shape) == tuple(want.shape)
        assert str(got.dtype) == str(want.dtype)
        if "requires_grad" in expression or not want.requires_grad:
            # a draw from Tensors has a gradient of 0 in PyTorch; here it is a constant
            assert got.requires_grad == want.requires_grad


@pytest.mark.parametrize("expression", cases(ERRORS))
def test_errors(expression: str) -> None:
    compare_errors(expression)


@pytest.mark.parametrize("expression", cases(ERROR_TYPES))
def test_error_types(expression: str) -> None:
    compare_errors(expression, words=0)


N = 40_000

#: what is drawn, its mean, its standard deviation, the lowest and highest possible value
MOMENTS = {
    "rand": (lambda: tl.rand(N), 0.5, math.sqrt(1 / 12), 0, 1),
    "rand16": (lambda: tl.rand(N, dtype=tl.float16), 0.5, math.sqrt(1 / 12), 0, 0.9999),
    "randn": (lambda: tl.randn(N), 0, 1, -9, 9),
    "randn16": (lambda: tl.randn(N, dtype=tl.float16), 0, 1, -9, 9),
    "randint": (lambda: tl.randint(-3, 4, (N,)), 0, 2, -3, 3),
    "normal": (lambda: tl.normal(2.0, 3.0, (N,)), 2, 3, -30, 30),
    "normal_tensors": (lambda: tl.normal(tl.ones(N), tl.full((N,), 0.5)), 1, 0.5, -5, 5),
    "bernoulli": (lambda: tl.bernoulli(tl.full((N,), 0.3)), 0.3, math.sqrt(0.21), 0, 1),
    "poisson": (lambda: tl.poisson(tl.full((N,), 4.0)), 4, 2, 0, 99),
    "binomial": (
        lambda: tl.binomial(tl.full((N,), 10.0), tl.full((N,), 0.5)),
        5,
        math.sqrt(2.5),
        0,
        10,
    ),
    "uniform_": (lambda: tl.empty(N).uniform_(-1, 3), 1, 4 / math.sqrt(12), -1, 3),
    "normal_": (lambda: tl.empty(N).normal_(-1, 2), -1, 2, -20, 20),
    "exponential_": (lambda: tl.empty(N).exponential_(0.5), 2, 2, 0, 99),
    "geometric_": (lambda: tl.empty(N).geometric_(0.25), 4, math.sqrt(12), 1, 199),
    "log_normal_": (lambda: tl.empty(N).log_normal_(0, 0.5).log(), 0, 0.5, -5, 5),
    "random_": (lambda: tl.empty(N).random_(2, 5), 3, math.sqrt(2 / 3), 2, 4),
    "multinomial": (
        lambda: tl.multinomial(tl.tensor([1.0, 0.0, 3.0]), N, True),
        1.5,
        math.sqrt(0.75),
        0,
        2,
    ),
    "first_of_two_without_replacement": (
        lambda: tl.multinomial(tl.tensor([[1.0, 3.0]]).expand(N, 2), 1)[:, 0],
        0.75,
        math.sqrt(0.1875),
        0,
        1,
    ),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name: str) -> None:
    draw, mean, deviation, low, high = MOMENTS[name]
    tl.manual_seed(0)
    x = draw().double()
    standard_error = deviation / math.sqrt(N)
    assert abs(x.mean().item() - mean) < 5 * standard_error
    assert abs(x.std().item() / deviation - 1) < 0.05
    assert low <= x.min().item()
    assert x.max().item() <= high


def test_randperm_is_a_permutation() -> None:
    assert sorted(tl.randperm(50).tolist()) == list(range(50))
    counts = np.zeros((4, 4))
    for _ in range(4000):
        counts[np.arange(4), tl.randperm(4).numpy()] += 1
    assert np.abs(counts / 4000 - 0.25).max() < 0.035


def test_multinomial_without_replacement_does_not_repeat() -> None:
    draws = tl.multinomial(tl.rand(200, 8) + 0.1, 8)
    assert (draws.sort(1)[0] == tl.arange(8)).all()


@pytest.mark.parametrize(
    "draw",
    [
        lambda g: tl.rand(5, generator=g),
        lambda g: tl.randn(5, generator=g),
        lambda g: tl.randint(0, 100, (5,), generator=g),
        lambda g: tl.randperm(9, generator=g),
        lambda g: tl.normal(0.0, 1.0, (5,), generator=g),
        lambda g: tl.bernoulli(tl.full((40,), 0.5), generator=g),
        lambda g: tl.multinomial(tl.ones(9), 5, generator=g),
        lambda g: tl.poisson(tl.full((5,), 9.0), generator=g),
        lambda g: tl.empty(5).uniform_(generator=g),
        lambda g: tl.empty(5).normal_(generator=g),
        lambda g: tl.empty(5).exponential_(generator=g),
        lambda g: tl.empty(5).random_(0, 99, generator=g),
    ],
)
def test_the_seed_decides(draw: Any) -> None:
    first = [draw(tl.Generator().manual_seed(3)).tolist() for _ in range(2)]
    assert first[0] == first[1]
    assert draw(tl.Generator().manual_seed(4)).tolist() != first[0]
    tl.manual_seed(3)
    assert draw(None).tolist() == first[0]  # the default generator has the same design


def test_a_write_of_random_numbers_cuts_the_history() -> None:
    x = tl.ones(3, requires_grad=True)
    y = (x * 2).normal_()
    (y * x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.detach().numpy())
