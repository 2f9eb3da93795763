"""Dual Tensors: tangents, levels, their own derivatives, what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_lite as torch
from tests.refusals import Refusal, refusals
from tinygrad_lite.autograd import forward_ad as fw
from tinygrad_lite.autograd import grad

X = torch.tensor([1.0, 2.0])
T = torch.tensor([1.0, 10.0])


def test_a_tangent_is_the_jacobian_times_the_direction():
    with fw.dual_level() as level:
        assert level == 0
        x = fw.make_dual(X, T, level=0)
        value, tangent = fw.unpack_dual(x**2 * x.sum(), level=0)
    np.testing.assert_allclose(value.numpy(), [3, 12])
    np.testing.assert_allclose(tangent.numpy(), [2 * 3 + 11, 40 * 3 + 4 * 11])
    assert not value.requires_grad and not tangent.requires_grad


def test_tangents_of_several_duals_add_up():
    with fw.dual_level():
        x, y = fw.make_dual(X, T), fw.make_dual(T, X)
        tangent = fw.unpack_dual(x * y).tangent
    np.testing.assert_allclose(tangent.numpy(), [2, 104])


def test_a_dual_itself_unpacks_to_what_it_was_made_of():
    with fw.dual_level():
        value, tangent = fw.unpack_dual(fw.make_dual(X, T))
    np.testing.assert_array_equal(value.numpy(), X.numpy())
    assert tangent is T and not value.requires_grad


def test_what_depends_on_no_dual_has_no_tangent():
    w = torch.ones(2, requires_grad=True)
    with fw.dual_level():
        fw.make_dual(X, T)
        for plain in (X, w * 2):
            unpacked = fw.unpack_dual(plain)
            assert unpacked.primal is plain and unpacked.tangent is None


def test_what_depends_on_a_dual_by_no_derivative_has_a_zero_tangent():
    with fw.dual_level():
        x = fw.make_dual(X.double(), T.double())
        value, tangent = fw.unpack_dual((x + x.detach()).floor())
    np.testing.assert_array_equal(value.numpy(), [2, 4])
    assert tangent.dtype == torch.float64 and tangent.tolist() == [0.0, 0.0]


def test_tangents_of_complex_duals():
    with fw.dual_level():
        z = fw.make_dual(torch.tensor([1 + 1j]), torch.tensor([1j]))
        tangent = fw.unpack_dual(z * z).tangent
    np.testing.assert_allclose(tangent.numpy(), [2j - 2])


def test_tangents_are_forgotten_at_the_end_of_the_level():
    with fw.dual_level():
        x = fw.make_dual(X, T)
    for y in (x, x * 2):
        unpacked = fw.unpack_dual(y)
        assert unpacked.primal is y and unpacked.tangent is None
    with fw.dual_level():
        assert fw.unpack_dual(x * 2).tangent is None


def test_a_value_may_be_unpacked_several_times_and_its_graph_stays():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with fw.dual_level():
        y = fw.make_dual(x, T) ** 3
        for _ in range(2):
            np.testing.assert_allclose(fw.unpack_dual(y).tangent.detach().numpy(), [3, 120])
        y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [3, 12])


def test_unpacking_adds_nothing_to_the_gradients_of_leaves():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    t = torch.tensor([1.0, 10.0], requires_grad=True)
    with fw.dual_level():
        fw.unpack_dual(fw.make_dual(x, t) ** 3)
    assert x.grad is None and t.grad is None


def test_values_and_tangents_can_be_differentiated_by_what_requires_grad():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    t = torch.tensor([1.0, 10.0], requires_grad=True)
    with fw.dual_level():
        value, tangent = fw.unpack_dual(fw.make_dual(x, T) ** 3)
        np.testing.assert_allclose(grad(tangent.sum(), x)[0].numpy(), [6, 120])
        np.testing.assert_allclose(grad(value.sum(), x)[0].numpy(), [3, 12])
        tangent = fw.unpack_dual(fw.make_dual(X, t) ** 3).tangent
        np.testing.assert_allclose(grad(tangent.sum(), t)[0].numpy(), [3, 12])
        value, tangent = fw.unpack_dual(fw.make_dual(x, T))
        np.testing.assert_allclose(grad(value.sum(), x)[0].numpy(), [1, 1])


def test_a_level_records_even_where_no_grad_stands_around_it():
    for mode in (torch.no_grad(), torch.enable_grad()):
        with mode:
            before = torch.is_grad_enabled()
            with fw.dual_level():
                assert fw.unpack_dual(fw.make_dual(X, T) * 3).tangent.tolist() == [3.0, 30.0]
            assert torch.is_grad_enabled() == before


def test_each_thread_has_its_own_level():
    seen: list[Any] = []

    def other() -> None:
        with fw.dual_level():
            seen.append(fw.unpack_dual(fw.make_dual(X, T) * 2).tangent.tolist())

    with fw.dual_level():
        x = fw.make_dual(X, T)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert fw.unpack_dual(x * 3).tangent.tolist() == [3.0, 30.0]
    assert seen == [[2.0, 20.0]]


def test_a_level_may_be_entered_and_left_by_functions():
    assert fw.enter_dual_level() == 0
    assert fw.unpack_dual(fw.make_dual(X, T)).tangent is T
    fw.exit_dual_level(level=0)
    assert fw.unpack_dual(X).tangent is None


def within(call: Callable[[], Any]) -> Callable[[], Any]:
    def inside() -> Any:
        with fw.dual_level():
            return call()

    return inside


def under_no_grad(call: Callable[[], Any]) -> Any:
    with torch.no_grad():
        return call()


WAY_OUT = (
    " under no_grad: tangents follow what is recorded here, so put dual_level inside of no_grad, "
    "or enable_grad inside dual_level"
)
REFUSED: list[Refusal] = [
    (
        within(fw.enter_dual_level),
        RuntimeError,
        "Nested forward mode AD is not supported at the moment; func.jvp can be nested",
    ),
    (
        fw.exit_dual_level,
        RuntimeError,
        "Trying to exit a forward AD level that was not entered",
    ),
    (
        lambda: fw.make_dual(X, T),
        RuntimeError,
        (
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        ),
    ),
    (
        within(lambda: fw.make_dual(X.long(), T)),
        ValueError,
        "Expected primal to be floating point or complex, but got: torch.int64",
    ),
    (
        within(lambda: fw.make_dual(X, T.bool())),
        ValueError,
        "Expected tangent to be floating point or complex, but got: torch.bool",
    ),
    (
        within(lambda: fw.make_dual(X, torch.ones(1, 3))),
        RuntimeError,
        (
            "Trying to set a forward gradient that has a different size than that of the original "
            "Tensor, this is not supported. Tensor is of size [2] while the given forward gradient "
            "is of size [1, 3]."
        ),
    ),
    (
        within(lambda: fw.make_dual(fw.make_dual(X, T) * 2, T)),
        RuntimeError,
        (
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            "same level 0 is not supported."
        ),
    ),
    (
        within(lambda: under_no_grad(lambda: fw.make_dual(X, T))),
        RuntimeError,
        "make_dual" + WAY_OUT,
    ),
    (
        within(lambda: under_no_grad(lambda: fw.unpack_dual(X * 2))),
        RuntimeError,
        "unpack_dual of what was computed" + WAY_OUT,
    ),
]


test_refusals_say_what_is_wrong = refusals(REFUSED)


class Scaled(torch.autograd.Function):
    """x * y, whose `jvp` counts its calls and needs what it saved for itself."""

    calls = 0

    @staticmethod
    def forward(ctx, x, name, y):
        ctx.save_for_forward(x, y)
        return x * y

    @staticmethod
    def jvp(ctx, x_t, none, y_t):
        Scaled.calls += 1
        assert none is None
        x, y = ctx.saved_tensors
        return x_t * y + x * y_t


def test_a_function_of_the_users_is_asked_for_its_tangents():
    x, y = torch.tensor([2.0, 3.0]), torch.tensor([5.0, 7.0])
    with fw.dual_level():
        out = Scaled.apply(fw.make_dual(x, torch.ones(2)), "name", y)
        assert fw.unpack_dual(out * 2).tangent.tolist() == [10.0, 14.0]
    assert Scaled.calls
    pushed = torch.func.jvp(lambda x, y: Scaled.apply(x, "", y), (x, y), (x, y))[1]
    assert pushed.tolist() == (2 * x * y).tolist()
    assert torch.func.jacfwd(lambda x: Scaled.apply(x, "", y))(x).tolist() == [[5, 0], [0, 7]]


def test_the_level_is_told():
    assert fw._current_level == -1
    with fw.dual_level():
        assert fw._current_level == 0
