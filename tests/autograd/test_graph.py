"""Edges, hooks on what is saved, hooks on several gradients, marks of writing."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as torch
from tinygrad_lite.autograd import Function, graph
from tinygrad_lite.core.modes import MODE, Watcher, current


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


class Log(Watcher):
    """A watcher that remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def forward(self, op: Any, arrays: Any, meta: Any, out: Any, node: Any) -> None:
        assert all(a is not None for a in (op, arrays, meta, out))
        self.seen.append(f"forward {op.name} {'recorded' if node is not None else 'plain'}")

    def before(self, node: Any) -> None:
        self.seen.append(f"before {node.op.name}")

    def backward(self, node: Any, contributions: Any) -> None:
        assert len(contributions) == len(node.parents)
        self.seen.append(f"backward {node.op.name}")

    def failed(self, node: Any) -> None:
        self.lines.append(("failed", node.name()))

    def written(self, write: Any) -> None:
        self.seen.append(f"written {write.by}")


# edges


def test_the_edge_of_a_value_is_its_node_and_the_number_of_its_output():
    x = leaf(1.0, 2.0)
    edge = graph.get_gradient_edge(x * 2)
    assert edge.node.name() == "MulBackward0" and edge.output_nr == 0
    second = x.unbind()[1]
    edge = graph.get_gradient_edge(second)
    assert edge.node is second.grad_fn and edge.output_nr == 1
    assert graph.get_gradient_edge(x).node.variable is x


def test_an_edge_stands_for_one_of_several_outputs():
    x = leaf(1.0, 2.0)
    first, second = x.unbind()
    edge = graph.get_gradient_edge(second)
    (g,) = torch.autograd.grad(first * 3 + second * 5, edge)
    assert g.tolist() == 5.0


def test_there_is_no_edge_without_a_gradient():
    with pytest.raises(RuntimeError) as e:
        graph.get_gradient_edge(torch.ones(1))
    assert str(e.value) == (
        "It is not possible to get the gradient edge for a Tensor that does not require gradients."
    )


# hooks on what is saved


def test_hooks_see_what_is_saved_and_give_it_back():
    log = []
    x = leaf(2.0)
    with graph.saved_tensors_hooks(
        lambda t: (log.append(t.tolist()), t.tolist())[1], lambda v: torch.tensor(v) * 10
    ):
        y = x.exp()
    z = x.exp()  # outside: not packed
    y.backward()
    assert len(log) == 1
    assert x.grad.item() == pytest.approx(10 * z.item())


def test_hooks_run_unrecorded_and_are_not_themselves_packed():
    modes = []

    def pack(t):
        modes.append((torch.is_grad_enabled(), t.requires_grad))
        return (t * leaf(2.0)).exp()

    with graph.saved_tensors_hooks(pack, lambda t: t):
        leaf(2.0).exp()
        assert torch.is_grad_enabled()
    assert modes == [(False, False)]


def test_of_nested_hooks_the_innermost_count():
    x = leaf(2.0)
    with graph.saved_tensors_hooks(lambda t: t * 100, lambda t: t):
        with graph.saved_tensors_hooks(lambda t: t * 10, lambda t: t):
            y = x * x
        z = x * x
    y.backward()
    assert x.grad.item() == 40
    z.backward()
    assert x.grad.item() == 440


def test_the_innermost_count_for_functions_of_users_too():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x, x * 2

        @staticmethod
        def backward(ctx, g, h):
            return 2 * g * ctx.saved_tensors[0]

    x, packs = leaf(3.0), []
    with (
        graph.saved_tensors_hooks(lambda t: t * 100, lambda t: t),
        graph.saved_tensors_hooks(lambda t: (packs.append(1), t * 10)[1], lambda t: t),
    ):
        y, _ = Square.apply(x)
    y.backward()
    assert x.grad.item() == 60
    assert packs == [1]  # once, though there are two outputs


def test_an_op_of_several_outputs_is_packed_once():
    packs = []
    x = torch.tensor([[3.0, 1.0], [2.0, 5.0]], requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: (packs.append(t.shape), t)[1], lambda t: t):
        q, r = torch.linalg.qr(x)
    once = len(packs)
    (q.sum() + r.sum()).backward()
    assert once == len(packs) > 0 and x.grad is not None


def test_one_context_may_be_entered_again():
    hooks = graph.saved_tensors_hooks(lambda t: t * 10, lambda t: t)
    x = leaf(2.0)
    with hooks:
        with hooks:
            pass
        y = x * x
    y.backward()
    assert x.grad.item() == 40
    (x * x).backward()
    assert x.grad.item() == 44


def test_what_a_watcher_outside_sees_passes_through_hooks():
    log = Log()
    token = MODE.set(current().but(watch=log))
    try:
        x = leaf(2.0)
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            y = x.exp()
            torch.ones(1).add_(1)
            y.backward()
        log.seen.append("--")
        with (
            graph.saved_tensors_hooks(lambda t: t + 1, lambda t: t),
            graph.saved_tensors_hooks(lambda t: t + 1, lambda t: t),
        ):
            x.exp()
    finally:
        MODE.reset(token)
    first, second = log.seen[: log.seen.index("--")], log.seen[log.seen.index("--") + 1 :]
    assert first == [
        "forward exp recorded",
        "forward plus plain",
        "written add_",
        "before exp",
        "backward exp",
    ]
    assert second == ["forward exp recorded"]  # neither twice, nor what the hooks did


def test_hooks_without_a_watcher_outside_let_a_backward_pass_and_writes_run():
    x = leaf(2.0)
    with graph.saved_tensors_hooks(lambda t: t * 10, lambda t: t):
        y = x * x
        y.backward()
        torch.ones(1).add_(1)
    with graph.disable_saved_tensors_hooks("no"):
        y = x * x
        y.backward()
        torch.ones(1).add_(1)
    assert x.grad.item() == 44


def test_hooks_may_be_forbidden():
    with graph.disable_saved_tensors_hooks("not here"):
        (leaf(2.0) ** 2).backward()
        with pytest.raises(RuntimeError, match="^not here$"):
            graph.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__()
    x = leaf(2.0)
    with graph.saved_tensors_hooks(lambda t: t * 10, lambda t: t):
        with pytest.raises(RuntimeError, match="^inside$"):
            graph.disable_saved_tensors_hooks("inside").__enter__()
        y = x * x
    y.backward()
    assert x.grad.item() == 40


def test_forbidden_outside_stays_forbidden_inside_other_hooks():
    outer = current()
    MODE.set(outer.but(watch=graph._Packing(abs, abs, graph._Forbidden("outer", None))))
    try:
        with pytest.raises(RuntimeError, match="^outer$"):
            graph.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__()
    finally:
        MODE.set(outer)


@pytest.mark.parametrize("context", [graph.save_on_cpu, lambda: graph.save_on_cpu(pin_memory=True)])
def test_saved_on_the_cpu_means_kept_as_a_copy(context: Callable[[], Any]):
    x = leaf(2.0)
    z = x * 1
    with context():
        y = z * z
    z.data.fill_(100)  # unseen by the version counter; the copy is what counts
    y.backward()
    assert x.grad.item() == 4


def test_what_is_saved_may_be_written_if_a_copy_is_kept():
    x = leaf(2.0)
    z = x * 1
    with graph.allow_mutation_on_saved_tensors():
        y = z * z
        z.mul_(50)
        y.backward(retain_graph=True)
        with pytest.raises(RuntimeError, match="contexts cannot be nested"):
            graph.allow_mutation_on_saved_tensors().__enter__()
    assert x.grad.item() == 4
    with pytest.raises(AssertionError, match="backward outside of the 'allow_mutation"):
        y.backward()


# hooks on several gradients


def sums(gradients: Any) -> Any:
    return [None if g is None else g.tolist() for g in gradients]


def test_a_hook_on_all_waits_for_every_gradient():
    x, y, z = leaf(1.0), leaf(2.0), leaf(3.0)
    calls: list[Any] = []
    handle = graph.register_multi_grad_hook([x, y, z], lambda gs: calls.append(sums(gs)))
    (x * 5 + y * 6 + z * 7).backward()
    assert calls == [[[5.0], [6.0], [7.0]]]
    (x * 5 + z * 7).backward()  # of those that this pass reaches
    assert calls[1:] == [[[5.0], None, [7.0]]]
    torch.autograd.grad(x * 5 + y * 6 + z * 7, [z])
    assert calls[2:] == [[None, None, [7.0]]]
    handle.remove()
    (x * 5).backward()
    assert len(calls) == 3


def test_a_hook_on_any_is_called_with_the_first():
    x, y = leaf(1.0), leaf(2.0)
    calls: list[Any] = []
    graph.register_multi_grad_hook([x, y], lambda g: calls.append(g.tolist()), mode="any")
    for _ in range(2):
        (x * 5 + (y * 6).exp().log()).backward()
    assert len(calls) == 2 and calls[0] in ([5.0], [6.0])
    (y * 6).backward()
    assert calls[2:] == [[6.0]]


def test_an_interrupted_pass_is_not_counted_in_the_next():
    x, y = leaf(1.0), leaf(2.0)
    calls: list[Any] = []
    graph.register_multi_grad_hook([x, y], lambda gs: calls.append(sums(gs)))

    def stop(g):
        raise KeyboardInterrupt

    handle = y.register_hook(stop)
    # the tape goes from the latest to the earliest: the gradient of x comes before that of y
    late = (x * 5) + (y * 6)
    with pytest.raises(KeyboardInterrupt):
        late.backward()
    handle.remove()
    (x * 5 + y * 6).backward()
    assert calls[-1] == [[5.0], [6.0]]
    (x * 7).backward()
    assert calls[-1] == [[7.0], None]


def test_hooks_on_several_gradients_end_with_their_block():
    x = leaf(1.0)
    calls: list[Any] = []
    with graph.register_multi_grad_hook([x], calls.append) as handle:
        assert isinstance(handle, graph._Together)
        (x * 2).backward()
    (x * 2).backward()
    assert len(calls) == 1


def test_hooks_on_several_gradients_let_go_of_the_graph_after_the_pass():
    x = leaf(1.0)
    graph.register_multi_grad_hook([x], lambda gs: None)
    y = x * 2
    node = weakref.ref(y.grad_fn)
    y.backward()
    del y
    assert node() is None


def test_hooks_on_several_gradients_refuse_what_they_cannot_do():
    for call, kind, message in (
        (
            lambda: graph.register_multi_grad_hook([leaf(1.0)], print, mode="some"),
            ValueError,
            "Expects mode to be one of ('all', 'any') but got some",
        ),
        (
            lambda: graph.register_multi_grad_hook([leaf(1.0), torch.ones(1)], print),
            RuntimeError,
            "cannot register a hook on a tensor that doesn't require gradient",
        ),
    ):
        with pytest.raises(kind) as e:
            call()
        assert str(e.value) == message


def test_a_tensor_may_be_marked_as_written():
    x = leaf(1.0)
    values = [x * 2, x * 2]
    y = values[0] ** 2 + values[1] ** 2
    versions = [v._version for v in values]
    graph.increment_version(values)
    graph.increment_version(values[0])
    scalar = torch.tensor(1.0)
    graph.increment_version(scalar)
    assert scalar._version == 1
    assert [v._version - old for v, old in zip(values, versions)] == [2, 1]
    with pytest.raises(RuntimeError, match=r"was then written by increment_version \(version"):
        y.backward()


def test_a_number_in_front_comes_second_on_the_tape():
    x = torch.ones(2, requires_grad=True)
    for y in (2 * x, 1 + x):
        (leaf, _), (nothing, _) = y.grad_fn.next_functions
        assert leaf.variable is x
        assert nothing is None
