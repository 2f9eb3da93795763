"""`assert_close` and `make_tensor`, as torch.testing has them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.random import numpy_generator
from ..core.shapes import shape_from
from ..core.tensor import Tensor, make
from ..ops.creation import tensor

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
    attributes = {"dtype": check_dtype, "stride()": check_stride}
    pairs = [*_pairs(actual, expected, "", allow_subclasses, attributes)]
    for a, b, where in pairs:
        if (rtol is None) is not (atol is None) and _has_tolerance(a, b):
            raise ValueError(
                "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                f"{'rtol' if rtol is None else 'atol'}." + _at(where)
            )
        text = _difference(a, b, rtol, atol, equal_nan, attributes)
        if text is not None:
            text += _at(where)
            raise AssertionError(text if msg is None else msg(text) if callable(msg) else msg)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """Deprecated: `assert_close` of what may differ in dtype and may be numbers or lists.

    Tolerances default to (1e-3, 1e-3) for float16, (1e-4, 1e-5) for float32, (1e-5, 1e-8) for
    float64, the larger of both; 0 for others.
    """
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a "
        "future release. Please use `torch.testing.assert_close()` instead.",
        FutureWarning,
        stacklevel=2,
    )
    a = actual if isinstance(actual, Tensor) else tensor(actual)
    b = expected if isinstance(expected, Tensor) else tensor(expected, dtype=a.dtype)
    if rtol is None and atol is None:
        known = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}
        found = [known.get(x.array.dtype.name, (0.0, 0.0)) for x in (a, b)]
        rtol, atol = (max(values) for values in zip(*found))
    assert_close(
        a, b, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None
    )


def _pairs(
    a: Any, b: Any, where: str, allow_subclasses: bool, attributes: dict[str, bool]
) -> Iterator[tuple[Any, Any, str]]:
    """What is to be compared with what, out of nested sequences and mappings."""
    if _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            raise AssertionError(
                f"The length of the sequences mismatch: {len(a)} != {len(b)}" + _at(where)
            )
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _pairs(x, y, f"{where}[{i}]", allow_subclasses, attributes)
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        if set(a) != set(b):
            raise AssertionError(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(set(b) - set(a))}\n"
                f"Additional keys in the actual mapping: {sorted(set(a) - set(b))}" + _at(where)
            )
        for k in sorted(b) if _sortable(b) else b:
            yield from _pairs(a[k], b[k], f"{where}[{k!r}]", allow_subclasses, attributes)
    else:
        known = all(x is None or isinstance(x, _VALUES) for x in (a, b))
        arrays = all(isinstance(x, (Tensor, np.ndarray)) for x in (a, b))
        if not known or (arrays and not allow_subclasses and type(a) is not type(b)):
            raise TypeError(
                f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}."
            )
        yield a, b, where


_VALUES = (Tensor, np.ndarray, np.generic, int, float, complex)


def _has_tolerance(a: Any, b: Any) -> bool:
    """Whether two values are compared as numbers: neither is None, and not both are bool."""
    return not (a is None or b is None or all(isinstance(x, (bool, np.bool_)) for x in (a, b)))


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _sortable(keys: Any) -> bool:
    return len({type(k) for k in keys}) == 1 and hasattr(next(iter(keys)), "__lt__")


def _at(where: str) -> str:
    return f"\n\nThe failure occurred for item {where}" if where else ""


def _difference(
    actual: Any,
    expected: Any,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    attributes: dict[str, bool],
) -> str | None:
    """What is different between two values, in words; None: nothing."""
    if actual is None or expected is None:
        same = actual is expected
        return None if same else f"None mismatch: {actual} is not {expected}"
    if all(isinstance(x, (bool, np.bool_)) for x in (actual, expected)):
        same = bool(actual) == bool(expected)
        return None if same else f"Booleans mismatch: {actual} is not {expected}"
    numbers = not any(isinstance(x, (Tensor, np.ndarray)) for x in (actual, expected))
    if numbers:
        actual, expected = (
            x.item() if isinstance(x, np.generic) else x for x in (actual, expected)
        )
        if attributes["dtype"] and type(actual) is not type(expected):
            return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    a, b = _array(actual), _array(expected)
    if a.shape != b.shape:
        return (
            "The values for attribute 'shape' do not match: "
            f"torch.Size({list(a.shape)}) != torch.Size({list(b.shape)})."
        )
    if not numbers:
        found: dict[str, list[Any]] = {
            "dtype": [f"torch.{x.dtype}" for x in (a, b)],
            "stride()": [_strides(x) for x in (a, b)],
        }
        for name, (one, other) in found.items():
            if attributes[name] and one != other:
                return f"The values for attribute '{name}' do not match: {one} != {other}."
    if rtol is None or atol is None:
        tolerances = [TOLERANCE.get(x.dtype.name, (0.0, 0.0)) for x in (a, b)]
        rtol, atol = (max(t[i] for t in tolerances) for i in (0, 1))
    x, y = (v.astype(np.float64) if v.dtype.kind in "fiub" else v for v in (a, b))
    close = (a == b) | np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return None if np.all(close) else _mismatch(a, b, close, rtol, atol)


def _mismatch(a: Any, b: Any, close: Any, rtol: float, atol: float) -> str:
    exact = rtol == 0 and atol == 0
    allowed = ["" if exact else f" (up to {t} allowed)" for t in (atol, rtol)]
    if a.dtype != b.dtype:
        a, b = (v.astype(np.result_type(a, b)) for v in (a, b))
    if a.dtype.kind in "biu":
        a, b = a.astype(np.int64), b.astype(np.int64)
    with np.errstate(all="ignore"):
        off = np.abs(a - b)
        if a.ndim == 0:
            size = abs(b.item())
            part = off.item() / size if size else math.inf
            return (
                f"Scalars are not {'equal' if exact else 'close'}!\n\n"
                f"Expected {b.item()} but got {a.item()}.\n"
                f"Absolute difference: {off.item()}{allowed[0]}\n"
                f"Relative difference: {part}{allowed[1]}"
            )
        ratio = np.true_divide(off, np.abs(b), dtype=np.float32 if a.dtype.kind == "i" else None)
        off[close], ratio[close] = 0, 0
    lines = [
        f"Greatest {name} difference: {v.max().item()} at index "
        f"{tuple(map(int, np.unravel_index(v.argmax(), v.shape)))}{limit}"
        for name, v, limit in zip(("absolute", "relative"), (off, ratio), allowed, strict=True)
    ]
    return (
        f"Tensor-likes are not {'equal' if exact else 'close'}!\n\n"
        f"Mismatched elements: {int((~close).sum())} / {close.size} ({(~close).mean():.1%})\n"
        + "\n".join(lines)
    )


def _strides(x: np.ndarray) -> tuple[int, ...]:
    return make(x).stride()


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
    kind = numpy_dtype.kind
    if requires_grad and kind in "biu":
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"dtype={dtype!r}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous!r} and memory_format={memory_format!r}"
        )
    first = {"b": 0, "u": 0}.get(kind, -9) if low is None else low
    last = {"b": 2, "i": 10, "u": 10}.get(kind, 9) if high is None else high
    if math.isnan(first) or math.isnan(last):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={first!r} and high={last!r}")
    if first == last and kind in "fc":
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated; use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
    elif first >= last:
        raise ValueError(f"`low` must be less than `high`, but got {first} >= {last}")
    if kind in "iu":
        limits = np.iinfo(numpy_dtype)
        first, last = max(math.ceil(first), limits.min), min(math.ceil(last), limits.max + 1)
    rng = numpy_generator(None)
    if kind in "biu":
        array = rng.integers(
            int(first), int(last), size, dtype=np.int64 if kind == "b" else numpy_dtype
        )
    elif kind == "c":
        array = rng.uniform(first, last, size) + 1j * rng.uniform(first, last, size)
    else:
        array = rng.uniform(first, last, size)
    array = np.asarray(array).astype(numpy_dtype)
    if exclude_zero:
        array[array == 0] = 1
    if noncontiguous and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    result = make(array)
    return result.requires_grad_() if requires_grad else result
