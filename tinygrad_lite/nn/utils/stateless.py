"""The older place of `func.functional_call`."""

from __future__ import annotations

import sys
import warnings
from typing import Any

__all__ = ["functional_call"]


def functional_call(
    module: Any,
    parameters_and_buffers: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`func.functional_call`, under its older name; deprecated, as in PyTorch."""
    warnings.warn(
        "This API is deprecated as of PyTorch 2.0 and will be removed in a future version of "
        "PyTorch. Please use torch.func.functional_call instead which is a drop-in replacement "
        "for this API.",
        FutureWarning,
        stacklevel=2,
    )
    # `func` and `nn` are rooms of one layer: by way of the public face, which has loaded both
    func = sys.modules[__name__.partition(".")[0]].func
    return func.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
