"""The parametrizations everybody knows: length and direction apart, largest singular value one,
orthogonal, norms up to a bound. Each function registers one and returns the module."""

from __future__ import annotations

from enum import Enum, auto
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...core.modes import no_grad
from ...core.node import touch
from ...core.shapes import canonical_axis
from ...core.tensor import Tensor, make
from ...kernels import lapack
from ...ops.joining import cat
from ...ops.linalg import solve
from ...ops.linalg_products import matrix_exp
from ...ops.lu import householder_product
from ...ops.products import mv, vdot
from .. import functional as F
from .. import init
from ..modules.module import Module
from .norms import check_bound, norm_except_dim, norm_to_bound, unit_axis
from .parametrize import register_parametrization

__all__ = ["max_norm", "orthogonal", "spectral_norm", "weight_norm"]

M = TypeVar("M", bound=Module)


def _tensor_of(module: Module, name: str) -> Tensor:
    value = getattr(module, name, None)
    if not isinstance(value, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return value


# -- length and direction -------------------------------------------------------------------------


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """w = g v / ||v||: length g (original0) and direction v (original1) are trained apart.

    One norm for each slice along `dim`; a single one for all with None (or -1, PyTorch's way to
    write None). `load_state_dict` also takes what the older `nn.utils.weight_norm` saved.
    Source: Salimans and Kingma 2016, arXiv:1602.07868.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module.register_load_state_dict_pre_hook(partial(_read_older_names, name))
    return module


def _read_older_names(name: str, module: Any, state: Any, prefix: str, *rest: Any) -> None:
    """As a hook: rename `name_g` and `name_v` in the state about to be loaded."""
    older = [f"{prefix}{name}_{letter}" for letter in "gv"]
    if all(key in state for key in older):
        for i, key in enumerate(older):
            state[f"{prefix}parametrizations.{name}.original{i}"] = state.pop(key)


# -- largest singular value -----------------------------------------------------------------------


class _SpectralNorm(Module):
    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        self.dim = canonical_axis(dim, weight.array.ndim)
        self.eps = eps
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        if weight.array.ndim > 1:  # a vector's largest singular value is its norm
            self.n_power_iterations = n_power_iterations
            with no_grad():
                W = self._matrix(weight)
                for name, size in zip(("_u", "_v"), W.array.shape, strict=True):
                    start = init.normal_(make(np.empty(size, W.array.dtype)))
                    self.register_buffer(name, F.normalize(start, dim=0, eps=eps))
            self._iterate(W.array, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def _iterate(self, W: np.ndarray, times: int) -> None:
        """The power method: u <- W v, v <- W^H u, both of length one."""
        power_iterations(W, self._u.array, self._v.array, times, self.eps, first="u")

    def forward(self, weight: Tensor) -> Tensor:
        if weight.array.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        W = self._matrix(weight)
        if self.training:
            self._iterate(W.array, self.n_power_iterations)
        # Copies: the next forward pass writes into the buffers, and a backward pass through two
        # forward passes (a discriminator's, of true and of made images) needs both values.
        u, v = make(self._u.array.copy()), make(self._v.array.copy())
        return weight / vdot(u, mv(W, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def power_iterations(
    W: np.ndarray, u: np.ndarray, v: np.ndarray, times: int, eps: float, first: str
) -> None:
    """Steps of the power method, in place: u and v tend to W's first singular vectors.

    first  which of the two each step renews first
    """
    for k in range(2 * times):
        if (k % 2 == 0) == (first == "u"):
            out, found = u, W @ v
        else:
            out, found = v, W.conj().T @ u
        np.divide(found, max(np.linalg.norm(found), found.real.dtype.type(eps)), out=out)
    touch(u, "spectral_norm")
    touch(v, "spectral_norm")


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> M:
    """W / sigma, sigma being the largest singular value of W with `dim` as rows, others as columns.

    sigma = u^T W v, where u and v follow the singular vectors by `n_power_iterations` steps of the
    power method at every access in training. The gradient flows through sigma, with u and v held.
    dim  default 0, and 1 for transposed convolutions
    Source: Miyato et al. 2018, arXiv:1802.05957.
    """
    weight = _tensor_of(module, name)
    axis = unit_axis(module) if dim is None else dim
    parametrization = _SpectralNorm(weight, n_power_iterations, axis, eps)
    return register_parametrization(module, name, parametrization)


# -- orthogonal -----------------------------------------------------------------------------------


class _OrthMaps(Enum):
    matrix_exp = auto()
    cayley = auto()
    householder = auto()


class _Orthogonal(Module):
    base: Tensor

    def __init__(
        self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True
    ) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == _OrthMaps.householder:
            # n (n - 1) / 2 complex reflections have fewer real numbers than unitary matrices do
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.array.shape[-2] < X.array.shape[-1]
        Q = self._columns(X.mT if wide else X)
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if wide else Q

    def _columns(self, X: Any) -> Any:
        """A matrix of orthonormal columns from any X (..., n, k), n >= k."""
        *batch, n, k = X.array.shape
        if self.orthogonal_map is _OrthMaps.householder:
            V = X.tril(diagonal=-1)
            tau = 2.0 / (1.0 + (V * V).sum(dim=-2))
            signs = np.diagonal(X.array, axis1=-2, axis2=-1).astype(np.int32)  # not trained
            return householder_product(V, tau) * make(signs[..., None, :])
        X = X.tril()
        if n != k:
            X = cat([X, make(np.zeros((*batch, n, n - k), X.array.dtype))], dim=-1)
        A = X - X.mH  # skew-Hermitian
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            Q = matrix_exp(A)
        else:  # (I + A/2) (I - A/2)^-1; the two factors commute
            one = make(np.eye(n, dtype=X.array.dtype))
            Q = solve(one - 0.5 * A, one + 0.5 * A)
        return Q if n == k else Q[..., :k]

    def right_inverse(self, Q: Tensor) -> Tensor:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {Q.shape}."
            )
        wide = Q.array.shape[-2] < Q.array.shape[-1]
        tall = np.swapaxes(Q.array, -1, -2) if wide else Q.array
        if not hasattr(self, "base"):
            if self.orthogonal_map is not _OrthMaps.householder:
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley "
                    "parametrizations when use_trivialization=False."
                )
            found = _reflections(tall)
            return make(np.swapaxes(found, -1, -2) if wide else found)
        self.base = make(_completed(tall))
        # Where householder(X) is the identity; the other maps do not look at the diagonal.
        minus = np.zeros_like(Q.array)
        minus[...] = -np.eye(*minus.shape[-2:])
        return make(minus)


def _completed(tall: np.ndarray) -> np.ndarray:
    """A square orthogonal matrix that begins with the (orthogonalized) columns of `tall`."""
    *batch, n, k = tall.shape
    if n == k:
        gram = np.swapaxes(tall, -1, -2).conj() @ tall
        if np.allclose(gram, np.eye(n), atol=10.0 * n * np.finfo(tall.dtype).eps):
            return tall.copy()
    else:
        more = init.normal_(make(np.empty((*batch, n, n - k), tall.dtype))).array
        tall = np.concatenate([tall, more], axis=-1)
    Q, R = lapack.qr(tall)
    diagonal = np.diagonal(R, axis1=-2, axis2=-1).real
    return (Q * np.sign(diagonal)[..., None, :]).astype(tall.dtype)


def _reflections(tall: np.ndarray) -> np.ndarray:
    """X with householder(X) = Q, for Q = `tall`, or the Q of its QR decomposition with R > 0."""
    raw, tau = lapack.qr(tall, mode="raw")
    X = np.swapaxes(raw, -1, -2).copy()
    diagonal = np.einsum("...ii->...i", X[..., : X.shape[-1], :])  # of R; a view
    # LAPACK leaves out a reflection that has nothing to do, and says so by tau = 0 exactly
    diagonal[...] = np.sign(diagonal) * np.where(tau == 0, -1, 1)
    return X.astype(tall.dtype)


def orthogonal(
    module: M,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> M:
    """Q with orthonormal columns, or rows if there are fewer of them; any leading axes are a batch.

    orthogonal_map  how Q comes from the original X; A = tril(X) - tril(X)^H:
                    "matrix_exp"   exp(A)                         (default for square or complex)
                    "cayley"       (1 + A/2) (1 - A/2)^-1
                    "householder"  the product of the reflections in X's columns (otherwise)
    use_trivialization  Q = B map(X), where the buffer B (`parametrizations.weight.0.base`) holds
                    the last value assigned, so that X starts where the maps are at their best

    The first value is the weight itself if it is orthogonal, and the Q of its QR decomposition
    otherwise (without trivialization: only for "householder"; the other two start from map(X)).
    ValueError for fewer than two axes, another map, or reflections of complex numbers.
    Source: Lezcano-Casado 2019, arXiv:1909.09501.
    """
    weight = _tensor_of(module, name)
    if weight.array.ndim < 2:
        raise ValueError(
            "Expected a matrix or batch of matrices. "
            f"Got a tensor of {weight.array.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.array.shape[-2] == weight.array.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in _OrthMaps.__members__:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    parametrization = _Orthogonal(
        weight, _OrthMaps[orthogonal_map], use_trivialization=use_trivialization
    )
    return register_parametrization(module, name, parametrization, unsafe=True)


# -- bounded norms --------------------------------------------------------------------------------


class _MaxNorm(Module):
    def __init__(self, max_norm: float, dim: int, norm_type: float) -> None:
        super().__init__()
        check_bound(max_norm)
        self.max_norm = max_norm
        self.dim = dim
        self.norm_type = norm_type

    def forward(self, weight: Tensor) -> Tensor:
        return norm_to_bound(weight, self.max_norm, self.dim, self.norm_type)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value

    def extra_repr(self) -> str:
        return f"max_norm={self.max_norm}, dim={self.dim}, norm_type={self.norm_type}"


def max_norm(
    module: M,
    name: str = "weight",
    max_norm: float = 3.0,
    dim: int | None = None,
    norm_type: float = 2.0,
) -> M:
    """w_i = v_i min(1, max_norm / ||v_i||) for each slice along `dim`, a unit's weights.

    dim  the axis that counts the units; default 0, and 1 for transposed convolutions

    The weight is on or within the bound at every access, and the gradient is that of the projected
    weight; `nn.utils.max_norm_` instead corrects the weights themselves, after each step, which is
    what Srivastava et al. 2014 do. ValueError for a bound that is not positive.
    """
    _tensor_of(module, name)
    axis = unit_axis(module) if dim is None else dim
    return register_parametrization(module, name, _MaxNorm(max_norm, axis, norm_type))
