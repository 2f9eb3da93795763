"""NumPy functions applied to Tensors: the value, its gradient, or an error that says why not."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.ops.numpy_protocol import UFUNCS

RNG = np.random.default_rng(0)
A, B = RNG.uniform(0.2, 0.9, (2, 3, 4))


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_ufuncs(ufunc: np.ufunc) -> None:
    kinds = "biu" if "bitwise" in ufunc.__name__ or ufunc is np.invert else "f"
    arrays = [A, B] if kinds == "f" else [(A * 10).astype(int), (B * 10).astype(int)]
    if ufunc is np.arccosh:
        arrays = [A + 1.1]
    if ufunc is np.matmul:
        arrays = [A, B.T.copy()]
    arrays = arrays[: ufunc.nin]
    want = ufunc(*arrays)
    for first in (0, ufunc.nin - 1):  # the Tensor on either side of an array
        args = [tl.from_numpy(v.copy()) if i == first else v for i, v in enumerate(arrays)]
        got = ufunc(*args)
        assert isinstance(got, tl.Tensor)
        np.testing.assert_allclose(got.numpy(), want)


def test_operators_with_arrays_record() -> None:
    x = tl.tensor(A, requires_grad=True)
    for f in (lambda: B * x, lambda: x * B, lambda: np.float64(3) * x, lambda: B @ x.T):
        out = f()
        assert isinstance(out, tl.Tensor)
        assert out.requires_grad
    (np.exp(x) * B).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(A) * B)


CALLS = {
    "sum": lambda x: np.sum(x),
    "sum of axis": lambda x: np.sum(x, axis=1, keepdims=True),
    "mean": lambda x: np.mean(x, axis=0),
    "std": lambda x: np.std(x),
    "var": lambda x: np.var(x, axis=1, ddof=1),
    "max": lambda x: np.max(x, axis=1),
    "prod": lambda x: np.prod(x, axis=0),
    "cumsum": lambda x: np.cumsum(x),
    "concatenate": lambda x: np.concatenate([x, B], axis=1),
    "stack": lambda x: np.stack([x, x]),
    "reshape": lambda x: np.reshape(x, (4, 3)),
    "transpose": lambda x: np.transpose(x),
    "where": lambda x: np.where(A > 0.5, x, 0.0),
    "clip": lambda x: np.clip(x, 0.3, 0.7),
    "dot": lambda x: np.dot(x, B.T),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 0), 0),
    "ravel": lambda x: np.ravel(x),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "round": lambda x: np.round(x, 2),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions(name: str) -> None:
    x = tl.tensor(A, requires_grad=True)
    got = CALLS[name](x)
    np.testing.assert_allclose(got.detach().numpy(), CALLS[name](A), rtol=1e-12)
    got.sum().backward()
    assert x.grad.shape == x.shape


def test_what_has_no_counterpart() -> None:
    x = tl.tensor(A)
    assert isinstance(np.median(x), (float, np.floating))
    assert np.allclose(x, A)
    assert np.array_equal(x, A)
    np.testing.assert_array_equal(np.asarray(x), A)
    leaf = tl.tensor(A, requires_grad=True)
    for call in (lambda: np.median(leaf), lambda: np.spacing(leaf), lambda: np.add.reduce(leaf)):
        with pytest.raises(TypeError, match="records a gradient"):
            call()


def test_writing_into_an_array() -> None:
    a = A.copy()
    a += tl.tensor(B)
    assert isinstance(a, np.ndarray)
    np.testing.assert_allclose(a, A + B)
    with pytest.raises(TypeError, match="records a gradient"):
        a += tl.tensor(B, requires_grad=True)
