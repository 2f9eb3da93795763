"""What the public functions of this layer do with their arguments, in one place.

PyTorch also takes NumPy's names (`axis`, `keepdims`, `x`) and, in most functions, `out`. A public
function collects what it does not know in `**names` and hands it to `renamed`; one whose `dim` has
no default cannot be called without it, and stands under `numpy_names`.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.chain import cast
from ..core.dtypes import to_numpy
from ..core.primitive import no_out as no_out
from ..core.shapes import canonical_axes, shape_from
from ..core.tensor import Tensor, bind

#: reductions without np.sum's layer of Python; Any, because their stubs do not know a bool keepdims
add_up: Any = np.add.reduce
top_of: Any = np.maximum.reduce
bottom_of: Any = np.minimum.reduce
multiply_up: Any = np.multiply.reduce

_TORCH_NAME = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input"}
_TORCH_NAME |= {"x2": "other"}

_KINDS = {
    "float16": "Half",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "uint8": "Byte",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
    "bool": "Bool",
}

_C_NAMES = {
    "float16": "c10::Half",
    "float32": "float",
    "float64": "double",
    "complex64": "c10::complex<float>",
    "complex128": "c10::complex<double>",
    "int8": "signed char",
    "int16": "short int",
    "int32": "int",
    "int64": "long int",
    "uint8": "unsigned char",
    "uint16": "short unsigned int",
    "uint32": "unsigned int",
    "uint64": "long unsigned int",
    "bool": "bool",
}


def kind(dtype: Any) -> str:
    """PyTorch's name of a NumPy dtype in messages: Float, Long, Bool, ..."""
    return _KINDS[np.dtype(dtype).name]


def not_complex(kernel: str) -> Callable[..., None]:
    """A check of inputs: NotImplementedError for complex ones, which have no order."""

    def check(*values: Any) -> None:
        for v in values:
            d = getattr(v, "dtype", None)
            if isinstance(v, complex) or (d is not None and d.kind == "c"):
                raise no_kernel(kernel, np.complex64 if d is None else d)

    return check


def ordered(name: str, how: str = "not") -> Callable[..., None]:
    """A check of inputs: RuntimeError for complex ones, for which `name` is `how` implemented."""

    def check(*values: Any) -> None:
        if any(np.iscomplexobj(v) for v in values):
            raise RuntimeError(f"{name} {how} implemented for complex tensors.")

    return check


def floats_only(kernel: str) -> Callable[..., None]:
    """A check of inputs: NotImplementedError unless one of them makes the rest floats."""
    complex_ones = not_complex(kernel)

    def check(*values: Any) -> None:
        complex_ones(*values)
        kinds = [getattr(v, "dtype", np.dtype(type(v))) for v in values]
        if not any(d.kind == "f" for d in kinds):
            raise no_kernel(kernel, np.result_type(*kinds))

    return check


def renamed(function: str, names: dict[str, Any], **values: Any) -> Any:
    """`values` with what stands in `names` under NumPy's names put in their place.

    One value is returned bare, several as a tuple. TypeError for `out` and for unknown names.
    """
    for name, value in names.items():
        if name == "out":
            no_out(function, value)
            continue
        target = _TORCH_NAME.get(name)
        if target is None or target not in values:
            raise TypeError(f"{function}() got an unexpected keyword argument '{name}'")
        values[target] = value
    found = tuple(values.values())
    return found[0] if len(found) == 1 else found


def numpy_names(function: Any) -> Any:
    """A function with the parameters `dim` and `input` that also knows them as `axis` and `x`."""

    @functools.wraps(function)
    def call(*args: Any, **names: Any) -> Any:
        if names:
            names = {_TORCH_NAME.get(name, name): value for name, value in names.items()}
        return function(*args, **names)

    return call


def of_tensors(function: Any) -> Any:
    """A function that names, in PyTorch's TypeError, the argument that should have been a Tensor.

    Nothing is asked before the call: that an argument lacks what a Tensor has shows in the
    AttributeError, which knows the object it was raised for.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **names: Any) -> Any:
        try:
            return function(*args, **names)
        except AttributeError as error:
            culprit = error.obj
            if isinstance(culprit, Tensor) or not hasattr(Tensor, error.name or ""):
                raise
            got = type(culprit).__name__
            given = signature.bind(*args, **names).arguments
            for position, (name, value) in enumerate(given.items(), 1):
                if value is culprit:
                    raise TypeError(
                        f"{function.__name__}(): argument '{name}' (position {position}) must be "
                        f"Tensor, not {got}"
                    ) from None
                if type(value) is tuple:
                    for i, element in enumerate(value):
                        if element is culprit:
                            raise TypeError(
                                f"expected Tensor as element {i} in argument {position - 1}, but "
                                f"got {got} ({function.__name__})"
                            ) from None
            raise

    return call


def c_name(dtype: Any) -> str:
    """What C++ calls the type of an element, which some errors of PyTorch show."""
    return _C_NAMES[np.dtype(dtype).name]


def fitting(value: Any, dtype: np.dtype) -> Any:
    """A Python number as PyTorch stores it: below 0 it wraps in unsigned types."""
    if isinstance(value, complex) and dtype.kind not in "cb":
        raise overflow(dtype)
    if dtype.kind not in "iu" or type(value) is bool:
        return value
    info = np.iinfo(dtype)
    low = -info.max if dtype.kind == "u" else info.min
    if not low <= value <= info.max:  # NaN, too
        raise overflow(dtype)
    return np.asarray(int(value)).astype(dtype)


def overflow(dtype: np.dtype) -> RuntimeError:
    """The error of a number that an element of this dtype cannot hold."""
    name = f"{dtype.name}_t" if dtype.kind in "iu" and dtype.name != "int32" else c_name(dtype)
    return RuntimeError(f"value cannot be converted to type {name} without overflow")


def unsupported(function: str, dtype: Any) -> NotImplementedError:
    """The error of an op that has no meaning for a dtype, as PyTorch words it."""
    return no_kernel(f"{function}_cpu", dtype)


def no_kernel(kernel: str, dtype: Any) -> NotImplementedError:
    """The same where the name of PyTorch's kernel is another."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{kind(dtype)}'")


def axes_of(dim: Any, ndim: int) -> Any:
    """The axes that `dim` names, as NumPy wants them: None (all), one number, or a tuple."""
    if dim is None:
        return None
    if type(dim) is int and ndim:
        if 0 <= dim < ndim:
            return dim
        if -ndim <= dim < 0:
            return dim + ndim
    if isinstance(dim, (tuple, list)) and not dim:
        return None
    if isinstance(dim, Tensor):
        dim = dim.tolist()
    return canonical_axes(tuple(dim) if isinstance(dim, (tuple, list)) else dim, ndim)


def extent(shape: tuple[int, ...], axes: Any) -> int:
    """How many elements a reduction over `axes` takes together."""
    if axes is None:
        return math.prod(shape)
    if isinstance(axes, int):
        return shape[axes]
    return math.prod(shape[a] for a in axes)


def converted(x: Tensor, dtype: Any) -> Tensor:
    """`x` in `dtype` (itself if it has it, or if `dtype` is None), as one recorded op."""
    if dtype is None:
        return x
    numpy_dtype = to_numpy(dtype)
    return x if x.array.dtype == numpy_dtype else cast(x, dtype=numpy_dtype)


def require_tensor(function: str, x: Any, name: str = "input", position: int = 1) -> None:
    """TypeError unless `x` is a Tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{function}(): argument '{name}' (position {position}) must be Tensor, "
            f"not {type(x).__name__}"
        )


def deprecated(function: str, old: str, new: str) -> None:
    """Warn, in PyTorch's words, about an order of arguments it gave up but still takes."""
    warnings.warn(
        f"This overload of {function} is deprecated:\n\t{function}({old})\nConsider using one of "
        f"the following signatures instead:\n\t{function}({new})",
        UserWarning,
        stacklevel=4,
    )


def array_of(x: Any) -> Any:
    """The array of a Tensor, or what is not one as it is."""
    return x.array if isinstance(x, Tensor) else x


def as_arrays(x: Any, y: Any) -> tuple[Any, Any]:
    """x and y as arrays of one dtype, where one of them may be a Python number."""
    if isinstance(y, np.ndarray):
        return np.asarray(x, y.dtype), y
    return x, np.asarray(y, x.dtype)


def sizes_of(name: str, sizes: Sequence[Any], named: Any) -> tuple[int, ...]:
    """The sizes given as `f(2, 3)`, `f((2, 3))` or by name."""
    if named is not None:
        sizes = (named,) if isinstance(named, (tuple, list)) else ((named,),)
    if len(sizes) == 1 and type(sizes[0]) is int:
        return (sizes[0],)
    if not sizes:
        raise TypeError(f'{name}() missing 1 required positional arguments: "shape"')
    return shape_from(sizes, name)


def in_double(function: Any, x: Any, *options: Any) -> Any:
    """function(x) computed on a flat float64 array, given back in x's shape and dtype."""
    x = np.asarray(x)
    if x.dtype.kind == "c":
        raise unsupported(function.__name__.strip("_"), x.dtype)
    flat = x.astype(np.float64, copy=False).reshape(-1)
    # in pieces, for some functions spend kilobytes on each element
    pieces = [function(flat[i : i + 4096], *options) for i in range(0, max(flat.size, 1), 4096)]
    wide = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return wide.reshape(x.shape).astype(x.dtype, copy=False)


def also(name: str, call: Any, inplace: bool = False) -> Any:
    """Bind `call` as the Tensor method `name` too (and its in-place form); returns `call`."""
    own = call.op.name if hasattr(call, "op") else call.__name__
    bind(name, call)
    if inplace:
        bind(name + "_", builtins.getattr(Tensor, own + "_"))
    return call
