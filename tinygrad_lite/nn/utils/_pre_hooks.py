"""Looking up the hook of one kind that computes one tensor of a module before `forward`."""

from __future__ import annotations

from typing import TypeVar

from ..modules.module import Module

H = TypeVar("H")


def find(module: Module, kind: type[H], name: str) -> H | None:
    """The hook of this kind for the tensor `name`, if the module has one."""
    for hook, _ in module._hooks.pre if module._hooks else ():
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            return hook
    return None


def take_out(module: Module, kind: type[H], name: str) -> H | None:
    """As `find`, and the hook is not called any more."""
    hook = find(module, kind, name)
    if hook is not None:
        module._hooks.pre[:] = [entry for entry in module._hooks.pre if entry[0] is not hook]
    return hook
