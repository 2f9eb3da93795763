"""The zip format: what PyTorch writes since 1.6."""

from __future__ import annotations

import struct
import sys
from typing import Any

import numpy as np

from .names import StorageKind
from .rebuild import Storage
from .unpickler import MapLocation, Storages


class Archive:
    """The records of one file: all stand in one folder, whose name is free."""

    def __init__(self, file: Any, mapped: bool = False) -> None:
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


class ArchiveStorages(Storages):
    """Each storage is a record."""

    def __init__(self, archive: Archive, where: MapLocation) -> None:
        super().__init__(where)
        self.archive = archive
        order = archive.read("byteorder", sys.byteorder.encode()).decode()
        self.swap = order != sys.byteorder

    def read(self, kind: StorageKind, key: str, numel: int) -> Storage:
        size = 1 if kind.kind is None else kind.kind.itemsize
        memory = self.archive.memory(f"data/{key}", numel * size)
        return Storage(memory, kind.kind, self.swap)


class PyTorchFileReader:
    """The records of a file of `save`, by name: "data.pkl", "data/0" and so on."""

    def __init__(self, file: Any) -> None:
        self._archive = Archive(file)

    def get_all_records(self) -> list[str]:
        """All names."""
        folder = self._archive.folder
        return [name.removeprefix(folder) for name in self._archive.zip.namelist()]

    def has_record(self, name: str) -> bool:
        """Whether there is such a record."""
        return name in self.get_all_records()

    def get_record(self, name: str) -> bytes:
        """Its bytes. RuntimeError if there is none."""
        return self._archive.read(name)
