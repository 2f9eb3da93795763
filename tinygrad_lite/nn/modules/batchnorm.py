"""Batch normalization: each channel shifted and scaled by the statistics of the batch.

    y = (x - mean) / sqrt(var + eps) * weight + bias

In training mean and (biased) variance are those of the batch, over every axis but the channels';
running averages of mean and unbiased variance take their place in evaluation:
running = (1 - momentum) running + momentum batch. Source: Ioffe and Szegedy 2015.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ...core.dtypes import int64
from ...core.tensor import Parameter, Tensor
from ...ops.creation import tensor
from ...ops.filling import ones, zeros
from .. import functional as F
from .. import init
from ._state import writes_nothing_itself
from .module import Module

N = TypeVar("N", bound="_NormBase")


class _NormBase(Module):
    """What batch and instance normalization hold: scale, shift, and running averages.

    While `statistics_frozen` (see `nn.utils.freeze`), `train()` leaves the layer in evaluation.
    """

    _version = 2
    statistics_frozen = False

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        kind = {"dtype": dtype, "device": device}
        self.register_parameter("weight", Parameter(ones(num_features, **kind)) if affine else None)
        shift = Parameter(zeros(num_features, **kind)) if affine and bias else None
        self.register_parameter("bias", shift)
        track = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **kind) if track else None)
        self.register_buffer("running_var", ones(num_features, **kind) if track else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if track else None)

    def reset_running_stats(self) -> None:
        """Running mean 0, running variance 1."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Also weight 1 and bias 0."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def train(self: N, mode: bool = True) -> N:
        """As `Module.train`; in evaluation in any case while the running averages are frozen."""
        return super().train(False if self.statistics_frozen else mode)

    @writes_nothing_itself
    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *lists: Any
    ) -> None:
        """States from before `num_batches_tracked`, or without metadata, may do without it."""
        key = prefix + "num_batches_tracked"
        if (local_metadata.get("version") or 1) < 2 and self.track_running_stats:
            if key not in state_dict and self.num_batches_tracked is not None:
                state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *lists)

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_NormBase):
    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        average = 0.0 if self.momentum is None else self.momentum
        running_mean, running_var = self.running_mean, self.running_var
        training = self.training
        if training:
            batches = self.num_batches_tracked if self.track_running_stats else None
            if batches is not None:
                np.add(batches.array, 1, out=batches.array)
                if self.momentum is None:  # cumulative average of all batches so far
                    average = 1.0 / float(batches.array)
        use_batch = training or (running_mean is None and running_var is None)
        keep = not training or self.track_running_stats
        return F.batch_norm(
            input,
            running_mean if keep else None,
            running_var if keep else None,
            self.weight,
            self.bias,
            use_batch,
            average,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalization of (N, C) or (N, C, L), over N and L."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.array.ndim not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.array.ndim}D input)")


class BatchNorm2d(_BatchNorm):
    """Batch normalization of (N, C, H, W), over N, H and W."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.array.ndim != 4:
            raise ValueError(f"expected 4D input (got {input.array.ndim}D input)")


class BatchNorm3d(_BatchNorm):
    """Batch normalization of (N, C, D, H, W), over N, D, H and W."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.array.ndim != 5:
            raise ValueError(f"expected 5D input (got {input.array.ndim}D input)")


class SyncBatchNorm(_BatchNorm):
    """Batch normalization over the batches of all processes, of which there is one here.

    It is `BatchNorm` for inputs of any number of dimensions from 2. `process_group` is kept.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.array.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.array.ndim}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """`module` with every batch normalization in it as SyncBatchNorm: the same parameters."""
        converted: Any = module
        if isinstance(module, _BatchNorm):
            converted = SyncBatchNorm(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            if module.affine:
                converted.weight, converted.bias = module.weight, module.bias
            for name in ("running_mean", "running_var", "num_batches_tracked", "training"):
                setattr(converted, name, getattr(module, name))
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted
