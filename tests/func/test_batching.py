"""`vmap`: axes in and out, what is the same for all examples, random numbers, what is refused."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import tinygrad_lite as torch
from tinygrad_lite.func import vmap

X = torch.arange(6.0).reshape(2, 3)


def both(z: Any) -> Any:
    return z[0] + z[1]


@pytest.mark.parametrize(
    ("dims", "args"),
    [
        (0, ((X, X),)),
        ((0,), ([X, X],)),
        (((0, 0),), ((X, X),)),
        (([0, None],), ([X, X[0]],)),
        (({0: 0, 1: 0},), ({0: X, 1: X},)),
    ],
)
def test_axes_may_be_a_prefix_of_the_arguments(dims: Any, args: Any):
    assert vmap(both, dims)(*args).shape == (2, 3)


def test_axes_of_results_may_be_a_prefix_too():
    def several(x: torch.Tensor) -> Any:
        return x, (x, OrderedDict(a=x))

    first, (second, third) = vmap(several, out_dims=(0, 1))(X)
    assert (first.shape, second.shape, third["a"].shape) == ((2, 3), (3, 2), (3, 2))
    assert vmap(lambda x: x, out_dims=(1,))(X).shape == (3, 2)


def test_what_is_the_same_for_all_is_returned_once():
    x, text = vmap(lambda x: (x, "text"), out_dims=(0, None))(X)
    assert x.shape == (2, 3) and text == "text"
    assert vmap(lambda x: torch.ones(3), out_dims=None)(X).shape == (3,)
    with pytest.raises(ValueError, match="can not return a BatchedTensor when out_dim is None"):
        vmap(lambda x: x, out_dims=None)(X)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: vmap(lambda: X)(), ValueError, "got no inputs"),
        (lambda: vmap(both, (None,))((X, X)), ValueError, "at least one Tensor to vmap over"),
        (lambda: vmap(torch.mul, [0, 0])(X, X), ValueError, "expected `in_dims` to be int or a"),
        (lambda: vmap(torch.mul, (0,))(X, X), ValueError, "in_dims is not compatible with the"),
        (lambda: vmap(both, ((0, 0),))([X, X]), ValueError, "in_dims is not compatible with the"),
        (lambda: vmap(both, ({0: 0, 2: 0},))({0: X, 1: X}), ValueError, "in_dims is not compat"),
        (lambda: vmap(torch.mul, ("0", 0))(X, X), ValueError, "must be either an integer dimen"),
        (lambda: vmap(torch.mul)(X, 0), ValueError, "Got in_dim=0 for an input but the input is"),
        (lambda: vmap(torch.sin, 2)(X), ValueError, "Tensor of dimensionality 2 so expected in_d"),
        (lambda: vmap(torch.mul)(X, X[:1]), ValueError, "same size in the mapped dimension, got"),
        (lambda: vmap(torch.sin)(X[:0]), ValueError, "the mapped dimension has size 0"),
        (lambda: vmap(lambda x: 3.0)(X), ValueError, "must only return Tensors, got type <class "),
        (lambda: vmap(torch.sin, out_dims="0")(X), ValueError, "must be an int, None or a python"),
        (lambda: vmap(torch.sin, out_dims=(0, 0))(X), ValueError, "out_dims is not compatible"),
        (lambda: vmap(torch.sin, out_dims=2)(X), IndexError, "Dimension out of range"),
        (lambda: vmap(torch.sin, chunk_size=0), ValueError, "chunk_size should be None or great"),
        (lambda: vmap(torch.sin, randomness="some"), RuntimeError, "Only allowed values for rand"),
        (lambda: vmap(torch.rand_like)(X), RuntimeError, "while in randomness error mode"),
        (
            lambda: vmap(partial(torch.mul, X), ("0",))(X),
            ValueError,
            r"^vmap\(functools.partial\(mul, ...\), in_dims=\('0',\)",
        ),
    ],
)
def test_what_is_refused(call: Callable[[], Any], kind: type[Exception], message: str):
    with pytest.raises(kind, match=message):
        call()


def test_random_numbers_are_the_same_or_different():
    same = vmap(torch.rand_like, randomness="same")(X)
    other = vmap(torch.rand_like, randomness="different")(X)
    assert torch.equal(same[0], same[1]) and not torch.equal(other[0], other[1])


def test_examples_must_not_write_into_what_they_share() -> None:
    shared, xs = torch.zeros(2), torch.ones(3, 2)
    with pytest.raises(RuntimeError, match="inplace arithmetic is not possible"):
        vmap(lambda a, x: a.add_(x), in_dims=(None, 0))(shared, xs)
    assert vmap(lambda x: x.add_(1))(xs).tolist() == xs.tolist() == [[2.0, 2.0]] * 3
