"""Calling a module with parameters other than its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from ..ops.joining import stack


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

    Names are dotted. Gradients flow to the given tensors; the module is as it was afterwards.
    `strict` raises RuntimeError for names that are missing or unknown.
    """
    dicts = parameter_and_buffer_dicts
    given: dict[str, Tensor] = {}
    for d in dicts if isinstance(dicts, (tuple, list)) else (dicts,):
        repeated = given.keys() & d.keys()
        if repeated:
            raise ValueError(
                f"{sorted(repeated)} appeared in multiple dictionaries; behavior of "
                "functional call is ambiguous"
            )
        given.update(d)
    own = {**dict(module.named_parameters(remove_duplicate=False))}
    own.update(module.named_buffers(remove_duplicate=False))
    if strict:
        missing, unexpected = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
        if missing or unexpected:
            raise RuntimeError(f"Missing key(s): {missing}. Unexpected key(s): {unexpected}.")
    if tie_weights:
        for name, t in list(given.items()):
            original = own.get(name)
            for other, value in own.items():
                if value is original and other not in given:
                    given[other] = t
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    undo = [_replace(module, name, t) for name, t in given.items() if name in own]
    try:
        return module(*args, **(kwargs or {}))
    finally:
        for registry, name, old in reversed(undo):
            registry[name] = old


def _replace(module: Any, path: str, value: Tensor) -> tuple[dict[str, Any], str, Any]:
    *parents, name = path.split(".")
    for parent in parents:
        module = getattr(module, parent)
    registry = module._parameters if name in module._parameters else module._buffers
    old = registry[name]
    registry[name] = value
    return registry, name, old


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
