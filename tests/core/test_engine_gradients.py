"""What reaches a node: shapes, dtypes, sums, complex numbers, several outputs; and who looks on."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import engine, hooks
from tinygrad_lite.core.modes import MODE, Watcher, current
from tinygrad_lite.core.primitive import Primitive, generic_door

RECORDED = pytest.mark.parametrize("create_graph", [False, True], ids=["arrays", "recorded"])


def leaf(values: Any, dtype: Any = tl.float64) -> tl.Tensor:
    return tl.tensor(values, dtype=dtype, requires_grad=True)


def op(forward: Any, *rules: Any, **options: Any) -> Any:
    return generic_door(Primitive(forward, rules, **options))


# -- what a pass does if nothing is said ----------------------------------------------------------


def test_by_default_a_pass_frees_records_nothing_and_adds_to_leaves() -> None:
    x = leaf([2.0])
    y = x * x
    found = engine.backprop([(y.node, np.ones(1))])
    assert found == {}
    assert x.grad.tolist() == [4.0]
    assert not x.grad.requires_grad
    with pytest.raises(RuntimeError) as raised:
        engine.backprop([(y.node, np.ones(1))])
    assert str(raised.value) == (
        "Trying to backward through the graph a second time (or directly access saved tensors "
        "after they have already been freed). Saved intermediate values of the graph are freed "
        "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after "
        "calling backward. (at MulBackward0)"
    )


def test_each_node_is_visited_once_however_many_paths_lead_to_it() -> None:
    y = leaf([1.0])
    for _ in range(10):
        y = y + y
    assert len(engine._latest_first([y.node, y.node])) == 11


@RECORDED
def test_roots_that_do_not_lead_to_the_wanted_are_passed_over(create_graph: bool) -> None:
    x, other = leaf(2.0), leaf(3.0)
    z, later = x * x, other * other
    (g,) = tl.autograd.grad([later, z], x, create_graph=create_graph)
    assert g.item() == 4.0
    assert other.grad is None


@RECORDED
def test_a_root_named_several_times_counts_several_times(create_graph: bool) -> None:
    x = leaf([2.0])
    y = x * x
    (g,) = tl.autograd.grad([y, y, y], x, [tl.ones(1, dtype=tl.float64)] * 3)
    assert g.tolist() == [12.0]


# -- sums -----------------------------------------------------------------------------------------


@RECORDED
@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
def test_many_uses_of_one_value_are_summed_and_its_neighbours_get_theirs(
    create_graph: bool, watched: bool
) -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    last = x * y  # made first, so visited last
    loss = (last + x * 2 + x * 3 + x * 5).sum()
    with tl.autograd.set_detect_anomaly(watched):
        loss.backward(create_graph=create_graph)
    assert x.grad.tolist() == [13.0, 14.0]
    assert y.grad.tolist() == [1.0, 2.0]


@RECORDED
def test_gradients_of_two_passes_are_added(create_graph: bool) -> None:
    x = leaf([1.0])
    for _ in range(2):
        (x * 3).sum().backward(create_graph=create_graph)
    assert x.grad.tolist() == [6.0]


def test_a_recorded_pass_adds_no_ops_where_gradients_fit() -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    ones = tl.ones(2, dtype=tl.float64)
    (one,) = tl.autograd.grad(x * y, x, ones, create_graph=True)
    assert one.grad_fn.name() == "MulBackward0"
    (two,) = tl.autograd.grad(x * x, x, ones, create_graph=True)
    assert two.grad_fn.name() == "AddBackward0"


@RECORDED
def test_what_was_broadcast_is_summed(create_graph: bool) -> None:
    x, y = leaf([[1.0], [2.0]]), leaf([3.0, 4.0, 5.0])
    gx, gy = tl.autograd.grad(
        x * y, [x, y], tl.ones(2, 3, dtype=tl.float64), create_graph=create_graph
    )
    assert gx.tolist() == [[12.0], [12.0]]
    assert gy.tolist() == [3.0, 3.0, 3.0]
    if create_graph:
        assert tl.autograd.grad(gx.sum(), y)[0].tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
def test_the_gradient_of_a_number_is_an_array(watched: bool) -> None:
    """NumPy makes scalars of 0-d products; `.array` is never one."""
    x = leaf(3.0)
    seen = []
    y = x * x
    y.register_hook(seen.append)
    with tl.autograd.set_detect_anomaly(watched):
        (y * 1.0).backward()
    assert type(x.grad.array) is np.ndarray
    assert type(seen[0].array) is np.ndarray
    assert x.grad.item() == 6.0


# -- dtypes ---------------------------------------------------------------------------------------


@RECORDED
@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
def test_a_rule_may_give_another_dtype(create_graph: bool, watched: bool) -> None:
    def wide(g: Any) -> Any:
        return g.astype(np.float64) if isinstance(g, np.ndarray) else g.double()

    double = op(lambda x: x * 2, lambda g: wide(g) * 2)
    x = leaf([1.0, 2.0], tl.float32)
    with tl.autograd.set_detect_anomaly(watched):
        double(x).sum().backward(create_graph=create_graph)
    assert x.grad.dtype is tl.float32
    assert x.grad.tolist() == [2.0, 2.0]


@RECORDED
def test_a_real_input_takes_the_real_part(create_graph: bool) -> None:
    def rule(g: Any) -> Any:
        return g * (3 + 4j)

    times = Primitive(lambda x: x * (3 + 4j), (rule,))
    times.analytic = True
    x = leaf([1.0, 2.0])
    y = generic_door(times)(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy warns where a cast drops imaginary parts
        y.backward(tl.tensor([1.0, 1j], dtype=tl.complex128), create_graph=create_graph)
    assert x.grad.dtype is tl.float64
    assert x.grad.tolist() == [3.0, 4.0]  # Re(conj(g) (3 + 4j))


@RECORDED
def test_a_complex_input_keeps_the_imaginary_part_of_a_wider_gradient(create_graph: bool) -> None:
    def wide(g: Any) -> Any:
        return g.astype(np.complex128) if isinstance(g, np.ndarray) else g.to(tl.complex128)

    same = Primitive(lambda x: x * 1, (wide,))
    same.analytic = True
    x = leaf([1.0], tl.complex64)
    y = generic_door(same)(x)
    y.backward(tl.tensor([2 + 3j], dtype=tl.complex64), create_graph=create_graph)
    assert (x.grad.dtype, x.grad.tolist()) == (tl.complex64, [2 + 3j])


@RECORDED
@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
def test_complex_gradients_are_those_of_steepest_ascent(create_graph: bool, watched: bool) -> None:
    x = leaf([1 + 2j, 3 - 1j], tl.complex128)
    seen: list[Any] = []
    y = x * (2 + 1j)
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.grad_fn.register_prehook(lambda outputs: seen.append(outputs[0].tolist()))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs[0].tolist()))
    with tl.autograd.set_detect_anomaly(watched):
        y.backward(tl.tensor([1j, 1.0], dtype=tl.complex128), create_graph=create_graph)
    assert x.grad.tolist() == [1j * (2 - 1j), 2 - 1j]  # g conj(2 + 1j)
    assert seen == [[1j, 1.0], [1j, 1.0], [1j * (2 - 1j), 2 - 1j]]


def test_mirrored() -> None:
    z, r = np.array([1 + 2j]), np.array([1.0])
    assert hooks.mirrored(z).tolist() == [1 - 2j]
    assert hooks.mirrored(r) is r
    assert hooks.mirrored(None) is None
    assert hooks.mirrored("text") == "text"
    t = tl.tensor([1 + 2j])
    assert hooks.mirrored(t).tolist() == [1 - 2j]
    u = tl.ones(1)
    assert hooks.mirrored(u) is u
    assert [getattr(v, "tolist", lambda: None)() for v in hooks.mirrored((z, None, t))] == [
        [1 - 2j],
        None,
        [1 - 2j],
    ]


# -- joint rules, several outputs, Functions ------------------------------------------------------


@RECORDED
def test_a_joint_rule_may_leave_out_a_gradient(create_graph: bool) -> None:
    add = op(lambda x, y: x + y, lambda g: (g * 2, None), joint=True)
    x, y = leaf([1.0]), leaf([2.0])
    add(x, y).sum().backward(create_graph=create_graph)
    assert x.grad.tolist() == [2.0]
    assert y.grad is None


@RECORDED
def test_several_outputs_each_used_several_times(create_graph: bool) -> None:
    def rule(g: Any, x: Any) -> Any:
        return sum(d * c for d, c in zip(g, (2, 2 * x, 10), strict=True) if d is not None)

    several = op(lambda x: (x * 2, x * x, x * 10), rule, outputs=True)
    x, y = leaf([3.0]), leaf([5.0])
    later = y * 2
    a, b, _ = several(x)
    (a + b * 3 + a * 4 + later).sum().backward(create_graph=create_graph)
    assert x.grad.tolist() == [2 + 18 + 8]
    assert y.grad.tolist() == [2.0]
    x.grad = None
    (several(x)[2] * 7 + several(x)[1]).sum().backward()
    assert x.grad.tolist() == [76.0]


def test_an_output_reached_as_itself_and_through_a_recorded_rule() -> None:
    def rule(g: Any, out: Any) -> Any:
        first, second = (0 if d is None else d for d in g)
        return (first + second * 2) * out[0]

    both = op(lambda x: (np.exp(x), 2 * np.exp(x)), rule, outputs=True)
    x = leaf(1.0)
    a, b = both(x)
    (g,) = tl.autograd.grad(a + b, x, create_graph=True)  # 3 e^x, by way of out[0]
    (a * 10 + g).backward()
    assert x.grad.item() == pytest.approx(13 * np.e)


class Both(tl.autograd.Function):
    """2 x and i y for complex y; its backward sees PyTorch's gradients, None where unused."""

    seen: list[Any] = []

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, y * 1j

    @staticmethod
    def backward(ctx: Any, gx: Any, gy: Any) -> Any:
        Both.seen.append([g if g is None else (type(g), g.tolist()) for g in (gx, gy)])
        return None if gx is None else gx * 2, None if gy is None else gy * -1j


@RECORDED
def test_a_function_sees_tensors_and_the_gradients_users_see(create_graph: bool) -> None:
    x, y = leaf([1.0]), leaf([2 + 1j], tl.complex128)
    a, b = Both.apply(x, y)
    tl.autograd.backward(
        [a, b],
        [tl.tensor([3.0], dtype=tl.float64), tl.tensor([5j], dtype=tl.complex128)],
        retain_graph=True,
        create_graph=create_graph,
    )
    assert Both.seen.pop() == [(tl.Tensor, [3.0]), (tl.Tensor, [5j])]
    assert (x.grad.tolist(), y.grad.tolist()) == ([6.0], [5 + 0j])
    assert type(x.grad.array) is type(y.grad.array) is np.ndarray
    a.sum().backward(create_graph=create_graph)
    assert Both.seen.pop() == [(tl.Tensor, [1.0]), None]
    assert (x.grad.tolist(), y.grad.tolist()) == ([8.0], [5 + 0j])


@RECORDED
def test_a_function_of_one_output(create_graph: bool) -> None:
    class Twice(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            assert type(g) is tl.Tensor
            return g * 2

    x = leaf([1j], tl.complex128)
    y = Twice.apply(x * 1.0)
    y.backward(tl.tensor([1 + 1j], dtype=tl.complex128), create_graph=create_graph)
    assert x.grad.tolist() == [2 + 2j]


# -- arrays written since -------------------------------------------------------------------------


OVERWRITTEN = (
    "one of the variables needed for gradient computation has been modified by an inplace "
    "operation: [torch.DoubleTensor [2]], which mul saved as its 'x', was then written by add_ "
    "(version 1). Write out of place, clone() what is written, or do it before it is used. Hint: "
    "enable anomaly detection (autograd.set_detect_anomaly(True)) to see the lines of both."
)


def save(y: tl.Tensor) -> tl.Tensor:
    return y * y


def write(y: tl.Tensor) -> None:
    y.add_(1)


@pytest.mark.parametrize("saved_under", [False, True])
@pytest.mark.parametrize("written_under", [False, True])
def test_the_error_about_an_overwritten_array(saved_under: bool, written_under: bool) -> None:
    y = leaf([1.0, 2.0]) * 1
    with tl.autograd.set_detect_anomaly(saved_under):
        z = save(y)
    with tl.autograd.set_detect_anomaly(written_under):
        write(y)
    with pytest.raises(RuntimeError) as raised:
        z.sum().backward()
    text = str(raised.value)
    assert text.startswith(OVERWRITTEN)
    lines = text.removeprefix(OVERWRITTEN)
    if not saved_under:
        assert lines == ""
        return
    before, after = lines.split("\nWritten here:\n")
    assert before.startswith('\nSaved here:\n  File "')
    if written_under:
        assert after.startswith('  File "')
    else:
        assert after == "  (outside anomaly mode)"


def test_the_error_about_an_overwritten_array_names_the_lines() -> None:
    y = leaf([1.0, 2.0]) * 1
    with tl.autograd.set_detect_anomaly(True):
        z = save(y)
        write(y)
    with pytest.raises(RuntimeError, match=r"(?s)Saved here:.*in save\nWritten here:.*in write$"):
        z.sum().backward()


def test_a_write_into_one_of_many_saved_arrays_is_noticed() -> None:
    def rule(g: Any, xs: Any) -> Any:
        return [g * 2 * x for x in xs]

    def squares(*xs: Any) -> Any:
        return sum(x * x for x in xs)

    x, y = leaf([2.0]) * 1, leaf([3.0]) * 1
    z = op(squares, rule)(x, y)
    y.mul_(2)
    with pytest.raises(RuntimeError, match=r"which squares saved as its 'xs', was then written by"):
        z.sum().backward()


def test_a_gradient_that_is_written_by_a_pass_is_a_written_array() -> None:
    x = leaf([1.0])
    (x * 2).sum().backward()
    w = leaf([3.0])
    y = w * x.grad  # saves the gradient, which the next pass adds to
    (x * 2).sum().backward()
    with pytest.raises(RuntimeError, match=r"written by gradient accumulation \(version 1\)"):
        y.sum().backward()


# -- who looks on ---------------------------------------------------------------------------------


class Log(Watcher):
    """A Watcher that writes down what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Any] = []

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        recorded = None if node is None else node.name()
        self.lines.append(("forward", op.name, len(arrays), meta, out.tolist(), recorded))

    def before(self, node: Any) -> None:
        self.lines.append(("before", node.name()))

    def backward(self, node: Any, contributions: Any) -> None:
        given = [None if d is None else d.tolist() for d in contributions]
        self.lines.append(("backward", node.name(), given))

    def failed(self, node: Any) -> None:
        self.seen.append(f"failed {node.op.name}")

    def written(self, write: Any) -> None:
        self.lines.append(("written", write.by))


def watched(log: Log) -> Any:
    return MODE.set(current().but(watch=log))


@RECORDED
def test_a_watcher_sees_each_node_before_and_after_its_rules(create_graph: bool) -> None:
    x = leaf([2.0])
    y = (x * 3.0).exp()
    log = Log()
    token = watched(log)
    try:
        y.backward(tl.ones(1, dtype=tl.float64), create_graph=create_graph)
    finally:
        MODE.reset(token)
    e = np.exp(6.0)
    assert [line for line in log.lines if line[0] != "forward"] == [
        ("before", "ExpBackward0"),
        ("backward", "ExpBackward0", [[e]]),
        ("before", "MulBackward0"),
        ("backward", "MulBackward0", [[3 * e], None]),
    ]


def test_a_watcher_sees_ops_and_writes() -> None:
    def times(x: Any, *, factor: float) -> Any:
        return x * factor

    log = Log()
    scale = op(times, lambda g, factor: g * factor)
    x = leaf([2.0])
    token = watched(log)
    try:
        y = x * 3.0
        y.add_(1.0)
        with tl.no_grad():
            scale(y, factor=2.0)
    finally:
        MODE.reset(token)
    assert log.lines == [
        ("forward", "mul", 2, {}, [6.0], "MulBackward0"),
        ("forward", "plus", 2, {}, [7.0], "AddBackward0"),
        ("written", "add_"),
        ("forward", "times", 1, {"factor": 2.0}, [14.0], None),
    ]


# -- memory of a gradient -------------------------------------------------------------------------


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def given_back(make_gradient: Any) -> tuple[np.ndarray, int]:
    """The `.grad` of the input of an op whose rule returns what `make_gradient` gives, and where
    the rule's array lay."""
    seen = []

    def rule(g: np.ndarray) -> np.ndarray:
        d = make_gradient(g)
        seen.append(address(d))
        return d

    x = leaf(np.ones((2, 3)))
    op(lambda x: x + 1, rule, promote=None)(x).backward(tl.ones(2, 3, dtype=tl.float64))
    return x.grad.array, seen[0]


def test_what_only_the_engine_holds_becomes_the_grad_without_a_copy() -> None:
    for make_gradient in (
        lambda g: g * 2,
        lambda g: np.empty(6).reshape(2, 3),  # a view, but of all that its owner has
    ):
        grad, place = given_back(make_gradient)
        assert address(grad) == place


def test_what_somebody_else_holds_is_copied() -> None:
    kept = np.ones((2, 3))
    rows = np.ones(6)
    for make_gradient in (
        lambda g: kept,
        lambda g: rows.reshape(2, 3),  # the owner of the memory is held
        lambda g: np.ones((3, 3))[1:],  # a part of its owner
        lambda g: np.ones((3, 2)).T,  # not in order
        lambda g: np.broadcast_to(np.float64(1), (2, 3)),
        lambda g: np.frombuffer(bytes(48), dtype=np.float64).reshape(2, 3),
    ):
        grad, place = given_back(make_gradient)
        assert address(grad) != place and grad.flags.writeable and grad.flags.c_contiguous


def test_gradients_returned_do_not_share_what_somebody_holds() -> None:
    held = np.ones(6)
    x = leaf(np.ones((2, 3)))
    y = op(lambda x: x + 1, lambda g: held.reshape(2, 3), promote=None)(x)
    (g,) = tl.autograd.grad(y.sum(), x)
    g.array += 1
    assert held.tolist() == [1.0] * 6
