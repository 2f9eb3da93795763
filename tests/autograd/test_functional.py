"""Jacobians, Hessians and products with vectors: values, tuples, graphs, strictness, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tests.refusals import Refusal, refusals
from tinygrad_lite.autograd import functional as F
from tinygrad_lite.autograd import grad

ARRAY = np.testing.assert_allclose
A = torch.tensor([[1.0, 2.0, 0.5], [3.0, -1.0, 4.0]])
X = torch.tensor([1.0, 2.0])
Y = torch.tensor([3.0, 4.0])


def numbers(value: Any) -> Any:
    """Nested tuples of Tensors as nested tuples of lists."""
    return tuple([numbers(v) for v in value]) if isinstance(value, tuple) else value.tolist()


def two(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x * y, (x**2).sum()


def scalar(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (x**2 * y).sum()


# values, and which of them come in tuples


def test_vjp_is_one_row_of_the_jacobian():
    y, g = F.vjp(lambda x: A @ x, torch.ones(3), torch.tensor([1.0, 10.0]))
    assert (numbers(y), numbers(g)) == ([3.5, 6.0], [31.0, -8.0, 40.5])


def test_jvp_is_one_column_of_the_jacobian():
    y, t = F.jvp(lambda x: A @ x, torch.ones(3), torch.tensor([0.0, 0.0, 2.0]))
    assert (numbers(y), numbers(t)) == ([3.5, 6.0], [1.0, 8.0])


def test_several_outputs_and_inputs_come_as_tuples():
    y, g = F.vjp(two, (X, Y), (torch.ones(2), torch.tensor(10.0)))
    assert numbers(y) == ([3.0, 8.0], 5.0)
    assert numbers(g) == ([23.0, 44.0], [1.0, 2.0])
    y, t = F.jvp(two, [X, Y], (torch.ones(2), torch.tensor([1.0, 0.0])))
    assert numbers(y) == ([3.0, 8.0], 5.0)
    assert numbers(t) == ([4.0, 4.0], 6.0)
    (g,) = F.vjp(lambda x: (x * 3,), (X,), (torch.ones(2),))[1]
    assert numbers(g) == [3.0, 3.0]


def test_jacobian_has_the_shape_of_output_and_input():
    J = F.jacobian(lambda x: (A @ x).reshape(1, 2), torch.ones(3))
    assert J.shape == (1, 2, 3)
    ARRAY(J[0].numpy(), A.numpy())
    ((xx, xy), (sx, sy)) = F.jacobian(two, (X, Y))
    assert (numbers(xx), numbers(xy)) == ([[3.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 2.0]])
    assert (numbers(sx), numbers(sy)) == ([2.0, 4.0], [0.0, 0.0])
    (only,) = F.jacobian(lambda x: x * 2, (X,))
    assert numbers(only) == [[2.0, 0.0], [0.0, 2.0]]
    (only,) = F.jacobian(lambda x: (x * 2,), X)
    assert numbers(only) == [[2.0, 0.0], [0.0, 2.0]]


def test_jacobian_of_an_empty_output_is_empty():
    for dtype in (torch.float64, torch.float32):
        J = F.jacobian(lambda x: x[:0].half(), torch.ones(3, dtype=dtype))
        assert J.shape == (0, 3) and J.dtype == dtype


def test_jacobian_is_the_same_by_any_strategy():
    f = lambda x: x**2
    for options in ({"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}):
        assert numbers(F.jacobian(f, X, **options)) == [[2.0, 0.0], [0.0, 4.0]]


def test_hessian_has_the_shape_of_input_and_input():
    H = F.hessian(lambda x: (x[0] ** 3 * x[1]).reshape(1, 1), X)
    assert numbers(H) == [[12.0, 3.0], [3.0, 0.0]]
    blocks = F.hessian(scalar, (X, Y))
    assert numbers(blocks[0]) == ([[6.0, 0.0], [0.0, 8.0]], [[2.0, 0.0], [0.0, 4.0]])
    assert numbers(blocks[1]) == ([[2.0, 0.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]])
    ((only,),) = F.hessian(lambda x: (x**3).sum(), (X,))
    assert numbers(only) == [[6.0, 0.0], [0.0, 12.0]]


@pytest.mark.parametrize("product", [F.hvp, F.vhp])
def test_products_with_the_hessian(product: Callable[..., Any]):
    y, p = product(lambda x: (x**3).sum(), X, torch.tensor([1.0, 2.0]))
    assert (numbers(y), numbers(p)) == (9.0, [6.0, 24.0])
    y, p = product(scalar, (X, Y), (torch.ones(2), torch.tensor([1.0, 0.0])))
    assert (numbers(y), numbers(p)) == (19.0, ([8.0, 8.0], [2.0, 4.0]))
    y, (p,) = product(lambda x: (x**3).sum(), (X,), (X,))
    assert numbers(p) == [6.0, 24.0]


def test_the_vector_may_be_left_out_where_it_is_one_number():
    one = torch.tensor([3.0])
    assert numbers(F.vjp(lambda x: (x**2).sum(), X)[1]) == [2.0, 4.0]
    assert numbers(F.jvp(lambda x: x**2, one)[1]) == [6.0]
    assert numbers(F.hvp(lambda x: x**3, one)[1]) == [18.0]
    assert numbers(F.vhp(lambda x: x**3, one)[1]) == [18.0]
    half = torch.ones(1, dtype=torch.float16)
    assert F.jvp(lambda x: x * 2, half)[1].dtype == torch.float16


def test_what_plays_no_part_has_zeros_of_its_dtype():
    z = torch.ones(3, dtype=torch.float64)
    f = lambda x, z: (x**2).sum()
    for g in (
        F.vjp(f, (X, z))[1][1],
        F.jacobian(f, (X, z))[1],
        F.hvp(f, (X, z), (X, z))[1][1],
        F.hessian(f, (X, z))[1][1],
    ):
        assert g.dtype == torch.float64 and not g.any()
    constant = torch.ones(2, dtype=torch.float64)
    (_, t) = F.jvp(lambda x: constant, X, X)
    assert t.dtype == torch.float64 and not t.any()
    assert not F.hvp(lambda x: x.sum(), X, X)[1].any()


def test_derivatives_are_taken_even_under_no_grad():
    f = lambda x: (x**2).sum()
    with torch.no_grad():
        assert numbers(F.vjp(f, X)[1]) == [2.0, 4.0]
        assert numbers(F.jvp(f, X, X)[1]) == 10.0
        assert numbers(F.jacobian(f, X)) == [2.0, 4.0]
        assert numbers(F.hessian(f, X)) == [[2.0, 0.0], [0.0, 2.0]]
        assert numbers(F.hvp(f, X, X)[1]) == [2.0, 4.0]


# graphs

OF_ONE: list[tuple[str, Callable[..., Any]]] = [
    ("vjp", lambda f, x, **kw: F.vjp(f, x, **kw)),
    ("jvp", lambda f, x, **kw: F.jvp(f, x, torch.ones(2), **kw)),
    ("jacobian", lambda f, x, **kw: (F.jacobian(f, x, **kw),)),
    ("hessian", lambda f, x, **kw: (F.hessian(f, x, **kw),)),
    ("hvp", lambda f, x, **kw: F.hvp(f, x, torch.ones(2), **kw)),
    ("vhp", lambda f, x, **kw: F.vhp(f, x, torch.ones(2), **kw)),
]
# of sum(x^4): the derivative by x of the sum of what each returns last
BY_X = {
    "vjp": lambda x: 12 * x**2,
    "jvp": lambda x: 12 * x**2,
    "jacobian": lambda x: 12 * x**2,
    "hessian": lambda x: 24 * x,
    "hvp": lambda x: 24 * x,
    "vhp": lambda x: 24 * x,
}


@pytest.mark.parametrize(("name", "derivative"), OF_ONE, ids=BY_X)
def test_results_are_connected_to_the_inputs_when_asked(name: str, derivative: Callable[..., Any]):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    found = derivative(lambda x: (x**4).sum(), x, create_graph=True)
    assert all(v.requires_grad for v in found)
    ARRAY(grad(found[-1].sum(), x, retain_graph=True)[0].numpy(), BY_X[name](x.detach()).numpy())
    if len(found) == 2:
        ARRAY(grad(found[0], x)[0].numpy(), [4, 32])


@pytest.mark.parametrize(("name", "derivative"), OF_ONE, ids=BY_X)
def test_results_are_cut_off_unless_asked(name: str, derivative: Callable[..., Any]):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor(2.0, requires_grad=True)
    found = derivative(lambda x: (w * x**4).sum(), x)
    assert not any(v.requires_grad for v in found)
    assert x.grad is None


@pytest.mark.parametrize(("name", "derivative"), OF_ONE, ids=BY_X)
def test_a_graph_may_be_asked_for_with_inputs_that_require_no_gradient(
    name: str, derivative: Callable[..., Any]
):
    w = torch.tensor(2.0, requires_grad=True)
    found = derivative(lambda x: (w * x**4).sum(), X, create_graph=True)
    expected = {"hessian": 12 * 5.0, "hvp": 12 * 5.0, "vhp": 12 * 5.0}.get(name, 4 * 9.0)
    ARRAY(grad(found[-1].sum(), w)[0].item(), expected)


# strict mode

INDEPENDENT = "{} of the user-provided function is independent of input {}. This is not allowed in "
UNUSED = INDEPENDENT + "strict mode."
CONSTANT = INDEPENDENT + "strict mode when create_graph=True."
CUT_OFF = (
    "Output {} of the user-provided function does not require gradients. The outputs must be "
    "computed in a differentiable manner from the input when running in strict mode."
)
LINEAR = (
    "While computing the hessian, found that the jacobian of the user-provided function with "
    "respect to input 0 is independent of the input. This is not allowed in strict mode. You "
    "should ensure that your function is twice differentiable and that the jacobian depends on the "
    "inputs (this would be violated by a linear function for example)."
)


@pytest.mark.parametrize(("name", "derivative"), OF_ONE, ids=BY_X)
def test_strict_mode_lets_a_function_pass_that_depends_on_its_input(
    name: str, derivative: Callable[..., Any]
):
    for create_graph in (False, True):
        derivative(lambda x: (x**4).sum(), X, strict=True, create_graph=create_graph)


@pytest.mark.parametrize(("name", "derivative"), OF_ONE, ids=BY_X)
def test_strict_mode_refuses_outputs_cut_off_from_the_input(
    name: str, derivative: Callable[..., Any]
):
    constant = lambda x: torch.tensor(1.0)
    derivative(constant, X)
    with pytest.raises(RuntimeError) as e:
        derivative(constant, X, strict=True)
    assert str(e.value) == CUT_OFF.format(0)


XS = (X, Y)
first = lambda x, y: (x**2).sum()
mixed = lambda x, y: (x**2).sum() + y.sum() * x.sum()
linear = lambda x: 3 * x
total = lambda x: x.sum()
STRICT: list[tuple[Callable[..., Any], str]] = [
    (lambda **kw: F.vjp(first, XS, **kw), UNUSED.format("The output", 1)),
    (lambda **kw: F.jvp(first, XS, XS, **kw), UNUSED.format("The output", 1)),
    (
        lambda **kw: F.jacobian(lambda x, y: (x * y, x**2), XS, **kw),
        UNUSED.format("Output 1", 1),
    ),
    (
        lambda **kw: F.jacobian(lambda x: (x**2, torch.ones(1)), X, **kw),
        CUT_OFF.format(1),
    ),
    (
        lambda **kw: F.hvp(lambda x, y: (x**2 + y**3).sum(), XS, XS, **kw),
        "",
    ),
    (
        lambda **kw: F.vjp(linear, X, X, create_graph=True, **kw),
        CONSTANT.format("The jacobian", 0),
    ),
    (
        lambda **kw: F.jvp(linear, X, X, create_graph=True, **kw),
        CONSTANT.format("The jacobian", 0),
    ),
    (
        lambda **kw: F.jacobian(linear, X, create_graph=True, **kw),
        CONSTANT.format("The jacobian", 0),
    ),
    (
        lambda **kw: F.vhp(lambda x: (x**2).sum(), X, X, create_graph=True, **kw),
        CONSTANT.format("The hessian", 0),
    ),
    (
        lambda **kw: F.vhp(lambda x, y: (x**2).sum() + (y * 0.5).sum() * x.sum(), XS, XS, **kw),
        "",
    ),
    (lambda **kw: F.hvp(total, X, X, **kw), LINEAR),
    (lambda **kw: F.vhp(total, X, X, **kw), LINEAR),
    (lambda **kw: F.hessian(total, X, **kw), LINEAR),
    (
        lambda **kw: F.hessian(lambda x, y: (x**2).sum() + (y**2).sum(), XS, **kw),
        UNUSED.format("Output 0", 1),
    ),
]


@pytest.mark.parametrize("case", STRICT, ids=lambda c: f"{STRICT.index(c)}")
def test_strict_mode_refuses_what_is_independent_of_an_input(
    case: tuple[Callable[..., Any], str],
):
    call, message = case
    call()  # not strict: zeros
    if not message:
        call(strict=True)
        return
    with pytest.raises(RuntimeError) as e:
        call(strict=True)
    assert str(e.value) == message


# refusals


def not_a_tensor(what: str, function: str, which: str) -> str:
    return (
        f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the "
        f"{which} has type <class 'float'>."
    )


OUTPUTS = "outputs of the user-provided function"
NO_VECTOR = "The vector v can only be None if the {} a single Tensor with a single element."
RETURNS = NO_VECTOR.format("user-provided function returns")
GIVEN = NO_VECTOR.format("input to the user-provided function is")
NAMED: dict[str, Callable[..., Any]] = {
    "vjp": F.vjp,
    "jvp": F.jvp,
    "jacobian": lambda f, x, v=None: F.jacobian(f, x),
    "hessian": lambda f, x, v=None: F.hessian(f, x),
    "hvp": F.hvp,
    "vhp": F.vhp,
}
PRODUCTS = {name: f for name, f in NAMED.items() if name not in ("jacobian", "hessian")}
STRATEGIES = (
    'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has '
    'more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to '
    'use "reverse-mode".'
)
REFUSED: list[Refusal] = [
    *[
        (
            lambda f=f: f(total, (X, 2.0)),
            TypeError,
            not_a_tensor("inputs", name, "value at index 1"),
        )
        for name, f in NAMED.items()
    ],
    *[
        (
            lambda f=f: f(lambda x: 2.0, X, X),
            TypeError,
            not_a_tensor(OUTPUTS, name, f"given {OUTPUTS}"),
        )
        for name, f in NAMED.items()
    ],
    *[
        (lambda f=f: f(total, X, 2.0), TypeError, not_a_tensor("v", name, "given v"))
        for name, f in PRODUCTS.items()
    ],
    *[
        (lambda f=f: f(total, X), RuntimeError, GIVEN)
        for name, f in PRODUCTS.items()
        if name != "vjp"
    ],
    (lambda: F.jvp(total, (X[:1], X[:1])), RuntimeError, GIVEN),
    (lambda: F.vjp(linear, X), RuntimeError, RETURNS),
    (
        lambda: F.vjp(linear, X, (X, X)),
        RuntimeError,
        "The given v should contain a single Tensor.",
    ),
    *[
        (
            lambda f=f: f(total, X, (X, X)),
            RuntimeError,
            "The given v should contain a single Tensor.",
        )
        for name, f in PRODUCTS.items()
    ],
    *[
        (
            lambda f=f: f(lambda x, y: (x.sum(), y.sum()), (X, X), (X, X, X)),
            RuntimeError,
            "v is a tuple of invalid length: should be 2 but got 3.",
        )
        for name, f in PRODUCTS.items()
    ],
    *[
        (
            lambda f=f: f(lambda x, y: (x, y), (X, X), (X, A)),
            RuntimeError,
            "Entry 1 in v has invalid size: should be torch.Size([2]) but got torch.Size([2, 3]).",
        )
        for name, f in PRODUCTS.items()
    ],
    *[
        (
            lambda f=f: f(linear, X, A),
            RuntimeError,
            "v has invalid size: should be torch.Size([2]) but got torch.Size([2, 3]).",
        )
        for name, f in PRODUCTS.items()
    ],
    *[
        (
            lambda name=name: NAMED[name](linear, X, X),
            RuntimeError,
            f"The Tensor returned by the function given to {name} should contain a single element",
        )
        for name in ("hessian", "hvp", "vhp")
    ],
    *[
        (
            lambda name=name: NAMED[name](lambda x: (x.sum(),), X, X),
            RuntimeError,
            f"The function given to {name} should return a single Tensor",
        )
        for name in ("hessian", "hvp", "vhp")
    ],
    (
        lambda: F.jacobian(linear, X, strategy="sideways"),
        AssertionError,
        STRATEGIES,
    ),
    (
        lambda: F.hessian(total, X, outer_jacobian_strategy="sideways"),
        AssertionError,
        STRATEGIES,
    ),
]


test_refusals_say_what_is_wrong = refusals(REFUSED)


def test_strict_and_vectorized_do_not_go_together():
    for of in (F.jacobian, F.hessian):
        with pytest.raises(RuntimeError, match="are not supported together"):
            of(lambda x: (x**3).sum(), torch.ones(2), strict=True, vectorize=True)
