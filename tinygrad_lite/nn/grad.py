"""The two gradients of a convolution, as functions of their own.

`grad_output` is the derivative of the loss by the convolution's result; sizes and the other
arguments are those of the convolution. Computed by its rules, so they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.backward import grad
from ..core.modes import enable_grad
from ..core.tensor import Tensor
from ..ops.filling import zeros
from .functional import conv1d, conv2d, conv3d


def _wanted(out: Tensor, x: Tensor, g: Tensor, *others: Tensor) -> Tensor:
    (found,) = grad(out, x, g, create_graph=any(t.requires_grad for t in (g, *others)))
    assert found is not None
    return found


def _pair(conv: Callable[..., Tensor], name: str) -> tuple[Callable[..., Tensor], ...]:
    def of_input(
        input_size: Sequence[int],
        weight: Tensor,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        with enable_grad():
            x = zeros(tuple(input_size), dtype=grad_output.dtype, requires_grad=True)
            out = conv(x, weight, None, stride, padding, dilation, groups)
            return _wanted(out, x, grad_output, weight)

    def of_weight(
        input: Tensor,
        weight_size: Sequence[int],
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        with enable_grad():
            w = zeros(tuple(weight_size), dtype=grad_output.dtype, requires_grad=True)
            out = conv(input, w, None, stride, padding, dilation, groups)
            return _wanted(out, w, grad_output, input)

    for f, what in ((of_input, "input"), (of_weight, "weight")):
        f.__name__ = f.__qualname__ = f"{name}_{what}"
        f.__doc__ = f"The derivative of the loss by the {what} of `{name}`."
    return of_input, of_weight


conv1d_input, conv1d_weight = _pair(conv1d, "conv1d")
conv2d_input, conv2d_weight = _pair(conv2d, "conv2d")
conv3d_input, conv3d_weight = _pair(conv3d, "conv3d")
