"""`numpy.linalg` beside the pool of threads: LAPACK with BLAS on one thread.

BLAS has threads of its own, and while those and the pool's wait for work, each keeps the core that
the other needs: a Cholesky factor of 128 x 128 right after a product takes 75 milliseconds instead
of 0.1. So once the pool runs, BLAS gets one thread for the length of a call. Without a pool (small
programs, no numba) BLAS is left alone.

The functions are those of NumPy, under NumPy's names, and raise the same `LinAlgError`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _blas, _threads


def _alone(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with BLAS on one thread while a pool runs."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        before = _blas.get_num_threads() if _threads.running() else 1
        if before == 1:
            return function(*args, **options)
        _blas.set_num_threads(1)
        try:
            return function(*args, **options)
        finally:
            _blas.set_num_threads(before)

    return call


cholesky = _alone(np.linalg.cholesky)
det = _alone(np.linalg.det)
eig = _alone(np.linalg.eig)
eigh = _alone(np.linalg.eigh)
eigvalsh = _alone(np.linalg.eigvalsh)
inv = _alone(np.linalg.inv)
pinv = _alone(np.linalg.pinv)
qr = _alone(np.linalg.qr)
slogdet = _alone(np.linalg.slogdet)
solve = _alone(np.linalg.solve)
svd = _alone(np.linalg.svd)
