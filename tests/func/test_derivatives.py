"""Transforms of functions: their arguments, what a function may return, nothing recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as torch
from tinygrad_lite.func import grad, grad_and_value, jacfwd, jacrev, jvp, vjp

X = torch.tensor([1.0, 2.0])
S = torch.tensor(3.0)


@pytest.mark.parametrize("transform", [grad, jacrev, jacfwd])
@pytest.mark.parametrize(
    ("argnums", "message"),
    [
        (2, "Got argnum=2, but only 2 positional inputs"),
        (-3, "Got argnum=-3, but only 2 positional inputs"),
        ([0], r"argnums must be int or Tuple\[int, ...\], got"),
        (("0",), "argnum must be int, got"),
        ((), "argnums must be non-empty"),
        ((0, -2), "argnums elements must be unique"),
    ],
)
def test_numbers_of_arguments(transform: Any, argnums: Any, message: str):
    with pytest.raises(RuntimeError, match=message):
        transform(torch.mul, argnums=argnums)(S, S)


JVP, VJP = r"^jvp\(f, primals, tangents\)", r"^vjp\(f, \*primals\)"


@pytest.mark.parametrize(
    ("api", "call"),
    [
        (JVP, lambda f: jvp(f, (X,), (X,))),
        (JVP, lambda f: jacfwd(f)(X)),
        (VJP, lambda f: vjp(f, X)),
        (VJP, lambda f: jacrev(f)(X)),
    ],
)
def test_a_function_returns_tensors_and_nothing_else(api: str, call: Callable[[Any], Any]):
    for nothing in (None, ()):
        with pytest.raises(RuntimeError, match=f"{api}: Expected f to be a function that has non"):
            call(lambda x, nothing=nothing: nothing)
    with pytest.raises(RuntimeError, match=rf"{api}: expected f\(\*primals\) to return only tens"):
        call(lambda x: (x, 1.0))


@pytest.mark.parametrize(
    ("api", "call"),
    [
        (JVP, lambda f: jvp(f, (S,), (S,), has_aux=True)),
        (VJP, lambda f: vjp(f, S, has_aux=True)),
        (r"^grad_and_value\(f\)\(\*args\)", lambda f: grad(f, has_aux=True)(S)),
    ],
)
def test_an_auxiliary_value_is_of_tensors(api: str, call: Callable[[Any], Any]):
    for value in (lambda x: [x, x], lambda x: (x, x, x)):
        with pytest.raises(RuntimeError, match=f"{api}: output of function f should be a tuple"):
            call(value)
    with pytest.raises(RuntimeError, match="Expected tensors, got unsupported type <class 'int'>"):
        call(lambda x: (x, {"a": [x, 1]}))
    call(lambda x: (x * 2, {"a": [x]}))


@pytest.mark.parametrize(
    ("primals", "tangents", "message"),
    [
        (X, (X,), "Expected primals to be a tuple"),
        ((X,), (X, X), "to have the same python structure"),
        ((), (), "Expected primals to contain at least one Tensor"),
        ((1.0,), (X,), "Expected primals to only contain Tensors"),
    ],
)
def test_inputs_of_jvp(primals: Any, tangents: Any, message: str):
    with pytest.raises(RuntimeError, match=message):
        jvp(torch.sin, primals, tangents)


def test_cotangents_are_nested_like_the_outputs():
    _, pull = vjp(lambda x: (x, {"a": x}), X)
    assert pull((X, {"a": X}))[0].tolist() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="Expected pytree structure of cotangents to be"):
        pull((X, [X]))


def test_under_no_grad_nothing_is_recorded():
    x = torch.tensor(2.0, requires_grad=True)
    with torch.no_grad():
        found = [grad(torch.sin)(x), *grad_and_value(torch.sin)(x), vjp(torch.sin, x)[0]]
        found += [*jvp(torch.sin, (x,), (S,)), jacrev(torch.sin)(x), jacfwd(torch.sin)(x)]
    assert not any(t.requires_grad for t in found)
    value, pull = vjp(torch.sin, x)
    with torch.no_grad():
        assert not pull(S)[0].requires_grad
    assert value.requires_grad and pull(S)[0].requires_grad


def test_an_inner_transform_under_no_grad_is_a_constant():
    def f(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            shift = grad(lambda x: x**3)(x)
        return x**2 - shift

    assert grad(f)(S).item() == 6


def test_a_real_function_of_complex_numbers():
    z = torch.tensor(3 + 4j)
    torch.testing.assert_close(grad(torch.abs)(z), z / 5)


def test_chunks_have_a_size():
    with pytest.raises(ValueError, match="jacrev: `chunk_size` should be greater than 0"):
        jacrev(torch.sin, chunk_size=0)


def test_forward_transforms_let_their_inputs_be_written():
    def doubled(x: torch.Tensor) -> torch.Tensor:
        return x.mul_(2).sum()

    x = X.clone()
    assert jvp(doubled, (x,), (torch.ones(2),))[1].item() == 4.0
    assert x.tolist() == [2.0, 4.0]
    assert jacfwd(doubled)(x).tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used"):
        grad(doubled)(x)


def test_jvp_strict():
    with pytest.raises(RuntimeError, match="The output of f is independent of the inputs"):
        jvp(lambda x: torch.zeros(2), (X,), (X,), strict=True)


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobians_are_of_real_numbers(transform: Any):
    with pytest.raises(RuntimeError, match=f"{transform.__name__}: Expected all inputs to be real"):
        transform(torch.sin)(X + 0j)
    with pytest.raises(RuntimeError, match=f"{transform.__name__}: Expected all outputs to be re"):
        transform(lambda x: x + 0j)(X)


def test_what_else_a_function_returns_is_plain() -> None:
    x = torch.ones(2)
    _, _, kept = vjp(lambda x: (x.sum(), x * 2), x, has_aux=True)
    *_, pushed = jvp(lambda x: (x.sum(), x * 2), (x,), (x,), has_aux=True)
    assert not kept.requires_grad and not pushed.requires_grad


def test_no_gradient_of_a_complex_value_or_towards_a_number() -> None:
    with pytest.raises(RuntimeError, match="only for real scalar outputs but got torch.complex64"):
        grad(lambda x: x.sum() * 1j)(torch.ones(2))
    with pytest.raises(ValueError, match="must be Tensor, got <class 'float'>"):
        grad(lambda x: x)(3.0)
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require"):
        grad(lambda x: x.sum())(torch.ones(2, dtype=torch.int64))
