"""Fused ops: what they keep, their derivatives by the reference, and their declaration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.fused import Fused, alias, fused
from tinygrad_lite.core.primitive import REGISTRY, generic_door


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def scaled_product(x: Any, y: Any, *, scale: float = 1.0, power: int = 1) -> Any:
    """(x y scale)^power."""
    return (x * y * scale) ** power


def backward(g: Any, x: Any, y: Any, scale: Any, need: Any, x_shape: Any, y_shape: Any) -> Any:
    def summed(d: Any, shape: Any) -> Any:
        return d.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)

    return (
        summed(g * y * scale, x_shape) if need[0] else None,
        summed(g * x * scale, y_shape) if need[1] else None,
    )


def reference(x: Any, y: Any, *, scale: Any, power: Any) -> Any:
    return (x * y * scale) ** power


def product_op(**options: Any) -> Fused:
    return Fused(scaled_product, backward, reference, **options)


def test_a_fused_op_keeps_inputs_and_metadata_for_its_reference() -> None:
    op = Fused(scaled_product, lambda g, out: (g * out, None), reference, title="Product")
    assert (op.joint, op.title, op.reference) == (True, "Product", reference)
    assert op.layout == ("x", "y", "out", "scale", "power")
    assert op.plan((True, False)) == (True, True, True, True, True)
    op = Fused(scaled_product, lambda g, x_shape, power: (g, None), reference)
    assert op.layout == ("x", "y", "out", "x_shape", "power", "scale")
    assert op.plan((True, True)) == (True, True, False, True, True, True)


def test_the_backward_of_one_input_gives_one_gradient() -> None:
    def kernel(g: Any, x: Any) -> Any:
        """Its text."""
        return g * 2 * x

    op = Fused(lambda x: x * x, kernel, lambda x: x * x)
    assert op.rules[0].__doc__ == "Its text."
    x = leaf([3.0])
    op.apply((x,), {}).backward()
    assert x.grad.tolist() == [6.0]


def test_metadata_reaches_kernel_and_reference() -> None:
    x, y = leaf([2.0]), leaf([3.0])
    z = product_op().apply((x, y), {"scale": 5.0, "power": 1})
    assert [g.tolist() for g in tl.autograd.grad(z, [x, y], retain_graph=True)] == [[15.0], [10.0]]
    z = product_op().apply((x, y), {"scale": 5.0, "power": 2})  # the reference knows the power
    gx, gy = tl.autograd.grad(z, [x, y], create_graph=True)
    assert (gx.tolist(), gy.tolist()) == ([900.0], [600.0])
    assert tl.autograd.grad(gx, y)[0].tolist() == [600.0]


@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_recorded_gradients_have_the_inputs_shape_and_dtype(dtype: Any) -> None:
    x, y = leaf([[1.0], [2.0]], dtype), leaf([[3.0, 4.0, 5.0]], dtype)
    z = product_op().apply((x, y), {"scale": 2.0}).sum()
    for create_graph in (False, True):
        gx, gy = tl.autograd.grad(z, [x, y], create_graph=create_graph, retain_graph=True)
        assert (gx.tolist(), gy.tolist()) == ([[24.0], [24.0]], [[6.0, 6.0, 6.0]])
        assert gx.dtype is gy.dtype is dtype
    assert tl.autograd.grad(gx.sum(), y)[0].tolist() == [[4.0, 4.0, 4.0]]
    again = alias(x)
    assert (again.node.shape, again.node.dtype) == ((2, 1), dtype.numpy)
    assert again.array is x.array


def test_inputs_without_a_gradient_and_left_out_ones() -> None:
    def forward(x: Any, y: Any, z: Any) -> Any:
        return x * x if y is None else x * x * y

    def kernel(g: Any, x: Any) -> Any:
        return g * 2 * x, None, None

    seen = []

    def composition(x: Any, y: Any, z: Any) -> Any:
        seen.append((y, z.requires_grad))
        return x * x

    op = generic_door(Fused(forward, kernel, composition))
    x = leaf([3.0])
    (g,) = tl.autograd.grad(op(x, None, tl.ones(1)), x, create_graph=True)
    assert g.tolist() == [6.0]
    assert seen == [(None, False)]
    assert tl.autograd.grad(g, x)[0].tolist() == [2.0]


def test_several_outputs_of_which_some_are_used() -> None:
    def forward(x: Any) -> Any:
        return x * x, x * x * x, np.ones(1)

    def kernel(g: Any, x: Any) -> Any:
        return sum(d * s for d, s in zip(g, (2 * x, 3 * x * x, 0), strict=True) if d is not None)

    def composition(x: Any) -> Any:
        return x * x, x * x * x, tl.ones(1, dtype=tl.float64)

    op = generic_door(Fused(forward, kernel, composition, outputs=True))
    x = leaf([2.0])
    for used, first, second in (((0,), 4.0, 2.0), ((1,), 12.0, 12.0), ((0, 1, 2), 16.0, 14.0)):
        total = sum(op(x)[i] for i in used)
        (g,) = tl.autograd.grad(total, x, retain_graph=True)
        assert g.tolist() == [first]
        (g,) = tl.autograd.grad(total, x, create_graph=True)
        assert g.tolist() == [first]
        assert tl.autograd.grad(g, x)[0].tolist() == [second]


def test_derivatives_exist_where_nothing_is_recorded() -> None:
    """The reference records, whatever the mode of the pass is."""
    x = leaf([3.0])
    z = product_op().apply((x, x), {"power": 2})
    with tl.no_grad():
        (g,) = tl.autograd.grad(z, x, create_graph=True)
    assert g.tolist() == [108.0]
    assert tl.is_grad_enabled()


def test_the_leaves_of_a_reference_are_left_alone() -> None:
    weight = leaf([5.0])
    op = Fused(lambda x: x * 5.0, lambda g: g * 5.0, lambda x: x * weight)
    x = leaf([2.0])
    (g,) = tl.autograd.grad(op.apply((x,), {}), x, create_graph=True)
    assert g.tolist() == [5.0]
    assert weight.grad is None


@pytest.fixture
def declared() -> Iterator[None]:
    """What a test declares is gone after it."""
    before, names = set(REGISTRY), set(tl.Tensor.__dict__)
    yield
    for key in set(REGISTRY) - before:
        del REGISTRY[key]
    for name in set(tl.Tensor.__dict__) - names:
        delattr(tl.Tensor, name)


def _cube(x: Any) -> Any:
    """x^3."""
    return x * x * x


CUBE: dict[str, Any] = {
    "backward": lambda g, x: 3 * g * x * x,
    "reference": lambda x: x * x * x,
}


@pytest.mark.usefixtures("declared")
def test_a_declaration() -> None:
    call = fused(**CUBE, title="Cubed")(_cube)
    op = call.op
    assert type(op) is Fused
    assert REGISTRY[op.key] is op
    assert op.call is call
    assert (op.title, op.forward, op.reference) == ("Cubed", _cube, CUBE["reference"])
    assert (call.__name__, call.__doc__) == ("_cube", "x^3.")
    assert not hasattr(tl.Tensor, "_cube")
    assert not hasattr(tl.Tensor, "_cube_")
    x = leaf([2.0])
    call(x).backward()
    assert x.grad.tolist() == [12.0]
    with pytest.raises(TypeError, match="^an op called _cube is already declared$"):
        fused(**CUBE)(_cube)


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(("method", "name"), [(True, "_cube"), ("_third_power", "_third_power")])
def test_a_declaration_with_methods(method: Any, name: str) -> None:
    call = fused(**CUBE, method=method, inplace=True)(_cube)
    assert getattr(tl.Tensor, name) is call
    x = tl.tensor([2.0])
    assert getattr(x, name + "_")() is x
    assert x.tolist() == [8.0]
    for other in {"_cube", "_third_power"} - {name}:
        assert not hasattr(tl.Tensor, other)


def test_what_only_the_reference_wants_may_be_overwritten() -> None:
    x = tl.randn(3, 2, requires_grad=True)
    bias = tl.zeros(2, requires_grad=True) * 1
    y = tl.nn.functional.layer_norm(x, (2,), tl.ones(2), bias)
    bias.add_(1)
    y.sum().backward(retain_graph=True)  # no derivative of first order depends on the bias
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        tl.autograd.grad(y.sum(), x, create_graph=True)
