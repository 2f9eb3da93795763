"""Around the update: what is saved, groups and receipts, penalties, slow weights, refusals."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tests.refusals import Refusal, refusals
from tinygrad_lite import optim
from tinygrad_lite.optim import penalties, saving, schedules


def leaf(*values: float, **options: Any) -> torch.Tensor:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True, **options)


def with_gradient(values: Any, gradient: Any) -> torch.Tensor:
    p = torch.tensor(values, requires_grad=True)
    p.grad = torch.tensor(gradient)
    return p


# saving


def test_parameters_are_numbered_in_the_order_of_the_groups():
    a, b, c = leaf(), leaf(), leaf()
    packed = saving.pack(
        [{"params": [a, b], "lr": 1}, {"params": [c], "lr": 2}], {c: {"x": 3}, "own": 4}
    )
    assert packed == {
        "state": {2: {"x": 3}, "own": 4},
        "param_groups": [{"lr": 1, "params": [0, 1]}, {"lr": 2, "params": [2]}],
    }


def test_numbers_go_on_from_group_to_group_and_stand_last():
    packed = saving.pack([{"params": [leaf(), leaf()], "lr": 1} for _ in range(3)], {})
    assert [g["params"] for g in packed["param_groups"]] == [[0, 1], [2, 3], [4, 5]]
    assert list(packed["param_groups"][0]) == ["lr", "params"]


def test_wide_state_is_narrowed_to_its_parameter():
    p = leaf()
    given = {"state": {0: {"m": torch.ones(2, dtype=torch.float64)}}}
    _, state = saving.unpack({**given, "param_groups": [{"params": [0]}]}, [{"params": [p]}])
    assert state[p]["m"].dtype == torch.float32


def test_a_parameter_twice_in_a_group_keeps_its_first_number():
    a, b = leaf(), leaf()
    packed = saving.pack([{"params": [a, b, a]}, {"params": [c := leaf()]}], {a: 1, b: 2, c: 3})
    assert [g["params"] for g in packed["param_groups"]] == [[0, 1, 0], [3]]
    assert packed["state"] == {0: 1, 1: 2, 3: 3}


def test_loaded_state_takes_the_parameters_dtype_except_the_step_and_shares_nothing():
    p = leaf(1.0, 2.0, dtype=torch.float64)
    q = torch.zeros(2, dtype=torch.int64)
    given = torch.ones(2)
    saved = {
        "state": {
            0: {
                "m": given,
                "step": torch.tensor(3.0),
                "nested": {"step": given, "list": [given, (given, 5)]},
            },
            1: {"m": given},
            "own": 7,
        },
        "param_groups": [{"lr": [1], "params": [0, 1], "param_names": ["p", "q"]}],
    }
    ours = [{"params": [p, q]}]
    found, state = saving.unpack(saved, ours)
    assert found == [{"lr": [1], "params": [p, q], "param_names": ["p", "q"]}]
    assert found[0]["lr"] is not saved["param_groups"][0]["lr"]
    assert saved["param_groups"][0]["params"] == [0, 1]
    assert state["own"] == 7 and state["new"] == {}
    m = state[p]["m"]
    assert m.dtype == torch.float64 and m.tolist() == [1.0, 1.0]
    assert state[p]["step"].dtype == torch.float32
    assert state[p]["step"] is not saved["state"][0]["step"]
    nested = state[p]["nested"]
    assert nested["step"].dtype == torch.float32
    assert isinstance(nested["list"], list) and isinstance(nested["list"][1], tuple)
    assert nested["list"][0].dtype == nested["list"][1][0].dtype == torch.float64
    assert nested["list"][1][1] == 5
    assert state[q]["m"].dtype == torch.float32 and state[q]["m"] is not given
    state[q]["m"].add_(1)
    assert given.tolist() == [1.0, 1.0]


def test_names_are_kept_where_the_file_has_none():
    named = [{"params": [leaf()], "param_names": ["w"]}]
    found, _ = saving.unpack({"state": {}, "param_groups": [{"params": [0]}]}, named)
    assert found[0]["param_names"] == ["w"]
    found, _ = saving.unpack(
        {"state": {}, "param_groups": [{"params": [0], "param_names": ["v"]}]}, named
    )
    assert found[0]["param_names"] == ["v"]


# groups


def pairs() -> list[tuple[str, torch.Tensor]]:
    return [
        ("a.weight", torch.ones(40, 30, requires_grad=True)),
        ("a.bias", leaf()),
        ("b.weight", torch.ones(2, 2, requires_grad=True)),
        ("c.weight", torch.ones(2, 2)),
    ]


def test_the_receipt_of_groups():
    parts = optim.groups(pairs(), {"bias": {"lr": 0.1, "weight_decay": 0}, "^b": {}})
    assert str(parts) == (
        "bias  (lr=0.1, weight_decay=0): 1 tensors, 2 numbers\n    a.bias\n"
        "^b  (defaults): 1 tensors, 4 numbers\n    b.weight\n"
        "the rest  (defaults): 1 tensors, 1,200 numbers\n    a.weight\n"
        "frozen, in no group: 1 tensors\n    c.weight"
    )
    assert parts.matched == {"bias": ["a.bias"], "^b": ["b.weight"], "the rest": ["a.weight"]}
    assert parts.frozen == ["c.weight"]
    assert "frozen" not in str(optim.groups(pairs()[:3], {}))


def test_the_first_pattern_found_takes_a_name():
    parts = optim.groups(pairs(), {"weight": {"lr": 1}, "a": {"lr": 2}})
    assert [[name for name, _ in part["params"]] for part in parts] == [
        ["a.weight", "b.weight"],
        ["a.bias"],
    ]


def test_decay_is_for_matrices():
    parts = optim.decay_groups(pairs())
    assert [part["weight_decay"] for part in parts] == [0.01, 0.0]
    assert parts.matched == {"weight_decay=0.01": ["a.weight", "b.weight"], "no decay": ["a.bias"]}
    assert parts.frozen == ["c.weight"]
    parts = optim.decay_groups(pairs(), 0.5, ["^b"])
    assert parts.matched == {"weight_decay=0.5": ["a.weight"], "no decay": ["a.bias", "b.weight"]}


def test_frozen_parameters_among_others_are_passed_over():
    first_frozen = [("x", torch.ones(2, 2)), *pairs()]
    assert optim.groups(first_frozen, {"a": {}}).frozen == ["x", "c.weight"]
    assert optim.decay_groups(first_frozen).frozen == ["x", "c.weight"]
    assert len(optim.decay_groups(first_frozen)) == 2


# penalties


def test_penalties_change_gradients_and_mark_the_write():
    p = with_gradient([2.0, -3.0, 0.0], [1.0, 1.0, 1.0])
    before = (p.grad * leaf(1.0, 1.0, 1.0)).sum()
    penalties.add_elastic_net([torch.ones(2), p], 0.5)
    np.testing.assert_allclose(p.grad.numpy(), [1.75, 0.0, 1.0])
    with pytest.raises(RuntimeError, match="then written by add_elastic_net"):
        before.backward()
    penalties.add_l1([p], 1.0)
    np.testing.assert_allclose(p.grad.numpy(), [2.75, -1.0, 1.0])
    penalties.add_l2([p], 1.0)
    np.testing.assert_allclose(p.grad.numpy(), [4.75, -4.0, 1.0])


def test_the_soft_threshold_makes_zeros_and_marks_the_write():
    p = leaf(2.0, -0.5, 0.25)
    before = (p * p).sum()
    penalties.soft_threshold([p], 0.5)
    assert p.tolist() == [1.5, 0.0, 0.0]
    with pytest.raises(RuntimeError, match="then written by soft_threshold"):
        before.backward()


def test_the_proximal_step_shrinks_by_rate_and_strength_what_has_a_gradient():
    p, q = with_gradient([3.0], [0.0]), leaf(3.0)
    r = with_gradient([3.0], [0.0])
    optimizer = optim.SGD([{"params": [p, q]}, {"params": [r], "l1": 4.0}], lr=0.5)
    handle = penalties.proximal_l1(optimizer, 1.0)
    optimizer.step()
    assert (p.item(), q.item(), r.item()) == (2.5, 3.0, 1.0)
    handle.remove()
    optimizer.step()
    assert p.item() == 2.5


# slow weights and points ahead


def test_lookahead_is_the_wrapped_optimizer_but_for_its_steps():
    p = with_gradient([1.0], [1.0])
    inner = optim.SGD([p], lr=0.5)
    outer = optim.Lookahead(inner, k=2, alpha=0.25)
    assert outer.param_groups is inner.param_groups and outer.state is inner.state
    assert outer.defaults is inner.defaults
    assert repr(outer) == f"Lookahead(k=2, alpha=0.25, {inner!r})"
    before = (p * p).sum()
    outer.step()
    assert outer.step(lambda: 7) == 7
    assert p.item() == 0.75  # slow: 1 + (0 - 1) / 4
    with pytest.raises(RuntimeError, match=r"then written by Lookahead\.step"):
        before.backward()
    q = with_gradient([5.0], [1.0])
    outer.add_param_group({"params": [q], "lr": 1.0})
    saved = outer.state_dict()
    assert {k: v for k, v in saved["lookahead"].items() if k != "slow"} == {
        "k": 2,
        "alpha": 0.25,
        "count": 2,
    }
    assert [(i, v.tolist()) for i, v in saved["lookahead"]["slow"].items()] == [(0, [0.75])]
    outer.step()
    assert q.item() == 4.0


def test_lookahead_is_pickled_whole():
    p = with_gradient([1.0], [1.0])
    optimizer = optim.Lookahead(optim.SGD([p], lr=0.5), k=2, alpha=0.25)
    optimizer.step()
    copy = pickle.loads(pickle.dumps(optimizer))
    (q,) = copy.param_groups[0]["params"]
    q.grad = torch.ones(1)
    copy.step()
    assert (copy.k, copy.alpha, copy.count) == (2, 0.25, 2) and q.item() == 0.75
    assert copy.defaults == optimizer.defaults


def test_lookahead_by_default_follows_half_the_way_each_five_steps():
    p = with_gradient([0.0], [1.0])
    optimizer = optim.Lookahead(optim.SGD([p], lr=1.0))
    path = []
    for _ in range(5):
        optimizer.step()
        path.append(p.item())
    assert path == [-1.0, -2.0, -3.0, -4.0, -2.5]


def test_nesterovs_gradient_is_taken_ahead():
    p, still = leaf(1.0), leaf(9.0)
    optimizer = optim.NesterovLookahead([p, still], lr=0.5, momentum=0.5)
    seen: list[float] = []

    def closure() -> str:
        assert torch.is_grad_enabled()
        seen.append(p.item())
        p.grad = torch.ones(1)
        return "loss"

    with torch.no_grad():
        assert [optimizer.step(closure) for _ in range(2)] == ["loss", "loss"]
    assert seen == [1.0, 0.25]  # the second at 0.5 + 0.5 * -0.5
    assert p.item() == -0.25 and still.item() == 9.0
    assert optimizer.state[p]["velocity"].tolist() == [-0.75]
    up = optim.NesterovLookahead([q := with_gradient([1.0], [1.0])], lr=0.5, maximize=True)
    up.step(lambda: None)
    assert q.item() == 1.5
    assert up.defaults == {"lr": 0.5, "momentum": 0.9, "maximize": True}
    assert optim.NesterovLookahead([q]).defaults["lr"] == 1e-3
    assert optim.NesterovLookahead([q]).defaults["maximize"] is False


def test_nesterovs_writes_are_marked():
    p = with_gradient([1.0], [1.0])
    optimizer = optim.NesterovLookahead([p])
    before = (p * p).sum()
    optimizer.step(lambda: None)
    with pytest.raises(RuntimeError, match=r"then written by NesterovLookahead\.step"):
        before.backward()
    before = (p * p).sum()
    with pytest.raises(RuntimeError, match=r"then written by NesterovLookahead\.step"):
        optimizer.step(before.backward)  # at the point ahead


# refusals

SPARSE = "SparseAdam does not support dense gradients, please consider Adam instead (tinygrad_lite "
REFUSED: list[Refusal] = [
    (
        lambda: saving.unpack({"param_groups": [], "state": {}}, [{"params": []}]),
        ValueError,
        "loaded state dict has a different number of parameter groups (0; the optimizer has 1)",
    ),
    (
        lambda: saving.unpack(
            {"param_groups": [{"params": [0]}, {"params": [1]}], "state": {}},
            [{"params": [leaf()]}, {"params": [leaf(), leaf()]}],
        ),
        ValueError,
        (
            "loaded state dict contains a parameter group that doesn't match the size of "
            "optimizer's group (theirs, ours): [(1, 1), (1, 2)]"
        ),
    ),
    (
        lambda: optim.groups([leaf(1.0)], {}),
        TypeError,
        (
            "groups() needs a Module or (name, parameter) pairs such as model.named_parameters(), "
            f"but an item is {leaf(1.0)!r}"
        ),
    ),
    (
        lambda: optim.groups([("a", 3.0)], {}),
        TypeError,
        (
            "groups() needs a Module or (name, parameter) pairs such as model.named_parameters(), "
            "but an item is ('a', 3.0)"
        ),
    ),
    (
        lambda: optim.groups(pairs(), {"weight": {}, "a.w": {}}),
        ValueError,
        (
            "no parameter is left for the pattern 'a.w'. Names that no pattern took: ['a.bias']; "
            "earlier patterns go first. strict=False allows this."
        ),
    ),
    (
        lambda: optim.groups([(f"p{i}", leaf()) for i in range(11)], {"x": {}}),
        ValueError,
        (
            "no parameter is left for the pattern 'x'. Names that no pattern took: "
            f"{[f'p{i}' for i in range(10)]} ...; earlier patterns go first. strict=False allows "
            "this."
        ),
    ),
    (lambda: penalties.add_l1([], -1.0), ValueError, "Invalid strength: -1.0"),
    (lambda: penalties.add_elastic_net([], 1.0, -0.5), ValueError, "Invalid ratio: -0.5"),
    (lambda: penalties.add_elastic_net([], 1.0, 1.5), ValueError, "Invalid ratio: 1.5"),
    (lambda: penalties.soft_threshold([], -1.0), ValueError, "Invalid threshold: -1.0"),
    (
        lambda: penalties.proximal_l1(optim.SGD([leaf()]), -1.0),
        ValueError,
        "Invalid strength: -1.0",
    ),
    (
        lambda: optim.Lookahead(optim.SGD([leaf()]), k=0),
        ValueError,
        "Invalid number of steps k: 0",
    ),
    (
        lambda: optim.Lookahead(optim.SGD([leaf()]), alpha=1.5),
        ValueError,
        "Invalid slow step alpha: 1.5",
    ),
    (
        lambda: optim.Lookahead(optim.SGD([leaf()]), alpha=-0.5),
        ValueError,
        "Invalid slow step alpha: -0.5",
    ),
    (lambda: optim.NesterovLookahead([leaf()], lr=-1), ValueError, "Invalid learning rate: -1"),
    (
        lambda: optim.NesterovLookahead([leaf()], momentum=-1),
        ValueError,
        "Invalid momentum value: -1",
    ),
    (
        lambda: optim.NesterovLookahead([leaf()]).step(),
        TypeError,
        (
            "NesterovLookahead.step() needs a closure, which it evaluates at the point ahead; "
            "without one use SGD(momentum=..., nesterov=True)"
        ),
    ),
    (lambda: optim.SparseAdam([leaf()], lr=0.0), ValueError, "Invalid learning rate: 0.0"),
    (lambda: optim.SparseAdam([leaf()], lr=-1.0), ValueError, "Invalid learning rate: -1.0"),
    (lambda: optim.SparseAdam([leaf()], eps=0.0), ValueError, "Invalid epsilon value: 0.0"),
    *[
        (
            lambda betas=betas: optim.SparseAdam([leaf()], betas=betas),
            ValueError,
            f"Invalid beta parameter at index {i}: {betas[i]}",
        )
        for i, betas in ((0, (-0.1, 0.5)), (0, (1.0, 0.5)), (1, (0.5, -0.1)), (1, (0.5, 1.0)))
    ],
    (
        lambda: optim.SparseAdam([with_gradient([1.0], [1.0])]).step(),
        RuntimeError,
        SPARSE + "has no sparse tensors)",
    ),
    (
        lambda: optim.find_lr(optim.SGD([leaf()]), lambda: 0.0, start=0.0),
        ValueError,
        "the rates must satisfy 0 < start < end, got 0.0 and 10.0",
    ),
    (
        lambda: optim.find_lr(optim.SGD([leaf()]), lambda: 0.0, start=2.0, end=2.0),
        ValueError,
        "the rates must satisfy 0 < start < end, got 2.0 and 2.0",
    ),
    (
        lambda: optim.find_lr(optim.SGD([leaf()]), lambda: 0.0, steps=1),
        ValueError,
        "a range test needs 2 steps or more, got 1",
    ),
    (
        lambda: schedules.piecewise_constant([1, 2], [1.0, 0.5]),
        ValueError,
        "2 boundaries part 3 pieces, but 2 factors are given",
    ),
    (
        lambda: schedules.piecewise_constant([1, 1], [1.0, 0.5, 0.1]),
        ValueError,
        "boundaries must increase, got [1, 1]",
    ),
]


test_refusals_say_what_is_wrong = refusals(REFUSED)


def test_sparse_adam_without_gradients_has_pytorchs_defaults():
    optimizer = optim.SparseAdam([leaf()], betas=(0.0, 0.0))
    assert optim.SparseAdam([leaf()]).defaults == {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "maximize": False,
    }
    with pytest.warns(UserWarning, match="changed nothing"):
        optimizer.step()
