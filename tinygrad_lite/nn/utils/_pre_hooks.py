"""Looking up the hook of one kind that computes one tensor of a module before `forward`."""

from __future__ import annotations

from typing import TypeVar

from ..modules.module import Module

H = TypeVar("H")


def find(module: Module, kind: type[H], name: str) -> H | None:
    """The hook of this kind for the tensor `name`, if the module has one."""
    number = _number(module, kind, name)
    return None if number is None else module._forward_pre_hooks[number]


def _number(module: Module, kind: type[H], name: str) -> int | None:
    for number, hook in module._forward_pre_hooks.items() if module._hook_registries else ():
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            return number
    return None


def take_out(module: Module, kind: type[H], name: str) -> H | None:
    """As `find`, and the hook is not called any more."""
    number = _number(module, kind, name)
    return None if number is None else module._forward_pre_hooks.pop(number)
