"""Hooks of modules: where they are kept, and how they are added. `_calling.py` calls them."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

Registry = OrderedDict[int, Any]  # hooks by the number of their handle, in order of calling


class Hooks:
    """The hooks of one module (or of all: the global ones), by what calls them."""

    def __init__(self) -> None:
        self.forward_pre: Registry = OrderedDict()
        self.forward_pre_with_kwargs: Registry = OrderedDict()
        self.forward: Registry = OrderedDict()
        self.forward_with_kwargs: Registry = OrderedDict()
        self.forward_always_called: Registry = OrderedDict()
        self.backward_pre: Registry = OrderedDict()
        self.backward: Registry = OrderedDict()
        self.full: bool | None = None  # what kind those are; a module has one kind only
        self.state_dict_pre: Registry = OrderedDict()
        self.state_dict: Registry = OrderedDict()
        self.state_dict_may_replace: Registry = OrderedDict()
        self.load_pre: Registry = OrderedDict()
        self.load_post: Registry = OrderedDict()

    def of_one_kind(self, full: bool, place: str) -> Registry:
        """`backward`, to which a hook of this kind is added; RuntimeError if it has the other."""
        if self.full is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks "
                f"{place}. Please use only one of them."
            )
        self.full = full
        return self.backward


class Shown:
    """A registry of `Hooks` under PyTorch's name for it, as an attribute of a module."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, owner: Any = None) -> Any:
        return self if module is None else getattr(module._own_hooks(), self.name)

    def __set__(self, module: Any, value: Any) -> None:
        setattr(module._own_hooks(), self.name, value)

    def __delete__(self, module: Any) -> None:
        setattr(module._own_hooks(), self.name, OrderedDict())


GLOBAL: Hooks | None = None


class RemovableHandle:
    """Removes the hook it was returned for; also usable as a context manager.

    RemovableHandle(hooks_dict) is for a registry of one's own: the hook stands there under `id`.
    `extra_dict` is a dictionary, or a list of them, from which `remove` takes that number as well.
    """

    next_id = 0

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extra = extra_dict if isinstance(extra_dict, list) else [extra_dict]
        self._refer(hooks_dict, [d for d in extra if d is not None])

    def _refer(self, hooks_dict: Any, extra: Any) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)  # a handle keeps no module alive
        self.extra_dict_ref = tuple([weakref.ref(d) for d in extra])

    def remove(self) -> None:
        """Take the hook out; calling it twice does nothing."""
        for reference in (self.hooks_dict_ref, *self.extra_dict_ref):
            (reference() or {}).pop(self.id, None)

    def __getstate__(self) -> Any:
        return self.hooks_dict_ref(), self.id, [r() for r in self.extra_dict_ref]

    def __setstate__(self, state: Any) -> None:
        hooks_dict, self.id, extra = state
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)
        self._refer(OrderedDict() if hooks_dict is None else hooks_dict, extra)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add(
    hook: Any, registry: Registry, prepend: bool = False, flags: tuple[Registry, ...] = ()
) -> RemovableHandle:
    """Put `hook` into `registry`, last or first, and its number into every one of `flags`."""
    handle = RemovableHandle(registry, extra_dict=list(flags))
    registry[handle.id] = hook
    if prepend:
        registry.move_to_end(handle.id, last=False)
    for flag in flags:
        flag[handle.id] = True
    return handle


class Moduleless:
    """A hook that is not told the module; an object, so that a module that has one is pickled."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, module: Any, *args: Any) -> Any:
        """What the hook gives."""
        return self.hook(*args)


# -- hooks of every module -------------------------------------------------------------------------


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the `forward` of every module."""
    return add(hook, _global().forward_pre)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the `forward` of every module."""
    return add_forward(_global(), hook, False, with_kwargs, always_call)


def add_forward(
    hooks: Hooks, hook: Any, prepend: bool, with_kwargs: bool, always_call: bool
) -> RemovableHandle:
    """Add a hook to those called after `forward`."""
    flags = (hooks.forward_with_kwargs,) * with_kwargs
    flags += (hooks.forward_always_called,) * always_call
    return add(hook, hooks.forward, prepend, flags)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` in the backward pass of every module."""
    return add(hook, _global().of_one_kind(True, "as a global Module hook"))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` in the backward pass of every module, before its own."""
    return add(hook, _global().backward_pre)


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` at the last operation of every module."""
    return add(hook, _global().of_one_kind(False, "as a global Module hook"))


REGISTRATION: dict[str, Registry] = {
    "parameter": OrderedDict(),
    "buffer": OrderedDict(),
    "module": OrderedDict(),
}
"""Hooks that see every parameter, buffer or child on its way into a module."""


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, param)` when a parameter is registered; it may return another."""
    return add(hook, REGISTRATION["parameter"])


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when a buffer is registered; it may return another."""
    return add(hook, REGISTRATION["buffer"])


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, child)` when a child is registered; it may return another."""
    return add(hook, REGISTRATION["module"])


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """`value`, or what the registration hooks put in its place."""
    for hook in list(REGISTRATION[kind].values()):
        found = hook(module, name, value)
        if found is not None:
            value = found
    return value


def _global() -> Hooks:
    global GLOBAL
    if GLOBAL is None:
        GLOBAL = Hooks()
    return GLOBAL


# -- hooks of one module: methods of `Module` -----------------------------------------------------


def register_forward_pre_hook(
    self: Any, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
) -> RemovableHandle:
    """Call `hook(module, args)` before `forward`; it may return other arguments."""
    own = self._own_hooks()
    flags = (own.forward_pre_with_kwargs,) * with_kwargs
    return add(hook, own.forward_pre, prepend, flags)


def register_forward_hook(
    self: Any,
    hook: Callable[..., Any],
    *,
    prepend: bool = False,
    with_kwargs: bool = False,
    always_call: bool = False,
) -> RemovableHandle:
    """Call `hook(module, args, output)` after `forward`; it may return another output."""
    return add_forward(self._own_hooks(), hook, prepend, with_kwargs, always_call)


def register_full_backward_hook(
    self: Any, hook: Callable[..., Any], prepend: bool = False
) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` in the backward pass."""
    registry = self._own_hooks().of_one_kind(True, "on a single Module")
    return add(hook, registry, prepend)


def register_backward_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` at the module's last operation; deprecated:
    `register_full_backward_hook` sees the gradients of the whole module."""
    return add(hook, self._own_hooks().of_one_kind(False, "on a single Module"))


def register_full_backward_pre_hook(
    self: Any, hook: Callable[..., Any], prepend: bool = False
) -> RemovableHandle:
    """Call `hook(module, grad_output)` in the backward pass, before the module's own."""
    return add(hook, self._own_hooks().backward_pre, prepend)
