"""Modules that a Module holds in a plain list, tuple or dictionary, where nothing finds them.

PyTorch says nothing then, and trains the rest. Here asking for the parameters, as every optimizer
does, warns of it: at that time and not at the assignment, since a list is usually filled later,
and its modules may have been registered by another name by then.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

# In a module's __dict__: the names of its attributes to look into.
CONTAINERS = "_plain_containers"


_LOOK = 256  # a vocabulary of 50,000 words is not gone through at every training step


def modules_in(value: Any) -> Iterator[Any]:
    """The Modules in lists, tuples and dictionaries within each other, near their beginning."""
    queue = deque([value])
    for _ in range(_LOOK):
        if not queue:
            return
        v = queue.popleft()
        if isinstance(v, (list, tuple, dict)):
            queue.extend(islice(v.values() if isinstance(v, dict) else v, _LOOK))
        elif isinstance(getattr(v, "_modules", None), dict):
            yield v


def warn_of_unregistered(root: Any) -> None:
    """UserWarning for each attribute below `root` that holds Modules nobody registered; once.

    Only those with parameters, buffers or dropout in them: others are the same everywhere.
    """
    known: set[int] = {id(root)}
    holders: list[Any] = []
    stack = [root]
    while stack:
        module = stack.pop()
        if CONTAINERS in module.__dict__:
            holders.append(module)
        for child in module._modules.values():
            if child is not None and id(child) not in known:
                known.add(id(child))
                stack.append(child)
    for module in holders:
        for name in sorted(module.__dict__[CONTAINERS]):
            value = module.__dict__.get(name)
            if any(id(m) not in known and _has_state(m) for m in modules_in(value)):
                module.__dict__[CONTAINERS].discard(name)
                kind = type(value).__name__
                warnings.warn(
                    f"{type(module).__name__}.{name} is a plain {kind} of Modules: their "
                    "parameters are not registered and will not be trained, saved or moved, and "
                    "train() and eval() do not reach them. Use "
                    f"nn.{'ModuleDict' if isinstance(value, dict) else 'ModuleList'}.",
                    UserWarning,
                    stacklevel=3,
                )


def _has_state(module: Any) -> bool:
    return any(
        m._parameters or m._buffers or "Dropout" in type(m).__name__ for m in module.modules()
    )
