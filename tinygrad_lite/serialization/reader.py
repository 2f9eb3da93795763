"""`load`: read PyTorch's zip format without running what a stranger may have put into it.

A pickle is a program for a small stack machine. `Reader` runs it with four instructions narrowed
down: a name is looked up in a table and not imported, only functions of that table are called,
only instances of known classes are filled, and only lists, dicts and sets are added to.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import device, require_cpu
from .names import StorageKind
from .rebuild import BUILDABLE, FUNCTIONS, VALUES, Storage, fill
from .safe import trusted

MapLocation = Callable[[Any, str], Any] | device | str | dict[str, str] | None


def load(
    f: Any,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """The object that `save`, or PyTorch's `torch.save`, wrote to `f`: a path or a binary file.

    Args:
        f: a path, or a file open for reading bytes that can seek.
        map_location: where storages go; here always the CPU. Needed, as in PyTorch, for a file
            with storages of another device: "cpu", a dict or a function of (storage, location).
        weights_only: True (and None) makes tensors, containers, numbers, strings and NumPy arrays,
            and calls nothing else but what `add_safe_globals` names. False makes any class the
            file names, running any code it names: only for files you trust.
        mmap: map the file instead of reading it; changes to the tensors do not reach the file.

    bfloat16 storages become float32, which holds every value of theirs. pickle.UnpicklingError for
    a file that is no such format or wants more than it may; RuntimeError for a damaged one.
    """
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError("f must be a file path in order to use the mmap argument")
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _load(
                file, map_location, weights_only is not False, bool(mmap), pickle_load_args
            )
    if not (hasattr(f, "seek") and hasattr(f, "read")):
        raise AttributeError(
            f"'{type(f).__name__}' object has no attribute 'seek'. You can only torch.load from a "
            "file that is seekable. Please pre-load the data into a buffer like io.BytesIO and try "
            "to load from it instead."
        )
    return _load(f, map_location, weights_only is not False, False, pickle_load_args)


def _load(file: Any, where: MapLocation, restricted: bool, mapped: bool, options: Any) -> Any:
    start = file.tell()
    magic = file.read(4)
    file.seek(start)
    if not magic:
        raise EOFError("Ran out of input: the file is empty")
    if magic != b"PK\x03\x04":
        raise pickle.UnpicklingError(
            "Weights only load failed: this is no file of torch.save, whose files are zip archives "
            f"since PyTorch 1.6 (this one begins with {magic!r}). Load an older one with PyTorch "
            "and save it again"
        )
    import zipfile  # imported only here, as what loading alone needs: 10 ms
    import zlib

    try:
        with Archive(file, mapped) as archive:
            storages = Storages(archive, where)
            stream = io.BytesIO(archive.read("data.pkl"))
            if not restricted:
                return TrustingReader(stream, storages, **options).load()
            return Reader(stream, storages, **options).load()
    except (zipfile.BadZipFile, zlib.error, struct.error) as error:
        raise RuntimeError(
            f"PytorchStreamReader failed reading zip archive: {error}. The file is damaged or was "
            "not written to its end"
        ) from error


class Archive:
    """The records of one file: all stand in one folder, whose name is free."""

    def __init__(self, file: Any, mapped: bool) -> None:
        import zipfile

        self.zip = zipfile.ZipFile(file)
        names = self.zip.namelist()
        pickles = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
        if not pickles or any(name.endswith("/constants.pkl") for name in names):
            self.zip.close()
            what = "a TorchScript program" if pickles else "a zip archive without data.pkl"
            raise RuntimeError(f"this is no file of torch.save but {what}")
        self.folder = pickles[0].removesuffix("data.pkl")
        self.map = None
        if mapped:
            import mmap

            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *exc: object) -> None:
        self.zip.close()

    def read(self, name: str, default: bytes | None = None) -> bytes:
        try:
            return self.zip.read(self.folder + name)
        except KeyError:
            if default is not None:
                return default
            raise RuntimeError(f"the file is damaged: record {name} is missing") from None

    def memory(self, name: str, size: int) -> np.ndarray:
        """A record's bytes in writable memory. RuntimeError unless there are `size`."""
        try:
            info = self.zip.getinfo(self.folder + name)
        except KeyError:
            raise RuntimeError(f"the file is damaged: record {name} is missing") from None
        if info.file_size != size:
            raise RuntimeError(
                f"the file is damaged: record {name} has {info.file_size} bytes, not {size}"
            )
        if self.map is not None and info.compress_type == 0:
            # After the local header, whose name and extra field may differ from the directory's.
            at = info.header_offset
            name_size, extra_size = struct.unpack("<HH", self.map[at + 26 : at + 30])
            return np.frombuffer(self.map, np.uint8, size, at + 30 + name_size + extra_size)
        out = np.empty(size, np.uint8)
        view = memoryview(out)  # type: ignore[arg-type]
        with self.zip.open(info) as record:
            done = 0
            while done < size and (count := record.readinto(view[done:])):  # type: ignore[attr-defined]
                done += count
            record.read()  # to the end, where the checksum is compared
        return out


class Storages:
    """What the persistent ids of the pickle refer to: each record becomes memory once."""

    def __init__(self, archive: Archive, where: MapLocation) -> None:
        self.archive = archive
        self.where = where
        order = archive.read("byteorder", sys.byteorder.encode()).decode()
        self.swap = order != sys.byteorder
        self.loaded: dict[str, Storage] = {}

    def __call__(self, reference: Any) -> Storage:
        if not isinstance(reference, tuple) or len(reference) != 5 or reference[0] != "storage":
            raise pickle.UnpicklingError(
                f"Only persistent_load of storage is allowed, but got {reference!r:.100}"
            )
        _, kind, key, location, numel = reference
        if not isinstance(kind, StorageKind) or not isinstance(numel, int) or numel < 0:
            raise pickle.UnpicklingError(f"a storage of unknown kind: {reference!r:.100}")
        if str(key) not in self.loaded:
            self.loaded[str(key)] = self.place(self.read(kind, str(key), numel), str(location))
        return self.loaded[str(key)]

    def read(self, kind: StorageKind, key: str, numel: int) -> Storage:
        size = 1 if kind.kind is None else kind.kind.itemsize
        memory = self.archive.memory(f"data/{key}", numel * size)
        return Storage(memory, kind.kind, self.swap)

    def place(self, storage: Storage, location: str) -> Storage:
        """`storage` on the CPU, if `map_location` and the file's `location` say so."""
        where = self.where
        if isinstance(where, dict):
            where = where.get(location, location)
        elif where is not None and not isinstance(where, (str, device)):
            if where(storage, location) is not None:
                return storage
            where = None
        if where is not None:
            location = str(where)
        elif not location.startswith("cpu"):
            raise RuntimeError(
                f"Attempting to deserialize object on a {location.split(':')[0].upper()} device "
                "but torch.cuda.is_available() is False. If you are running on a CPU-only machine, "
                "please use torch.load with map_location=torch.device('cpu') to map your storages "
                "to the CPU."
            )
        require_cpu(location)
        return storage


class Opcodes(dict[int, Callable[[Any], None]]):
    """The instructions a Reader knows; another one is an error."""

    def __missing__(self, code: int) -> Callable[[Any], None]:
        raise refused(f"Unsupported operand {code}")


def refused(why: str) -> pickle.UnpicklingError:
    """The error for a file that wants more than it may."""
    return pickle.UnpicklingError(
        "Weights only load failed. With weights_only=False the file could run any code: use that "
        f"only if you trust its source.\n\tWeightsUnpickler error: {why}"
    )


class Reader(pickle._Unpickler):
    """An unpickler that makes only what its tables name."""

    dispatch = Opcodes(pickle._Unpickler.dispatch)
    stack: list[Any]
    metastack: list[list[Any]]

    def __init__(self, file: io.BytesIO, storages: Storages, **options: Any) -> None:
        super().__init__(file, **options)
        self.persistent_load = storages  # type: ignore[method-assign, assignment]
        self.trusted = trusted()
        self.callable = {id(function) for function in (*FUNCTIONS.values(), *self.trusted.values())}

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}".replace("__builtin__.", "builtins.")
        for table in (FUNCTIONS, VALUES, self.trusted):
            if full in table:
                return table[full]
        short = full.removeprefix("builtins.")
        raise refused(
            f"Unsupported global: GLOBAL {short} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{short}])` or the "
            f"`torch.serialization.safe_globals([{short}])` context manager to allowlist this "
            "global if you trust this class/function."
        )

    def reduce(self) -> None:
        args = self.stack.pop()
        function = self.stack[-1]
        if id(function) not in self.callable:
            raise refused(f"Trying to call reduce for unrecognized function {function!r:.100}")
        self.stack[-1] = function(*args)

    def newobj(self) -> None:
        args = self.stack.pop()
        kind = self.stack.pop()
        if not isinstance(kind, type) or kind not in self.trusted.values():
            raise refused(f"Can only create objects of allowlisted classes, not {kind!r:.100}")
        self.stack.append(kind.__new__(kind, *args))

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        kind = type(target)
        if kind not in BUILDABLE and kind not in self.trusted.values():
            raise refused(f"Can only fill known types and allowlisted ones, not {kind}")
        fill(target, state)


def _only_into(kinds: tuple[type, ...], code: bytes, depth: int | None) -> None:
    """Let an instruction that adds items to a container do so for these `kinds` only.

    The container lies `depth` below the top of the stack, or (None) under the last mark.
    """
    plain = Reader.dispatch[code[0]]

    def step(self: Reader) -> None:
        target = self.metastack[-1][-1] if depth is None else self.stack[-depth]
        if type(target) not in kinds:
            raise refused(f"Can only add items to lists, dicts and sets, not to {type(target)}")
        plain(self)

    Reader.dispatch[code[0]] = step


_only_into((list,), pickle.APPEND, 2)
_only_into((list,), pickle.APPENDS, None)
_only_into((dict, OrderedDict, Counter), pickle.SETITEM, 3)
_only_into((dict, OrderedDict, Counter), pickle.SETITEMS, None)
_only_into((set,), pickle.ADDITEMS, None)
Reader.dispatch[pickle.REDUCE[0]] = Reader.reduce
Reader.dispatch[pickle.NEWOBJ[0]] = Reader.newobj
Reader.dispatch[pickle.BUILD[0]] = Reader.build
for _code in (
    *(pickle.PERSID, pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2),
    *(pickle.EXT4, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
):
    Reader.dispatch.pop(_code[0])  # other ways to the same ends, which save() never takes


class TrustingReader(pickle.Unpickler):
    """Python's own unpickler: makes and runs whatever the file names."""

    def __init__(self, file: io.BytesIO, storages: Storages, **options: Any) -> None:
        super().__init__(file, **options)
        self.storages = storages

    def persistent_load(self, reference: Any) -> Any:
        return self.storages(reference)

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in FUNCTIONS and module.startswith("torch"):
            return FUNCTIONS[full]
        if full in VALUES:
            return VALUES[full]
        if module.split(".")[0] == "torch":
            raise pickle.UnpicklingError(
                f"{full} is PyTorch's, whose objects are built otherwise: load the file with "
                "PyTorch, save model.state_dict(), and load that"
            )
        return super().find_class(module, name)
