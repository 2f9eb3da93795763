"""The BLAS that NumPy brings: its threads, and the addresses of its products.

Only OpenBLAS as bundled with NumPy's wheels is known; with another BLAS the setters do nothing and
there are no addresses.
"""

from __future__ import annotations

import ctypes
import functools
import glob
import os
from typing import Any

import numpy as np


@functools.cache
def library() -> Any | None:
    """NumPy's OpenBLAS, already in memory, or None."""
    package = os.path.dirname(np.__file__)
    patterns = (
        os.path.join(package, "..", "numpy.libs", "lib*openblas*"),
        os.path.join(package, ".dylibs", "lib*openblas*"),
    )
    for path in [file for pattern in patterns for file in glob.glob(pattern)]:
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


@functools.cache
def find(name: str) -> Any | None:
    """The function called `name`, whatever prefix and suffix this build gives its names."""
    blas = library()
    for decorated in (f"scipy_{name}64_", f"{name}64_", f"scipy_{name}", name):
        if blas is not None and hasattr(blas, decorated):
            return getattr(blas, decorated)
    return None


def set_num_threads(count: int) -> None:
    """Let BLAS use `count` threads."""
    setter = find("openblas_set_num_threads")
    if setter is not None:
        setter(ctypes.c_int(count))


def get_num_threads() -> int:
    """How many threads BLAS uses (1 when it cannot tell)."""
    getter = find("openblas_get_num_threads")
    return 1 if getter is None else int(getter())
