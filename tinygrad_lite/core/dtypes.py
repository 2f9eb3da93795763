"""Data types and their promotion.

A `dtype` names an element type; NumPy's dtype does the work. Promotion follows PyTorch, not NumPy:
operands fall into three priorities (tensors with dimensions, 0-d tensors, Python numbers), and an
operand of lower priority changes the result only if its *category* (bool < integer < floating <
complex) is higher. Integer and floating together give the floating type, whatever the widths.
Source: PyTorch documentation, "Tensor Attributes, torch.dtype".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

BOOL, INTEGER, FLOATING, COMPLEX = range(4)
_CATEGORY = {"b": BOOL, "i": INTEGER, "u": INTEGER, "f": FLOATING, "c": COMPLEX}


class dtype:
    """An element type, e.g. `float32`. One object per type: compare with `is` or `==`."""

    __slots__ = ("__weakref__", "_itemsize", "category", "name", "numpy")

    def __init__(self, name: str, scalar: Any, itemsize: int = 2) -> None:
        self.name = name
        self._itemsize = itemsize
        self.numpy: np.dtype[Any] | None = None if scalar is None else np.dtype(scalar)
        self.category = FLOATING if self.numpy is None else _CATEGORY[self.numpy.kind]

    @property
    def is_floating_point(self) -> bool:
        """Whether its numbers are real floating ones."""
        return self.category == FLOATING

    @property
    def is_complex(self) -> bool:
        """Whether its numbers are complex."""
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        """Whether it can hold negative numbers."""
        return self.numpy is None or self.numpy.kind not in "bu"

    @property
    def itemsize(self) -> int:
        """Bytes in one element."""
        return self._itemsize if self.numpy is None else self.numpy.itemsize

    def to_complex(self) -> dtype:
        """The complex dtype whose parts are of this one (complex64 for the narrower ones too); a
        complex one is itself. RuntimeError for integers and bool."""
        if self.category < FLOATING:
            raise RuntimeError(f"Unknown Complex ScalarType for {self!r}")
        return complex128 if self in (float64, complex128) else complex64

    def to_real(self) -> dtype:
        """The dtype of the parts of a complex one; any other is itself."""
        return {complex64: float32, complex128: float64}.get(self, self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name, (self.name,)


float16 = dtype("float16", np.float16)
float32 = dtype("float32", np.float32)
float64 = dtype("float64", np.float64)
bfloat16 = dtype("bfloat16", None)
complex64 = dtype("complex64", np.complex64)
complex128 = dtype("complex128", np.complex128)
int8 = dtype("int8", np.int8)
int16 = dtype("int16", np.int16)
int32 = dtype("int32", np.int32)
int64 = dtype("int64", np.int64)
uint8 = dtype("uint8", np.uint8)
uint16 = dtype("uint16", np.uint16)
uint32 = dtype("uint32", np.uint32)
uint64 = dtype("uint64", np.uint64)
bool_ = dtype("bool", np.bool_)

ALL = (
    float16,
    float32,
    float64,
    bfloat16,
    complex64,
    complex128,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    bool_,
)
#: dtypes of PyTorch's that are names only: programs list them, no Tensor has them
NARROW = {
    name: dtype(name, None, itemsize=1)
    for name in (
        *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
        *("float8_e8m0fnu", "float4_e2m1fn_x2"),
    )
}
NARROW["complex32"] = dtype("complex32", None, itemsize=4)
NARROW["complex32"].category = COMPLEX
_BY_NAME = {d.name: d for d in (*ALL, *NARROW.values())}
_BY_NUMPY = {d.numpy: d for d in ALL if d.numpy is not None}
_BY_PYTHON = {bool: bool_, int: int64, float: float64, complex: complex128}
_default = float32


def by_name(name: str) -> dtype:
    """The dtype called `name`, e.g. "float32" (how dtypes are unpickled)."""
    return _BY_NAME[name]


def get_default_dtype() -> dtype:
    """The floating dtype of `tensor([1.0])`, of integer division and of `zeros(3)`."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Set the default floating dtype. TypeError unless `d` is float32, float64 or float16."""
    global _default
    if d not in (float16, float32, float64):
        raise TypeError(
            f"only floating-point types are supported as the default type, got {d!r}; "
            "use float32, float64 or float16"
        )
    _default = d


def to_numpy(d: Any) -> np.dtype[Any]:
    """The NumPy dtype behind `d`: a `dtype`, a NumPy dtype, or `bool`, `int`, `float`."""
    if isinstance(d, dtype):
        if d.numpy is None:
            raise NotImplementedError(
                f"{d.name} is a name only: NumPy has no such type; use float32 (exact) or float16"
            )
        return d.numpy
    if d in _BY_PYTHON:
        return _BY_PYTHON[d].numpy  # type: ignore[return-value]
    try:
        return from_numpy_dtype(np.dtype(d)).numpy  # type: ignore[return-value]
    except TypeError:
        raise TypeError(f"dtype must be a dtype such as float32, not {d!r}") from None


def from_numpy_dtype(d: np.dtype[Any]) -> dtype:
    """The `dtype` that a NumPy dtype stands for; TypeError for strings, objects and dates."""
    try:
        return _BY_NUMPY[d]
    except KeyError:
        swapped = _BY_NUMPY.get(d.newbyteorder("="))
        if swapped is not None:
            return swapped
    raise TypeError(
        f"can't convert np.ndarray of type numpy.{d.type.__name__}. The only supported types are: "
        + ", ".join(sorted(x.name for x in _BY_NUMPY.values()))
    )


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest type both promote to, within the higher category of the two."""
    if a is b:
        return a
    if bfloat16 in (a, b):
        other = b if a is bfloat16 else a
        if other.category < FLOATING:
            return bfloat16
        return float32 if other is float16 else other
    if a.category != b.category:
        high, low = (a, b) if a.category > b.category else (b, a)
        if high.category == COMPLEX and low is float64:
            return complex128
        return high
    return _BY_NUMPY[np.promote_types(a.numpy, b.numpy)]  # type: ignore[arg-type]


def number_dtype(value: Any) -> dtype:
    """The dtype a Python number stands for: bool, int64, the default float, or its complex twin."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, complex):
        return _default.to_complex()
    return _default


def combine(
    with_dims: Iterable[dtype], zero_dim: Iterable[dtype] = (), numbers: Iterable[dtype] = ()
) -> dtype:
    """Result dtype of operands sorted into the three priorities (see the head of this file)."""
    result: dtype | None = None
    for level in (with_dims, zero_dim, numbers):
        merged: dtype | None = None
        for d in level:
            merged = d if merged is None else promote_types(merged, d)
        if merged is None:
            continue
        if result is None:
            result = merged
        elif merged.category > result.category:
            if merged.category == COMPLEX and result.category == FLOATING:
                merged = promote_types(result, complex64)
            result = merged
    if result is None:
        raise ValueError("result_type needs at least one operand")
    return result


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of type `from_` may be written into `to`: never down a category."""
    return from_.category <= to.category


def _asked(function: str, type: Any) -> dtype:
    """The dtype that `finfo` or `iinfo` is asked about; Python's float and int are NumPy's."""
    if type is float or type is int:
        return from_numpy_dtype(np.dtype(type))
    if isinstance(type, dtype):
        return type
    got = type.__class__.__name__
    raise TypeError(f"{function}(): argument 'type' (position 1) must be torch.dtype, not {got}")


class finfo:
    """Limits of a floating dtype: `bits, eps, max, min, tiny, smallest_normal, resolution`."""

    def __init__(self, type: dtype | None = None) -> None:
        d = _asked("finfo", _default if type is None else type).to_real()
        if isinstance(d, dtype) and d.name in _LIMITS:
            limits = _LIMITS[d.name]
        elif isinstance(d, dtype) and d.category == FLOATING and d.numpy is not None:
            f = np.finfo(d.numpy)
            limits = (f.bits, f.eps, f.max, f.min, f.tiny, 10.0 ** -int(f.precision))
        else:
            raise TypeError(
                f"torch.finfo() requires a floating point input type. Use torch.iinfo for {d!r}"
            )
        self.dtype = d.name
        self.bits = int(limits[0])
        self.eps, self.max, self.min, self.tiny, self.resolution = map(float, limits[1:])
        self.smallest_normal = self.tiny

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.tiny:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


# of the dtypes that NumPy lacks: bits, eps, max, min, the smallest normal number, resolution
_LIMITS = {
    "bfloat16": (16, 2**-7, (2 - 2**-7) * 2.0**127, -(2 - 2**-7) * 2.0**127, 2.0**-126, 0.01),
    "float8_e4m3fn": (8, 2**-3, 448, -448, 2**-6, 1),
    "float8_e4m3fnuz": (8, 2**-3, 240, -240, 2**-7, 1),
    "float8_e5m2": (8, 2**-2, 57344, -57344, 2**-14, 1),
    "float8_e5m2fnuz": (8, 2**-3, 57344, -57344, 2**-15, 1),
    "float8_e8m0fnu": (8, 1, 2.0**127, 2.0**-127, 2.0**-127, 1),
}


class iinfo:
    """Limits of an integer dtype: `bits, max, min`."""

    def __init__(self, type: dtype) -> None:
        type = _asked("iinfo", type)
        if type.category == BOOL:
            raise TypeError(f"{type!r} is not supported by torch.iinfo")
        if type.category != INTEGER:
            raise TypeError(
                f"torch.iinfo() requires an integer input type. Use torch.finfo for {type!r}"
            )
        info = np.iinfo(type.numpy)
        self.dtype = type.name
        self.bits = int(info.bits)
        self.max = int(info.max)
        self.min = int(info.min)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
