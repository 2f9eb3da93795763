"""Declarations: what is refused, what a rule may ask for, what the tape keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core.doors import COMPOSED, composed, primitive
from tinygrad_lite.core.fused import Fused
from tinygrad_lite.core.primitive import REGISTRY, Primitive, generic_door
from tinygrad_lite.core.tensor import bind


def leaf(values: Any) -> tl.Tensor:
    return tl.tensor(values, dtype=tl.float64, requires_grad=True)


def test_a_rule_that_asks_for_an_unknown_name() -> None:
    with pytest.raises(TypeError, match=r"f: a rule asks for \['z'\]"):

        @primitive(lambda g, z: g * z, method=False)
        def f(x: Any) -> Any:
            return x

    assert "f" not in REGISTRY


def test_a_wrong_number_of_rules() -> None:
    with pytest.raises(TypeError, match="f: 1 rules for 2 inputs"):
        Primitive(_named("f", lambda x, y: x + y), (lambda g: g,))


def test_a_name_declared_twice() -> None:
    primitive(lambda g: g, method=False)(_named("mul", lambda x: x))  # ours is another than theirs
    try:
        with pytest.raises(TypeError, match="an op called mul is already declared"):
            primitive(lambda g: g, method=False)(_named("mul", lambda x: x))
    finally:
        del REGISTRY[f"{__name__}.mul"]
    taken = next(iter(COMPOSED))
    with pytest.raises(TypeError, match="already declared"):
        composed(method=False)(_named(taken, lambda x: x))


def test_a_method_declared_twice() -> None:
    with pytest.raises(TypeError, match=r"Tensor\.sum is already declared"):
        bind("sum", lambda self: self)


def _named(name: str, function: Any) -> Any:
    function.__name__ = name
    return function


def test_the_tape_keeps_what_was_asked_for_and_nothing_else() -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    assert all(a is not None for a in (x * y).grad_fn.saved[:2])
    node = (x * y.detach()).grad_fn  # only the gradient towards x: x itself is not needed
    saved = dict(zip(node.op.layout, node.saved, strict=True))
    assert saved["x"] is None
    assert saved["y"] is not None
    assert (x + y).grad_fn.saved == (None,) * len((x + y).grad_fn.saved)


def test_a_rule_is_run_only_for_wanted_inputs() -> None:
    ran = []

    def towards(name: str) -> Any:
        def rule(g: Any) -> Any:
            ran.append(name)
            return g

        return rule

    add = generic_door(Primitive(lambda x, y: x + y, (towards("x"), towards("y"))))
    add(leaf([1.0]), tl.ones(1, dtype=tl.float64)).sum().backward()
    assert ran == ["x"]


def test_shapes_dtypes_metadata_and_need_by_name() -> None:
    seen: dict[str, Any] = {}

    def rule(g: Any, x_shape: Any, y_dtype: Any, scale: Any, need: Any, out: Any) -> Any:
        seen.update(shape=x_shape, dtype=y_dtype, scale=scale, need=need, out=out)
        return g * scale, None

    def forward(x: Any, y: Any, *, scale: float = 3.0) -> Any:
        return (x + y) * scale

    op = generic_door(Primitive(forward, (rule,), joint=True))
    x = leaf([1.0, 2.0])
    op(x, tl.ones(2, dtype=tl.float64)).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert seen["shape"] == (2,)
    assert seen["dtype"] == np.float64
    assert seen["scale"] == 3.0
    assert seen["need"] == (True, False)
    np.testing.assert_array_equal(seen["out"], [6.0, 9.0])


def test_arrays_in_array_out() -> None:
    out = tl.mul(np.ones(2), np.full(2, 3.0))
    assert isinstance(out, np.ndarray)


def test_neither_arrays_nor_tensors() -> None:
    with pytest.raises(TypeError, match=r"sin\(\): argument 'input' \(position 1\) must be Tensor"):
        tl.sin(0.5)
    with pytest.raises(TypeError):
        tl.mul(tl.ones(2), "two")


def test_pytorchs_keywords() -> None:
    x, y = tl.full((2,), 6.0), tl.full((2,), 3.0)
    assert tl.mul(input=x, other=y).tolist() == [18.0, 18.0]
    assert tl.sum(input=x, dim=0).item() == 12.0


def test_shapes_that_do_not_broadcast_name_sizes_and_op() -> None:
    with pytest.raises(RuntimeError) as error:
        tl.ones(2, 3) * tl.ones(2, 4)
    text = str(error.value)
    assert "The size of tensor a (3) must match the size of tensor b (4) at non-singleton" in text
    assert "mul of [2, 3] float32, [2, 4] float32" in text


def test_a_fused_op_agrees_with_its_reference_to_third_order() -> None:
    """The incoming gradient depends on the same input: only this op's paths belong to its rule."""

    def kernel(x: Any) -> Any:
        return x * x * x

    def backward(g: Any, x: Any) -> Any:
        return 3 * g * x * x

    cube = generic_door(Fused(kernel, backward, lambda x: x * x * x))
    x = leaf(0.7)
    y = cube(cube(x)) * x
    derivatives = []
    for _ in range(3):
        (y,) = tl.autograd.grad(y, x, create_graph=True)
        derivatives.append(y.item())
    expected = [10 * 0.7**9, 90 * 0.7**8, 720 * 0.7**7]
    np.testing.assert_allclose(derivatives, expected, rtol=1e-12)


def test_several_outputs() -> None:
    def forward(x: Any) -> Any:
        return x * 2, x * x

    def rule(g: Any, x: Any) -> Any:
        return (0 if g[0] is None else g[0] * 2) + (0 if g[1] is None else g[1] * 2 * x)

    op = generic_door(Primitive(forward, (rule,), outputs=True))
    x = leaf([3.0])
    a, b = op(x)
    assert (a.output_nr, b.output_nr) == (0, 1)
    b.sum().backward()
    assert x.grad.tolist() == [6.0]
    x.grad = None
    a, b = op(x)
    (a + b).sum().backward()
    assert x.grad.tolist() == [8.0]
