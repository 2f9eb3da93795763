"""Tensors of numbers in sequence, the identity, indices of triangles; legacy constructors."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.dtypes import dtype, get_default_dtype, to_numpy
from ..core.tensor import Tensor, make, require_cpu
from .arguments import kind, no_kernel, no_out
from .creation import legacy_tensor
from .filling import dtype_or_default, finished


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, (Tensor, np.generic)) else x


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """start, start + step, ... below `end`; int64 if all three are integers."""
    no_out("arange", out)
    require_cpu(device)
    start, end, step = _number(start), _number(end), _number(step)
    if end is None:
        if start is None:
            raise TypeError("arange() received an invalid combination of arguments: no end given")
        start, end = 0, start
    start = 0 if start is None else start
    if dtype is None:
        whole = all(isinstance(v, int) for v in (start, end, step))
        numpy_dtype = to_numpy(dtypes.int64 if whole else get_default_dtype())
    else:
        numpy_dtype = to_numpy(dtype)
    if numpy_dtype.kind in "bc":
        raise no_kernel("arange_cpu", numpy_dtype)
    if not step or step != step:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if numpy_dtype.kind in "iu":
        if numpy_dtype == np.int64:
            start, end, step = int(start), int(end), int(step)
        n = math.ceil((end - start) / step)  # of a narrower dtype before the numbers become whole
        return finished((int(start) + int(step) * np.arange(n)).astype(numpy_dtype), requires_grad)
    n = math.ceil((end - start) / step)
    return finished((start + step * np.arange(n)).astype(numpy_dtype), requires_grad)


def range(start: Any = 0, end: Any = None, step: Any = 1, **options: Any) -> Tensor:
    """Like `arange` with the end included (deprecated in PyTorch)."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    return arange(start, end + step / 2, step, **{"dtype": get_default_dtype(), **options})


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers evenly spaced from `start` to `end`, both included."""
    no_out("linspace", out)
    require_cpu(device)
    _require_count("linspace", steps)
    numpy_dtype = dtype_or_default(dtype)
    ends = _ends("linspace", start, end)
    if any(isinstance(v, complex) for v in ends):
        own = get_default_dtype().to_complex()
        if dtype is None:
            numpy_dtype = to_numpy(own)
        elif numpy_dtype.kind != "c":
            raise RuntimeError(
                f"torch.linspace(): inferred dtype {own} can't be safely cast to passed dtype "
                f"{kind(numpy_dtype)}"
            )
    if numpy_dtype.kind == "b":
        raise no_kernel("linspace_cpu", np.bool_)
    if numpy_dtype.kind in "iu":
        ends = (int(ends[0]), int(ends[1]))
    return finished(_even(*ends, int(_number(steps))).astype(numpy_dtype), requires_grad)


def _ends(function: str, start: Any, end: Any) -> tuple[Any, Any]:
    """The two ends as Python numbers."""
    for v in (start, end):
        if isinstance(v, Tensor) and v.array.ndim:
            raise RuntimeError(
                f"{function} only supports 0-dimensional start and end tensors, but got start with "
                f"{v.array.ndim} dimension(s)."
            )
    return _number(start), _number(end)


def _require_count(function: str, steps: Any) -> None:
    if isinstance(steps, float):
        raise TypeError(
            f"{function}() received an invalid combination of arguments: steps must be int, not "
            "float"
        )


def _even(start: float, end: float, steps: int) -> np.ndarray:
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if steps < 2:
        return np.full(steps, start, np.result_type(type(start), np.float64))
    step = (end - start) / (steps - 1)
    i = np.arange(steps)
    return np.where(i < steps // 2, start + step * i, end - step * (steps - 1 - i))


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base ** v for `steps` numbers v evenly spaced from `start` to `end`."""
    no_out("logspace", out)
    require_cpu(device)
    _require_count("logspace", steps)
    numpy_dtype = dtype_or_default(dtype)
    ends = _ends("logspace", start, end)
    if numpy_dtype.kind in "iu":
        ends = (int(ends[0]), int(ends[1]))
    values = np.power(float(base), _even(*ends, int(steps)))
    return finished(values.astype(numpy_dtype), requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The n by m matrix (m: n) with ones on the diagonal."""
    no_out("eye", out)
    require_cpu(device)
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return finished(np.eye(n, m, dtype=dtype_or_default(dtype)), requires_grad)


def _triangle(name: str, row: int, col: int, dtype: Any, device: Any) -> Any:
    """The NumPy dtype of the indices, once the arguments have been found good."""
    require_cpu(device)
    for side, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{side} must be non-negative, got{n}")
    target = np.dtype(np.int64) if dtype is None else to_numpy(dtype)
    if target not in (np.int64, np.int32):
        raise no_kernel(name, target)
    return target


def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """(2, n): the row and column numbers of a matrix's lower triangle."""
    target = _triangle("tril_indices", row, col, dtype, device)
    return make(np.stack(np.tril_indices(row, offset, col)).astype(target))


def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
) -> Tensor:
    """(2, n): the row and column numbers of a matrix's upper triangle."""
    target = _triangle("triu_indices", row, col, dtype, device)
    return make(np.stack(np.triu_indices(row, offset, col)).astype(target))


# -- legacy constructors ---------------------------------------------------------------------------


class _LegacyType(type):
    """`isinstance(x, FloatTensor)` asks for the dtype; `FloatTensor(...)` makes a Tensor."""

    dtype: dtype

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        require_cpu(device)
        return legacy_tensor(data, cls.dtype)


def _legacy(name: str, d: dtype) -> Any:
    doc = f"Legacy: `{name}(2, 3)` or `{name}(data)`, a Tensor of {d.name}."
    return _LegacyType(name, (), {"dtype": d, "__doc__": doc})


FloatTensor = _legacy("FloatTensor", dtypes.float32)
DoubleTensor = _legacy("DoubleTensor", dtypes.float64)
HalfTensor = _legacy("HalfTensor", dtypes.float16)
LongTensor = _legacy("LongTensor", dtypes.int64)
IntTensor = _legacy("IntTensor", dtypes.int32)
ShortTensor = _legacy("ShortTensor", dtypes.int16)
CharTensor = _legacy("CharTensor", dtypes.int8)
ByteTensor = _legacy("ByteTensor", dtypes.uint8)
BoolTensor = _legacy("BoolTensor", dtypes.bool_)
