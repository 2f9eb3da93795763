"""Linear algebra under PyTorch's names: `tl.linalg.solve(A, B)`."""

from __future__ import annotations

from .ops.decompositions import LinAlgError as LinAlgError
from .ops.linalg import (
    linalg_cholesky as cholesky,
    det as det,
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    inv as inv,
    lstsq as lstsq,
    pinv as pinv,
    qr as qr,
    slogdet as slogdet,
    solve as solve,
    solve_triangular as solve_triangular,
    svd as svd,
    svdvals as svdvals,
)
from .ops.linalg_norms import (
    cond as cond,
    matrix_norm as matrix_norm,
    norm as norm,
    vector_norm as vector_norm,
)
from .ops.linalg_products import (
    cross as cross,
    diagonal as diagonal,
    matrix_exp as matrix_exp,
    matrix_power as matrix_power,
    matrix_rank as matrix_rank,
    multi_dot as multi_dot,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
    vander as vander,
    vecdot as vecdot,
)
from .ops.matrix import matmul as matmul
