"""Spectral normalization by a hook before `forward`: the older form of
`nn.utils.parametrizations.spectral_norm`, for models saved with it."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ...core.modes import no_grad
from ...core.tensor import Parameter, Tensor, make
from ...ops.products import dot, mv
from .. import functional as F
from .. import init
from ..modules.module import Module
from ..parameter import is_lazy
from ._pre_hooks import find, take_out
from .norms import unit_axis
from .parametrizations import power_iterations

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

M = TypeVar("M", bound=Module)


class SpectralNorm:
    """The hook: sets `name` to W / sigma, from `name_orig` (W) and the buffers `name_u`, `name_v`.

    In training each call first makes `n_power_iterations` steps of the power method.
    """

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        """`dim` as rows, all other axes as columns."""
        front = weight.movedim(self.dim, 0)
        return front.reshape(front.array.shape[0], -1)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """W / (u^T W v)."""
        weight, u, v = (getattr(module, self.name + suffix) for suffix in ("_orig", "_u", "_v"))
        W = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            power_iterations(
                W.array, u.array, v.array, self.n_power_iterations, self.eps, first="v"
            )
            # Copies, so that a second forward pass does not disturb the first one's backward pass.
            u, v = make(u.array.copy()), make(v.array.copy())
        return weight / dot(u, mv(W, v))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))

    def note_version(self, module: Module, state: Any, prefix: str, metadata: Any) -> None:
        """As a hook of `state_dict`: say that `name_v` is among what is saved."""
        metadata.setdefault("spectral_norm", {})[self.name + ".version"] = self._version


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> M:
    """W / sigma, sigma being W's largest singular value, computed before every `forward`.

    See `nn.utils.parametrizations.spectral_norm`, which replaces this one. The parameter is then
    called `name_orig`; `name` is a plain tensor. RuntimeError if `name` is so normalized already;
    ValueError if it is None or has no shape yet.
    """
    axis = unit_axis(module) if dim is None else dim
    if find(module, SpectralNorm, name):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    hook = SpectralNorm(name, n_power_iterations, axis, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    if is_lazy(weight):
        raise ValueError(
            "The module passed to `SpectralNorm` can't have uninitialized parameters. Make sure to "
            "run the dummy forward before applying spectral normalization"
        )
    with no_grad():
        W = hook.reshape_weight_to_matrix(weight).array
        u, v = (
            F.normalize(init.normal_(make(np.empty(n, W.dtype))), dim=0, eps=eps) for n in W.shape
        )
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)  # a plain tensor, for what looks at it before `forward`
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module.register_state_dict_post_hook(hook.note_version)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make `name` a parameter again, of the present value; ValueError if it was not normalized."""
    hook = take_out(module, SpectralNorm, name)
    if hook is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    with no_grad():
        weight = hook.compute_weight(module, do_power_iteration=False)
    for suffix in ("", "_u", "_v", "_orig"):
        delattr(module, name + suffix)
    module.register_parameter(name, Parameter(weight.detach()))
    saves = module._state_dict_hooks
    for number in [n for n, h in saves.items() if getattr(h, "__self__", None) is hook]:
        del saves[number]
    return module
