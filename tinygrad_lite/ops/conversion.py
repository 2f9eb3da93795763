"""From one dtype, device or order in memory to another, and copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.chain import cast
from ..core.doors import composed, primitive
from ..core.dtypes import dtype, to_numpy
from ..core.samples import Real, reals, sample
from ..core.tensor import Tensor, bind, device, require_cpu
from ..kernels import copying
from .arguments import kind, require_tensor

# -- dtype and device ------------------------------------------------------------------------------


@composed(samples=reals(1))
def to(input: Tensor, *args: Any, **options: Any) -> Tensor:
    """to(dtype), to(device), to(device, dtype) or to(other), each with non_blocking and copy.

    The Tensor itself if nothing changes and not `copy`. The derivative is cast back. RuntimeError
    for a device that is not the CPU.
    """
    if len(args) == 1 and not options:  # the usual forms
        if isinstance(args[0], dtype):
            numpy_dtype = to_numpy(args[0])
            return input if input.array.dtype == numpy_dtype else cast(input, dtype=numpy_dtype)
        if isinstance(args[0], (str, device)):
            require_cpu(args[0])
            return input
    where, target, _, copy, wanted = parse_to(args, options)
    require_cpu(where)
    numpy_dtype = input.array.dtype if target is None else to_numpy(target)
    if input.array.dtype != numpy_dtype:
        input, copy = cast(input, dtype=numpy_dtype), False
    if wanted is not None:
        return _in_format(input, wanted, copy)
    return clone(input) if copy else input


def parse_to(args: Any, options: dict[str, Any], other: str = "other") -> tuple[Any, ...]:
    """What `to(*args, **options)` asks for: (device, dtype, non_blocking, copy, memory_format).

    `other` is the name under which a Tensor may be given. TypeError for what fits no form.
    """
    where, target = options.pop("device", None), options.pop("dtype", None)
    model = options.pop(other, None)
    flags = [options.pop("non_blocking", False), options.pop("copy", False)]
    memory_format = options.pop("memory_format", None)
    rest = list(args)
    if rest and isinstance(rest[0], Tensor):
        model = rest.pop(0)
    elif rest and (rest[0] is None or isinstance(rest[0], (str, device, int))):
        where = rest.pop(0)
        if rest and (rest[0] is None or _is_dtype(rest[0])):
            target = rest.pop(0)
        elif rest:
            raise _no_such_form(args, options)
    elif rest and _is_dtype(rest[0]):
        target = rest.pop(0)
    if options or len(rest) > 2 or not all(isinstance(r, (bool, int)) for r in rest):
        raise _no_such_form(args, options)
    flags[: len(rest)] = rest
    if model is not None:
        where, target = model.device, model.dtype
    return where, target, *flags, memory_format


def _no_such_form(args: Any, options: dict[str, Any]) -> TypeError:
    given = [type(a).__name__ for a in args]
    given += [f"{name}={type(a).__name__}" for name, a in options.items()]
    return TypeError(
        f"to() received an invalid combination of arguments - got ({', '.join(given)}), but "
        "expected one of: (device, dtype, non_blocking, copy), (dtype, non_blocking, copy), "
        "(Tensor other, non_blocking, copy)"
    )


def _is_dtype(x: Any) -> bool:
    return isinstance(x, (dtype, np.dtype)) or x in (bool, int, float, complex)


def _converter(name: str, target: dtype) -> None:
    numpy_dtype = target.numpy

    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return self if self.array.dtype == numpy_dtype else cast(self, dtype=numpy_dtype)

    convert.__name__ = name
    convert.__doc__ = f"In {target.name} (itself if it has that dtype)."
    bind(name, convert)


for _name, _target in (
    ("float", dtypes.float32),
    ("double", dtypes.float64),
    ("half", dtypes.float16),
    ("long", dtypes.int64),
    ("int", dtypes.int32),
    ("short", dtypes.int16),
    ("char", dtypes.int8),
    ("byte", dtypes.uint8),
    ("bool", dtypes.bool_),
    ("cfloat", dtypes.complex64),
    ("cdouble", dtypes.complex128),
):
    _converter(_name, _target)


def _bfloat16(self: Tensor, memory_format: Any = None) -> Tensor:
    """NotImplementedError: NumPy has no bfloat16."""
    return to(self, dtypes.bfloat16)


def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """`type()`: the legacy name, e.g. "torch.FloatTensor"; `type(dtype)`: converted to it.

    `dtype` is a dtype, a legacy name or a legacy class; `Tensor` itself is the default dtype.
    """
    if dtype is None:
        return f"torch.{kind(self.array.dtype)}Tensor"
    if isinstance(dtype, str):
        name = dtype.removeprefix("torch.").removesuffix("Tensor")
        if name not in LEGACY:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = LEGACY[name]
    if dtype is Tensor:
        dtype = dtypes.get_default_dtype()
    return to(self, getattr(dtype, "dtype", dtype))


#: PyTorch's legacy names of dtypes
LEGACY: dict[str, dtype] = {
    "Float": dtypes.float32,
    "Double": dtypes.float64,
    "Half": dtypes.float16,
    "Long": dtypes.int64,
    "Int": dtypes.int32,
    "Short": dtypes.int16,
    "Char": dtypes.int8,
    "Byte": dtypes.uint8,
    "Bool": dtypes.bool_,
}


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """In the dtype of `other`."""
    require_tensor("type_as", other, "other")
    return to(self, other.array.dtype)


def _cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """Itself: every Tensor is on the CPU."""
    return self


def _cuda(self: Tensor, device: Any = None, non_blocking: bool = False, **_: Any) -> Tensor:
    """RuntimeError: there is no GPU here."""
    require_cpu("cuda" if device is None else device)
    return self


_function: Any
for _function in (_bfloat16, _type, _type_as, _cpu, _cuda):
    bind(_function.__name__[1:], _function)

# -- layouts: orders of elements in memory, which no value depends on -----------------------------


class memory_format:
    """A name of an order of elements in memory. `contiguous`, `to` and `clone` follow it; results
    of other functions lie in the order that suits the function."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class layout(memory_format):
    """A name of a storage layout; `strided` is the only one."""


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")
bind("layout", strided)

# -- copies ----------------------------------------------------------------------------------------


@primitive(lambda g: g, method=False, title="Clone", samples=reals(1))
def duplicate(x: Any) -> Any:
    """A copy of x in its own memory and in the same order."""
    return copying.duplicated(x)


@primitive(lambda g: g, method=False, title="Clone", samples=reals(1))
def compact(x: Any) -> Any:
    """A copy of x in row-major order."""
    return copying.copied(x)


@primitive(lambda g: g, method=False, title="Clone", samples=[sample(Real("2 3 2 2"))])
def compact_channels_last(x: Any) -> Any:
    """A copy of x in which the values of all channels (axis 1) at one place lie together."""
    return np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)


def _in_format(x: Tensor, wanted: Any, copy: bool) -> Tensor:
    """x in a memory format: itself if it is so already and not `copy`."""
    name = getattr(wanted, "name", "")
    if name in ("channels_last", "channels_last_3d"):
        rank = 4 if name == "channels_last" else 5
        if x.array.ndim != rank:
            raise RuntimeError(f"required rank {rank} tensor to use {name} format")
        return compact_channels_last(x) if copy or not x.is_contiguous(wanted) else x
    if name == "contiguous_format":
        return compact(x) if copy or not x.array.flags.c_contiguous else x
    return duplicate(x) if copy else x


def laid_out_as(out: Tensor, model: Tensor) -> Tensor:
    """`out`, its channels lying together in memory if those of `model` do (`channels_last`)."""
    a = model.array
    if a.flags.c_contiguous or a.ndim not in (4, 5):
        return out
    together = np.moveaxis(a, 1, -1).flags.c_contiguous
    wanted = channels_last if a.ndim == 4 else channels_last_3d
    return _in_format(out, wanted, copy=False) if together else out


@composed(samples=reals(1))
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy in its own memory; gradients flow through it."""
    require_tensor("clone", input)
    return duplicate(input) if memory_format is None else _in_format(input, memory_format, True)


@composed(samples=reals(1))
def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """Itself if its elements lie in row-major order without gaps, else a copy that does."""
    if memory_format is not None:
        return _in_format(input, memory_format, False)
    return input if input.array.flags.c_contiguous else compact(input)


def detach(input: Tensor) -> Tensor:
    """The same memory without history."""
    return input.detach()
