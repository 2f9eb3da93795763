"""Layers that take their input size from the first input they see."""

from __future__ import annotations

from typing import Any

from ...core.modes import no_grad
from ...core.tensor import Tensor
from ..parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from . import batchnorm, conv, instancenorm, linear
from .module import Module


class LazyModuleMixin:
    """Before the first `forward`, calls `initialize_parameters(*inputs)`; then becomes ordinary.

    A subclass names the class it turns into in `cls_to_become`. Its `initialize_parameters` writes
    values only into parameters that have no shape: a state may have been loaded before.
    """

    cls_to_become: type[Module] | None = None

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer still has no shape."""
        own = [*self._parameters.values(), *self._buffers.values()]  # type: ignore[attr-defined]
        return any(is_lazy(t) for t in own)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give every lazy parameter its shape, from the inputs of the first call."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.__dict__.get("_has_seen_input"):
            # also after a state was loaded, which gives parameters their shapes but names no sizes
            self.initialize_parameters(*args, **kwargs)
            if self.has_uninitialized_params():
                raise RuntimeError(
                    f"module {type(self).__name__} has not been fully initialized: its "
                    "initialize_parameters must materialize every parameter and buffer"
                )
            if self.cls_to_become is not None:
                self.__class__ = self.cls_to_become  # type: ignore[assignment]
            else:
                self.__dict__["_has_seen_input"] = True
        return Module.__call__(self, *args, **kwargs)  # type: ignore[arg-type]

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *lists: Any
    ) -> None:
        for registry in (self._parameters, self._buffers):  # type: ignore[attr-defined]
            for name, t in registry.items():
                given = state_dict.get(prefix + name)
                if is_lazy(t) and given is not None and not is_lazy(given):
                    with no_grad():
                        t.materialize(given.shape)
        super()._load_from_state_dict(  # type: ignore[misc]
            state_dict, prefix, local_metadata, *lists
        )


class LazyLinear(LazyModuleMixin, linear.Linear):
    """A `Linear` whose `in_features` is the size of the first input's last axis."""

    cls_to_become = linear.Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(0, 0, False)
        self.weight: Any = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias: Any = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once their shapes are known."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        self.in_features = input.array.shape[-1]
        if self.has_uninitialized_params():
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()


class _LazyConv(LazyModuleMixin):
    """`in_channels` from the first input's channel axis."""

    def _make_lazy(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once their shapes are known."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        ndim = input.array.ndim
        dims = self.dims  # type: ignore[attr-defined]
        if ndim not in (dims + 1, dims + 2):
            raise RuntimeError(
                f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {list(input.array.shape)}"
            )
        self.in_channels = input.array.shape[ndim - dims - 1]
        groups = self.groups  # type: ignore[attr-defined]
        if self.in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        channels = (self.out_channels, self.in_channels // groups)
        if self.transposed:  # type: ignore[attr-defined]
            channels = (self.in_channels, self.out_channels // groups)
        if self.has_uninitialized_params():
            self.weight.materialize((*channels, *self.kernel_size))  # type: ignore[attr-defined]
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


def _lazy_convolution(base: Any) -> Any:
    class Lazy(_LazyConv, base):  # type: ignore[misc]
        cls_to_become = base

        def __init__(
            self,
            out_channels: int,
            kernel_size: Any,
            stride: Any = 1,
            padding: Any = 0,
            dilation: Any = 1,
            groups: int = 1,
            bias: bool = True,
            padding_mode: str = "zeros",
            device: Any = None,
            dtype: Any = None,
        ) -> None:
            base.__init__(
                self, 0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode
            )
            self._make_lazy(out_channels, bias, device, dtype)

    return _named(Lazy, base)


def _lazy_transpose(base: Any) -> Any:
    class Lazy(_LazyConv, base):  # type: ignore[misc]
        cls_to_become = base

        def __init__(
            self,
            out_channels: int,
            kernel_size: Any,
            stride: Any = 1,
            padding: Any = 0,
            output_padding: Any = 0,
            groups: int = 1,
            bias: bool = True,
            dilation: Any = 1,
            padding_mode: str = "zeros",
            device: Any = None,
            dtype: Any = None,
        ) -> None:
            base.__init__(
                self,
                0,
                0,
                kernel_size,
                stride,
                padding,
                output_padding,
                groups,
                False,
                dilation,
                padding_mode,
            )
            self._make_lazy(out_channels, bias, device, dtype)

    return _named(Lazy, base)


def _lazy_norm(base: Any) -> Any:
    class Lazy(LazyModuleMixin, base):  # type: ignore[misc]
        cls_to_become = base

        def __init__(
            self,
            eps: float = 1e-5,
            momentum: float | None = 0.1,
            affine: bool = True,  # PyTorch's default, of instance normalization too when it is lazy
            track_running_stats: bool = True,
            device: Any = None,
            dtype: Any = None,
            *,
            bias: bool = True,
        ) -> None:
            base.__init__(self, 0, eps, momentum, False, track_running_stats)
            self.affine = affine
            kind = {"device": device, "dtype": dtype}
            if affine:
                self.weight = UninitializedParameter(**kind)
                if bias:
                    self.bias = UninitializedParameter(**kind)
            if track_running_stats:
                self.running_mean = UninitializedBuffer(**kind)
                self.running_var = UninitializedBuffer(**kind)

        def reset_parameters(self) -> None:
            """Initial values, once the shapes are known."""
            if not self.has_uninitialized_params() and self.num_features:
                super().reset_parameters()

        def initialize_parameters(self, input: Tensor) -> None:
            """One scale, shift, mean and variance for each channel of the first input."""
            batched = input.array.ndim > getattr(self, "dims", 0) + 1 or not hasattr(self, "dims")
            self.num_features = input.array.shape[1 if batched else 0]
            if self.has_uninitialized_params():
                for t in (self.weight, self.bias, self.running_mean, self.running_var):
                    if t is not None:
                        t.materialize((self.num_features,))
                self.reset_parameters()

    return _named(Lazy, base)


def _named(lazy: Any, base: Any) -> Any:
    lazy.__name__ = lazy.__qualname__ = "Lazy" + base.__name__
    lazy.__module__ = __name__
    lazy.__doc__ = f"A `{base.__name__}` whose number of input channels is the first input's."
    return lazy


LazyConv1d = _lazy_convolution(conv.Conv1d)
LazyConv2d = _lazy_convolution(conv.Conv2d)
LazyConv3d = _lazy_convolution(conv.Conv3d)
LazyConvTranspose1d = _lazy_transpose(conv.ConvTranspose1d)
LazyConvTranspose2d = _lazy_transpose(conv.ConvTranspose2d)
LazyConvTranspose3d = _lazy_transpose(conv.ConvTranspose3d)
LazyBatchNorm1d = _lazy_norm(batchnorm.BatchNorm1d)
LazyBatchNorm2d = _lazy_norm(batchnorm.BatchNorm2d)
LazyBatchNorm3d = _lazy_norm(batchnorm.BatchNorm3d)
LazyInstanceNorm1d = _lazy_norm(instancenorm.InstanceNorm1d)
LazyInstanceNorm2d = _lazy_norm(instancenorm.InstanceNorm2d)
LazyInstanceNorm3d = _lazy_norm(instancenorm.InstanceNorm3d)
