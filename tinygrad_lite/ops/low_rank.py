"""Approximate factorizations by random projection: svd_lowrank, pca_lowrank.

Source: Halko, Martinsson and Tropp, "Finding structure with randomness" (2009), algorithms 4.4 and
5.1.
"""

from __future__ import annotations

from typing import Any

from .arguments import require_tensor
from .linalg import qr, svd
from .matrix import matmul
from .random import randn


def _basis(A: Any, q: int, niter: int) -> Any:
    """Q with q orthonormal columns such that Q Q^H A is close to A."""
    Q = qr(matmul(A, randn(A.shape[-1], q, dtype=A.dtype))).Q
    for _ in range(niter):
        Q = qr(matmul(A.mH, Q)).Q
        Q = qr(matmul(A, Q)).Q
    return Q


def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> Any:
    """(U, S, V) with U diag(S) V^H close to A (less M, if given), of rank q.

    `niter` subspace iterations make it more accurate where singular values fall slowly.
    """
    require_tensor("svd_lowrank", A, "A")
    A = A if M is None else A - M.broadcast_to(A.shape)
    wide = A.shape[-2] < A.shape[-1]
    A = A.mH if wide else A
    Q = _basis(A, 6 if q is None else q, 2 if niter is None else niter)
    U, S, Vh = svd(matmul(Q.mH, A), full_matrices=False)
    U, V = matmul(Q, U), Vh.mH
    return (V, S, U) if wide else (U, S, V)


def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """(U, S, V) of the rows of A less their mean (unless `center` is False): V holds the principal
    directions, S ** 2 / (m - 1) their variances."""
    require_tensor("pca_lowrank", A, "A")
    least = min(A.shape[-2:])
    if q is None:
        q = min(6, least)
    elif not 0 <= q <= least:
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={least}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
