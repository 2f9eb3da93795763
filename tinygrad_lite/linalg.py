"""Linear algebra under PyTorch's names: `tl.linalg.solve(A, B)`."""

from __future__ import annotations

from .ops.decompositions import LinAlgError as LinAlgError
from .ops.linalg import (
    cholesky as cholesky,
)
from .ops.linalg import (
    det as det,
)
from .ops.linalg import (
    eig as eig,
)
from .ops.linalg import (
    eigh as eigh,
)
from .ops.linalg import (
    eigvals as eigvals,
)
from .ops.linalg import (
    eigvalsh as eigvalsh,
)
from .ops.linalg import (
    inv as inv,
)
from .ops.linalg import (
    lstsq as lstsq,
)
from .ops.linalg import (
    pinv as pinv,
)
from .ops.linalg import (
    qr as qr,
)
from .ops.linalg import (
    slogdet as slogdet,
)
from .ops.linalg import (
    solve as solve,
)
from .ops.linalg import (
    solve_triangular as solve_triangular,
)
from .ops.linalg import (
    svd as svd,
)
from .ops.linalg import (
    svdvals as svdvals,
)
from .ops.linalg_norms import (
    cond as cond,
)
from .ops.linalg_norms import (
    matrix_norm as matrix_norm,
)
from .ops.linalg_norms import (
    norm as norm,
)
from .ops.linalg_norms import (
    vector_norm as vector_norm,
)
from .ops.linalg_products import (
    cross as cross,
)
from .ops.linalg_products import (
    diagonal as diagonal,
)
from .ops.linalg_products import (
    matrix_exp as matrix_exp,
)
from .ops.linalg_products import (
    matrix_power as matrix_power,
)
from .ops.linalg_products import (
    matrix_rank as matrix_rank,
)
from .ops.linalg_products import (
    multi_dot as multi_dot,
)
from .ops.linalg_products import (
    tensorinv as tensorinv,
)
from .ops.linalg_products import (
    tensorsolve as tensorsolve,
)
from .ops.linalg_products import (
    vander as vander,
)
from .ops.linalg_products import (
    vecdot as vecdot,
)
from .ops.lu import (
    cholesky_ex as cholesky_ex,
)
from .ops.lu import (
    householder_product as householder_product,
)
from .ops.lu import (
    inv_ex as inv_ex,
)
from .ops.lu import (
    lu as lu,
)
from .ops.lu import (
    lu_factor as lu_factor,
)
from .ops.lu import (
    lu_factor_ex as lu_factor_ex,
)
from .ops.lu import (
    lu_solve as lu_solve,
)
from .ops.lu import (
    solve_ex as solve_ex,
)
from .ops.matrix import matmul as matmul
