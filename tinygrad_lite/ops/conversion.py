"""From one dtype to another, copies, and questions about a Tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.chain import cast, overwrite
from ..core.doors import composed, primitive
from ..core.dtypes import dtype, to_numpy
from ..core.inplace import in_place, require_apart, require_writable
from ..core.modes import current
from ..core.samples import Real, reals, sample
from ..core.shapes import broadcast_shape
from ..core.tensor import Tensor, bind, device, live_node, make, require_cpu, stamp
from ..kernels import copying
from .arguments import fitting, kind, require_tensor

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


# -- writing everything ----------------------------------------------------------------------------

_write = in_place(overwrite, "copy_")


def _overwritten(self: Tensor, src: Any, write: Any) -> Tensor:
    """`src` written into `self` by `write`, or at once where no history is at stake."""
    if current().grad and not (live_node(self) is None and _is_constant(src)):
        return write(self, src)
    require_writable(self, one_value=write is not _write)
    if isinstance(src, Tensor) and (src.array.base is not None or self.array.base is not None):
        require_apart(self.array, src.array)
    stamp(self, write.__name__)
    copying.assign(self.array, src.array if isinstance(src, Tensor) else src)
    return self


def _is_constant(x: Any) -> bool:
    return not isinstance(x, Tensor) or live_node(x) is None


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write `src`, broadcast and converted, into this Tensor; gradients then flow to `src`."""
    if isinstance(src, (int, float)):
        return _overwritten(self, src, _write)
    if not isinstance(src, Tensor):
        raise TypeError(
            f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}"
        )
    if broadcast_shape([self.array.shape, src.array.shape]) != self.array.shape:
        raise RuntimeError(
            f"output with shape {list(self.array.shape)} doesn't match the broadcast shape of "
            f"the source, {list(src.array.shape)} (copy_)"
        )
    return _overwritten(self, src, _write)


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write `value`, a number or a 0-d Tensor, into every element."""
    if isinstance(value, Tensor) and value.array.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value.array.ndim} dimensions."
        )
    if isinstance(value, (int, float, complex)):
        value = fitting(value, self.array.dtype)
    return _overwritten(self, value, _fill)


_fill = in_place(overwrite, "fill_")
_zero = in_place(overwrite, "zero_")


def zero_(self: Tensor) -> Tensor:
    """Write 0 into every element."""
    return _overwritten(self, 0, _zero)


for _function in (copy_, fill_, zero_):
    bind(_function.__name__, _function)


def fill(input: Tensor, value: Any) -> Tensor:
    """A Tensor like `input` with `value` in every element."""
    return fill_(clone(input), value)


# -- questions -------------------------------------------------------------------------------------


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is floating."""
    require_tensor("is_floating_point", input)
    return input.array.dtype.kind == "f"


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    require_tensor("is_complex", input)
    return input.array.dtype.kind == "c"


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not 0; RuntimeError unless there is exactly one."""
    require_tensor("is_nonzero", input)
    return bool(input)


def numel(input: Tensor) -> int:
    """Number of elements."""
    require_tensor("numel", input)
    return input.array.size


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return input.array.shape == other.array.shape


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same elements of the same memory."""
    a, b = self, tensor
    return (a.data_ptr(), a.shape, a.stride()) == (b.data_ptr(), b.shape, b.stride())


for _function in (is_nonzero, is_same_size, is_set_to):
    bind(_function.__name__, _function)


def is_signed(input: Tensor) -> bool:
    """Whether the dtype can hold negative numbers."""
    return input.is_signed()


def is_inference(input: Tensor) -> bool:
    """False: what is made in `inference_mode` is an ordinary Tensor here."""
    return False


def get_device(input: Tensor) -> int:
    """-1, PyTorch's number for the CPU."""
    return -1


def detach(input: Tensor) -> Tensor:
    """The same memory without history."""
    return input.detach()


def typename(obj: Any) -> str:
    """The name of a Tensor's legacy type, of a class or function, or of an object's class."""
    if isinstance(obj, Tensor):
        return str(_type(obj))
    kind = obj if hasattr(obj, "__qualname__") else type(obj)  # a class or function names itself
    module = kind.__module__
    return kind.__qualname__ if module in (None, "builtins") else f"{module}.{kind.__qualname__}"


def apply_(self: Tensor, callable: Any) -> Tensor:
    """Write callable(element) into each element; slow, and only without gradients."""
    _no_gradient("apply_", self)
    values = [callable(v) for v in self.array.reshape(-1).tolist()]
    return copy_(self, make(_as_elements(values, self.array)))


def _no_gradient(name: str, *tensors: Tensor) -> None:
    if any(t.requires_grad for t in tensors):
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
            "instead."
        )


def _as_elements(values: Sequence[Any], like: np.ndarray) -> np.ndarray:
    """What a function gave for each element, as an array like that of the elements."""
    for v in values:
        if not isinstance(v, (int, float, complex, np.generic)):
            raise TypeError(f"{type(v).__name__!r} object cannot be interpreted as a number")
    return np.array(values, like.dtype).reshape(like.shape)


def map_(self: Tensor, tensor: Tensor, callable: Any) -> Tensor:
    """Write callable(element, other element) into each element; slow, without gradients."""
    return _mapped("map_", self, (tensor,), callable)


def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Any) -> Tensor:
    """Write callable(element, element of x, element of y) into each element; slow, as `map_`."""
    return _mapped("map2_", self, (x, y), callable)


def _mapped(name: str, self: Tensor, others: Sequence[Tensor], callable: Any) -> Tensor:
    _no_gradient(name, self, *others)
    for t in others:
        if t.array.dtype != self.array.dtype:
            raise TypeError(f"{name}: expected {_type(self)} for 'other' (got {_type(t)})")
    shape = self.array.shape
    columns = [t.detach().expand(shape).array for t in others]
    rows = zip(*[a.reshape(-1).tolist() for a in (self.array, *columns)], strict=True)
    return copy_(self, make(_as_elements([callable(*row) for row in rows], self.array)))


def _contains(self: Tensor, element: Any) -> bool:
    """Whether any element equals `element`, a number or a Tensor."""
    value = element.array if isinstance(element, Tensor) else element
    if not isinstance(element, (Tensor, int, float, complex, np.number, np.bool_)):
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )
    return bool((self.array == value).any())


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor on the memory of an array that speaks DLPack (NumPy's, PyTorch's, ...) or a capsule.

    A capsule (`to_dlpack`) is emptied: it serves once. BufferError for a Tensor that requires grad.
    """
    require_cpu(device)
    if isinstance(ext_tensor, Tensor):
        if ext_tensor.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return clone(ext_tensor) if copy else detach(ext_tensor)
    if type(ext_tensor).__name__ == "PyCapsule":
        if '"dltensor' not in repr(ext_tensor):
            raise _used_up()
        out = make(_writeable(np.from_dlpack(_Capsule(ext_tensor))))
    elif not hasattr(ext_tensor, "__dlpack__"):
        raise _used_up()
    else:
        out = make(np.from_dlpack(ext_tensor))
    return clone(out) if copy else out


def _used_up() -> RuntimeError:
    return RuntimeError(
        "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
        "once, so you might have already constructed a tensor from it once."
    )


def _writeable(array: np.ndarray) -> np.ndarray:
    """The same memory, to be written too: NumPy takes that of a bare capsule for read-only."""
    import ctypes

    low, high = np.lib.array_utils.byte_bounds(array)
    memory = (ctypes.c_char * (high - low)).from_address(low)
    memory.owner = array  # type: ignore[attr-defined]  # which owns the capsule
    offset = array.__array_interface__["data"][0] - low
    return np.ndarray(array.shape, array.dtype, memoryview(memory), offset, array.strides)


class _Capsule:
    """A bare DLPack capsule as an array that speaks DLPack, which is what NumPy asks for."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule of the Tensor's memory."""
    return _dlpack(tensor)


def _dlpack(self: Tensor, **options: Any) -> Any:
    """A DLPack capsule of the memory. RuntimeError (BufferError) if gradients are recorded."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if options.pop("stream", None) is not None:
        raise AssertionError("stream should be None on cpu.")
    return self.array.__dlpack__(**options)


def _dlpack_device(self: Tensor) -> Any:
    return self.array.__dlpack_device__()


for _function in (is_inference, apply_, map_, map2_):
    bind(_function.__name__, _function)
bind("__contains__", _contains)
bind("__dlpack__", _dlpack)
bind("__dlpack_device__", _dlpack_device)


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype an op of the two (Tensors or numbers) would compute in."""
    levels: tuple[list[dtype], ...] = ([], [], [])
    for x in (tensor1, tensor2):
        if isinstance(x, Tensor):
            levels[0 if x.array.ndim else 1].append(x.dtype)
        else:
            levels[2].append(dtypes.number_dtype(x))
    return dtypes.combine(*levels)


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether PyTorch's promotion rules let `from_` be written into `to`."""
    for position, d in enumerate((from_, to), 1):
        if not isinstance(d, dtype):
            raise TypeError(
                f"can_cast(): argument '{'from_' if position == 1 else 'to'}' (position {position})"
                f" must be torch.dtype, not {type(d).__name__}"
            )
    return dtypes.can_cast(from_, to)
