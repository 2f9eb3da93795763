"""Data types: names, limits, promotion (the whole table) and the errors in full."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.core import dtypes

# name: NumPy's, bytes, category, signed, complex twin, real twin
FACTS = {
    "float16": (np.float16, 2, dtypes.FLOATING, True, "complex64", "float16"),
    "float32": (np.float32, 4, dtypes.FLOATING, True, "complex64", "float32"),
    "float64": (np.float64, 8, dtypes.FLOATING, True, "complex128", "float64"),
    "bfloat16": (None, 2, dtypes.FLOATING, True, "complex64", "bfloat16"),
    "complex64": (np.complex64, 8, dtypes.COMPLEX, True, "complex64", "float32"),
    "complex128": (np.complex128, 16, dtypes.COMPLEX, True, "complex128", "float64"),
    "int8": (np.int8, 1, dtypes.INTEGER, True, None, "int8"),
    "int64": (np.int64, 8, dtypes.INTEGER, True, None, "int64"),
    "uint8": (np.uint8, 1, dtypes.INTEGER, False, None, "uint8"),
    "bool": (np.bool_, 1, dtypes.BOOL, False, None, "bool"),
}


@pytest.mark.parametrize("name", FACTS)
def test_what_a_dtype_knows(name: str) -> None:
    scalar, size, category, signed, twin, real = FACTS[name]
    d = dtypes.by_name(name)
    fresh = dtypes.dtype(name, scalar)
    for x in (d, fresh):
        assert x.name == name
        assert x.numpy == (None if scalar is None else np.dtype(scalar))
        assert x.category == category
        assert x.itemsize == size
        assert x.is_signed == signed
        assert x.is_floating_point == (category == dtypes.FLOATING)
        assert x.is_complex == (category == dtypes.COMPLEX)
        assert repr(x) == f"torch.{name}"
    if twin is None:
        with pytest.raises(RuntimeError, match=f"^Unknown Complex ScalarType for torch.{name}$"):
            d.to_complex()
    else:
        assert d.to_complex() is dtypes.by_name(twin)
    assert d.to_real() is dtypes.by_name(real)
    assert pickle.loads(pickle.dumps(d)) is d
    assert copy.deepcopy(d) is d


def test_numpys_dtype_behind_anything() -> None:
    assert dtypes.to_numpy(tl.float16) == np.float16
    for d, expected in (
        (bool, np.bool_), (int, np.int64), (float, np.float64), (complex, np.complex128),
        (np.int32, np.int32), (np.dtype("f4"), np.float32), ("float64", np.float64),
        (np.dtype(">f8"), np.float64),
    ):  # fmt: skip
        assert dtypes.to_numpy(d) == np.dtype(expected)
        assert dtypes.to_numpy(d).isnative
    assert dtypes.from_numpy_dtype(np.dtype(">i4")) is tl.int32
    assert dtypes.from_numpy_dtype(np.dtype("i4")) is tl.int32


B, U, I, L, H, S, D, Z = (
    tl.bool, tl.uint8, tl.int32, tl.int64, tl.float16, tl.float32, tl.float64, tl.complex64,
)  # fmt: skip
F, C = tl.bfloat16, tl.complex128
PROMOTED = [
    (B, B, B), (B, U, U), (U, tl.int8, tl.int16), (U, I, I), (I, L, L), (L, H, H), (B, D, D),
    (H, S, S), (S, D, D), (Z, S, Z), (Z, D, C), (Z, C, C), (Z, L, Z), (C, D, C), (C, S, C),
    (F, F, F), (F, B, F), (F, L, F), (F, H, S), (F, S, S), (F, D, D), (F, Z, Z), (F, C, C),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "result"), PROMOTED)
def test_promotion_of_two(a: Any, b: Any, result: Any) -> None:
    assert dtypes.promote_types(a, b) is result
    assert dtypes.promote_types(b, a) is result


def test_a_lower_priority_counts_by_its_category_only() -> None:
    combine = dtypes.combine
    assert combine([S], [D]) is S
    assert combine([S], [], [D]) is S
    assert combine([I], [D]) is D
    assert combine([I], [], [S]) is S
    assert combine([B], [L], [S]) is S
    assert combine([U], [L], [L]) is U
    assert combine([], [H], [D]) is H
    assert combine([H, D], [Z]) is C  # complex of the width the tensors have
    assert combine([S], [C]) is Z
    assert combine([D], [], [Z]) is C
    assert combine([I], [C]) is C
    assert combine([B], [], [Z]) is Z
    assert combine([Z], [D], [S]) is Z
    assert combine([], [], [L, B]) is L


def test_what_a_python_number_stands_for() -> None:
    for value, d in (
        (True, B), (np.True_, B), (3, L), (np.int8(3), L), (2.5, S), (np.float64(2.5), S), (1j, Z),
    ):  # fmt: skip
        assert dtypes.number_dtype(value) is d
    tl.set_default_dtype(tl.float64)
    try:
        assert tl.get_default_dtype() is D
        assert dtypes.number_dtype(2.5) is D
        assert dtypes.number_dtype(1j) is C
        assert tl.finfo().dtype == "float64"
    finally:
        tl.set_default_dtype(tl.float32)


def test_a_result_may_not_be_written_down_a_category() -> None:
    order = [B, L, S, Z]
    for i, a in enumerate(order):
        for k, b in enumerate(order):
            assert dtypes.can_cast(a, b) == (i <= k)
    assert dtypes.can_cast(D, H)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_limits_of_floating_types(name: str) -> None:
    info = np.finfo(name)
    mine = tl.finfo(dtypes.by_name(name))
    assert (mine.dtype, mine.bits) == (name, info.bits)
    assert (mine.eps, mine.max, mine.min) == (float(info.eps), float(info.max), float(info.min))
    assert mine.tiny == mine.smallest_normal == float(info.tiny)
    assert mine.resolution == 10.0**-info.precision
    assert type(mine.bits) is int
    assert {type(x) for x in (mine.eps, mine.max, mine.min, mine.tiny)} == {float}


@pytest.mark.parametrize("name", ["int8", "int64", "uint8"])
def test_limits_of_integer_types(name: str) -> None:
    info = np.iinfo(name)
    mine = tl.iinfo(dtypes.by_name(name))
    assert (mine.dtype, mine.bits, mine.max, mine.min) == (name, info.bits, info.max, info.min)
    assert {type(x) for x in (mine.bits, mine.max, mine.min)} == {int}


def test_limits_as_text() -> None:
    assert repr(tl.finfo(tl.float32)) == (
        "finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, "
        "smallest_normal=1.17549e-38, tiny=1.17549e-38, dtype=float32)"
    )
    assert repr(tl.iinfo(tl.int8)) == "iinfo(min=-128, max=127, dtype=int8)"


A_DTYPE = "{}(): argument 'type' (position 1) must be torch.dtype, not {}"
FLOATS_ONLY = "torch.finfo() requires a floating point input type. Use torch.iinfo for {}"
INTEGERS_ONLY = "torch.iinfo() requires an integer input type. Use torch.finfo for {}"
KNOWN = (
    "bool, complex128, complex64, float16, float32, float64, int16, int32, int64, int8, uint16, "
    "uint32, uint64, uint8"
)
REFUSED: list[tuple[Callable[..., Any], Any, type[Exception], str]] = [
    (
        dtypes.to_numpy,
        tl.bfloat16,
        NotImplementedError,
        "bfloat16 is a name only: NumPy has no such type; use float32 (exact) or float16",
    ),
    (dtypes.to_numpy, "no", TypeError, "dtype must be a dtype such as float32, not 'no'"),
    (dtypes.to_numpy, object, TypeError, f"dtype must be a dtype such as float32, not {object!r}"),
    (
        dtypes.from_numpy_dtype,
        np.dtype(object),
        TypeError,
        f"can't convert np.ndarray of type numpy.object_. The only supported types are: {KNOWN}",
    ),
    (
        tl.set_default_dtype,
        tl.int64,
        TypeError,
        (
            "only floating-point types are supported as the default type, got torch.int64; use "
            "float32, float64 or float16"
        ),
    ),
    (lambda _: dtypes.combine([]), None, ValueError, "result_type needs at least one operand"),
    (tl.finfo, tl.int8, TypeError, FLOATS_ONLY.format("torch.int8")),
    (tl.finfo, "float32", TypeError, A_DTYPE.format("finfo", "str")),
    (tl.iinfo, tl.float32, TypeError, INTEGERS_ONLY.format("torch.float32")),
    (tl.iinfo, tl.bool, TypeError, "torch.bool is not supported by torch.iinfo"),
    (tl.iinfo, 3, TypeError, A_DTYPE.format("iinfo", "int")),
]


@pytest.mark.parametrize(("call", "arg", "kind", "message"), REFUSED)
def test_what_is_refused(
    call: Callable[..., Any], arg: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as raised:
        call(arg)
    assert (type(raised.value), str(raised.value)) == (kind, message)


@pytest.mark.parametrize("value", [np.float64(0.5), np.float32(0.5), np.float16(0.5)])
def test_numpy_scalars_are_numbers(value):
    whole = tl.ones(2, dtype=tl.int32)
    assert (whole * value).dtype == (value * whole).dtype == tl.float32
    assert tl.add(whole, value, alpha=2).dtype == tl.float32
    assert (tl.ones(2, dtype=tl.bool) * np.int8(3)).dtype == tl.int64
    assert (tl.ones(2, dtype=tl.float16) * value).dtype == tl.float16
