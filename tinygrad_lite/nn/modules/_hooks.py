"""Hooks of modules: what is called before and after `forward`, and in the backward pass."""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ...autograd.function import Function
from ...core.tensor import Tensor


class Hooks:
    """The lists of one module (or of all: the global hooks)."""

    def __init__(self) -> None:
        self.pre: list[Any] = []
        self.post: list[Any] = []
        self.backward: list[Any] = []
        self.backward_pre: list[Any] = []
        self.state_dict: list[Any] = []
        self.state_dict_pre: list[Any] = []
        self.load_pre: list[Any] = []
        self.load_post: list[Any] = []


GLOBAL: Hooks | None = None


_NUMBERS = itertools.count()


class RemovableHandle:
    """Removes the hook it was returned for; also usable as a context manager.

    Of a dict of one's own, `RemovableHandle(hooks)`, it removes what stands under its `id`, there
    and in `extra_dict`.
    """

    def __init__(
        self, hooks: Any, entry: Any = None, prepend: bool = False, *, extra_dict: Any = None
    ) -> None:
        self.id = next(_NUMBERS)
        self._hooks = hooks
        self._entry = entry
        self._extra = extra_dict
        if isinstance(hooks, list):
            hooks.insert(0 if prepend else len(hooks), entry)

    def remove(self) -> None:
        """Take the hook out; calling it twice does nothing."""
        if not isinstance(self._hooks, list):
            for place in (self._hooks, self._extra or {}):
                place.pop(self.id, None)
        elif any(e is self._entry for e in self._hooks):
            self._hooks[:] = [e for e in self._hooks if e is not self._entry]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class Moduleless:
    """A hook that is not told the module; an object, so that a module that has one is pickled."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, module: Any, *args: Any) -> Any:
        """What the hook gives."""
        return self.hook(*args)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the `forward` of every module."""
    return RemovableHandle(_global().pre, (hook, False))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the `forward` of every module."""
    return RemovableHandle(_global().post, (hook, with_kwargs, always_call))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` in the backward pass of every module."""
    return RemovableHandle(_global().backward, hook)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` in the backward pass of every module, before its own."""
    return RemovableHandle(_global().backward_pre, hook)


register_module_backward_hook = register_module_full_backward_hook

REGISTRATION: dict[str, list[Any]] = {"parameter": [], "buffer": [], "module": []}
"""Hooks that see every parameter, buffer or child on its way into a module."""


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, param)` when a parameter is registered; it may return another."""
    return RemovableHandle(REGISTRATION["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when a buffer is registered; it may return another."""
    return RemovableHandle(REGISTRATION["buffer"], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, child)` when a child is registered; it may return another."""
    return RemovableHandle(REGISTRATION["module"], hook)


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """`value`, or what the registration hooks put in its place."""
    for hook in list(REGISTRATION[kind]):
        found = hook(module, name, value)
        if found is not None:
            value = found
    return value


def numbered(entries: list[Any]) -> OrderedDict[int, Any]:
    """Hooks as PyTorch's dictionaries show them, by number."""
    hooks = [e[0] if isinstance(e, tuple) else e for e in entries]
    return OrderedDict(enumerate(hooks))


def _global() -> Hooks:
    global GLOBAL
    if GLOBAL is None:
        GLOBAL = Hooks()
    return GLOBAL


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward` with all hooks around it."""
    sets = [h for h in (GLOBAL, module._hooks) if h is not None]
    for hooks in sets:
        for hook, with_kwargs in list(hooks.pre):
            args, kwargs = _before(module, hook, with_kwargs, args, kwargs)
    backward = [h for hooks in sets for h in hooks.backward]
    backward_pre = [h for hooks in sets for h in hooks.backward_pre]
    watch = _Backward(module, backward, backward_pre) if backward or backward_pre else None
    if watch is not None:
        args = watch.inputs(args)
    done: list[Any] = []
    try:
        output = module.forward(*args, **kwargs)
        for hooks in sets:
            for entry in list(hooks.post):
                done.append(entry)
                output = _after(module, entry, args, kwargs, output)
    except Exception:
        for hooks in sets:
            for entry in hooks.post:
                if entry[2] and not any(e is entry for e in done):
                    _after(module, entry, args, kwargs, None)
        raise
    return output if watch is None else watch.outputs(output)


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


def _after(module: Any, entry: Any, args: Any, kwargs: Any, output: Any) -> Any:
    hook, with_kwargs, _ = entry
    found = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
    return output if found is None else found


_NO_INPUTS = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since "
    "no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module."
    "html#torch.nn.Module.register_full_backward_hook for more details."
)


class _Backward:
    """Meets the gradients at a module's outputs and inputs with an identity on either side."""

    def __init__(self, module: Any, hooks: list[Any], pre: list[Any]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre = pre
        self.grad_output: Any = None
        self.has_inputs = False

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, their gradients reported to the hooks."""
        places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        if not any(args[i].requires_grad for i in places):
            return args
        self.has_inputs = True
        count = len(args)

        def report(gs: tuple[Any, ...]) -> tuple[Any, ...]:
            full: list[Any] = [None] * count
            for i, g in zip(places, gs, strict=True):
                full[i] = g
            for hook in self.hooks:
                found = hook(self.module, tuple(full), self.grad_output)
                if found is not None:
                    full = list(found) if isinstance(found, tuple) else [found]
            return tuple([full[i] for i in places])

        passed = BackwardHookFunction.apply(report, *[args[i] for i in places])
        renewed = list(args)
        for i, t in zip(places, passed, strict=True):
            renewed[i] = t
        return tuple(renewed)

    def outputs(self, output: Any) -> Any:
        """The outputs, their gradients reported to the hooks."""
        several = isinstance(output, (tuple, list))
        values = list(output) if several else [output]
        places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
        if not places:
            return output

        def report(gs: tuple[Any, ...]) -> tuple[Any, ...]:
            full: list[Any] = [None] * len(values)
            for i, g in zip(places, gs, strict=True):
                full[i] = g
            for hook in self.pre:
                found = hook(self.module, tuple(full))
                if found is not None:
                    full = list(found) if isinstance(found, tuple) else [found]
            self.grad_output = tuple(full)
            if not self.has_inputs:
                if self.hooks:
                    warnings.warn(_NO_INPUTS, UserWarning, stacklevel=2)
                for hook in self.hooks:
                    hook(self.module, (None,), self.grad_output)
            return tuple([full[i] for i in places])

        passed = BackwardHookFunction.apply(report, *[values[i] for i in places])
        for i, t in zip(places, passed, strict=True):
            values[i] = t
        return type(output)(values) if several else values[0]


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
