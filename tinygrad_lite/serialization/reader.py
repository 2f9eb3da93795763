"""`load`: read what `save` or PyTorch wrote, running nothing a stranger may have put into it."""

from __future__ import annotations

import io
import os
import pickle
import struct
from typing import Any

from .archive import Archive, ArchiveStorages
from .legacy import MAGIC, load_legacy
from .unpickler import MapLocation, unpickle


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
        pickle_module: whose Unpickler is used; giving one means weights_only=False.
        mmap: map the file instead of reading it; changes to the tensors do not reach the file.

    Files of PyTorch before 1.6 are read too. bfloat16 storages become float32, which holds every
    value of theirs. pickle.UnpicklingError for
    a file that is no such format or wants more than it may; RuntimeError for a damaged one.
    """
    if pickle_module is not None:
        if weights_only:
            raise RuntimeError(
                "Can not safely load weights when explicit pickle_module is specified"
            )
        weights_only, pickle_load_args["pickle_module"] = False, pickle_module
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
    magic = file.read(len(MAGIC))
    file.seek(start)
    if not magic:
        raise EOFError("Ran out of input: the file is empty")
    if magic == MAGIC:
        if mapped:
            raise RuntimeError(
                "mmap can only be used with files saved with `torch.save("
                f"{file.name}, _use_new_zipfile_serialization=True), please torch.save your "
                "checkpoint with this option in order to use mmap."
            )
        return load_legacy(file, where, restricted, options)
    if magic[:4] != b"PK\x03\x04":
        raise pickle.UnpicklingError(
            "Weights only load failed: this is no file of torch.save, neither a zip archive nor in "
            f"the format before PyTorch 1.6 (it begins with {magic[:4]!r})"
        )
    import zipfile  # imported only here, as what loading alone needs: 10 ms
    import zlib

    if not hasattr(file, "seekable"):  # which zipfile wants to know
        file = io.BytesIO(file.read())
    try:
        with Archive(file, mapped) as archive:
            stream = io.BytesIO(archive.read("data.pkl"))
            return unpickle(stream, ArchiveStorages(archive, where), restricted, options)
    except (zipfile.BadZipFile, zlib.error, struct.error) as error:
        raise RuntimeError(
            f"PytorchStreamReader failed reading zip archive: {error}. The file is damaged or was "
            "not written to its end"
        ) from error
