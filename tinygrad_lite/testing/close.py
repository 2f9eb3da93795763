"""`assert_close` and `make_tensor`, as torch.testing has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.random import numpy_generator
from ..core.shapes import shape_from
from ..core.tensor import Tensor, make

#: (rtol, atol) by dtype; integers and bool must be equal
TOLERANCE = {
    "float16": (1e-3, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """AssertionError unless |actual - expected| <= atol + rtol * |expected|, elementwise.

    Works on Tensors, arrays, numbers, and sequences and mappings of them. Tolerances default to
    those of the dtype (float64 1e-7, float32 1.3e-6 and 1e-5, complex numbers as their parts);
    give both or neither.
    """
    if (rtol is None) is not (atol is None):
        raise ValueError(
            f"rtol and atol must both be specified or both be unspecified, got {rtol=} and {atol=}"
        )

    def fail(text: str) -> None:
        raise AssertionError(text if msg is None else msg(text) if callable(msg) else msg)

    def same(a: Any, b: Any, at: str) -> None:
        if isinstance(b, Mapping):
            if not isinstance(a, Mapping) or set(a) != set(b):
                fail(f"The keys of the mappings do not match{at}")
            for k in b:
                same(a[k], b[k], f"{at}[{k!r}]")
            return
        if isinstance(b, Sequence) and not isinstance(b, str):
            if not isinstance(a, Sequence) or len(a) != len(b):
                fail(f"The length of the sequences mismatch{at}")
            for i, (x, y) in enumerate(zip(a, b, strict=True)):
                same(x, y, f"{at}[{i}]")
            return
        _same_arrays(_array(a), _array(b), at)

    def _same_arrays(a: np.ndarray, b: np.ndarray, at: str) -> None:
        where = f" ({at})" if at else ""
        if a.shape != b.shape:
            fail(
                "The values for attribute 'shape' do not match: "
                f"torch.Size({list(a.shape)}) != torch.Size({list(b.shape)}).{where}"
            )
        if check_dtype and a.dtype != b.dtype:
            fail(
                "The values for attribute 'dtype' do not match: "
                f"torch.{a.dtype} != torch.{b.dtype}.{where}"
            )
        if check_stride and a.strides != b.strides:
            fail(f"The values for attribute 'stride()' do not match{where}")
        r, t = rtol, atol
        if r is None or t is None:
            pairs = [TOLERANCE.get(x.dtype.name, (0.0, 0.0)) for x in (a, b)]
            r, t = max(p[0] for p in pairs), max(p[1] for p in pairs)
        x, y = (v.astype(np.float64) if v.dtype.kind in "fiub" else v for v in (a, b))
        close = np.isclose(x, y, rtol=r, atol=t, equal_nan=equal_nan)
        if np.all(close):
            return
        with np.errstate(all="ignore"):
            off = np.where(close, 0.0, np.abs(x - y))
            index = np.unravel_index(int(np.argmax(np.nan_to_num(off, nan=np.inf))), off.shape)
            relative = off / np.abs(y)
        fail(
            f"Tensor-likes are not close!\n\nMismatched elements: {int((~close).sum())} / "
            f"{close.size} ({100 * (~close).mean():.1f}%)\nGreatest absolute difference: "
            f"{off[index]} at index {tuple(int(i) for i in index)} (up to {t} allowed): "
            f"{x[index]} against {y[index]}\nGreatest relative difference: "
            f"{np.nanmax(relative)} (up to {r} allowed){where}"
        )

    same(actual, expected, "")


def _array(x: Any) -> np.ndarray:
    return x.array if isinstance(x, Tensor) else np.asarray(x)


def make_tensor(
    *shape: Any,
    dtype: dtypes.dtype,
    device: Any = None,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uniform random numbers in [low, high): floats in [-9, 9], integers in [-9, 10) by default."""
    size = shape_from(shape)
    numpy_dtype = dtypes.to_numpy(dtype)
    rng = numpy_generator(None)
    if numpy_dtype.kind == "b":
        array = rng.integers(0, 2, size).astype(bool)
    elif numpy_dtype.kind in "iu":
        floor = 0 if numpy_dtype.kind == "u" else -9
        first, last = floor if low is None else int(low), 10 if high is None else int(high)
        array = rng.integers(first, last, size)
    else:
        array = rng.uniform(-9 if low is None else low, 9 if high is None else high, size)
    array = np.asarray(array).astype(numpy_dtype)
    if exclude_zero:
        array[array == 0] = 1
    if noncontiguous and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    result = make(array)
    return result.requires_grad_() if requires_grad else result
