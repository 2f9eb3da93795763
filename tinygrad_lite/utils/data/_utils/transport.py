"""Messages between the main process and a worker: bytes, with large arrays in shared memory.

A message is pickled with its arrays' memory set aside (pickle protocol 5). Little memory travels
with the message through the pipe; much of it goes into one file on a memory file system, which the
receiver maps and unlinks: one copy instead of four, and no pipe that fills up. The arrays that
come out are writable, and the memory is freed with the last of them.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from typing import Any

SHARED = "/dev/shm"  # a memory file system on Linux; elsewhere everything goes through the pipe
LARGE = 1 << 15
ALIGN = 64


def open_directory() -> str | None:
    """A new directory for messages in shared memory, or None where there is no such thing."""
    if not os.path.isdir(SHARED) or not os.access(SHARED, os.W_OK):
        return None
    return tempfile.mkdtemp(prefix="tinygrad_lite_", dir=SHARED)


def pack(value: Any, directory: str | None) -> bytes:
    """`value` as bytes for `unpack`, its arrays perhaps in a file in `directory`."""
    aside: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=aside.append)
    pieces = [buffer.raw() for buffer in aside]
    if directory is not None and sum(piece.nbytes for piece in pieces) >= LARGE:
        placed = _write(pieces, directory)
        if placed is not None:
            return pickle.dumps((head, *placed), protocol=5)
    return pickle.dumps((head, None, [bytearray(piece) for piece in pieces]), protocol=5)


def _write(pieces: list[memoryview], directory: str) -> tuple[str, list[tuple[int, int]]] | None:
    """Put `pieces` into a new file: (path, [(start, end)]). None if the file system is full."""
    handle, path = tempfile.mkstemp(dir=directory)
    spans = []
    try:
        with open(handle, "wb", buffering=0) as file:
            end = 0
            for piece in pieces:
                start = -(-end // ALIGN) * ALIGN
                file.seek(start)
                done = 0
                while done < piece.nbytes:
                    done += file.write(piece[done:])
                end = start + piece.nbytes
                spans.append((start, end))
    except OSError:
        os.unlink(path)
        return None
    return path, spans


def unpack(message: bytes) -> Any:
    """The value that was packed."""
    head, path, content = pickle.loads(message)
    if path is None:
        return pickle.loads(head, buffers=content)
    with open(path, "r+b") as file:
        memory = memoryview(mmap.mmap(file.fileno(), 0))
    os.unlink(path)
    return pickle.loads(head, buffers=[memory[start:end] for start, end in content])
