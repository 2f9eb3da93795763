"""`norm` and `dist`, the older names of `linalg`'s norms."""

from __future__ import annotations

from typing import Any

from ..core.doors import composed
from ..core.dtypes import to_numpy
from ..core.samples import Real, one_of, sample
from ..core.tensor import Tensor
from .arguments import axes_of, converted, kind, renamed, require_tensor
from .linalg_norms import matrix_norm
from .reduction import p_norm

_DIMS: dict[str, Any] = {"dim": one_of(None, 0, -1, (0, 1)), "keepdim": one_of(False, True)}


@composed(samples=[sample(Real("n m", avoid=(0.0,)), p=one_of(1, 2, 3, "fro"), **_DIMS)])
def norm(
    input: Any,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    **names: Any,
) -> Any:
    """The p-norm of the elements over `dim`; "fro" (the default) is p = 2.

    At 0 its derivative is 0. RuntimeError for integers. "nuc" is the sum of the singular values of
    the matrices over two axes.
    """
    if names:
        input, dim, keepdim = renamed("norm", names, input=input, dim=dim, keepdim=keepdim)
    require_tensor("norm", input)
    if dtype is not None:
        target = to_numpy(dtype)
        if target.itemsize < input.array.dtype.itemsize:
            raise RuntimeError(
                f"linalg.vector_norm: the dtype of the input ({kind(input.array.dtype)}) should be "
                f"convertible without narrowing to the specified dtype ({kind(target)})"
            )
        input = converted(input, dtype)
    if p in ("fro", None):
        p = 2.0
    elif p == "nuc":
        return _nuclear_norm(input, dim, keepdim)
    elif isinstance(p, str):
        raise RuntimeError(
            f'linalg.matrix_norm: Order {p} not supported. Of names norm() takes "fro" and "nuc"'
        )
    if input.array.dtype.kind not in "fc":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. "
            f"Got {kind(input.array.dtype)}"
        )
    if input.array.dtype.kind == "c":
        input = abs(input)
    return p_norm(input, p=float(p), axes=axes_of(dim, input.array.ndim), keepdim=keepdim)


def _nuclear_norm(x: Tensor, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        if x.array.ndim != 2:
            raise RuntimeError(
                "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
            )
        dim = (0, 1)
    return matrix_norm(x, "nuc", dim, keepdim)


@composed(samples=[sample(Real("n m"), Real("n m"))])
def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of input - other."""
    require_tensor("dist", input)
    require_tensor("dist", other, "other", 2)
    return norm(input - other, p)
