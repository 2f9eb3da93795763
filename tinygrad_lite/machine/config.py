"""`torch.__config__`: what this package computes with, in words, for bug reports."""

from __future__ import annotations

import importlib.metadata
import platform

import numpy as np

from ..version import __version__
from .settings import get_num_threads


def show() -> str:
    """Versions of this package, Python, NumPy with its BLAS, and numba, a line each."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    lines = [
        f"tinygrad_lite {__version__} on:",
        f"  - Python {platform.python_version()} ({platform.system()} {platform.machine()})",
        f"  - NumPy {np.__version__} with {blas['name']} {blas.get('version', '')}",
    ]
    try:
        lines.append(f"  - numba {importlib.metadata.version('numba')}")
    except importlib.metadata.PackageNotFoundError:
        lines.append("  - numba is not installed: NumPy computes everything")
    return "\n".join(lines) + "\n"


def parallel_info() -> str:
    """How many threads kernels and BLAS use."""
    return f"tinygrad_lite.get_num_threads() : {get_num_threads()}\n"
