"""What the functions write into: running averages and embeddings, seen by the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_lite as torch

F = torch.nn.functional
WRITERS: dict[str, Callable[[Any], Any]] = {
    "batch_norm": lambda a: F.batch_norm(torch.rand(4, 2), a[0], a[1], training=True),
    "instance_norm": lambda a: F.instance_norm(torch.rand(4, 2, 3), a[0], a[1]),
    "embedding_renorm": lambda a: F.embedding(torch.tensor([0]), a, max_norm=0.5),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_graph_that_saved_what_is_overwritten_refuses_to_go_backward(name: str) -> None:
    saved = torch.ones(2, 2)
    factor = torch.ones(2, 2, requires_grad=True)
    product = factor * saved
    before = saved.clone()
    WRITERS[name](saved)
    assert not torch.equal(saved, before)
    by = "batch_norm" if name == "instance_norm" else name  # the update is one function
    with pytest.raises(RuntimeError, match=rf"modified by an inplace operation.*{by}\b"):
        product.sum().backward()


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)])
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm", "group_norm"])
def test_nothing_is_normalized_to_nothing(name: str, shape: tuple[int, ...]) -> None:
    if name == "instance_norm" and len(shape) == 2:
        return  # one spatial element: refused
    x = torch.zeros(shape, requires_grad=True)
    weight, bias = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    more = {"group_norm": (3,)}.get(name, (torch.zeros(3), torch.ones(3)))
    out = getattr(F, name)(x, *more, weight, bias)
    assert tuple(out.shape) == shape
    assert out is not x
    out.sum().backward()
    assert x.grad.shape == x.shape
    assert weight.grad.tolist() == bias.grad.tolist() == [0.0, 0.0, 0.0]
    if name != "group_norm":
        assert more[0].tolist() == [0.0, 0.0, 0.0], "no data, no news"
        assert more[1].tolist() == [1.0, 1.0, 1.0]


def test_no_bags_are_no_rows() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    for index in (none, torch.tensor([1, 2])):  # PyTorch reads beyond its offsets here
        assert F.embedding_bag(index, torch.ones(3, 2), none).shape == (0, 2)


def test_a_bags_gradient_is_divided_by_how_often_a_row_was_used() -> None:
    # PyTorch divides by the counts of other rows here, which its documentation does not say
    weight = torch.zeros(3, 2, requires_grad=True)
    index = torch.tensor([[2, 2, 1], [2, 1, 1], [2, 2, 2]])
    for more in ({"mode": "sum"}, {}):
        out = F.embedding_bag(index, weight, scale_grad_by_freq=True, **more)
        (grad,) = torch.autograd.grad((out * torch.tensor([[1.0], [10.0], [100.0]])).sum(), weight)
        wanted = torch.tensor([0.0, 21 / 3, (2 + 10 + 300) / 6])
        torch.testing.assert_close(grad[:, 0], wanted / (1 if more else 3))
