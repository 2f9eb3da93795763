"""A call of a module that has hooks: before and after `forward`, and in the backward pass."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from ...autograd.function import Function
from ...core.modes import is_grad_enabled
from ...core.tensor import Tensor
from . import _hooks


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward` with all hooks around it."""
    sets = [h for h in (_hooks.GLOBAL, module._hook_registries) if h is not None]
    for hooks in sets:
        for number, hook in list(hooks.forward_pre.items()):
            with_kwargs = number in hooks.forward_pre_with_kwargs
            args, kwargs = _before(module, hook, with_kwargs, args, kwargs)
    full = [h for hooks in sets if hooks.full for h in hooks.backward.values()]
    at_last = [h for hooks in sets if hooks.full is False for h in hooks.backward.values()]
    backward_pre = [h for hooks in sets for h in hooks.backward_pre.values()]
    watch = _Backward(module, full, backward_pre, len(args)) if full or backward_pre else None
    if watch is not None:
        args = watch.inputs(args)
    done: set[int] = set()
    output = None
    try:
        output = module.forward(*args, **kwargs)
        for hooks in sets:
            for number, hook in list(hooks.forward.items()):
                done.add(number)
                output = _after(
                    module, hook, number in hooks.forward_with_kwargs, args, kwargs, output
                )
        if watch is not None:
            output = watch.outputs(output)
        if at_last:
            _hook_last_operation(module, at_last, args, output)
    except Exception:
        for hooks in sets:
            for number in [n for n in hooks.forward_always_called if n not in done]:
                hook, with_kwargs = hooks.forward[number], number in hooks.forward_with_kwargs
                try:
                    output = _after(module, hook, with_kwargs, args, kwargs, output)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error}",
                        stacklevel=2,
                    )
        raise
    return output


def _before(module: Any, hook: Any, with_kwargs: bool, args: Any, kwargs: Any) -> tuple[Any, Any]:
    if with_kwargs:
        found = hook(module, args, kwargs)
        if found is None:
            return args, kwargs
        if not isinstance(found, tuple) or len(found) != 2:
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                f"but got {found}."
            )
        return found
    found = hook(module, args)
    if found is None:
        return args, kwargs
    return (found if isinstance(found, tuple) else (found,)), kwargs


def _after(module: Any, hook: Any, with_kwargs: bool, args: Any, kwargs: Any, output: Any) -> Any:
    found = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
    return output if found is None else found


def _hook_last_operation(module: Any, hooks: list[Any], args: Any, output: Any) -> None:
    """Hang hooks of the old kind on the node of the output, or of the first Tensor in it.

    They see the gradients of that one operation, which are the module's only if it has one.
    """
    first = output
    while not isinstance(first, Tensor):
        if isinstance(first, dict):
            first = next(v for v in first.values() if isinstance(v, Tensor))
        else:
            first = first[0]
    node = first.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(functools.partial(hook, module))
    missing = _what_is_missed(args, output, node)
    if missing:
        warnings.warn(
            f"Using {missing} Please use register_full_backward_hook to get the documented "
            "behavior.",
            FutureWarning,
            stacklevel=2,
        )


def _what_is_missed(args: Any, output: Any, node: Any) -> str:
    """Why a hook on `node` does not see all gradients of its module; "" where it does."""
    gone = "is deprecated and will be removed in future versions. This hook will be missing some"
    outputs = output if isinstance(output, tuple) else (output,)
    if not all(isinstance(v, Tensor) for v in outputs):
        what = "non-full backward hooks on a Module that does not return a single Tensor or a tuple"
        return f"{what} of Tensors {gone} of the grad_output."
    if not all(isinstance(a, Tensor) for a in args):
        what = "non-full backward hooks on a Module that does not take as input a single Tensor or"
        return f"{what} a tuple of Tensors {gone} of the grad_input."
    nodes = {v.grad_fn for v in outputs if v.grad_fn is not None}
    if len(nodes) > 1:
        what = "a non-full backward hook when outputs are generated by different autograd Nodes"
        return f"{what} {gone} grad_output."
    before = {a.grad_fn for a in args if a.grad_fn is not None}
    if before != {n for n, _ in node.next_functions}:
        what = "a non-full backward hook when the forward contains multiple autograd Nodes"
        return f"{what} {gone} grad_input."
    return ""


_NO_INPUTS = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since "
    "no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module."
    "html#torch.nn.Module.register_full_backward_hook for more details."
)


class _Backward:
    """Meets the gradients at a module's outputs and inputs with an identity on either side."""

    def __init__(self, module: Any, hooks: list[Any], pre: list[Any], inputs: int) -> None:
        self.module = module
        self.hooks = hooks
        self.pre = pre
        self.count = inputs
        self.grad_output: Any = None
        self.has_inputs = False

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, their gradients reported to the hooks."""

        def report(gs: tuple[Any, ...]) -> tuple[Any, ...]:
            if self.grad_output is None:
                return gs  # they did not pass the outputs, as in a derivative of a derivative
            for hook in self.hooks:
                found = hook(self.module, gs, self.grad_output)
                gs = _as_many("Backward hook", "grad_input", found, gs)
            self.grad_output = None
            return gs

        passed = _passed_through(args, report)
        self.has_inputs = passed is not None
        return args if passed is None else passed

    def outputs(self, output: Any) -> Any:
        """The outputs, their gradients reported to the hooks."""
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(output)}",
                stacklevel=2,
            )
            return output

        def report(gs: tuple[Any, ...]) -> tuple[Any, ...]:
            for hook in self.pre:
                found = hook(self.module, gs)
                gs = _as_many("Backward pre hook", "grad_output", found, gs)
            self.grad_output = gs
            if not self.has_inputs:
                if self.hooks:
                    warnings.warn(_NO_INPUTS, UserWarning, stacklevel=2)
                for hook in self.hooks:
                    found = hook(self.module, (None,) * self.count, gs)
                    if found is not None and any(g is not None for g in found):
                        raise RuntimeError(
                            "Backward hook for Modules where no input requires gradient should "
                            "always return None or None for all gradients."
                        )
            return gs

        passed = _passed_through(output if isinstance(output, tuple) else (output,), report)
        if passed is None:
            return output
        if isinstance(output, Tensor):
            return passed[0]
        return passed if type(output) is tuple else type(output)(*passed)


def _as_many(kind: str, what: str, found: Any, gs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The gradients `found` by a hook in place of `gs`, or `gs` if it returned None."""
    if found is None:
        return gs
    found = found if isinstance(found, (tuple, list)) else (found,)
    if len(found) != len(gs):
        raise RuntimeError(
            f"{kind} returned an invalid number of {what}, got {len(found)}, but expected {len(gs)}"
        )
    return tuple(found)


def _passed_through(values: tuple[Any, ...], report: Any) -> tuple[Any, ...] | None:
    """`values`, those that require grad at new nodes; their gradients, with None for all others,
    go through `report`. None if there are none."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
    if not places or not is_grad_enabled():
        return None

    def spread(gs: tuple[Any, ...]) -> tuple[Any, ...]:
        full: list[Any] = [None] * len(values)
        for i, g in zip(places, gs, strict=True):
            full[i] = g
        reported = report(tuple(full))
        return tuple([reported[i] for i in places])

    renewed = list(values)
    passed = BackwardHookFunction.apply(spread, *[values[i] for i in places])
    for i, t in zip(places, passed, strict=True):
        renewed[i] = t
    return tuple(renewed)


class BackwardHookFunction(Function):
    """The identity; `report` sees the gradients that pass, and may return others."""

    @staticmethod
    def forward(ctx: Any, report: Any, *tensors: Any) -> Any:
        ctx.report = report
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *gs: Any) -> Any:
        return (None, *ctx.report(gs))
