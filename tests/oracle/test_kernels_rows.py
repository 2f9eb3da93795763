"""Softmax, losses, normalizations, attention and activations: the kernels against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.kernels import activations, attention, elementwise, losses, matmul, normalize

torch = pytest.importorskip("torch")
F = torch.nn.functional
RNG = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def tensor(x: np.ndarray, grad: bool = False):
    return torch.from_numpy(np.array(x)).requires_grad_(grad)


def close(got, want, atol=2e-5):
    np.testing.assert_allclose(got, want.detach().numpy(), rtol=2e-5, atol=atol)


ACTIVATIONS = {
    "relu": (torch.relu, ()),
    "tanh": (torch.tanh, ()),
    "sigmoid": (torch.sigmoid, ()),
    "gelu": (F.gelu, ()),
    "gelu_tanh": (lambda t: F.gelu(t, approximate="tanh"), ()),
    "silu": (F.silu, ()),
    "mish": (F.mish, ()),
    "softplus": (lambda t: F.softplus(t, 2.0, 20.0), (2.0, 20.0)),
    "leaky_relu": (lambda t: F.leaky_relu(t, 0.1), (0.1,)),
    "erf": (torch.erf, ()),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("size", [20, 50_000])
def test_activations(name, size):
    theirs, parameters = ACTIVATIONS[name]
    x, g = draw(size) * 4, draw(size)
    t = tensor(x, True)
    y = theirs(t)
    module = elementwise if hasattr(elementwise, name) else activations
    close(getattr(module, name)(x, *parameters), y, 1e-6)
    y.backward(tensor(g))
    saved = y.detach().numpy() if name in ("tanh", "sigmoid") else x
    close(getattr(module, name + "_backward")(g, saved, *parameters), t.grad, 4e-6)


@pytest.mark.parametrize("shape", [(20, 7), (300, 129), (40, 10, 6)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy(shape, smoothing, weighted, reduction):
    x = draw(*shape) * 3
    target = RNG.integers(0, shape[1], size=(shape[0], *shape[2:]))
    target[::5] = -100
    weight = np.abs(draw(shape[1])) + 0.1 if weighted else None
    t = tensor(x, True)
    want = F.cross_entropy(
        t,
        tensor(target),
        None if weight is None else tensor(weight),
        label_smoothing=smoothing,
        reduction=reduction,
    )
    loss, derivative = losses.cross_entropy(x, target, weight, -100, smoothing, reduction)
    close(loss, want, 1e-5 if reduction != "sum" else 1e-3)
    g = draw(*loss.shape)
    want.backward(tensor(g))
    got = losses.cross_entropy_backward(np.asarray(g), derivative, x.shape)
    close(got, t.grad, 1e-5)


@pytest.mark.parametrize("shape", [(30, 16), (300, 100)])
def test_layer_norm(shape):
    x, g, w, b = draw(*shape), draw(*shape), draw(shape[1]), draw(shape[1])
    t, tw, tb = tensor(x, True), tensor(w, True), tensor(b, True)
    y = F.layer_norm(t, (shape[1],), tw, tb)
    y.backward(tensor(g))
    got, mean, rstd = normalize.layer_norm(x, w, b, 1, 1e-5)
    close(got, y)
    dx, dw, db = normalize.layer_norm_backward(g, x, w, mean, rstd, 1, (True, True, True))
    close(dx, t.grad)
    close(dw, tw.grad, 1e-4)
    close(db, tb.grad, 1e-4)


@pytest.mark.parametrize("shape", [(200, 30), (16, 12, 9, 9)])
@pytest.mark.parametrize("groups", [None, 3])
def test_batch_and_group_norm(shape, groups):
    x, g, w, b = draw(*shape), draw(*shape), draw(shape[1]), draw(shape[1])
    t, tw, tb = tensor(x, True), tensor(w, True), tensor(b, True)
    need = (True, True, True)
    if groups is None:
        y = F.batch_norm(t, None, None, tw, tb, training=True)
        got, mean, _, rstd = normalize.batch_norm(x, w, b, 1e-5)
        back = normalize.batch_norm_backward(g, x, w, mean, rstd, need)
    else:
        y = F.group_norm(t, groups, tw, tb)
        got, mean, _, rstd = normalize.group_norm(x, w, b, groups, 1e-5)
        back = normalize.group_norm_backward(g, x, w, mean, rstd, groups, need)
    y.backward(tensor(g))
    close(got, y)
    close(back[0], t.grad)
    close(back[1], tw.grad, 2e-4)
    close(back[2], tb.grad, 2e-4)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [None, "bool", "float"])
def test_attention(causal, masked):
    if causal and masked:
        pytest.skip("PyTorch takes one of them")
    q, k, v = draw(2, 3, 70, 16), draw(2, 3, 70, 16), draw(2, 3, 70, 24)
    mask = {None: None, "bool": RNG.uniform(size=(70, 70)) < 0.8, "float": draw(3, 70, 70)}[masked]
    if masked == "bool":
        mask[5] = False
    tq, tk, tv = tensor(q, True), tensor(k, True), tensor(v, True)
    want = F.scaled_dot_product_attention(
        tq, tk, tv, None if mask is None else tensor(mask), is_causal=causal
    )
    y, saved = attention.attention(q, k, v, mask, causal)
    close(y, want)
    g = draw(*y.shape)
    want.backward(tensor(g))
    for got, t in zip(
        attention.attention_backward(g, q, k, v, y, saved, mask, causal),
        (tq, tk, tv),
        strict=True,
    ):
        close(got, t.grad, 5e-5)


@pytest.mark.parametrize("sizes", [(64, 64, 64), (200, 784, 300), (16, 1024, 70)])
def test_linear(sizes):
    m, k, n = sizes
    x, w, b = draw(m, k), draw(n, k), draw(n)
    want = F.linear(tensor(x), tensor(w), tensor(b))
    close(matmul.linear(x, w, b), want, 1e-4)
