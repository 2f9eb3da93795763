"""The base of all optimizers: parameter groups, state, hooks, saving and loading.

An optimizer with an elementwise update names its rule (`kernels/updates*.py`) and computes the
rule's constants from the group's options and the step; the base does the rest. Others override
`update_group`, and an optimizer written for PyTorch, which overrides `step`, works as it is.
"""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.modes import current, enable_grad
from ..core.node import Handle, touch
from ..core.tensor import Tensor, make
from ..kernels.updates import Rule
from .by_hand import ParamsT as ParamsT
from .by_hand import _capturable_doc as _capturable_doc
from .by_hand import _default_to_fused_or_foreach as _default_to_fused_or_foreach
from .by_hand import _differentiable_doc as _differentiable_doc
from .by_hand import _disable_dynamo_if_unsupported as _disable_dynamo_if_unsupported
from .by_hand import _foreach_doc as _foreach_doc
from .by_hand import _fused_doc as _fused_doc
from .by_hand import _get_scalar_dtype as _get_scalar_dtype
from .by_hand import _get_value as _get_value
from .by_hand import _maximize_doc as _maximize_doc
from .by_hand import _stack_if_compiling as _stack_if_compiling
from .by_hand import _to_scalar as _to_scalar
from .by_hand import _use_grad_for_differentiable as _use_grad_for_differentiable
from .by_hand import _view_as_real as _view_as_real
from .options import Group, State, scalar, type_name
from .recorded import UPDATES, RecordedStep, on_a_graph
from .saving import pack, unpack
from .sweep import Sweep

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
    "required",
]


class _Required:
    """Default of an option every group must state."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()

_pre_hooks: list[Callable[..., Any]] = []
_post_hooks: list[Callable[..., Any]] = []


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> Handle:
    """Call `hook(optimizer, args, kwargs)` before the step of every optimizer."""
    return Handle(_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> Handle:
    """Call `hook(optimizer, args, kwargs)` after the step of every optimizer."""
    return Handle(_post_hooks, hook)


def with_grad(optimizer: Optimizer, group: Group) -> list[Any]:
    """The parameters of the group that have a gradient.

    RuntimeError where gradients themselves carry a graph that `differentiable=True` asks to keep.
    """
    params = [p for p in group["params"] if p._grad is not None]
    if group.get("differentiable") and any(p._grad.requires_grad for p in params):
        raise RuntimeError(
            f"{type(optimizer).__name__}(differentiable=True): a gradient is itself part of a "
            "graph (create_graph=True), but the step of this optimizer is not recorded. "
            "To differentiate through updates write them with tensors: new_p = p - lr * g."
        )
    return params


_NO_STATE: State = {}
_ZERO = scalar(0.0)


class Optimizer:
    """Holds parameters in groups, each with its options, and the state of each parameter.

    Args:
        params: an iterable of Tensors, of (name, Tensor) pairs, or of dicts with the key "params"
            and options that differ from the defaults
        defaults: options of groups that do not state them

    `param_groups` is a list of dicts that may be changed at any time, as learning-rate schedules
    do; `state` maps a parameter to its dict of state. Raises TypeError or ValueError, as PyTorch
    does, for a Tensor or a set instead of a list, an empty list, something that is not a Tensor,
    a Tensor that is not a leaf, and a parameter in two groups. A parameter twice in one group is
    warned about and updated once a step.
    """

    _optimizer_step_pre_hooks: list[Any]
    _optimizer_step_post_hooks: list[Any]
    _optimizer_state_dict_pre_hooks: list[Any]
    _optimizer_state_dict_post_hooks: list[Any]
    _optimizer_load_state_dict_pre_hooks: list[Any]
    _optimizer_load_state_dict_post_hooks: list[Any]

    counts_steps = True  # the state of each parameter has its own `step`

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._prepare()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be "
                "an iterable of Tensors or dicts, but got " + type_name(params)
            )
        self.state: defaultdict[Any, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self) -> None:
        """What neither `state_dict` nor pickling keeps: hooks, and the sweeps of the last step."""
        for name in (
            "_optimizer_step_pre_hooks",
            "_optimizer_step_post_hooks",
            "_optimizer_state_dict_pre_hooks",
            "_optimizer_state_dict_post_hooks",
            "_optimizer_load_state_dict_pre_hooks",
            "_optimizer_load_state_dict_post_hooks",
        ):
            if name not in self.__dict__:
                setattr(self, name, [])
        self._sweeps: dict[int, Sweep] = {}
        self._warned_no_grad = False
        cls: Any = type(self)
        if not getattr(cls.step, "hooked", False):
            cls.step = _with_hooks(cls.step)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()
        for group in self.param_groups:  # options that an older file does not know
            for key, value in self.defaults.items():  # a switch it does not know was off
                group.setdefault(key, False if value is True else value)
            for p in group["params"]:
                own = self.state.get(p, {})
                if self.counts_steps and not isinstance(own.get("step", _ZERO), Tensor):
                    own["step"] = scalar(float(own["step"]))

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # -- groups -----------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, e.g. layers unfrozen during training.

        Raises as the constructor does; the optimizer is then unchanged.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but "
                "the ordering of tensors in sets will change between runs. "
                "Please use a list instead."
            )
        names = []
        tensors = []
        for item in params:
            if isinstance(item, tuple):
                names.append(item[0])
                tensors.append(item[1])
            else:
                tensors.append(item)
        param_group["params"] = tensors
        if names:
            if len(names) != len(tensors):
                raise ValueError(
                    "all optimizer params should be with/without names. "
                    "Some param names are missing"
                )
            param_group["param_names"] = names
        self._check_params(param_group)
        self.param_groups.append(param_group)

    def _check_params(self, param_group: Group) -> None:
        tensors = param_group["params"]
        for p in tensors:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type_name(p)}"
                )
            if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        if len(tensors) != len({id(p) for p in tensors}):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=4,
            )
        named = "param_names" in param_group
        known: set[int] = set()
        for group in self.param_groups:
            known.update(id(p) for p in group["params"])
            if named != ("param_names" in group):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {'with' if named else 'without'} names to the optimizer"
                )
        if not known.isdisjoint(id(p) for p in tensors):
            raise ValueError("some parameters appear in more than one parameter group")

    # -- the step ---------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or with `set_to_none=False` fill them with zeros in place."""
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is None:
                    continue
                if set_to_none:
                    p._grad = None
                else:
                    p._grad.node = None
                    p._grad.array.fill(0)
                    touch(p._grad.array, by="Optimizer.zero_grad")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place.

        closure: recomputes the loss and its gradients, with recording on; its value is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        ready = [self.gather(group) for group in self.param_groups]
        for group, material in zip(self.param_groups, ready):
            if material:
                self.update_group(group, material)
        if not self._warned_no_grad and not any(ready):
            self._warned_no_grad = True
            if hasattr(self.step, "_wrapped_by_lr_sched"):
                return loss  # a schedule is tried out, for which no gradient is needed
            warnings.warn(
                f"{type(self).__name__}.step() changed nothing: no parameter has a gradient. "
                "Call backward() on the loss first, and zero_grad() not between backward() and "
                "step().",
                stacklevel=3,
            )
        return loss

    def gather(self, group: Group) -> Any:
        """Everything the update of this group needs, checked; None if no parameter has a gradient.

        All groups are gathered before the first is updated, so that an error (a state that does
        not fit) leaves every parameter as it was.
        """
        params = [p for p in group["params"] if p._grad is not None]
        if not params:
            return None
        rule = self.rule(group)
        if rule.state or self.counts_steps:
            states = list(map(self.state.__getitem__, params))
        else:
            states = [_NO_STATE] * len(params)
        if group.get("differentiable") and on_a_graph(group, params, states):
            return self.recorded_step(group, rule, params)
        sweep = self._sweeps.get(id(group))
        if sweep is not None and sweep.serves(rule, params, states):
            try:
                sweep.refresh()
            except (KeyError, AttributeError):  # state was taken away since the last step
                pass
            else:
                return sweep
        sweep = self._sweeps[id(group)] = Sweep(rule, params, states)
        for i, (p, state) in enumerate(zip(sweep.params, sweep.states)):
            if any(state.get(name) is None for name in rule.state):
                sweep.new.add(i)
            self.complete_state(p, group, state, rule)
        sweep.refresh()
        return sweep

    def recorded_step(self, group: Group, rule: Rule, params: list[Any]) -> Any:
        """A step of this group that is part of the graph: see recorded.py."""
        if rule.name not in UPDATES:
            return with_grad(self, group)
        states = [self.state[p] for p in params]
        fresh = [{name for name in rule.state if s.get(name) is None} for s in states]
        for p, state in zip(params, states):
            self.complete_state(p, group, state, rule)
        return RecordedStep(UPDATES[rule.name], params, states, fresh)

    def update_group(self, group: Group, material: Any) -> None:
        """Update the parameters of one group; `material` is what `gather` returned."""
        if isinstance(material, RecordedStep):
            with enable_grad():
                material.run(group)
            return
        material.run(self.constants_of(group, material), f"{type(self).__name__}.step")

    def rule(self, group: Group) -> Rule:
        """The update rule for this group's options."""
        raise NotImplementedError(
            f"{type(self).__name__} defines neither step(), update_group() nor rule()"
        )

    def complete_state(self, p: Any, group: Group, state: State, rule: Rule) -> None:
        """Add what the rule needs and the state lacks: zeros like the parameter, and `step`."""
        if self.counts_steps and not state:
            state["step"] = scalar(0.0)
        for name in rule.state:
            if state.get(name) is None:
                state[name] = make(np.zeros_like(p.array))

    def constants_of(self, group: Group, sweep: Sweep) -> Any:
        """The rule's constants for this step, or a function from a parameter's position to them.

        The base counts the step and asks `constants(group, t)`: once if all parameters have made
        the same number of steps, as they usually have.
        """
        steps = sweep.count_step()
        first = steps[0]
        if (steps == first).all():
            return self.constants(group, float(first))
        return lambda i: self.constants(group, float(steps[i]))

    def constants(self, group: Group, t: float) -> tuple[float, ...]:
        """The rule's constants in step t (1, 2, ...)."""
        raise NotImplementedError

    # -- hooks ------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(optimizer, args, kwargs)` before each step.

        It may return new (args, kwargs), of which args[0] is the optimizer.
        """
        return Handle(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return Handle(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer)` before `state_dict()` collects the state."""
        return _handle(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer, state_dict)` on the result of `state_dict()`; it may replace it."""
        return _handle(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer, state_dict)` on a shallow copy before it is loaded."""
        return _handle(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(optimizer)` after a state was loaded."""
        return _handle(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # -- saving and loading -----------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """`{"state": {number: state}, "param_groups": [options and parameter numbers]}`.

        Parameters are numbered in the order of the groups. Tensors are not copied.
        """
        for hook in self._optimizer_state_dict_pre_hooks:
            hook(self)
        result = pack(self.param_groups, self.state)
        for hook in self._optimizer_state_dict_post_hooks:
            replaced = hook(self, result)
            if replaced is not None:
                result = replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that `state_dict` returned, for parameters in the same order.

        ValueError if the groups differ in number or size; nothing is loaded then. Floating-point
        state takes the dtype of its parameter, except `step`.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks:
            replaced = hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        groups, state = unpack(state_dict, self.param_groups)
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._optimizer_load_state_dict_post_hooks:
            hook(self)


def _handle(hooks: list[Any], hook: Callable[..., Any], prepend: bool) -> Handle:
    handle = Handle(hooks, hook)
    if prepend:
        hooks.insert(0, hooks.pop())
    return handle


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the pre-hooks before and the post-hooks after it."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        for hook in (*_pre_hooks, *self._optimizer_step_pre_hooks):
            replaced = hook(self, (self, *args), kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {replaced}."
                    )
                (_, *args), kwargs = replaced
        watch = current().watch
        if watch is None:
            out = step(self, *args, **kwargs)
        else:
            with watch.around(f"Optimizer.step#{type(self).__name__}.step"):
                out = step(self, *args, **kwargs)
        for hook in (*self._optimizer_step_post_hooks, *_post_hooks):
            hook(self, (self, *args), kwargs)
        return out

    hooked.hooked = True  # type: ignore[attr-defined]
    return hooked
