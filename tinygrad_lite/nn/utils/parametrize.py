"""Parametrizations: a weight that is computed, at each access, from tensors that are trained.

    module.weight  =  f_n(... f_1(original0, original1, ...))

Each f is a Module; the originals are the Parameters an optimizer sees, under
`module.parametrizations.weight`. A parametrized module gets a class of its own, on which `weight`
is a property: so everything in the module that reads `self.weight` works unchanged.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from ...core.modes import no_grad
from ...core.tensor import Parameter, Tensor
from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

M = TypeVar("M", bound=Module)

# (id of the module, name) -> its value, while `cached` is on; of the thread or task that asked
_CACHE: ContextVar[dict[tuple[int, str], Tensor] | None] = ContextVar(
    "parametrizations_cached", default=None
)


@contextmanager
def cached() -> Iterator[None]:
    """Inside, a parametrized tensor is computed at its first access and then kept until the end.

    For a weight used many times in one forward pass, such as a recurrent one. Blocks nest: the
    outermost one ends the caching. What is written to an original inside is not seen until then.
    """
    if _CACHE.get() is not None:
        yield
        return
    token = _CACHE.set({})
    try:
        yield
    finally:
        _CACHE.reset(token)


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order of application, and its originals.

    `original` holds the tensor the first one starts from; `original0`, `original1`, ... do if its
    `right_inverse` returned a sequence. Called without arguments, it computes the tensor.
    """

    original: Tensor
    unsafe: bool

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach()
        new: Any = original
        with no_grad():
            for module in reversed(self.chain()):
                new = _inverse_or_same(module, new)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            if new.dtype != before.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {before.dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            original.data = new.detach()  # the same Parameter, so an optimizer keeps track of it
            _register(self, "original", original)
        else:
            for i, tensor in enumerate(new):
                if not isinstance(tensor, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                        f"tuple...). Got element {i} of the sequence with type "
                        f"{type(tensor).__name__}."
                    )
                if isinstance(original, Parameter):
                    tensor = Parameter(tensor, original.requires_grad)
                _register(self, f"original{i}", tensor.requires_grad_(original.requires_grad))
        if not unsafe:
            try:
                found = self()
                _check_tensor(found)
                for what in ("dtype", "shape"):
                    names = f"unparametrized {what}", f"parametrized {what}"
                    _check_kept(what, getattr(before, what), getattr(found, what), names)
            except Exception:
                original.data = before  # the module stays as it was
                raise

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrized tensor is `value`, as far as that can be.

        RuntimeError if a parametrization has no `right_inverse`; ValueError if one returns another
        number of tensors or other dtypes than the originals have.
        """
        with no_grad():
            found: Any = value
            for module in reversed(self.chain()):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                found = module.right_inverse(found)
            if self.is_tensor:
                if not isinstance(found, Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(found).__name__}"
                    )
                if found.dtype != self.original.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {found.dtype} while "
                        f"`original` has dtype {self.original.dtype}"
                    )
                self.original.data = found.detach()
                return
            if not isinstance(found, Sequence):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors. "
                    f"Got {type(found).__name__}."
                )
            if len(found) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length "
                    f"{self.ntensors}. Got a sequence of length {len(found)}."
                )
            for i, (tensor, original) in enumerate(zip(found, self.originals(), strict=True)):
                if not isinstance(tensor, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a sequence of tensors. "
                        f"Got element {i} of type {type(tensor).__name__}."
                    )
                if tensor.dtype != original.dtype:
                    raise ValueError(
                        f"Tensor {i} returned by `right_inverse` has dtype {tensor.dtype} while "
                        f"`original{i}` has dtype {original.dtype}"
                    )
                original.data = tensor.detach()

    def originals(self) -> list[Tensor]:
        """What the first parametrization is applied to."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def chain(self) -> list[Any]:
        """The parametrizations alone: an original may itself be parametrized, by a child here."""
        return [module for name, module in self._modules.items() if name.isdigit()]

    def forward(self) -> Any:
        first, *others = self.chain()
        value = first(*self.originals())
        for parametrization in others:
            value = parametrization(value)
        return value


def _inverse_or_same(module: Any, value: Any) -> Any:
    """`right_inverse` where there is one; the identity otherwise."""
    if not hasattr(module, "right_inverse"):
        return value
    try:
        return module.right_inverse(value)
    except NotImplementedError:
        return value


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _check_tensor(value: Any) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")


def _check_kept(what: str, before: Any, after: Any, names: tuple[str, str]) -> None:
    """ValueError unless a parametrization kept the dtype or the shape."""
    if before != after:
        raise ValueError(
            f"Registering a parametrization may not change the {what} of the tensor, unless "
            f"`unsafe` flag is enabled.\n{names[0]}: {before}\n{names[1]}: {after}"
        )


# -- the class of a parametrized module -----------------------------------------------------------


def _refuse_to_pickle(self: Any) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(): save "
        "module.state_dict(), build and parametrize the module anew, and load_state_dict() there"
    )


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    """A copy with a class of its own, so that either can lose its parametrizations alone."""
    cls = type(self)
    own = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    twin: Any = object.__new__(type(cls.__name__, cls.__bases__, own))
    memo[id(self)] = twin
    twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return twin


def _give_class(module: Module) -> None:
    """Replace the class of `module` by a subclass of it, to put properties on."""
    base = type(module)
    own: dict[str, Any] = {"__getstate__": _refuse_to_pickle, "__module__": base.__module__}
    if not hasattr(base, "__deepcopy__"):  # which would meet __getstate__ otherwise
        own["__deepcopy__"] = _deepcopy
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), own)


def _property(name: str) -> property:
    def get(self: Any) -> Any:
        cache = _CACHE.get()
        if cache is None:
            return self.parametrizations[name]()
        key = id(self), name
        if key not in cache:
            cache[key] = self.parametrizations[name]()
        return cache[key]

    def set_(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, set_)


# -- what users call ------------------------------------------------------------------------------


def register_parametrization(
    module: M, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> M:
    """Let `module.<tensor_name>` be computed by `parametrization` from what it was; returns module.

    parametrization  a Module; its `right_inverse(value)`, if there is one, gives the original
                     tensor(s) from which its `forward` computes `value`: for the first value, and
                     for assignments to the attribute. Without one the original is the tensor itself
    unsafe           dtype and shape may change, and nothing is checked

    Several may be registered one after the other; each is applied to the value so far. A first one
    whose `right_inverse` returns several tensors makes new Parameters, which an optimizer made
    before has to be given (`add_param_group`); otherwise the original is the Parameter it was.

    ValueError if there is no such parameter or buffer, or if dtype or shape change.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_next(getattr(module, tensor_name), parametrization, tensor_name)
        present: Any = module.parametrizations[tensor_name]
        present.append(parametrization)
        present.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        listed = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _give_class(module)
            module.parametrizations = ModuleDict()
        setattr(type(module), tensor_name, _property(tensor_name))
        module.parametrizations[tensor_name] = listed
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def _check_next(value: Tensor, parametrization: Any, name: str) -> None:
    """A parametrization of a parametrized tensor keeps dtype and shape, in both directions."""
    found = parametrization(value)
    _check_tensor(found)
    for what in ("dtype", "shape"):
        names = f"module.{name}.{what}", f"parametrization(module.{name}).{what}"
        _check_kept(what, getattr(value, what), getattr(found, what), names)
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(found)
    except NotImplementedError:
        return
    if not isinstance(back, Tensor):
        raise ValueError(
            f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}"
        )
    for what in ("dtype", "shape"):
        if getattr(back, what) != getattr(value, what):
            raise ValueError(
                f"The tensor returned by parametrization.right_inverse must have the same {what} "
                f"as module.{name}, unless the `unsafe` flag is enabled.\n"
                f"module.{name}.{what}: {getattr(value, what)}\n"
                f"returned {what}: {getattr(back, what)}"
            )


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether `module` has a parametrized tensor: of this name, or any."""
    listed = getattr(module, "parametrizations", None)
    if not isinstance(listed, ModuleDict):
        return False
    return len(listed) > 0 if tensor_name is None else tensor_name in listed


def remove_parametrizations(module: M, tensor_name: str, leave_parametrized: bool = True) -> M:
    """Make `module.<tensor_name>` an ordinary parameter or buffer again; returns module.

    It holds the parametrized value, or, unless `leave_parametrized`, the original. With a single
    original the Parameter stays the same object, so an optimizer keeps track of it.

    ValueError if it is not parametrized, or if there are several originals to be left.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    listed: Any = module.parametrizations[tensor_name]
    if listed.is_tensor:
        tensor = listed.original
        if leave_parametrized:
            with no_grad():
                tensor.data = getattr(module, tensor_name)
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        tensor = Parameter(value) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            f"parametrized in terms of a sequence of tensors ({listed.ntensors} here)."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, tensor)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of `module` as its author wrote it."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: M, tensor_name: str | None = None
) -> M:
    """Let `to_module` have the parametrizations, and the originals, of `from_module`.

    The Modules and the Parameters are shared, not copied. `tensor_name` limits it to one tensor; a
    tensor that `to_module` does not have is made. Returns `to_module`.
    """
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        source: Any = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in source.chain():
            register_parametrization(to_module, name, parametrization)
        target: Any = to_module.parametrizations[name]
        if source.is_tensor:
            target.original = source.original
        else:
            for i, tensor in enumerate(source.originals()):
                setattr(target, f"original{i}", tensor)
    return to_module
