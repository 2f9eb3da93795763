"""What optimizers that are written out by hand, as PyTorch's own are, take from its file.

from torch.optim.optimizer import ParamsT, _use_grad_for_differentiable
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ..core.dtypes import dtype, float32, float64, get_default_dtype
from ..core.modes import set_grad_enabled
from ..core.tensor import Tensor
from ..ops.complex_numbers import view_as_real

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]

_foreach_doc = "foreach: accepted; all parameters of a group are updated by one kernel anyway"
_fused_doc = "fused: accepted, as foreach is"
_capturable_doc = "capturable: of graphs of a GPU, of which there are none"
_differentiable_doc = "differentiable: record the step, so that it can be differentiated"
_maximize_doc = "maximize: go up the gradient instead of down"


def _use_grad_for_differentiable(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step`, recorded if the optimizer's defaults say `differentiable`, else not."""

    @functools.wraps(step)
    def call(self: Any, *args: Any, **named: Any) -> Any:
        with set_grad_enabled(self.defaults["differentiable"]):
            return step(self, *args, **named)

    return call


def _disable_dynamo_if_unsupported(
    single_tensor_fn: Any = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that leaves its function as it is: nothing is compiled."""
    return lambda function: function


def _get_value(x: Any) -> Any:
    """The number in a Tensor of one element; anything else as it is."""
    return x.item() if isinstance(x, Tensor) else x


def _stack_if_compiling(x: Any) -> Any:
    """x: nothing is compiled."""
    return x


def _to_scalar(x: Any) -> Any:
    """A Tensor without axes if x is a Tensor of one element; anything else as it is."""
    return x.squeeze() if isinstance(x, Tensor) and x.dim() else x


def _get_scalar_dtype(is_fused: bool | None = None) -> dtype:
    """Of counts of steps: float32, or float64 if that is the default (and nothing is fused)."""
    return float64 if not is_fused and get_default_dtype() == float64 else float32


def _default_to_fused_or_foreach(
    params: list[Tensor], differentiable: bool, use_fused: bool = False
) -> tuple[bool, bool]:
    """(False, False): PyTorch's kernels for both are those of other devices."""
    return False, False


def _view_as_real(params: list[Tensor], *state_and_grads: list[Tensor]) -> None:
    """Replace, in the lists, complex parameters and what belongs to them by pairs of numbers."""
    for i, p in enumerate(params):
        if p.is_complex():
            for values in (params, *state_and_grads):
                values[i] = view_as_real(values[i])
