"""Parts of a model that stay as they are while the rest is trained."""

from __future__ import annotations

from typing import TypeVar

from ..modules.batchnorm import _NormBase
from ..modules.module import Module

__all__ = ["freeze", "unfreeze"]

M = TypeVar("M", bound=Module)


def freeze(module: M, *, statistics: bool = False) -> M:
    """Ask for no gradients of the parameters in `module`; returns it.

    statistics  also stop the running averages of its batch (and instance) normalizations: they
                normalize by the averages as they are, in training too, and `train()` does not
                change that until `unfreeze`

    Without `statistics`, a frozen batch normalization goes on averaging, and normalizing by, the
    batches it sees: after fine-tuning on other data it is another function, though no parameter
    moved. An optimizer passes over frozen parameters, whose `.grad` is None from the next
    `zero_grad` on.
    """
    module.requires_grad_(False)
    if statistics:
        for norm in _with_statistics(module):
            norm.statistics_frozen = True
            norm.eval()
    return module


def unfreeze(module: M) -> M:
    """Undo `freeze`: gradients for all parameters, and running averages that run; returns it.

    The normalizations take up the training mode of `module`.
    """
    module.requires_grad_(True)
    for norm in _with_statistics(module):
        if norm.statistics_frozen:
            norm.statistics_frozen = False
            norm.train(module.training)
    return module


def _with_statistics(module: Module) -> list[_NormBase]:
    return [m for m in module.modules() if isinstance(m, _NormBase) and m.running_mean is not None]
