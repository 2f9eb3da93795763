"""Derivatives where there is more than one, or where a formula would give NaN: PyTorch's choice.

The values are written out, so that they hold without PyTorch (tests/oracle compares with it).
"""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
import tinygrad_lite.nn.functional as F

INF, NAN = math.inf, math.nan


def gradient(function: Any, values: Any) -> list[Any]:
    x = tl.tensor(values, dtype=tl.float64, requires_grad=True)
    out = function(x)
    out = out[0] if isinstance(out, tuple) else out
    (out.sum() if out.requires_grad else out).backward()
    return x.grad.tolist()


KINKS = {
    "abs'(0) = 0": (tl.abs, [-1.0, 0.0, 2.0], [-1, 0, 1]),
    "relu'(0) = 0": (tl.relu, [-1.0, 0.0, 2.0], [0, 0, 1]),
    "sign' = 0": (tl.sign, [-1.0, 0.0, 2.0], [0, 0, 0]),
    "clamp'(bound) = 1": (lambda x: x.clamp(0, 1), [-1.0, 0.0, 1.0, 2.0], [0, 1, 1, 0]),
    "hardtanh'(bound) = 0": (F.hardtanh, [-1.0, 0.0, 1.0], [0, 1, 0]),
    "relu6'(bound) = 0": (F.relu6, [0.0, 3.0, 6.0], [0, 1, 0]),
    "x^0 has derivative 0": (lambda x: x**0, [0.0, 2.0], [0, 0]),
    "x^1 at 0": (lambda x: x**1, [0.0, 2.0], [1, 1]),
    "x^2 at 0": (lambda x: x**2, [0.0, 2.0], [0, 4]),
    "0^y towards y": (lambda y: 0.0**y, [0.0, 2.0], [0, 0]),
    "0^0 towards x, y a Tensor": (lambda x: x ** tl.zeros(2, dtype=tl.float64), [0.0, 2.0], [0, 0]),
    "sqrt'(0) = inf": (tl.sqrt, [0.0, 4.0], [INF, 0.25]),
    "sqrt of relu at 0: the mask wins": (lambda x: x.relu().sqrt(), [-1.0, 0.0, 4.0], [0, 0, 0.25]),
    "maximum shares a tie": (lambda x: tl.maximum(x, tl.ones(3)), [0.0, 1.0, 2.0], [0, 0.5, 1]),
    "minimum shares a tie": (lambda x: tl.minimum(x, tl.ones(3)), [0.0, 1.0, 2.0], [1, 0.5, 0]),
    "fmax gives a tie to x": (lambda x: tl.fmax(x, tl.ones(3)), [0.0, 1.0, 2.0], [0, 1, 1]),
    "amax shares evenly": (lambda x: x.amax(), [3.0, 1.0, 3.0], [0.5, 0, 0.5]),
    "max() shares evenly": (lambda x: x.max(), [3.0, 1.0, 3.0], [0.5, 0, 0.5]),
    "max(dim) picks the first": (lambda x: x.max(0), [3.0, 1.0, 3.0], [1, 0, 0]),
    "min(dim) picks the first": (lambda x: x.min(0), [1.0, 3.0, 1.0], [1, 0, 0]),
    "cummax gives a tie to the later": (lambda x: x.cummax(0), [1.0, 1.0, 0.0], [1, 2, 0]),
    "median() shares evenly": (lambda x: x.median(), [2.0, 2.0, 1.0, 5.0], [0.5, 0.5, 0, 0]),
    "norm at 0": (tl.norm, [0.0, 0.0], [0, 0]),
    "1-norm at 0": (lambda x: x.norm(1), [0.0, -2.0], [0, -1]),
    "inf-norm shares a tie": (lambda x: x.norm(INF), [2.0, -2.0, 1.0], [0.5, -0.5, 0]),
    "std of equal elements": (tl.std, [2.0, 2.0], [0, 0]),
    "atan2 at the origin": (lambda x: tl.atan2(x, tl.zeros(2)), [0.0, 1.0], [0, 0]),
    "sinc at 0": (tl.sinc, [0.0, 1.0], [0, -1]),
    "prod, no zero": (tl.prod, [2.0, 3.0], [3, 2]),
    "prod, one zero": (tl.prod, [2.0, 0.0, 3.0], [0, 6, 0]),
    "prod, two zeros": (tl.prod, [2.0, 0.0, 0.0], [0, 0, 0]),
    "cumprod, one zero": (lambda x: x.cumprod(0), [2.0, 0.0, 3.0, 4.0], [1, 32, 0, 0]),
    "cumprod, two zeros": (lambda x: x.cumprod(0), [2.0, 0.0, 0.0, 4.0], [1, 2, 0, 0]),
    "logsumexp with -inf": (lambda x: x.logsumexp(0), [-INF, 0.0], [0, 1]),
    "logaddexp with -inf": (lambda x: tl.logaddexp(x, tl.zeros(2)), [-INF, 0.0], [0, 0.5]),
    "softmax with -inf": (lambda x: x.softmax(0)[1:], [-INF, 0.0, 0.0], [0, 0, 0]),
    "where keeps a NaN out": (lambda x: tl.where(x > 0, x.log(), x), [-1.0, 2.0], [1, 0.5]),
    "masked_fill keeps a NaN out": (
        lambda x: x.log().masked_fill(x < 0, 0.0),
        [-1.0, 2.0],
        [0, 0.5],
    ),
    "nan_to_num": (tl.nan_to_num, [NAN, INF, 1.0], [0, 0, 1]),
    "nansum": (tl.nansum, [NAN, 1.0], [0, 1]),
    "xlogy at 0": (lambda x: tl.xlogy(x, tl.zeros(2)), [0.0, 0.0], [0, 0]),
    "leaky_relu'(0) = slope": (F.leaky_relu, [-1.0, 0.0, 1.0], [0.01, 0.01, 1]),
    "elu'(0)": (F.elu, [0.0, 1.0], [1, 1]),
    "threshold at it": (lambda x: tl.threshold(x, 1, 0), [0.0, 1.0, 2.0], [0, 0, 1]),
    "fmod keeps 1": (lambda x: tl.fmod(x, 2.0), [-2.0, 1.0, 4.0], [1, 1, 1]),
}


@pytest.mark.parametrize("name", KINKS)
def test_kink(name: str) -> None:
    function, at, want = KINKS[name]
    np.testing.assert_allclose(gradient(function, at), want, equal_nan=True)


def test_products_have_second_derivatives_at_zeros() -> None:
    """Where out / x would be 0 / 0: d2(abc)/da db = c, also for a = b = 0."""
    for function in (tl.prod, lambda x: x.cumprod(0)[-1]):
        x = tl.tensor([0.0, 0.0, 5.0], dtype=tl.float64, requires_grad=True)
        (g,) = tl.autograd.grad(function(x), x, create_graph=True)
        second = [tl.autograd.grad(g[i], x, retain_graph=True)[0].tolist() for i in range(3)]
        assert second == [[0, 5, 0], [5, 0, 0], [0, 0, 0]]


def test_integers_beside_zero() -> None:
    i = tl.tensor([5, -5])
    for divide in (lambda: i // 0, lambda: i % 0, lambda: tl.fmod(i, 0)):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            divide()
    assert (i / 0).tolist() == [INF, -INF]
    assert (i // 2).tolist() == [2, -3]
    assert (i % 3).tolist() == [2, 1]
    assert tl.fmod(i, 3).tolist() == [2, -2]


def test_float16_accumulates_in_float32() -> None:
    x = tl.full((4096,), 1.0, dtype=tl.float16)
    assert x.sum().item() == 4096.0
    assert x.mean().item() == 1.0
    assert (x * 100).std().item() == 0.0
    assert (x * 100).norm().item() == 6400.0
    assert x.softmax(0).sum().item() == pytest.approx(1.0, abs=1e-2)


def test_saturation_does_not_overflow() -> None:
    x = tl.tensor([-1000.0, 1000.0], dtype=tl.float64, requires_grad=True)
    for function, want in (
        (tl.sigmoid, [0.0, 1.0]),
        (F.softplus, [0.0, 1000.0]),
        (F.logsigmoid, [-1000.0, 0.0]),
        (tl.tanh, [-1.0, 1.0]),
        (lambda v: v.softmax(0), [0.0, 1.0]),
        (lambda v: v.log_softmax(0), [-2000.0, 0.0]),
        (F.silu, [0.0, 1000.0]),
        (F.mish, [0.0, 1000.0]),
        (F.gelu, [0.0, 1000.0]),
    ):
        y = function(x)
        np.testing.assert_allclose(y.detach().numpy(), want, atol=1e-300)
        (g,) = tl.autograd.grad(y.sum(), x, create_graph=True)
        assert g.isfinite().all()
        if g.requires_grad:
            (h,) = tl.autograd.grad(g.sum(), x)
            assert h.isfinite().all()


@pytest.mark.parametrize("noise", range(3))
def test_where_by_bits_equals_where(noise: int) -> None:
    """Large arrays are selected by arithmetic on bits; NaN, inf and -0.0 pass unchanged."""
    rng = np.random.default_rng(noise)
    for dtype in (np.float16, np.float32, np.float64):
        x, y = rng.normal(size=(2, 80, 60)).astype(dtype)
        x[rng.random(x.shape) < 0.1] = rng.choice([NAN, INF, -INF, -0.0])
        mask = rng.random(x.shape) < 0.5
        for a, b in ((x, y), (x, x[:1]), (x, y[:, :1]), (x.T.copy().T, y), (x, 0.0), (0.0, y)):
            tensors = [tl.from_numpy(v) if isinstance(v, np.ndarray) else v for v in (a, b)]
            got = tl.where(tl.from_numpy(mask), *tensors).numpy()
            want = np.where(mask, a, b)
            assert got.tobytes() == want.astype(dtype).tobytes()


def test_named_tuples() -> None:
    found = tl.tensor([[1.0, 3.0], [4.0, 2.0]]).max(dim=1)
    values, indices = found
    assert found.values is values is found[0]
    assert indices.tolist() == [1, 0]
    assert repr(found).startswith("torch.return_types.max(\nvalues=tensor([3., 4.]),\nindices=")
    copy = pickle.loads(pickle.dumps(found))
    assert type(copy) is type(found)
    assert copy.values.tolist() == [3.0, 4.0]


def test_fill_is_cheap_and_counted() -> None:
    """Writes that no history depends on go straight in, but are still seen by the tape."""
    x = tl.ones(3)
    w = tl.ones(3, requires_grad=True)
    y = w * x
    x.zero_()
    with pytest.raises(RuntimeError, match=r"zero_"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        w.fill_(2)
    with tl.no_grad():
        w.fill_(2)
    assert w.requires_grad
    assert w.is_leaf
    z = (w * 1).fill_(5)
    z.sum().backward()
    assert w.grad.tolist() == [0, 0, 0]
    w.grad = None
    z = w * 1
    z[:2].zero_()
    z.sum().backward()
    assert w.grad.tolist() == [0, 0, 1]
