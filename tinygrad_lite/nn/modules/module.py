"""`Module`: parameters, buffers and submodules under names, and a `forward` that uses them.

Assigning a `Parameter` or a `Module` to an attribute registers it; so a model is written as an
ordinary class, and everything that goes through all parameters (optimizers, `state_dict`, `to`)
finds them by walking the tree.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ...core.tensor import Parameter, Tensor, make
from ...ops.questions import typename
from ..parameter import Buffer
from . import _calling, _hooks, _moving, _state
from ._hooks import Hooks
from ._hooks import register_module_backward_hook as register_module_backward_hook
from ._hooks import (
    register_module_buffer_registration_hook as register_module_buffer_registration_hook,
)
from ._hooks import register_module_forward_hook as register_module_forward_hook
from ._hooks import register_module_forward_pre_hook as register_module_forward_pre_hook
from ._hooks import register_module_full_backward_hook as register_module_full_backward_hook
from ._hooks import register_module_full_backward_pre_hook as register_module_full_backward_pre_hook
from ._hooks import (
    register_module_module_registration_hook as register_module_module_registration_hook,
)
from ._hooks import (
    register_module_parameter_registration_hook as register_module_parameter_registration_hook,
)
from ._state import IncompatibleKeys as _IncompatibleKeys  # noqa: F401  (PyTorch's name)
from ._unregistered import CONTAINERS, modules_in, warn_of_unregistered
from ._where import say_where

T = TypeVar("T", bound="Module")


class Module:
    """Base of all layers and models: `__init__` sets attributes, `forward` computes."""

    training: bool = True
    dump_patches: bool = False
    _version: int = 1
    call_super_init: bool = False

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            name = f"{type(self).__name__}.__init__()"
            if kwargs:
                raise TypeError(f"{name} got an unexpected keyword argument '{next(iter(kwargs))}'")
            raise TypeError(f"{name} takes 1 positional argument but {len(args) + 1} were given")
        set_ = super().__setattr__
        set_("training", True)
        set_("_parameters", {})
        set_("_buffers", {})
        set_("_modules", {})
        set_("_non_persistent_buffers_set", set())
        set_("_hook_registries", None)
        if self.call_super_init:  # a class between Module and a mixin: its turn is now
            super().__init__(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation of the module; called through `module(...)`, which also runs hooks."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._hook_registries is None and _hooks.GLOBAL is None:
                return self.forward(*args, **kwargs)
            return _calling.call(self, args, kwargs)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            say_where(error, self)
            raise

    # -- attributes -------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        registries = self.__dict__
        parameters = registries.get("_parameters")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            parameters[name] = None
        elif isinstance(value, Module):
            if parameters is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, "_modules")
            registries["_modules"][name] = _hooks.registered("module", self, name, value)
        elif parameters is not None and name in registries["_modules"]:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            registries["_modules"][name] = None
        elif isinstance(value, Buffer) or (
            parameters is not None and name in registries["_buffers"]
        ):
            self._assign_buffer(name, value)
        else:
            if isinstance(value, (list, dict)) or (  # which may be filled later
                isinstance(value, tuple) and next(modules_in(value), None) is not None
            ):
                registries.setdefault(CONTAINERS, set()).add(name)
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        registries = self.__dict__
        if "_parameters" in registries:  # with it `__init__` made the others
            entries: Any = registries["_parameters"]
            if name in entries:
                return entries[name]
            entries = registries["_modules"]
            if name in entries:
                return entries[name]
            entries = registries["_buffers"]
            if name in entries:
                return entries[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            if name in registry:
                del registry[name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def _forget(self, name: str, new_home: str) -> None:
        """Remove `name` wherever it stands, but for the registry it goes to: a replaced child keeps
        its place there, which in a Sequential is its turn."""
        self.__dict__.pop(name, None)
        for home in ("_parameters", "_buffers", "_modules"):
            if home != new_home:
                self.__dict__[home].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def _assign_buffer(self, name: str, value: Any) -> None:
        """Register `value`, which is a Buffer or replaces one and stays as persistent as that."""
        if not _is_tensor_or_none(value):
            raise TypeError(
                f"cannot assign '{typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        persistent = getattr(value, "persistent", name not in self._non_persistent_buffers_set)
        overridden = type(self).register_buffer is not Module.register_buffer
        if overridden and "persistent" not in inspect.signature(self.register_buffer).parameters:
            if not persistent:
                raise RuntimeError(
                    "Registering a non-persistent buffer on a Module subclass that implements "
                    "register_buffer() without the persistent argument is not allowed."
                )
            self.register_buffer(name, value)
        else:
            self.register_buffer(name, value, persistent)

    def __dir__(self) -> list[str]:
        names = [*dir(type(self)), *self.__dict__, *self._parameters, *self._buffers]
        return sorted(n for n in {*names, *self._modules} if not n[:1].isdigit())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(_non_persistent_buffers_set=set(), _hook_registries=None)
        for name, value in state.items():
            if not isinstance(getattr(type(self), name, None), _hooks.Shown):
                self.__dict__[name] = value
            elif value:  # PyTorch pickles its hooks one kind at a time
                setattr(self, name, value)

    def _check_name(self, name: Any, kind: str, registry: dict[str, Any]) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in registry:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name` (None: reserved, not in `state_dict`)."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name(name, "parameter", self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                f"created explicitly. To express '{name}' as a function of another Tensor, compute "
                "the value in the forward() method."
            )
        if param is not None:
            param = _hooks.registered("parameter", self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but not a parameter; `persistent` ones are in `state_dict`."""
        self._check_name(name, "buffer", self._buffers)
        if not _is_tensor_or_none(tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        self._buffers[name] = _hooks.registered("buffer", self, name, tensor)
        (
            self._non_persistent_buffers_set.discard
            if persistent
            else self._non_persistent_buffers_set.add
        )(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name(name, "module", self._modules)
        self._modules[name] = _hooks.registered("module", self, name, module)

    register_module = add_module

    # -- walking the tree -------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with their dotted names, each once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(memo, path, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (m for _, m in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Direct children with their names, each once."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """Direct children, each once."""
        return (m for _, m in self.named_children())

    def _named_members(
        self,
        members: Callable[[Module], Any],
        prefix: str,
        recurse: bool,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in members(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with their dotted names, each once.

        Warns, once, of Modules in a plain list or dictionary: theirs are not among them.
        """
        if recurse:
            warn_of_unregistered(self)
        return self._named_members(
            lambda m: m._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Parameters, each once; warns as `named_parameters` does."""
        if recurse:
            warn_of_unregistered(self)
        members = self._named_members(lambda m: m._parameters.items(), "", recurse)
        return (p for _, p in members)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Buffers with their dotted names, each once."""
        return self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Buffers, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; AttributeError names the part that is missing."""
        module: Module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at a dotted path."""
        path, _, name = target.rpartition(".")
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)  # raises where there is none, or something else
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        parameter = getattr(module, name)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return parameter

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return module._buffers[name]  # type: ignore[return-value]

    def apply(self: T, fn: Callable[[Module], Any]) -> T:
        """Call `fn` on every module below, then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # -- state ------------------------------------------------------------------------------------

    state_dict = _state.state_dict
    load_state_dict = _state.load_state_dict
    _save_to_state_dict = _state.save_to_state_dict
    _load_from_state_dict = _state.load_from_state_dict
    get_extra_state = _state.get_extra_state
    set_extra_state = _state.set_extra_state

    def train(self: T, mode: bool = True) -> T:
        """Put this module and all below into training mode (dropout on, batch statistics)."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: T) -> T:
        """Put this module and all below into evaluation mode."""
        return self.train(False)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Ask (or stop asking) for gradients of all parameters."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to zero."""
        for p in self.parameters():
            g = p._grad
            if g is None:
                continue
            if set_to_none:
                p.grad = None
            else:
                p.grad = make(g.array * 0)

    # -- dtypes and devices ------------------------------------------------------------------------

    _apply = _moving.apply
    to = _moving.to
    _to_dtype = _moving.to_dtype
    float = _moving.float
    double = _moving.double
    half = _moving.half
    bfloat16 = _moving.bfloat16
    type = _moving.type
    cpu = _moving.cpu
    cuda = _moving.cuda
    to_empty = _moving.to_empty
    share_memory = _moving.share_memory

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted: the module runs as it is."""

    # -- hooks ------------------------------------------------------------------------------------

    def _own_hooks(self) -> Hooks:
        if self._hook_registries is None:
            object.__setattr__(self, "_hook_registries", Hooks())
        return self._hook_registries

    register_forward_pre_hook = _hooks.register_forward_pre_hook
    register_forward_hook = _hooks.register_forward_hook
    register_full_backward_hook = _hooks.register_full_backward_hook
    register_backward_hook = _hooks.register_backward_hook
    register_full_backward_pre_hook = _hooks.register_full_backward_pre_hook
    register_state_dict_post_hook = _state.register_state_dict_post_hook
    register_state_dict_pre_hook = _state.register_state_dict_pre_hook
    register_load_state_dict_pre_hook = _state.register_load_state_dict_pre_hook
    register_load_state_dict_post_hook = _state.register_load_state_dict_post_hook
    _register_state_dict_hook = _state.register_replacing_state_dict_hook
    _register_load_state_dict_pre_hook = _state.register_older_load_state_dict_pre_hook

    _forward_pre_hooks = _hooks.Shown("forward_pre")
    _forward_pre_hooks_with_kwargs = _hooks.Shown("forward_pre_with_kwargs")
    _forward_hooks = _hooks.Shown("forward")
    _forward_hooks_with_kwargs = _hooks.Shown("forward_with_kwargs")
    _forward_hooks_always_called = _hooks.Shown("forward_always_called")
    _backward_pre_hooks = _hooks.Shown("backward_pre")
    _backward_hooks = _hooks.Shown("backward")
    _is_full_backward_hook = _hooks.Shown("full")
    _state_dict_pre_hooks = _hooks.Shown("state_dict_pre")
    _state_dict_hooks = _hooks.Shown("state_dict")
    _load_state_dict_pre_hooks = _hooks.Shown("load_pre")
    _load_state_dict_post_hooks = _hooks.Shown("load_post")

    # -- printing ---------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of `repr`: override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({n}): {_indented(repr(m))}" for n, m in self._modules.items()]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        body = "\n  ".join([*lines, *children])
        return f"{self._get_name()}(\n  {body}\n)"


def _is_tensor_or_none(value: Any) -> bool:
    return value is None or isinstance(value, Tensor) or hasattr(value, "__torch_function__")


def _indented(text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *("  " + line for line in rest)])
