"""Calling a module with parameters other than its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from ..ops.joining import stack

_ABSENT: Any = object()  # no attribute of this name


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with the given tensors in place of parameters and buffers.

    Names are dotted; None stands for no tensor. Gradients flow to the given tensors; the module is
    as it was afterwards. What `forward` assigns to a given name is found in the dictionary.

    tie_weights  a tensor of the module with several names is replaced under all of them. ValueError
                 if several are given, with different tensors
    strict       RuntimeError for names that are missing or unknown
    """
    given = _merged(parameter_and_buffer_dicts)
    values = _with_tied(module, given) if tie_weights else dict(given)
    if strict:
        _require_all(module, values)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    before: dict[str, Any] = {}
    try:
        for path, value in values.items():
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"{value} is not an instance of torch.Tensor")
            before[path] = _swap(module, path, value)
        return module(*args, **(kwargs or {}))
    finally:
        after = {path: _swap(module, path, old) for path, old in reversed(before.items())}
        for path in given.keys() & after.keys():
            if after[path] is not given[path]:
                given[path] = after[path]


def _merged(dicts: Any) -> dict[str, Any]:
    """The one dictionary given, or several as one."""
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (tuple, list)):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    merged: dict[str, Any] = {}
    for d in dicts:
        repeated = merged.keys() & d.keys()
        if repeated:
            raise ValueError(
                f"{sorted(repeated)} appeared in multiple dictionaries; behavior of functional "
                "call is ambiguous"
            )
        merged.update(d)
    return merged


def _named(module: Any) -> dict[str, Any]:
    """All parameters and buffers, each under all of its names."""
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


def _with_tied(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    """`given`, under the other names too that the module has for the same tensors."""
    names: dict[int, list[str]] = {}
    for name, t in _named(module).items():
        names.setdefault(id(t), []).append(name)
    values = dict(given)
    for tied in names.values():
        found = [name for name in tied if name in given]
        if any(given[name] is not given[found[0]] for name in found):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(found)}, which are tied. "
                "Consider using tie_weights=False"
            )
        values.update({name: given[found[0]] for name in tied if found})
    return values


def _require_all(module: Any, values: dict[str, Any]) -> None:
    own = _named(module)
    missing, unexpected = sorted(own.keys() - values.keys()), sorted(values.keys() - own.keys())
    if missing or unexpected:
        lines = [f"Error(s) in reparametrizing for {module._get_name()}:"]
        for what, names in (("Unexpected", unexpected), ("Missing", missing)):
            if names:
                lines.append(f"{what} key(s): {', '.join(map(repr, names))}.")
        raise RuntimeError("\n\t".join(lines))


def _swap(module: Any, path: str, value: Any) -> Any:
    """Put `value` where the Tensor `path` is (or was not: _ABSENT). Returns what was there."""
    *parents, name = path.split(".")
    for parent in parents:
        if not hasattr(module, parent):
            raise AttributeError(f"{module._get_name()} has no attribute `{parent}`")
        module = getattr(module, parent)
        if not hasattr(module, "_parameters"):
            raise TypeError(f"submodule `{parent}`: {module} is not an instance of torch.nn.Module")
    for registry in (module._parameters, module._buffers):
        if name in registry:
            old, registry[name] = registry[name], value
            return old
    old = getattr(module, name, _ABSENT)
    if old is not _ABSENT and old is not None and not isinstance(old, Tensor):
        raise TypeError(f"attribute `{name}`: {old} is not an instance of torch.Tensor")
    if value is not _ABSENT:
        setattr(module, name, value)
    elif old is not _ABSENT:
        delattr(module, name)
    return old


def stack_module_state(
    models: Sequence[Any],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(parameters, buffers) of models of one kind, stacked by name along a new first dimension.

    For ensembles: `vmap(lambda p, b, x: functional_call(models[0], (p, b), (x,)), (0, 0, None))`.
    The stacked parameters are new leaves that require grad. RuntimeError if there are no models, if
    they are of several classes, or if some train and some do not.
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    kinds = {type(model) for model in models}
    if len(kinds) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to be of the same class, got "
            f"{sorted(kind.__name__ for kind in kinds)}."
        )

    def stacked(kind: str) -> dict[str, Tensor]:
        columns = [dict(getattr(model, kind)()) for model in models]
        return {name: stack([c[name] for c in columns]).detach() for name in columns[0]}

    parameters, buffers = stacked("named_parameters"), stacked("named_buffers")
    wanted = dict(models[0].named_parameters())
    return {n: t.requires_grad_(wanted[n].requires_grad) for n, t in parameters.items()}, buffers
