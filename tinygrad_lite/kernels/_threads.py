"""One setting for all threads: numba's pool and the BLAS that NumPy brings.

numba's pool is started by the first parallel kernel. The layer is OpenMP where the system has it (a
launch costs 2 microseconds), else TBB (8), else numba's own work queue (140), unless
NUMBA_THREADING_LAYER says otherwise.

A pool does not survive a fork: in a child of a process that had one, kernels run on one thread.
Two Python threads never share the pool: while one has it, kernels of the other run on one thread.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import threading
from typing import Any

SPINS = 3000
"""Turns of the loop in which a thread waits for the others before it gives up its core; some 50
microseconds, OpenMP's own are 300,000. Where another program has a core, the thread that is waited
for may be in the queue for the very core that the waiting one keeps busy: each kernel then takes 5
milliseconds and more."""

_pool = threading.Lock()
_seen = threading.local()
_state: dict[str, Any] = {"wanted": None, "size": 0, "lost": False}


@functools.cache
def _cores() -> int:
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def get_num_threads() -> int:
    """How many threads a parallel kernel runs on; 1 in a forked child of a process that had a pool.

    NUMBA_NUM_THREADS, else OMP_NUM_THREADS, else the number of cores this process may use, unless
    `set_num_threads` was called.
    """
    if _state["lost"]:
        return 1
    wanted = _state["wanted"] or _cores()
    return min(wanted, _state["size"]) if _state["size"] else wanted


def set_num_threads(count: int) -> None:
    """Let kernels and BLAS use `count` threads.

    More threads than cores must be asked for before the first kernel runs: the pool cannot grow,
    and the count is then cut to its size. RuntimeError unless count is a positive integer.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {count!r}")
    _state["wanted"] = count
    _seen.__dict__.clear()
    from . import _blas

    _blas.set_num_threads(count)


@functools.cache
def load_numba() -> Any:
    """Import numba, with the layer and the vector width it should use."""
    first = "numba" not in sys.modules
    if first and (_state["wanted"] or 0) > _cores():
        # numba reads it once, and lets no thread be added later.
        os.environ["NUMBA_NUM_THREADS"] = str(_state["wanted"])
    import numba

    if "NUMBA_THREADING_LAYER" not in os.environ:
        numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]
        _load_openmp()
    if first and numba.config.CPU_NAME is None and numba.config.CPU_FEATURES is None:
        _widen(numba)
    return numba


def _load_openmp() -> None:
    """Load GNU's OpenMP, which reads its environment once, with SPINS."""
    if {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        return
    os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    try:
        importlib.import_module("numba.np.ufunc.omppool")
    except ImportError:
        pass  # it is not installed: another layer will serve
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def _widen(numba: Any) -> None:
    """Use the whole vector where LLVM would use half of it (AVX-512 on Intel): 25 to 45 % faster.

    Must happen before anything is compiled, and holds for the user's own numba code too.
    """
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512vl"):
        numba.config.CPU_NAME = llvm.get_host_cpu_name()
        numba.config.CPU_FEATURES = features.flatten() + ",-prefer-256-bit"


def launch() -> None:
    """Start the pool, if it does not run yet and was not lost in a fork."""
    if _state["size"] or _state["lost"]:
        return
    numba = load_numba()
    from numba.np.ufunc import parallel

    parallel._launch_threads()
    _state["size"] = numba.config.NUMBA_NUM_THREADS


def running() -> bool:
    """Whether there is a pool, whose threads spin while they wait."""
    return bool(_state["size"]) and not _state["lost"]


def acquire() -> bool:
    """Take the pool for one kernel; False if there is none to take."""
    if _state["lost"] or _state["wanted"] == 1 or not _pool.acquire(blocking=False):
        return False
    try:
        launch()
        count = get_num_threads()
        if count > 1:
            # numba keeps the number of threads per Python thread.
            if getattr(_seen, "count", 0) != count:
                load_numba().set_num_threads(count)
                _seen.count = count
            return True
    except BaseException:
        _pool.release()
        raise
    _pool.release()
    return False


release = _pool.release
"""Give the pool back."""


def _after_fork() -> None:
    global _pool, release
    _pool = threading.Lock()
    release = _pool.release
    _state["lost"] = _state["size"] > 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
