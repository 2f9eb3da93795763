"""`state_dict` and `load_state_dict`: a module's tensors under their dotted names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...core.modes import no_grad
from ...core.node import touch
from ...core.tensor import Parameter, Tensor

_EXTRA = "_extra_state"
F = TypeVar("F", bound=Callable[..., None])
Lists = tuple[list[str], list[str], list[str]]  # missing keys, unexpected keys, other errors


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` could not match."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def _persistent_buffers(module: Any) -> dict[str, Any]:
    skip = module._non_persistent_buffers_set
    return {n: b for n, b in module._buffers.items() if n not in skip}


def get_extra_state(self: Any) -> Any:
    """Override, with `set_extra_state`, to keep more than tensors in `state_dict`."""
    raise RuntimeError(
        "Reached a code path in Module.get_extra_state() that should never be called."
    )


def set_extra_state(self: Any, state: Any) -> None:
    """See `get_extra_state`."""
    raise RuntimeError(
        "Reached a code path in Module.set_extra_state() that should never be called."
    )


def _has_extra_state(module: Any) -> bool:
    return type(module).get_extra_state is not get_extra_state


def save_to_state_dict(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
    """Write this module's own entries (not its children's) into `destination`."""
    for name, value in {**self._parameters, **_persistent_buffers(self)}.items():
        if value is not None:
            destination[prefix + name] = value if keep_vars else value.detach()
    if _has_extra_state(self):
        destination[prefix + _EXTRA] = self.get_extra_state()


def state_dict(
    self: Any, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
) -> Any:
    """All parameters and persistent buffers, by dotted name, in order of registration.

    The tensors share memory with the module; `keep_vars` gives the Parameters themselves.
    """
    if args:
        given = (*args, *(destination, prefix, keep_vars)[len(args) :])
        destination, prefix, keep_vars = given[0], given[1], given[2]
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    local = {"version": self._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local
    hooks = self._hooks
    for hook in hooks.state_dict_pre if hooks else ():
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in self._modules.items():
        if child is not None:
            child.state_dict(
                destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
            )
    for hook in hooks.state_dict if hooks else ():
        hook(self, destination, prefix, local)
    return destination


def load_from_state_dict(
    self: Any,
    state_dict: Any,
    prefix: str,
    local_metadata: dict[str, Any],
    strict: bool,
    missing_keys: list[str],
    unexpected_keys: list[str],
    error_msgs: list[str],
) -> None:
    """Read this module's own entries (not its children's); problems go into the three lists.

    Nothing is written where a shape does not fit.
    """
    assign = local_metadata.get("assign_to_params_buffers", False)
    dry = local_metadata.get("dry_run", False)
    for name, value in {**self._parameters, **_persistent_buffers(self)}.items():
        if value is None:
            continue
        key = prefix + name
        if key not in state_dict:
            if strict:
                missing_keys.append(key)
            continue
        given = state_dict[key]
        problem = _misfit(key, given, value)
        if problem:
            error_msgs.append(problem)
        elif not dry:
            _write(self, name, value, given, assign)
    extra = prefix + _EXTRA
    if _has_extra_state(self):
        if extra not in state_dict:
            if strict:
                missing_keys.append(extra)
        elif not dry:
            self.set_extra_state(state_dict[extra])
    elif strict and extra in state_dict:
        unexpected_keys.append(extra)
    if strict:
        entries = {**self._parameters, **_persistent_buffers(self)}
        own = {n for n, v in entries.items() if v is not None}  # bias=False expects no bias
        for key in state_dict:
            if key.startswith(prefix) and key != extra:
                name, *rest = key[len(prefix) :].split(".", 1)
                known = name in self._modules if rest else name in own
                if not known and not (name in self._modules and self._modules[name] is not None):
                    unexpected_keys.append(key)


def _misfit(key: str, given: Any, value: Tensor) -> str | None:
    if not isinstance(given, Tensor):
        return (
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            f"object from checkpoint but received {type(given)}"
        )
    if given.array.shape == value.array.shape:
        return None
    if value.array.ndim == 0 and given.array.shape == (1,):  # written by very old versions
        return None
    return (
        f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
        f"the shape in current model is {value.shape}."
    )


def _write(module: Any, name: str, value: Tensor, given: Tensor, assign: bool) -> None:
    if not assign:
        np.copyto(value.array, given.array.reshape(value.array.shape), casting="unsafe")
        touch(value.array, "load_state_dict")
    elif name in module._parameters:
        fresh = given
        if not isinstance(given, Parameter):
            fresh = Parameter(given, requires_grad=value.requires_grad)
        module._parameters[name] = fresh
    else:
        module._buffers[name] = given


def load_state_dict(
    self: Any, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
) -> IncompatibleKeys:
    """Copy tensors from `state_dict` into parameters and buffers of the same names.

    strict  missing and unexpected keys are errors too
    assign  take the given tensors themselves instead of copying

    RuntimeError names every missing and unexpected key and every wrong shape; in that case nothing
    has been written.
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    metadata = getattr(state_dict, "_metadata", None)
    state = OrderedDict(state_dict)
    hooked: set[tuple[Any, str]] = set()
    by_hooks: Lists = ([], [], [])
    with no_grad():
        for dry in (True, False):
            own = _load(self, state, metadata, assign, dry, hooked, by_hooks)
            missing, unexpected, errors = (a + b for a, b in zip(by_hooks, own, strict=True))
            if (strict and (missing or unexpected)) or errors:
                lists = (missing, unexpected) if strict else ([], [])
                raise RuntimeError(_complaint(self, *lists, errors))
    keys = IncompatibleKeys(missing, unexpected)
    for module in self.modules():
        for hook in module._hooks.load_post if module._hooks else ():
            found = hook(module, keys)
            if found is not None:
                raise RuntimeError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                    "expected to return new values, if incompatible_keys need to be modified, it "
                    "should be done inplace."
                )
    return keys


def _load(
    root: Any,
    state: Any,
    metadata: Any,
    assign: bool,
    dry: bool,
    hooked: set[tuple[Any, str]],
    by_hooks: Lists,
) -> Lists:
    """Load all modules, or only look what would be wrong; the three lists of problems.

    Hooks that rewrite the state run at the first visit, and report into `by_hooks`; `hooked` says
    which modules, by which prefix, had theirs.
    """
    lists: Lists = ([], [], [])

    def visit(module: Any, prefix: str) -> None:
        local = dict((metadata or {}).get(prefix[:-1], {}))
        local["assign_to_params_buffers"] = assign
        local["dry_run"] = dry
        if (module, prefix) not in hooked:
            hooked.add((module, prefix))
            for hook in module._hooks.load_pre if module._hooks else ():
                hook(module, state, prefix, local, True, *by_hooks)
        if dry and _overrides_loading(module):
            return
        module._load_from_state_dict(state, prefix, local, True, *lists)
        for name, child in module._modules.items():
            if child is not None:
                visit(child, f"{prefix}{name}.")

    visit(root, "")
    return lists


def writes_nothing_itself(method: F) -> F:
    """Decorates an override of `_load_from_state_dict` that leaves all writing to its base.

    Such a module can be tried first, so that a load that fails anywhere has written nothing.
    """
    method.writes_nothing_itself = True  # type: ignore[attr-defined]
    return method


def _overrides_loading(module: Any) -> bool:
    """Whether loading is the module's own affair, so that trying it first is not possible."""
    method = type(module)._load_from_state_dict
    return method is not load_from_state_dict and not hasattr(method, "writes_nothing_itself")


def _complaint(module: Any, missing: list[str], unexpected: list[str], errors: list[str]) -> str:
    lines = []
    if unexpected:
        quoted = ", ".join(f'"{k}"' for k in unexpected)
        lines.append(f"Unexpected key(s) in state_dict: {quoted}. ")
    if missing:
        quoted = ", ".join(f'"{k}"' for k in missing)
        lines.insert(0, f"Missing key(s) in state_dict: {quoted}. ")
    text = "\n\t".join([*lines, *errors])
    return f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{text}"
