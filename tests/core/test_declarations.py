"""Declarations read: what a Primitive knows, and how it sorts arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.core.declaring import USAGE, leaf, times, times_op, towards_x, towards_y
from tinygrad_lite.core.primitive import Primitive, generic_door
from tinygrad_lite.core.rules import with_kernel

# -- what a declaration says ----------------------------------------------------------------------


def test_facts_of_a_declaration() -> None:
    op = times_op()
    assert (op.name, op.title, op.doc) == ("times", "Times", "The product.\n\nScaled.")
    assert (op.inputs, op.arity, op.variadic) == (("x", "y"), 2, False)
    assert op.meta == {"scale": 1.0, "name": None}
    assert op.rules == (towards_x, towards_y)
    assert op.layout == ("x", "y", "out", "scale")
    assert op.asks == ((1,), (0, 3))
    assert op.asked == ({"y"}, {"x", "scale"})
    assert (op.holds, op.plain, op.differentiable) == (True, True, True)
    assert (op.joint, op.promote, op.broadcasts, op.ufunc) == (False, "same", False, None)
    assert (op.view, op.outputs, op.residual, op.check) == (False, False, False, None)
    assert (op.tensors, op.samples, op.typed) == (frozenset(), (), {0, 1})
    assert op.key == f"{times.__module__}.times"
    assert op.usage == USAGE
    assert repr(op) == f"<primitive {op.usage}>"


def test_options_of_a_declaration() -> None:
    def check(*arrays: Any) -> None: ...

    op = times_op(
        promote="float", broadcasts=True, ufunc=np.multiply, view=True, title="Product",
        check=check, tensors=(1,), samples=["s"], typed=(1,),
    )  # fmt: skip
    assert (op.promote, op.broadcasts, op.ufunc, op.view) == ("float", True, np.multiply, True)
    assert (op.title, op.check, op.tensors, op.samples) == ("Product", check, {1}, ["s"])
    assert op.typed == {1}
    assert Primitive(lambda x: (x, x), (lambda g: g[0],), residual=True).residual is True
    several = Primitive(lambda x: (x, x), (lambda g: g[0],), outputs=True)
    assert (several.outputs, several.plain) == (True, False)
    joint = Primitive(times, (lambda g: (g, g),), joint=True)
    assert (joint.joint, joint.plain, joint.holds) == (True, False, False)


@pytest.mark.parametrize(
    ("name", "title"),
    [("log_soft_max", "LogSoftMax"), ("_X_hidden_", "XHidden"), ("exp", "Exp"), ("aBC", "Abc")],
)
def test_titles(name: str, title: str) -> None:
    def forward(x: Any) -> Any:
        return x

    forward.__name__ = name
    assert Primitive(forward, ()).title == title


def test_the_key_of_an_op_of_this_package_is_its_name() -> None:
    assert tl.mul.op.key == tl.mul.op.name == "mul"


TYPED = [
    ((towards_x, None), {}, {0}),
    ((None, towards_x), {}, {1}),
    ((), {}, {0, 1}),
    ((None, None), {}, {0, 1}),
    ((lambda g: (g, None),), {"joint": True}, {0, 1}),
    ((lambda g: (g, None),), {"joint": True, "typed": (0,)}, {0}),
]


@pytest.mark.parametrize(("rules", "options", "typed"), TYPED)
def test_which_inputs_take_part_in_promotion(rules: Any, options: Any, typed: Any) -> None:
    assert Primitive(times, rules, **options).typed == typed


def test_without_rules_there_is_no_derivative() -> None:
    op = Primitive(times, ())
    assert (op.rules, op.differentiable, op.holds) == ((None, None), False, False)
    assert (op.layout, op.asks) == (("x", "y", "out"), ((), ()))
    assert not op.apply((leaf([1.0]), leaf([2.0])), {}).requires_grad


HOLDS = [
    (lambda g: g, False),
    (lambda g, x: g, True),
    (lambda g, out: g, True),
    (lambda g, x_shape, x_dtype: g, False),
    (lambda g, scale: g, False),
]


@pytest.mark.parametrize(("rule", "holds"), HOLDS)
def test_whether_a_node_has_something_to_free(rule: Any, holds: bool) -> None:
    def forward(x: Any, *, scale: float = 1.0) -> Any:
        return x * scale

    op = Primitive(forward, (rule,))
    assert op.holds == holds
    y = op.apply((leaf([1.0]),), {})
    y.backward()
    if holds:
        with pytest.raises(RuntimeError, match="second time"):
            y.backward()
    else:
        y.backward()


def test_an_op_with_a_residual_has_something_to_free() -> None:
    def forward(x: Any, *, by: float = 1.0) -> Any:
        return x[:] if by == 0 else x * 2, np.array([7.0])

    def rule(g: Any, residual: Any, by: Any) -> Any:
        return g * residual * by

    op = Primitive(forward, (rule,), residual=True, view=True)
    assert op.holds
    assert op.layout == ("x", "out", "residual", "by")
    x = leaf([1.0])
    y = op.apply((x,), {"by": 3.0})
    assert y.tolist() == [2.0]
    y.backward()
    assert x.grad.tolist() == [21.0]
    assert op.apply((x,), {"by": 0})._base is x
    assert op.apply((tl.ones(1),), {}).requires_grad is False


def test_metadata_may_be_called_out() -> None:
    def forward(x: Any, *, out: Any = 3.0) -> Any:
        return x * out

    op = Primitive(forward, ())
    assert op.apply((tl.ones(1),), {"out": 5.0}).tolist() == [5.0]
    assert op.apply((tl.ones(1),), {}).tolist() == [3.0]


def test_a_rule_that_asks_for_the_shape_of_the_value() -> None:
    shapes = []
    op = Primitive(lambda x: x.sum(), (lambda g, out_shape, x_shape: shapes.append(
        (out_shape, x_shape)) or g * np.ones(x_shape),))  # fmt: skip
    op.apply((leaf([1.0, 2.0]),), {}).backward()
    assert shapes == [((), (2,))]


def test_plans_keep_what_the_wanted_gradients_ask_for() -> None:
    op = times_op()
    assert op.plan((True, False)) == (False, True, False, False)
    assert op.plan((False, True)) == (True, False, False, True)
    assert op.plan((True, True)) == (True, True, False, True)
    assert op.plan((True, True)) is op.plan((True, True))
    joint = Primitive(times, (lambda g, y: (None, g),), joint=True)
    assert joint.plan((False, True)) == (False, True, False)


def test_a_rule_with_a_kernel_has_two_forms() -> None:
    def kernel(g: Any, x: Any) -> Any:
        return g * x * 100

    @with_kernel(kernel)
    def rule(g: Any, x: Any) -> Any:
        return g * x * 2

    op = Primitive(lambda x: x * x, (rule,))
    assert op.rules == (rule,)
    x = leaf([3.0])
    y = op.apply((x,), {})
    assert tl.autograd.grad(y, x, retain_graph=True)[0].tolist() == [300.0]
    assert tl.autograd.grad(y, x, create_graph=True)[0].tolist() == [6.0]


def test_callables_that_are_no_functions_are_read_too() -> None:
    class Kernel:
        __name__ = "kernel"
        __module__ = __name__

        def __call__(self, x: Any, y: Any, *, scale: float = 3.0) -> Any:
            return x * y * scale

    op = Primitive(Kernel(), ())
    assert (op.inputs, op.variadic, op.meta) == (("x", "y"), False, {"scale": 3.0})
    assert op.apply((tl.ones(1), tl.ones(1)), {}).tolist() == [3.0]

    def some(*xs: Any) -> Any:
        first = xs[0]
        return first * 2

    assert Primitive(some, ()).inputs == ("xs",)

    class Many(Kernel):
        def __call__(self, *xs: Any) -> Any:
            return sum(xs)

    op = Primitive(Many(), ())
    assert (op.inputs, op.variadic, op.meta) == (("xs",), True, {})
    assert op.apply((tl.ones(1), tl.ones(1), tl.ones(1)), {}).tolist() == [3.0]


# -- arguments ------------------------------------------------------------------------------------


def called(*args: Any, **meta: Any) -> list[Any]:
    return generic_door(times_op())(*args, **meta).tolist()


def test_arguments_by_position_and_by_name() -> None:
    x, y = tl.tensor([2.0]), tl.tensor([3.0])
    assert called(x, y) == [6.0]
    assert called(x, y, 5.0) == [30.0]
    assert called(x, y, 5.0, "n") == [30.0]
    assert called(x, y, 5.0, name="n") == [30.0]
    assert called(x, y, scale=5.0) == [30.0]
    assert called(x, y=y, scale=5.0) == [30.0]
    assert called(y=y, x=x) == [6.0]
    assert called(input=x, other=y) == [6.0]
    assert called(other=y, self=x, scale=2.0) == [12.0]
    assert called(tensor=x, exponent=y) == [6.0]
    assert called(x, mat2=y) == [6.0]
    assert called(x, vec=y) == [6.0]
    assert called(x, y, out=None) == [6.0]
    assert called(x, y, out=None, scale=2.0) == [12.0]


def test_an_input_whose_name_has_underscores() -> None:
    seen = []

    def forward(my_own_x: Any) -> Any:
        return my_own_x * 2

    def rule(g: Any, my_own_x_shape: Any, my_own_x_dtype: Any) -> Any:
        seen.append((my_own_x_shape, my_own_x_dtype))
        return g * 2

    Primitive(forward, (rule,)).apply((leaf([1.0]),), {}).backward()
    assert seen == [((1,), np.float64)]


def test_other_objects_beside_a_tensor() -> None:
    y = tl.tensor([3.0, 4.0])
    for refused in ([2.0, 5.0], (2.0, 5.0), "2"):
        with pytest.raises(TypeError, match=r"argument 'input' \(position 1\) must be Tensor"):
            called(refused, y)
    assert called(np.float64(2.0), y) == [6.0, 8.0]
    assert called(np.array([2.0, 5.0]), y) == [6.0, 20.0]
    assert called(True, y) == [3.0, 4.0]
    out = generic_door(times_op())(np.array([2.0]), np.array([3.0]), scale=2.0)
    assert (type(out), out.tolist()) == (np.ndarray, [12.0])
    assert times_op().apply((np.array([2.0]), 3.0), {"scale": 2.0}).tolist() == [12.0]


def test_an_input_may_be_left_out_where_the_op_says_so() -> None:
    seen = []
    op = Primitive(lambda x, y: seen.append(y) or x * 2, (lambda g: g * 2, lambda g: g))
    x = leaf([1.0])
    z = op.apply((x, None), {})
    z.backward()
    assert seen == [None]
    assert x.grad.tolist() == [2.0]
    checked: list[Any] = []
    facts: list[Any] = []

    def rule(g: Any, y_shape: Any, y_dtype: Any) -> Any:
        facts.append((y_shape, y_dtype))
        return g * 2

    op = Primitive(lambda x, y: x * 2, (rule, lambda g: g), check=lambda *a: checked.append(a))
    op.apply((x, None), {}).backward()
    assert facts == [(None, None)]
    assert checked == []  # the other decides alone

    def rules(g: Any, xs_shape: Any) -> Any:
        facts.append(xs_shape)
        return [g * 2, None]

    Primitive(lambda *xs: xs[0] * 2, (rules,)).apply((x, None), {}).backward()
    assert facts[1:] == [((1,), None)]


DTYPES = [
    (tl.float32, tl.float32, "same", tl.float32),
    (tl.float32, tl.float64, "same", tl.float64),
    (tl.float64, tl.float32, "same", tl.float64),
    (tl.int32, tl.float32, "same", tl.float32),
    (tl.int32, tl.int64, "same", tl.int64),
    (tl.int32, tl.int64, "float", tl.float32),
    (tl.bool, tl.bool, "same", tl.bool),
    (tl.bool, tl.bool, "float", tl.float32),
    (tl.float16, tl.int64, "float", tl.float16),
    (tl.float64, tl.complex64, "same", tl.complex128),
    (tl.complex64, tl.complex64, "float", tl.complex64),
]


@pytest.mark.parametrize(("a", "b", "promote", "result"), DTYPES)
def test_inputs_are_promoted(a: Any, b: Any, promote: str, result: Any) -> None:
    seen = []

    def forward(x: Any, y: Any) -> Any:
        seen.append((x.dtype, y.dtype))
        return x

    Primitive(forward, (), promote=promote).apply((tl.ones(1, dtype=a), tl.ones(1, dtype=b)), {})
    assert seen == [(result.numpy, result.numpy)]
    seen.clear()
    Primitive(forward, (), promote=None).apply((tl.ones(1, dtype=a), tl.ones(1, dtype=b)), {})
    assert seen == [(a.numpy, b.numpy)]


NUMBERS = [
    (tl.float32, 2.5, tl.float32),
    (tl.float64, 2, tl.float64),
    (tl.int32, 2, tl.int32),
    (tl.int32, 2.5, tl.float32),
    (tl.uint8, -1, tl.uint8),
    (tl.uint8, 300, tl.uint8),
    (tl.bool, 2, tl.int64),
    (tl.float32, True, tl.float32),
    (tl.float32, 1j, tl.complex64),
    (tl.float64, 1j, tl.complex128),
]


@pytest.mark.parametrize(("dtype", "number", "result"), NUMBERS)
def test_numbers_beside_a_tensor(dtype: Any, number: Any, result: Any) -> None:
    seen = []

    def forward(x: Any, y: Any) -> Any:
        seen.append((type(y), y.dtype, y.shape, y.tolist()))
        return x

    Primitive(forward, ()).apply((tl.ones(1, dtype=dtype), number), {})
    wrapped = number % 256 if dtype is tl.uint8 else number
    assert seen == [(np.ndarray, result.numpy, (), wrapped)]


def test_a_number_of_an_input_that_is_not_promoted_keeps_its_type() -> None:
    seen = []

    def forward(x: Any, y: Any) -> Any:
        seen.append(y.dtype)
        return x

    for number, dtype in ((3, np.int64), (3.0, np.float32), (True, np.bool_), (1j, np.complex64)):
        Primitive(forward, (lambda g: g, None)).apply((tl.ones(1, dtype=tl.float64), number), {})
        assert seen.pop() == dtype


def test_a_0d_tensor_counts_less_than_one_with_dimensions() -> None:
    zero, one = tl.tensor(2.0, dtype=tl.float64), tl.ones(1, dtype=tl.float32)
    assert times_op().apply((zero, one), {}).dtype is tl.float32
    assert times_op().apply((one, zero), {}).dtype is tl.float32
    assert times_op().apply((zero, tl.tensor(2.0)), {}).dtype is tl.float64
    assert times_op().apply((tl.tensor(2.0, dtype=tl.float16), 2.5), {}).dtype is tl.float16
    assert times_op().apply((tl.tensor(2, dtype=tl.int8), 2.5), {}).dtype is tl.float32


def test_gradients_flow_back_through_promotion() -> None:
    x, y = leaf([2.0], tl.float32), leaf([3.0], tl.float64)
    z = times_op().apply((x, y), {})
    assert z.dtype is tl.float64
    z.backward()
    assert (x.grad.dtype, x.grad.tolist()) == (tl.float32, [3.0])
    assert (y.grad.dtype, y.grad.tolist()) == (tl.float64, [2.0])


ASKED = ["x", "out", "need", "residual", "out_shape", "x_shape", "x_dtype", "scale"]


@pytest.mark.parametrize("name", ASKED)
def test_what_a_rule_may_ask_for(name: str) -> None:
    rule = eval(f"lambda g, {name}: g")
    op = Primitive(lambda x, *, scale=1: x, (rule,))
    assert name in op.layout
    wrong = eval(f"lambda g, {name}_: g")
    with pytest.raises(TypeError, match=rf"^<lambda>: a rule asks for \['{name}_'\], which is no"):
        Primitive(lambda x, *, scale=1: x, (wrong,))


def test_an_analytic_op_is_differentiated_over_complex_numbers() -> None:
    op = times_op()
    op.analytic = True
    z = leaf([1 + 2j], tl.complex128)
    op.apply((z, 3j), {}).backward(tl.ones(1, dtype=tl.complex128))
    assert z.grad.tolist() == [-3j]


def test_the_public_function_bears_the_declarations_name_and_text() -> None:
    call = generic_door(times_op())
    assert (call.__name__, call.__doc__) == ("times", times.__doc__)
    with pytest.raises(TypeError, match="missing argument 'x'"):
        call()
