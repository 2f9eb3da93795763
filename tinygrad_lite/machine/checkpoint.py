"""`torch.distributed.checkpoint.state_dict`: the state of a model, of which one process has all."""

from __future__ import annotations

import dataclasses
from typing import Any

__path__: list[str] = []  # a package, for what PyTorch has below it


@dataclasses.dataclass
class StateDictOptions:
    """How to gather and spread a state; of these, `strict` matters in one process."""

    full_state_dict: bool = False
    cpu_offload: bool = False
    ignore_frozen_params: bool = False
    keep_submodule_prefixes: bool = True
    strict: bool = True
    broadcast_from_rank0: bool = False
    flatten_optimizer_state_dict: bool = False
    dsd_fqn_modifiers: str = "_fqn_modifiers"


def get_model_state_dict(
    model: Any, *, submodules: Any = None, options: StateDictOptions | None = None
) -> dict[str, Any]:
    """`model.state_dict()`, without what needs no gradient if the options say so."""
    found: dict[str, Any] = model.state_dict()
    if options is not None and options.ignore_frozen_params:
        for name, p in model.named_parameters():
            if not p.requires_grad:
                found.pop(name, None)
    return found


def set_model_state_dict(
    model: Any, model_state_dict: dict[str, Any], *, options: StateDictOptions | None = None
) -> Any:
    """`model.load_state_dict(model_state_dict)`, strictly unless the options say otherwise."""
    strict = options is None or options.strict
    return model.load_state_dict(model_state_dict, strict=strict)
