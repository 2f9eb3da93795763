"""`save`: an object and its tensors as a zip file in PyTorch's format.

    archive/data.pkl    the object, pickled; a tensor is a reference to a storage, with offset,
                        shape and strides
    archive/data/0 ...  the storages: raw memory
    archive/byteorder   "little" or "big"
    archive/version     3

Source: PyTorch documentation, "Serialization semantics"; files written by PyTorch 2.13.
Modules that only saving needs are imported in its functions: `import tinygrad_lite` is to be quick.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pickle
import stat
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..core import dtypes
from ..core.dtypes import dtype, from_numpy_dtype
from ..core.node import owner
from ..core.tensor import Parameter, Size, Tensor, device, make
from .names import STORAGE_OF, Global, global_name

if TYPE_CHECKING:
    import zipfile

ALIGNMENT = 64  # of each record, so that a file can be mapped into memory


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write `obj` to `f`, a path or a file open for writing bytes.

    Tensors, Parameters and NumPy arrays in any nesting of Python containers; PyTorch's
    `torch.load` reads the file, and so does `load`. Tensors that share memory share it again
    after loading. Of memory that several tensors share, the stretch between the first and the last
    element in use is written, where PyTorch writes all of it.

    pickle_module  whose Pickler is used, if it is one that is written in Python, as dill's
    _use_new_zipfile_serialization  False writes the format of PyTorch before 1.6

    A path is written to a temporary file first and then renamed: if anything fails, what stood
    there before is untouched. RuntimeError if the directory does not exist, or for tensors that
    view the same memory as different dtypes; what pickle raises for what cannot be pickled.
    """
    zipped = _use_new_zipfile_serialization
    pickled, memories = _pickled(obj, pickle_protocol, pickle_module, () if zipped else (None,))

    def write(file: Any, name: str = "archive") -> None:
        if zipped:
            _write_zip(file, name, pickled, memories)
        else:
            from .legacy import write_legacy

            write_legacy(file, pickled, memories)

    if isinstance(f, (str, os.PathLike)):
        path = os.fsdecode(os.fspath(f))
        name = os.path.splitext(os.path.basename(path))[0] or "archive"
        _replace_file(path, lambda file: write(file, name))
    elif hasattr(f, "write"):
        write(f)
    else:
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute, "
            f"got {type(f).__name__}"
        )


class Memory:
    """A stretch of memory that tensors of one owner lie in: addresses from `start` to `end`."""

    def __init__(self, key: int, array: np.ndarray) -> None:
        self.key = str(key)
        self.dtype = array.dtype
        self.holder = array  # keeps the memory alive
        self.start, self.end = _bounds(array)
        self.grew = False

    def include(self, array: np.ndarray) -> None:
        if array.dtype != self.dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                f"types ({self.dtype} and {array.dtype}); clone() one of them"
            )
        start, end = _bounds(array)
        if start < self.start or end > self.end:
            self.start, self.end = min(start, self.start), max(end, self.end)
            self.grew = True

    def reference(self) -> tuple[Any, ...]:
        """How the pickle refers to it: PyTorch's persistent id of a storage."""
        kind = STORAGE_OF.get(from_numpy_dtype(self.dtype))
        size = self.end - self.start
        if kind is None:
            return "storage", global_name("torch.storage", "UntypedStorage"), self.key, "cpu", size
        return "storage", global_name("torch", kind), self.key, "cpu", size // self.dtype.itemsize

    def content(self) -> memoryview:
        size = self.end - self.start
        if size == 0:
            return memoryview(b"")
        import ctypes

        return memoryview((ctypes.c_char * size).from_address(self.start)).cast("B")


def _bounds(array: np.ndarray) -> tuple[int, int]:
    if array.size:
        start, end = byte_bounds(array)
        return int(start), int(end)
    return array.ctypes.data, array.ctypes.data


def _pickled(
    obj: Any, protocol: int, module: Any, ending: tuple[Any, ...]
) -> tuple[bytes, list[Memory]]:
    """The object as a pickle, and the memory it refers to; each reference has that `ending`."""
    kind: Any = Writer
    plain = getattr(module, "Pickler", None)
    if isinstance(plain, type) and issubclass(plain, pickle._Pickler):
        kind = type("Writer", (Writer, plain), {})
    memories: dict[int, Memory] = {}
    copies: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    while True:
        file = io.BytesIO()
        kind(file, protocol, memories, copies, ending).dump(obj)
        # A tensor met later may reach further into shared memory than those met before, whose
        # offsets are then wrong: write the (small) pickle again, now that the bounds are known.
        if not any(memory.grew for memory in memories.values()):
            return file.getvalue(), list(memories.values())
        for memory in memories.values():
            memory.grew = False


class Writer(pickle._Pickler):
    """Pickles tensors, dtypes, devices and sizes under PyTorch's names, all else as usual.

    The Python version of Pickler, since the C one refuses names it cannot import.
    """

    def __init__(
        self,
        file: io.BytesIO,
        protocol: int,
        memories: dict[int, Memory],
        copies: dict[int, tuple[np.ndarray, np.ndarray]],
        ending: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(file, protocol)
        self.is_storage = importlib.import_module("tinygrad_lite.machine.storage").is_storage
        self.ending = ending
        self.memories = memories
        self.copies = copies

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Memory):
            return obj.reference() + self.ending
        if self.is_storage(obj):
            array = obj.elements_for(getattr(obj, "dtype", dtypes.uint8))
            return self.memory_of(array, array).reference() + self.ending
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (Global, dtype)):
            return ""
        if isinstance(obj, Tensor):
            return self.reduce_tensor(obj)
        if isinstance(obj, Size):
            return global_name("torch", "Size"), (tuple(obj),)
        if isinstance(obj, device):
            args = (obj.type,) if obj.index is None else (obj.type, obj.index)
            return global_name("torch", "device"), args
        plain = getattr(super(), "reducer_override", None)
        return NotImplemented if plain is None else plain(obj)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if isinstance(obj, dtype):
            module, name = "torch", obj.name
        elif isinstance(obj, Global):
            module, name = obj.module, obj.name
        else:
            super().save_global(obj, name)  # type: ignore[misc]
            return
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())  # type: ignore[attr-defined]
        self.memoize(obj)  # type: ignore[attr-defined]

    def reduce_tensor(self, tensor: Tensor) -> tuple[Any, ...]:
        kind, attributes = type(tensor), tensor.__dict__
        if kind is Parameter:
            data: tuple[Any, ...] = (make(tensor.array), tensor.requires_grad, OrderedDict())
            if attributes:
                return rebuild("_rebuild_parameter_with_state"), (*data, attributes)
            return rebuild("_rebuild_parameter"), data
        function, args = self.reduce_array(tensor)
        if kind is Tensor and not attributes:
            return function, args
        named = global_name("torch", "Tensor") if kind is Tensor else kind
        wrapper = global_name("torch._tensor", "_rebuild_from_type_v2")
        state = (
            tensor.__getstate__() if kind.__getstate__ is not object.__getstate__ else attributes
        )
        return wrapper, (function, named, args, state)

    def reduce_array(self, tensor: Tensor) -> tuple[Global, tuple[Any, ...]]:
        array = self.strided(tensor.array)
        memory = self.memory_of(array, tensor.array)
        size = array.dtype.itemsize
        offset = (array.ctypes.data - memory.start) // size if array.size else 0
        strides = make(array).stride()
        args: tuple[Any, ...] = (
            memory,
            offset,
            array.shape,
            strides,
            tensor.requires_grad,
            OrderedDict(),
        )
        kind = from_numpy_dtype(array.dtype)
        if kind in STORAGE_OF:
            return rebuild("_rebuild_tensor_v2"), args
        return rebuild("_rebuild_tensor_v3"), (*args, kind)

    def memory_of(self, array: np.ndarray, holder: np.ndarray) -> Memory:
        """The stretch that holds `array`, made longer if need be; `holder` stands for no memory."""
        key = id(owner(array)) if array.size else id(holder)
        memory = self.memories.get(key)
        if memory is None:
            memory = self.memories[key] = Memory(len(self.memories), array)
        memory.include(array)
        return memory

    def strided(self, array: np.ndarray) -> np.ndarray:
        """`array`, or a copy if PyTorch has no strides for it (backward, between elements)."""
        if all(step >= 0 and step % array.itemsize == 0 for step in array.strides):
            return array
        if id(array) not in self.copies:
            self.copies[id(array)] = array, np.ascontiguousarray(array)
        return self.copies[id(array)][1]


def rebuild(name: str) -> Global:
    """One of PyTorch's functions that make tensors."""
    return global_name("torch._utils", name)


def _write_zip(file: Any, name: str, pickled: bytes, memories: list[Memory]) -> None:
    import zipfile

    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, f"{name}/data.pkl", pickled)
        _add(archive, f"{name}/.format_version", b"1")
        _add(archive, f"{name}/.storage_alignment", str(ALIGNMENT).encode())
        _add(archive, f"{name}/byteorder", sys.byteorder.encode())
        for memory in memories:
            _add(archive, f"{name}/data/{memory.key}", memory.content())
        _add(archive, f"{name}/version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, content: bytes | memoryview) -> None:
    """Add a record whose content begins at a multiple of ALIGNMENT."""
    import zipfile

    info = zipfile.ZipInfo(name)
    info.file_size = len(content)
    large = len(content) >= zipfile.ZIP64_LIMIT
    # Local header: 30 bytes, the name, for a large file 20 bytes of sizes, then this padding.
    begin = archive.start_dir + 30 + len(name.encode()) + (20 if large else 0) + 4
    padding = -begin % ALIGNMENT
    info.extra = struct.pack("<HH", 0x4246, padding) + b"Z" * padding  # "FB", PyTorch's mark
    with archive.open(info, "w", force_zip64=large) as record:
        record.write(content)


def _replace_file(path: str, write: Callable[[Any], None]) -> None:
    """Write a temporary file beside `path`, then put it in its place in one step."""
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise RuntimeError(f"Parent directory {directory} does not exist.")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:  # /dev/null, a pipe: nothing there to protect
            write(file)
        return
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{os.path.basename(path)}.")
    try:
        with open(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(path: str) -> int:
    """The permissions of the file that is replaced, or those a new file gets."""
    with contextlib.suppress(OSError):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
