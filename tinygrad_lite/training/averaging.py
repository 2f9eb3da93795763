"""AveragedModel: a Module that is the average of another over training (SWA and EMA).

Its functions, and the schedule SWALR, are in `optim/swa_utils.py`, under which name PyTorch has
them all, and under which this class, which may see Modules too, is found as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np

from ..core.node import touch
from ..core.tensor import Tensor, make
from ..nn.modules.module import Module
from ..optim import swa_utils


class AveragedModel(Module):
    """A copy of `model` whose parameters follow the model's whenever `update_parameters` is called.

    The first call copies; each later one averages: the plain mean (SWA) by default, else by
    avg_fn(average, current, count), which returns the new value, or by multi_avg_fn(averages,
    currents, count), which works in place on lists; not both. With use_buffers, buffers are
    averaged too, otherwise they are copied. Call `update_bn` afterwards if the model has batch
    normalization.

        ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Any, Any, Any], Any] | None = None,
        multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", make(np.array(0, np.int64)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's output."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's present parameters into the average."""
        averages: list[Tensor] = list(self.module.parameters())
        currents: list[Tensor] = list(model.parameters())
        copied: list[tuple[Iterable[Tensor], Iterable[Tensor]]] = []
        if self.use_buffers:
            averages += self.module.buffers()
            currents += model.buffers()
        else:
            copied.append((self.module.buffers(), model.buffers()))
        count = int(self.n_averaged)
        if count == 0:
            copied.append((averages, currents))
        elif self.avg_fn is None:
            average = self.multi_avg_fn or swa_utils.get_swa_multi_avg_fn()
            average([p.detach() for p in averages], [p.detach() for p in currents], count)
        else:
            for old, new in zip(averages, currents, strict=True):
                _write(old, self.avg_fn(old.detach(), new.detach(), count))
        for ours, theirs in copied:
            for old, new in zip(ours, theirs, strict=True):
                _write(old, new)
        self.n_averaged.array[...] = count + 1


def _write(target: Tensor, value: Any) -> None:
    target.array[...] = value.array
    touch(target.array, by="AveragedModel.update_parameters")
