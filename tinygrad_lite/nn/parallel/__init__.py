"""Data parallelism: on one CPU, a wrapper that runs its module."""

from __future__ import annotations

from typing import Any

from ..modules.module import Module


class DataParallel(Module):
    """Runs `module`: without GPUs PyTorch does the same."""

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """RuntimeError: there is one process."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "DistributedDataParallel: tinygrad_lite trains in one process "
            "(distributed.is_available() is False); use the module itself"
        )


def data_parallel(module: Module, inputs: Any, *args: Any, module_kwargs: Any = None) -> Any:
    """`module(*inputs)`: without GPUs there is nothing to spread over."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


def scatter(inputs: Any, target_gpus: Any, dim: int = 0) -> Any:
    """RuntimeError: there are no GPUs to scatter to."""
    raise RuntimeError("nn.parallel.scatter: there are no GPUs; use inputs.chunk(n) instead")
