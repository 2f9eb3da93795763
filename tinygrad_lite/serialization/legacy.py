"""The format of PyTorch before 1.6: pretrained weights of those years are kept in it.

Five pickles (a magic number, a version, facts about the machine, the object, the list of storages)
and then, for each storage, its number of elements and its memory.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from typing import Any

import numpy as np

from ..core import dtypes
from .names import StorageKind
from .rebuild import Storage, widened
from .unpickler import MapLocation, Storages, text, unpickle

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = 1001


class LegacyStorages(Storages):
    """The memory comes after the object: it is made here, and filled later."""

    def __init__(self, file: Any, where: MapLocation) -> None:
        super().__init__(where)
        here = file.tell()
        self.limit = file.seek(0, os.SEEK_END) - here  # no file holds more elements than bytes
        file.seek(here)
        self.raw: dict[str, np.ndarray] = {}

    def read(self, kind: StorageKind, key: str, numel: int) -> Storage:
        size = 1 if kind.kind is None else kind.kind.itemsize
        if numel * size > self.limit:
            raise RuntimeError(
                f"the file is damaged: a storage of {numel} elements in {self.limit} bytes"
            )
        self.raw[key] = np.zeros(numel * size, np.uint8)
        return Storage(self.raw[key], kind.kind, False)

    def fill(self, file: Any, key: str) -> None:
        """Read the memory of the storage called `key`."""
        raw, storage = self.raw[key], self.loaded[key]
        size = 1 if storage.kind is None else storage.kind.itemsize
        (numel,) = struct.unpack("<q", file.read(8))
        content = file.read(raw.size)
        if numel * size != raw.size or len(content) != raw.size:
            raise RuntimeError(f"the file is damaged: storage {key} is not complete")
        raw[:] = np.frombuffer(content, np.uint8)
        if storage.kind is dtypes.bfloat16:
            storage.memory[:] = widened(raw.view(np.uint16))


def load_legacy(file: Any, where: MapLocation, restricted: bool, options: dict[str, Any]) -> Any:
    """The object in `file`, which begins with MAGIC."""
    if sys.byteorder != "little":
        raise RuntimeError("files of PyTorch before 1.6 are read on little-endian machines only")
    storages = LegacyStorages(file, where)
    _, version, _ = [unpickle(file, storages, True, options) for _ in range(3)]
    if version != VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    found = unpickle(file, storages, restricted, options)
    keys = unpickle(file, storages, True, options)
    try:
        for key in keys:
            storages.fill(file, text(key))
    except (struct.error, EOFError, LookupError, TypeError) as error:
        raise pickle.UnpicklingError(f"the file ends too early or is damaged: {error!r}") from error
    return found


def write_legacy(file: Any, pickled: bytes, memories: list[Any]) -> None:
    """Write an object that is pickled already, and the memory its tensors lie in."""
    sizes = {"short": 2, "int": 4, "long": 4}
    machine = {"protocol_version": VERSION, "little_endian": True, "type_sizes": sizes}
    for part in (MAGIC, pickle.dumps(VERSION, 2), pickle.dumps(machine, 2), pickled):
        file.write(part)
    file.write(pickle.dumps([memory.key for memory in memories], 2))
    for memory in memories:
        file.write(struct.pack("<q", memory.reference()[-1]))
        file.write(memory.content())
