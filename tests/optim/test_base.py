"""The base of the optimizers: groups, hooks, pickling, messages."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as torch
from tests.refusals import Refusal, refusals
from tinygrad_lite import optim
from tinygrad_lite.optim import optimizer as base
from tinygrad_lite.optim import sweep


def leaf(*values: float, **options: Any) -> torch.Tensor:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True, **options)


def with_gradient(*values: float) -> torch.Tensor:
    p = leaf(*values)
    p.grad = torch.ones_like(p)
    return p


class Countdown(optim.Optimizer):
    """A rule of PyTorch's kind: an own step."""

    def __init__(self, params: Any, lr: Any = base.required) -> None:
        super().__init__(params, {"lr": lr, "count": 0})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        for group in self.param_groups:
            group["count"] += 1
        return closure() if closure else "stepped"


# groups


def test_parameters_may_come_from_a_generator_a_group_or_by_name():
    p, q = leaf(), leaf()
    for params in ((x for x in (p, q)), [{"params": [p, q]}], [("a", p), ("b", q)]):
        group = optim.SGD(params).param_groups[0]
        assert [id(x) for x in group["params"]] == [id(p), id(q)]
    assert group["param_names"] == ["a", "b"]
    assert optim.SGD([{"params": p}]).param_groups[0]["params"] == [p]
    names = optim.SGD([{"params": [("a", p)]}, {"params": [("b", q)]}])
    assert [g["param_names"] for g in names.param_groups] == [["a"], ["b"]]


def test_groups_keep_their_own_options_and_take_the_others_from_the_defaults():
    groups = [{"params": [leaf()], "lr": 0.5}, {"params": [leaf()], "momentum": 0.25}]
    optimizer = optim.SGD(groups, lr=0.1)
    assert [(g["lr"], g["momentum"]) for g in optimizer.param_groups] == [(0.5, 0), (0.1, 0.25)]


def test_a_refused_group_is_not_added():
    p = leaf()
    optimizer = optim.SGD([p])
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": [p]})
    assert len(optimizer.param_groups) == 1


def test_a_retained_value_may_be_optimized_and_with_differentiable_any():
    y = leaf() * 2
    y.retain_grad()
    optim.SGD([y])
    optim.SGD([leaf() * 2], differentiable=True)


def test_a_required_option_must_be_stated_by_each_group():
    assert repr(base.required) == "<required parameter>"
    Countdown([{"params": [leaf()], "lr": 1}])
    with pytest.raises(ValueError) as e:
        Countdown([{"params": [leaf()], "lr": 1}, {"params": [leaf()]}])
    assert str(e.value) == (
        "parameter group didn't specify a value of required optimization parameter lr"
    )


def test_a_parameter_twice_in_a_group_is_warned_about():
    p = leaf()
    with pytest.warns(UserWarning, match="duplicate parameters") as record:
        optim.SGD([p, p])
    assert str(record[0].message) == (
        "optimizer contains a parameter group with duplicate parameters; in future, this will "
        "cause an error; see github.com/pytorch/pytorch/issues/40967 for more information"
    )


def test_repr_lists_groups_and_options_in_order():
    optimizer = Countdown([{"params": [leaf()], "lr": 1}, {"params": [leaf()], "lr": 2}])
    assert repr(optimizer) == (
        "Countdown (\nParameter Group 0\n    count: 0\n    lr: 1\n"
        "\nParameter Group 1\n    count: 0\n    lr: 2\n)"
    )


P = leaf()
REFUSED: list[Refusal] = [
    (
        lambda: optim.SGD(P),
        TypeError,
        (
            "params argument given to the optimizer should be an iterable of Tensors or dicts, but "
            "got torch.FloatTensor"
        ),
    ),
    (lambda: optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
    (
        lambda: optim.SGD([3]),
        TypeError,
        "optimizer can only optimize Tensors, but one of the params is int",
    ),
    (
        lambda: optim.SGD([P, np.ones(2)]),
        TypeError,
        "optimizer can only optimize Tensors, but one of the params is numpy.ndarray",
    ),
    (
        lambda: optim.SGD([P]).add_param_group([P]),
        TypeError,
        "param_group must be a dict, but got <class 'list'>",
    ),
    (
        lambda: optim.SGD([{"params": {P}}]),
        TypeError,
        (
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            "tensors in sets will change between runs. Please use a list instead."
        ),
    ),
    (
        lambda: optim.SGD([("a", P), leaf()]),
        ValueError,
        "all optimizer params should be with/without names. Some param names are missing",
    ),
    (
        lambda: optim.SGD([("a", P)]).add_param_group({"params": [leaf()]}),
        ValueError,
        (
            "all optimizer param groups should be with/without names. cannot add param group "
            "without names to the optimizer"
        ),
    ),
    (
        lambda: optim.SGD([P]).add_param_group({"params": [("a", leaf())]}),
        ValueError,
        (
            "all optimizer param groups should be with/without names. cannot add param group with "
            "names to the optimizer"
        ),
    ),
    (lambda: optim.SGD([P * 2]), ValueError, "can't optimize a non-leaf Tensor"),
    (
        lambda: optim.SGD([{"params": [P]}, {"params": [leaf(), P]}]),
        ValueError,
        "some parameters appear in more than one parameter group",
    ),
    (
        lambda: optim.Optimizer([with_gradient()], {}).step(),
        NotImplementedError,
        "Optimizer defines neither step(), update_group() nor rule()",
    ),
    (
        lambda: optim.Muon([leaf()]),
        ValueError,
        "Muon only supports 2D parameters whereas we found a parameter with size: torch.Size([2])",
    ),
]


test_refusals_say_what_is_wrong = refusals(REFUSED)


def test_a_recorded_step_of_a_leaf_is_refused():
    p, q = with_gradient(), leaf()
    q.grad = leaf() * 2
    for params in ([p, q], [q, p]):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            optim.Adam(params, differentiable=True).step()
    optim.Adam([q]).step()
    optim.Adam([p], differentiable=True).step()


def test_optimizers_without_a_recorded_step_say_so():
    p = leaf() * 1
    p.grad = leaf() * 2
    lion = optim.Lion([leaf()])
    lion.param_groups[0].update(params=[p], differentiable=True)
    with pytest.raises(RuntimeError, match="the step of this optimizer is not recorded"):
        lion.step()


# the step


def test_a_step_that_changes_nothing_is_warned_about_once():
    optimizer = optim.SGD([{"params": [leaf()]}, {"params": [leaf()]}])
    with pytest.warns(UserWarning, match="changed nothing") as record:
        optimizer.step()
    assert len(record) == 1
    assert str(record[0].message) == (
        "SGD.step() changed nothing: no parameter has a gradient. Call backward() on the loss "
        "first, and zero_grad() not between backward() and step()."
    )
    optimizer.step()


def test_one_gradient_is_enough_for_no_warning():
    optim.SGD([{"params": [leaf()]}, {"params": [with_gradient()]}]).step()


def test_a_step_returns_the_closures_loss_computed_with_recording():
    p = with_gradient()
    optimizer = optim.SGD([p])
    with torch.no_grad():
        assert optimizer.step(torch.is_grad_enabled) is True
    assert optimizer.step() is None


def test_zero_grad_forgets_all_or_fills_in_place():
    p, q, none = leaf(), leaf(), leaf()
    optimizer = optim.SGD([{"params": [none, p]}, {"params": [q]}])
    p.grad, q.grad = torch.ones(2), leaf() * 2
    kept = p.grad
    before = (kept * q).sum()
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept and kept.tolist() == [0.0, 0.0]
    assert q.grad.tolist() == [0.0, 0.0] and not q.grad.requires_grad
    assert none.grad is None
    with pytest.raises(RuntimeError, match=r"written by Optimizer\.zero_grad"):
        before.backward()
    optimizer.zero_grad()
    assert p.grad is None and q.grad is None


def test_parameters_with_steps_of_their_own_count_get_their_own_constants():
    values = []
    p, q = leaf(), leaf()
    optimizer = optim.Adam([p, q], lr=0.1)
    p.grad = torch.tensor([1.0, -1.0])
    optimizer.step()
    q.grad = torch.tensor([1.0, -1.0])
    optimizer.step()  # p's second step, q's first
    for x in (p, q):
        values.append(float(optimizer.state[x]["step"]))
    assert values == [2.0, 1.0]
    np.testing.assert_allclose(q.detach().numpy(), [0.9, 2.1], rtol=1e-6)
    np.testing.assert_allclose(p.detach().numpy(), [0.8, 2.2], rtol=1e-6)


def test_what_a_step_laid_out_serves_the_next_ones(monkeypatch: pytest.MonkeyPatch):
    laid_out: list[Any] = []

    def counted(*args: Any) -> Any:
        laid_out.append(args)
        return sweep.Sweep(*args)

    monkeypatch.setattr(base, "Sweep", counted)
    p, q = with_gradient(), with_gradient()
    optimizer = optim.Adam([{"params": [p]}, {"params": [q]}])
    for _ in range(3):
        p.grad, q.grad = torch.ones(2), torch.ones(2)
        optimizer.step()
    assert len(laid_out) == 2  # one for each group
    optimizer.param_groups[0]["amsgrad"] = True  # another rule
    optimizer.step()
    assert len(laid_out) == 3


def test_constants_are_computed_once_for_parameters_of_the_same_age(
    monkeypatch: pytest.MonkeyPatch,
):
    asked: list[float] = []
    original = optim.Adam.constants

    def counted(self: Any, group: Any, t: float) -> Any:
        asked.append(t)
        return original(self, group, t)

    monkeypatch.setattr(optim.Adam, "constants", counted)
    params = [with_gradient(), with_gradient(), leaf()]
    optimizer = optim.Adam(params)
    optimizer.step()
    assert asked == [1.0]
    params[2].grad = torch.ones(2)
    optimizer.step()
    assert asked == [1.0, 2.0, 2.0, 1.0]


def test_a_step_taken_away_from_the_state_is_made_anew():
    p = with_gradient()
    optimizer = optim.SGD([p], momentum=0.5)
    optimizer.step()
    del optimizer.state[p]["momentum_buffer"]
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].tolist() == [1.0, 1.0]


# hooks


def test_hooks_see_the_optimizer_and_the_arguments_in_order():
    optimizer = Countdown([leaf()], lr=1)
    log: list[Any] = []
    hook = lambda name: lambda *seen: log.append((name, seen))
    handles = [
        optim.register_optimizer_step_pre_hook(hook("all before")),
        optimizer.register_step_pre_hook(hook("before")),
        optimizer.register_step_post_hook(hook("after")),
        optim.register_optimizer_step_post_hook(hook("all after")),
    ]
    closure = lambda: 7
    assert optimizer.step(closure) == 7
    for handle in handles:
        handle.remove()
    assert [name for name, _ in log] == ["all before", "before", "after", "all after"]
    assert all(seen == (optimizer, (optimizer, closure), {}) for _, seen in log)
    assert optimizer.step(closure=closure) == 7
    assert len(log) == 4


def test_a_pre_hook_may_replace_the_arguments():
    optimizer = Countdown([leaf()], lr=1)
    optimizer.register_step_pre_hook(lambda o, args, kw: ((o, lambda: "new"), {}))
    seen: list[Any] = []
    optimizer.register_step_pre_hook(lambda o, args, kw: seen.append((args[1](), kw)))
    assert optimizer.step(closure=lambda: "old") == "new"
    assert seen == [("new", {})]
    optimizer.register_step_pre_hook(lambda o, args, kw: ((o,), {"closure": lambda: "newer"}))
    assert optimizer.step() == "newer"


@pytest.mark.parametrize("returned", [3, (1, 2, 3), [(), {}]])
def test_a_pre_hook_must_return_none_or_a_pair(returned: Any):
    optimizer = Countdown([leaf()], lr=1)
    optimizer.register_step_pre_hook(lambda o, args, kw: returned)
    with pytest.raises(RuntimeError) as e:
        optimizer.step()
    message = str(e.value)
    assert message.startswith("<function Countdown.step at 0x")
    assert message.endswith(
        f" must return None or a tuple of (new_args, new_kwargs), but got {returned}."
    )
    assert optimizer.param_groups[0]["count"] == 0


def test_a_step_is_wrapped_once_and_keeps_its_name():
    class Parent(optim.Optimizer):
        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            """Steps."""

    class Child(Parent):
        pass

    Parent([leaf()], {})
    step = Parent.step
    optimizers = [Parent([leaf()], {}), Child([leaf()], {}), Child([leaf()], {})]
    assert Parent.step is step and Child.step is step
    assert (step.__name__, step.__doc__) == ("step", "Steps.")
    calls: list[Any] = []
    for optimizer in optimizers:
        optimizer.register_step_post_hook(lambda *a: calls.append(1))
        optimizer.step()
    assert len(calls) == 3


def test_hooks_of_saving_and_loading_run_in_order():
    log: list[Any] = []
    optimizer = optim.Adam([with_gradient()])
    say = lambda name: lambda *seen: log.append((name, *seen))
    for register, name in (
        (optimizer.register_state_dict_pre_hook, "pre"),
        (optimizer.register_state_dict_post_hook, "post"),
        (optimizer.register_load_state_dict_pre_hook, "load pre"),
        (optimizer.register_load_state_dict_post_hook, "load post"),
    ):
        register(say(f"{name} 2"))
        register(say(f"{name} 1"), prepend=True)
        register(say(f"{name} 3"), prepend=False)
        register(say(f"{name} 4"))
        handle = register(say(f"{name} no"), prepend=True)
        handle.remove()
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    names = [entry[0] for entry in log]
    kinds = ("pre", "post", "load pre", "load post")
    assert names == [f"{kind} {i}" for kind in kinds for i in (1, 2, 3, 4)]
    assert all(entry[1] is optimizer for entry in log)
    assert log[4][2] is saved
    assert log[8][2] is not saved and log[8][2] == saved  # a shallow copy


def test_hooks_may_replace_what_is_saved_and_loaded():
    optimizer = optim.SGD([leaf()], lr=0.5)
    optimizer.register_state_dict_post_hook(lambda o, saved: {**saved, "more": 1})
    optimizer.register_state_dict_post_hook(lambda o, saved: None)
    saved = optimizer.state_dict()
    assert saved["more"] == 1
    other = optim.SGD([leaf()], lr=0.1)
    other.register_load_state_dict_pre_hook(
        lambda o, given: {**given, "param_groups": [{**given["param_groups"][0], "lr": 0.25}]}
    )
    other.register_load_state_dict_pre_hook(lambda o, given: None)
    other.load_state_dict(saved)
    assert other.param_groups[0]["lr"] == 0.25


# pickling and old files


def test_a_copy_by_pickle_has_options_and_state_but_no_hooks():
    p = with_gradient()
    optimizer = optim.Adam([p], lr=0.5)
    optimizer.step()
    optimizer.register_step_pre_hook(lambda *a: pytest.fail("hooks are not copied"))
    copy = pickle.loads(pickle.dumps(optimizer))
    (q,) = copy.param_groups[0]["params"]
    assert copy.defaults == optimizer.defaults
    assert set(copy.state[q]) == {"step", "exp_avg", "exp_avg_sq"}
    q.grad = torch.ones(2)
    copy.step()
    assert copy.state[q]["step"].item() == 2
    assert copy.state["new"] == {}
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        q.grad = None
        copy.step()
    assert len(record) == 1  # also counts its own warnings


def test_a_state_of_an_older_version_gets_the_options_it_lacks():
    p = with_gradient()
    optimizer = optim.Adam([p], amsgrad=True)
    optimizer.step()
    saved = optimizer.state_dict()
    del saved["param_groups"][0]["amsgrad"]
    saved["param_groups"][0]["lr"] = 0.75
    saved["state"][0]["step"] = 3  # a number, as it once was
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["amsgrad"] is False  # when it was saved there was none
    assert optimizer.param_groups[0]["lr"] == 0.75
    step = optimizer.state[p]["step"]
    assert step.dtype == torch.float32 and step.shape == () and step.item() == 3


def test_parameters_without_state_are_loaded_too_and_steps_that_are_not_counted_stay():
    p, q = with_gradient(), leaf()
    optimizer = optim.Adam([p, q])
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    assert q not in optimizer.state
    sgd = optim.SGD([p])
    sgd.load_state_dict({**sgd.state_dict(), "state": {0: {"step": 3}}})
    assert sgd.state[p]["step"] == 3


def test_adamw_takes_over_what_adam_saved():
    p = with_gradient()
    adam = optim.Adam([p], weight_decay=0.1)
    adam.step()
    adamw = optim.AdamW([p])
    adamw.load_state_dict(adam.state_dict())
    assert adamw.param_groups[0]["decoupled_weight_decay"] is True
    assert adamw.param_groups[0]["weight_decay"] == 0.1
    assert adamw.state[p]["step"].item() == 1


def test_a_schedule_may_be_tried_out_without_gradients():
    optimizer = optim.SGD([leaf()], lr=1.0)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
        schedule.step()
