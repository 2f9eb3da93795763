"""Memory that was freed is kept for the next array instead of going back to the system.

glibc gives the memory of a large array back as soon as it is freed, and the next array of that size
gets fresh pages, each of which costs a fault and a cleared page at its first touch. A training step
frees and makes the same arrays over and over: on 16 MB arrays relu forward and backward takes 2.5
times as long with fresh pages, a LeNet step a tenth longer. Raising two limits of malloc ends it.

The process then holds what it needed at its peak until it ends. TINYGRAD_LITE_KEEP_MEMORY=0 leaves
malloc as it is; so does any other C library than glibc, and anybody who has set the limits in the
environment (MALLOC_TRIM_THRESHOLD_, MALLOC_MMAP_THRESHOLD_, GLIBC_TUNABLES).
"""

from __future__ import annotations

import ctypes
import functools
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # their numbers in malloc.h
_LIMITS = (1 << 30, 32 << 20)
"""Bytes; some versions of glibc refuse more than the second as the size given to mmap."""


@functools.cache
def keep_freed_memory() -> bool:
    """Raise malloc's limits, once a process; whether that was possible and wanted."""
    settings = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
    if os.environ.get("TINYGRAD_LITE_KEEP_MEMORY", "1") == "0" or any(
        name in os.environ for name in settings
    ):
        return False
    try:
        if "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
            return False
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, ValueError):
        return False
    # In this order: setting either stops malloc from adapting the other by itself.
    if not any(mallopt(_MMAP_THRESHOLD, limit) for limit in _LIMITS):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _LIMITS[0]))
