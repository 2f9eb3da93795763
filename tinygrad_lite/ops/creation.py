"""Tensors made from data, and in the dtype of another."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.determinism import unwritten
from ..core.dtypes import from_numpy_dtype, to_numpy
from ..core.tensor import Size, Tensor, bind, make, require_cpu
from ..kernels.copying import filled
from .arguments import fitting, kind
from .conversion import clone, to
from .filling import NUMBERS, dtype_or_default, finished, full, shape_given
from .from_data import from_python, inferred

# -- from data -------------------------------------------------------------------------------------


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor that holds a copy of `data`: a number, nested sequences, an array or a Tensor.

    Python floats become the default dtype, ints int64; NumPy values keep their dtype. ValueError
    for ragged sequences.
    """
    require_cpu(device)
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than "
            "tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    return finished(_array_from(data, dtype, copy=True), requires_grad)


def _array_from(data: Any, dtype: Any, copy: bool) -> np.ndarray:
    """The array of `data` in the dtype asked for, or in the one PyTorch infers."""
    if isinstance(data, Tensor):
        data = data.array
    target = None if dtype is None else to_numpy(dtype)
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        if copy:
            _require_plain(array)
        own = from_numpy_dtype(array.dtype).numpy if target is None else target
        out = array.astype(own, copy=copy)
        return np.asarray(out)
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        return _array_from(np.asarray(data), dtype, copy)
    array = from_python(data)
    if target is None:
        target = inferred(array, data)
    elif target.kind in "iu" and array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(target)
        low = limits.min if target.kind == "i" else -limits.max  # negative ones wrap, as in C
        if array.max() > limits.max or array.min() < low:
            raise RuntimeError(f"value cannot be converted to type {target.name} without overflow")
    elif array.dtype.kind == "c" and target.kind not in "cb":
        raise TypeError("must be real number, not complex")
    elif array.dtype.kind == "f" and target.kind in "iu" and not np.isfinite(array).all():
        raise RuntimeError(f"value cannot be converted to type {target.name} without overflow")
    return array.astype(target, copy=False)


def _require_plain(array: np.ndarray) -> None:
    """ValueError for an array of foreign byte order, or one that runs backwards."""
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. "
            "Conversion between byte orders is currently not supported."
        )
    _shareable(array)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a Tensor, sharing memory (and history) where it is one or an array already."""
    require_cpu(device)
    if isinstance(data, Tensor):
        return data if dtype is None else to(data, dtype)
    return make(_shareable(_array_from(data, dtype, copy=False)))


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """`obj` as a Tensor: sharing memory where possible, copied if `copy`.

    A Tensor keeps its graph, unless `requires_grad` is False.
    """
    require_cpu(device)
    if isinstance(obj, Tensor):
        if copy is False and dtype is not None and dtype is not obj.dtype:
            raise ValueError(
                f"can't alias tensor with dtype '{kind(obj.array.dtype)}' into dtype "
                f"'{kind(to_numpy(dtype))}'."
            )
        out = obj if dtype is None else to(obj, dtype)
        out = clone(out) if copy and out is obj else out
        if requires_grad is False:
            return out.detach()
        if out.requires_grad:
            return out
    else:
        array = _array_from(obj, dtype, copy=bool(copy))
        shared = isinstance(obj, np.ndarray) and np.may_share_memory(array, obj)
        if copy is False and not shared:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        out = make(array)
    return out.requires_grad_() if requires_grad else out


def _shareable(array: np.ndarray) -> np.ndarray:
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array  with array.copy().)"
        )
    return array


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A Tensor on the memory of `ndarray`. UserWarning if read-only: writing raises then."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    from_numpy_dtype(ndarray.dtype)
    _require_plain(ndarray)
    if not ndarray.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable "
            "tensors. Here, writing into this tensor raises; copy the array if you want to write.",
            UserWarning,
            stacklevel=2,
        )
    return make(ndarray)


def frombuffer(
    buffer: Any,
    *,
    dtype: Any,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """A 1-d Tensor on the memory of a bytes-like object."""
    numpy_dtype = to_numpy(dtype)
    try:
        memory = memoryview(buffer)
    except TypeError:
        raise ValueError(
            f"object does not implement Python buffer protocol: {type(buffer).__name__}"
        ) from None
    size = memory.nbytes
    if not (size and count):
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({size} bytes) minus 1"
        )
    if count < 0 and (size - offset) % numpy_dtype.itemsize:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a "
            f"multiple of element size ({numpy_dtype.itemsize})"
        )
    if offset + count * numpy_dtype.itemsize > size:
        raise ValueError(
            f"requested buffer length ({count} * {numpy_dtype.itemsize} bytes) after offset "
            f"({offset} bytes) must not be greater than actual buffer length ({size} bytes)"
        )
    if memory.readonly:
        warnings.warn(
            "The given buffer is not writable, and PyTorch does not support non-writable tensors. "
            "This means you can write to the underlying (supposedly non-writable) buffer using the "
            "tensor. You may want to copy the buffer to protect its data or make it writable "
            "before converting it to a tensor.",
            UserWarning,
            stacklevel=2,
        )
    return finished(np.frombuffer(buffer, numpy_dtype, count, offset), requires_grad)


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, **_: Any) -> Tensor:
    """A 0-d Tensor of the default dtype (or `dtype`)."""
    if not isinstance(s, NUMBERS):
        raise TypeError(
            f"scalar_tensor(): argument 's' (position 1) must be Number, not {type(s).__name__}"
        )
    require_cpu(device)
    numpy_dtype = dtype_or_default(dtype)
    return make(np.asarray(fitting(s, numpy_dtype)).astype(numpy_dtype))


# -- methods: in the dtype of another (in its shape as well: like.py) ------------------------------


def _new(name: str, build: Any, doc: str) -> None:
    def new(
        self: Tensor,
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
        **named: Any,
    ) -> Tensor:
        require_cpu(device)
        numpy_dtype = self.array.dtype if dtype is None else to_numpy(dtype)
        shape = shape_given(name, size, named)
        return finished(build(shape, numpy_dtype), requires_grad)

    new.__name__ = new.__qualname__ = name
    new.__doc__ = doc
    bind(name, new)


_new("new_zeros", np.zeros, "Zeros of shape `size` in this Tensor's dtype.")
_new(
    "new_ones",
    lambda shape, dtype: filled(shape, 1, dtype),
    "Ones of shape `size` in this Tensor's dtype.",
)
_new("new_empty", unwritten, "Arbitrary content of shape `size` in this Tensor's dtype.")


def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """`fill_value` in every element of shape `size`, in this Tensor's dtype."""
    options["dtype"] = self.dtype if options.get("dtype") is None else options["dtype"]
    return full(size, fill_value, **options)


def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """A copy of `data` in this Tensor's dtype."""
    options["dtype"] = self.dtype if options.get("dtype") is None else options["dtype"]
    return tensor(data.array if isinstance(data, Tensor) else data, **options)


def legacy_tensor(data: Any, d: Any) -> Tensor:
    """What `FloatTensor(...)` and `x.new(...)` make: whole numbers and a Size are a shape, any
    other one argument is the content; a Tensor gives its memory. TypeError for a number that could
    be either, or a Tensor of another dtype.
    """
    shape = data if data else (0,)
    if len(data) == 1 and not isinstance(data[0], (int, np.integer)):
        if isinstance(data[0], (float, complex, str)):
            raise TypeError(f"new(): data must be a sequence (got {type(data[0]).__name__})")
        if isinstance(data[0], Tensor):
            if data[0].dtype is not d:
                raise TypeError(f"expected a tensor of {d}, got one of {data[0].dtype}")
            return make(data[0].array)
        if not isinstance(data[0], Size):
            return make(_array_from(data[0], d, copy=True))
        shape = data[0]
    return make(np.zeros(shape, to_numpy(d)))


def new(self: Tensor, *data: Any, size: Any = None, device: Any = None) -> Tensor:
    """Legacy form of `new_empty(sizes)` and `new_tensor(data)`."""
    require_cpu(device)
    return legacy_tensor(data if size is None else tuple(size), self.dtype)


for _function in (new_full, new_tensor, new):
    bind(_function.__name__, _function)
