"""`state_dict` and `load_state_dict`: a module's tensors under their dotted names."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...core.modes import no_grad
from ...core.node import touch
from ...core.tensor import Parameter, Tensor
from ..parameter import is_lazy
from ._hooks import Moduleless, RemovableHandle, add

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


def save_to_state_dict(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
    """Write this module's own entries (not its children's) into `destination`."""
    for name, value in {**self._parameters, **_persistent_buffers(self)}.items():
        if value is not None:
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
    if type(self).get_extra_state is not get_extra_state:
        destination[prefix + _EXTRA] = self.get_extra_state()


def state_dict(
    self: Any, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
) -> Any:
    """All parameters and persistent buffers, by dotted name, in order of registration.

    The tensors share memory with the module; `keep_vars` gives the Parameters themselves.
    """
    if args:
        warnings.warn(
            "Positional args are being deprecated, use kwargs instead.", FutureWarning, stacklevel=2
        )
        given = (*args, *(destination, prefix, keep_vars)[len(args) :])
        destination, prefix, keep_vars = given[0], given[1], given[2]
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    local = {"version": self._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local
    hooks = self._hook_registries
    for hook in hooks.state_dict_pre.values() if hooks else ():
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in self._modules.items():
        if child is not None:
            child.state_dict(
                destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
            )
    for number, hook in hooks.state_dict.items() if hooks else ():
        found = hook(self, destination, prefix, local)
        if found is not None:
            if number not in hooks.state_dict_may_replace:
                raise RuntimeError("state_dict post-hook must return None")
            destination = found
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
    if type(self).set_extra_state is not set_extra_state:
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
        fresh = given if isinstance(given, Parameter) else Parameter(given)
        module._parameters[name] = fresh.requires_grad_(value.requires_grad)
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
    loading = _Loading(self, state_dict, assign)
    missing, unexpected, errors = loading.run(dry=True)
    wrong = bool(strict and (missing or unexpected))
    if not errors and (not wrong or loading.may_be_excused()):
        missing, unexpected, errors = loading.run(dry=False)
        wrong = bool(strict and (missing or unexpected))
    if wrong or errors:
        lists = (missing, unexpected) if strict else ([], [])
        raise RuntimeError(_complaint(self, *lists, errors))
    return IncompatibleKeys(missing, unexpected)


class _Loading:
    """One call of `load_state_dict`: first it looks what would be wrong, then it loads.

    Every module sees the entries below its own prefix only, which its hooks may rewrite; they run
    once, at the first visit, and what they report is kept in `by_hooks`.
    """

    def __init__(self, root: Any, state_dict: Mapping[str, Any], assign: bool) -> None:
        self.root = root
        self.metadata = getattr(state_dict, "_metadata", None) or {}
        self.state = OrderedDict(state_dict)
        self.assign = assign
        self.rewritten: dict[tuple[Any, str], Any] = {}
        self.by_hooks: Lists = ([], [], [])
        self.found: Lists = ([], [], [])

    def may_be_excused(self) -> bool:
        """Whether a hook will see the wrong keys, and may strike them from the lists."""
        hooked = [m._hook_registries for m in self.root.modules() if m._hook_registries]
        return any(h.load_post for h in hooked)

    def run(self, dry: bool) -> Lists:
        """Load all modules, or only look; the three lists of problems."""
        self.found = tuple([list(reported) for reported in self.by_hooks])  # type: ignore[assignment]
        with no_grad():
            self.visit(self.root, self.state, "", dry)
        return self.found

    def visit(self, module: Any, state: Any, prefix: str, dry: bool) -> None:
        """The module of this prefix, all below it, and then the hooks that follow a loading."""
        local = dict(self.metadata.get(prefix[:-1], {}))
        local["assign_to_params_buffers"] = self.assign
        local["dry_run"] = dry
        hooks = module._hook_registries
        if (module, prefix) in self.rewritten:
            state = self.rewritten[module, prefix]
        else:
            self.rewritten[module, prefix] = state
            reported: Lists = ([], [], [])
            for hook in hooks.load_pre.values() if hooks else ():
                hook(module, state, prefix, local, True, *reported)
            for place in (self.by_hooks, self.found):
                for problems, more in zip(place, reported, strict=True):
                    problems += more
        if dry and _overrides_loading(module):
            return
        module._load_from_state_dict(state, prefix, local, True, *self.found)
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                part = {k: v for k, v in state.items() if k.startswith(below)}
                self.visit(child, part, below, dry)
        for hook in hooks.load_post.values() if hooks and not dry else ():
            if hook(module, IncompatibleKeys(*self.found[:2])) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                    "expected to return new values, if incompatible_keys need to be modified, it "
                    "should be done inplace."
                )


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


def register_state_dict_post_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, state_dict, prefix, local_metadata)` at the end of `state_dict`."""
    return add(hook, self._own_hooks().state_dict)


def register_replacing_state_dict_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """As `register_state_dict_post_hook`, and the hook may return another dictionary."""
    own = self._own_hooks()
    return add(hook, own.state_dict, flags=(own.state_dict_may_replace,))


def register_state_dict_pre_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, prefix, keep_vars)` at the start of `state_dict`."""
    return add(hook, self._own_hooks().state_dict_pre)


def register_load_state_dict_pre_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, state_dict, prefix, ...)` before this module's entries are read."""
    return add(hook, self._own_hooks().load_pre)


def register_older_load_state_dict_pre_hook(
    self: Any, hook: Callable[..., Any], with_module: bool = False
) -> RemovableHandle:
    """As `register_load_state_dict_pre_hook`, of a hook that is told the module or not."""
    return add(hook if with_module else Moduleless(hook), self._own_hooks().load_pre)


def register_load_state_dict_post_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, incompatible_keys)` after `load_state_dict`; it may change those."""
    return add(hook, self._own_hooks().load_post)
