"""Pruning: weights held at zero by a mask, one-shot or in rounds.

    module.weight = weight_orig * weight_mask          before every `forward`

The parameter goes on as `<name>_orig`, the mask is a buffer `<name>_mask`, and a hook multiplies.
A further round prunes what is left. Source of the magnitude criterion: Han et al. 2015.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, TypeVar

import numpy as np

from ...core.modes import no_grad
from ...core.random import numpy_generator
from ...core.shapes import canonical_axis
from ...core.tensor import Tensor, make
from ...ops.like import ones_like
from ..modules.module import Module
from .convert_parameters import parameters_to_vector

M = TypeVar("M", bound=Module)


class BasePruningMethod(ABC):
    """A rule that chooses what to prune; a subclass gives `compute_mask` and a `PRUNING_TYPE`.

    PRUNING_TYPE  what a further round shows to `compute_mask`: "unstructured", the entries not
                  pruned yet, as a vector; "structured", the slices along `self.dim` that are not
                  pruned yet; "global", all
    """

    PRUNING_TYPE: ClassVar[str]
    _tensor_name: str

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask` with zeros where `t`, the importance of each entry, asks for them."""

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def apply_mask(self, module: Module) -> Tensor:
        """The pruned tensor; gradients flow to the original where the mask is one."""
        mask = getattr(module, self._tensor_name + "_mask")
        original = getattr(module, self._tensor_name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> Any:
        """Prune `module.<name>` by a new method made of the further arguments; returns the method.

        importance_scores  what `compute_mask` judges by, of the tensor's shape; default the tensor
        Whatever is raised, the module is as it was.
        """
        tensor = getattr(module, name)
        scores = _scores(tensor, importance_scores, name)
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        older = _method_of(module, name)
        if older is not None:
            container = PruningContainer(
                *(older if isinstance(older, PruningContainer) else [older])
            )
            container.add_pruning_method(method)
            method = container
        with no_grad():
            before = ones_like(tensor) if older is None else getattr(module, name + "_mask")
            mask = method.compute_mask(scores.detach(), default_mask=before.detach().clone())
        if older is None:
            del module._parameters[name]
            module.register_parameter(name + "_orig", tensor)
        else:
            _unhook(module, older)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Any = None
    ) -> Tensor:
        """`t` with zeros where this method puts them, without a module."""
        scores = _scores(t, importance_scores, "t")
        return t * self.compute_mask(
            scores, default_mask=ones_like(t) if default_mask is None else default_mask
        )

    def remove(self, module: Module) -> None:
        """Make the pruned values the parameter's own; the zeros stay, the mask goes."""
        name = self._tensor_name
        pruned = self.apply_mask(module)
        if name in module.__dict__:
            delattr(module, name)
        original: Any = module._parameters.pop(name + "_orig")
        original.data = pruned.detach()
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _scores(t: Tensor, given: Tensor | None, name: str) -> Tensor:
    if given is None:
        return t
    if given.shape != t.shape:
        raise AssertionError(
            f"importance_scores should have the same shape as parameter {name}, "
            f"got {given.shape} vs {t.shape}"
        )
    return given


def _method_of(module: Module, name: str | None = None) -> BasePruningMethod | None:
    """The hook that prunes `name`, or any tensor of the module."""
    for hook in module._forward_pre_hooks.values() if module._hook_registries else ():
        if isinstance(hook, BasePruningMethod) and name in (None, hook._tensor_name):
            return hook
    return None


def _unhook(module: Module, method: BasePruningMethod) -> None:
    for number in [n for n, h in module._forward_pre_hooks.items() if h is method]:
        del module._forward_pre_hooks[number]


class PruningContainer(BasePruningMethod):
    """Methods applied to one tensor in rounds, each to what the earlier ones left."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        for method in args:
            if not self._pruning_methods:
                self._tensor_name = method._tensor_name
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add a round; it must be for the same tensor."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method._tensor_name != self._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The last method's mask within what `default_mask` leaves."""
        method: Any = self._pruning_methods[-1]
        where = self._left(method, default_mask.array)
        part = method.compute_mask(
            make(t.array[where]), default_mask=make(default_mask.array[where])
        )
        mask = default_mask.array.astype(t.array.dtype)
        mask[where] = part.array
        return make(mask)

    @staticmethod
    def _left(method: Any, mask: np.ndarray) -> Any:
        """The index of what is not pruned yet, in the unit the method works in."""
        if method.PRUNING_TYPE == "unstructured":
            return mask == 1
        if method.PRUNING_TYPE == "global":
            return (slice(None),) * mask.ndim
        if method.PRUNING_TYPE != "structured":
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        if not hasattr(method, "dim"):
            raise AttributeError(
                'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` '
                "defined."
            )
        axis = canonical_axis(method.dim, mask.ndim)
        kept = np.moveaxis(mask, axis, 0).reshape(mask.shape[axis], -1).any(1)
        return (*(slice(None),) * axis, kept)


# -- the methods ----------------------------------------------------------------------------------


def _validate_pruning_amount_init(amount: Any) -> None:  # names that methods of users call
    if not isinstance(amount, Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if float(amount) < 0 or (not isinstance(amount, Integral) and float(amount) > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _validate_pruning_amount(amount: Any, tensor_size: int) -> None:
    if isinstance(amount, Integral) and int(amount) > tensor_size:
        raise ValueError(
            f"amount={amount} should be smaller than the number of parameters to prune="
            f"{tensor_size}"
        )


def _compute_nparams_toprune(amount: Any, tensor_size: int) -> int:
    """An integer is a number, a float the share, of `tensor_size`."""
    return int(amount) if isinstance(amount, Integral) else round(amount * tensor_size)


def _how_many(amount: Any, size: int) -> int:
    _validate_pruning_amount(amount, size)
    return _compute_nparams_toprune(amount, size)


def _without_lowest(scores: np.ndarray, count: int, mask: Tensor) -> Tensor:
    """`mask` with zeros at the `count` lowest scores."""
    out = mask.array.copy()
    out.reshape(-1)[np.argsort(scores, axis=None, kind="stable")[:count]] = 0
    return make(out)


def _without_slices(scores: np.ndarray, count: int, mask: Tensor, axis: int) -> Tensor:
    """`mask` with zeros in the `count` slices along `axis` of the lowest scores."""
    out = mask.array.copy()
    np.moveaxis(out, axis, 0)[np.argsort(scores, kind="stable")[:count]] = 0
    return make(out)


def _check_slices(t: Tensor, dim: int) -> int:
    if t.array.ndim <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.array.ndim} dims"
        )
    if dim >= t.array.ndim:
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")
    return canonical_axis(dim, t.array.ndim)


class Identity(BasePruningMethod):
    """Prunes nothing, with a mask of ones to fill later."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """`amount` entries (an integer: how many; a float: which share) drawn at random."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        _validate_pruning_amount_init(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _how_many(self.amount, t.array.size)
        return _without_lowest(numpy_generator().random(t.array.shape), count, default_mask)


class L1Unstructured(BasePruningMethod):
    """The `amount` entries of the smallest absolute value; of equal ones the first."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        _validate_pruning_amount_init(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _how_many(self.amount, t.array.size)
        return _without_lowest(np.abs(t.array), count, default_mask)


class RandomStructured(BasePruningMethod):
    """`amount` slices along `dim` drawn at random."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        _validate_pruning_amount_init(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        axis = _check_slices(t, self.dim)
        count = _how_many(self.amount, t.array.shape[axis])
        draws = numpy_generator().random((t.array.shape[axis],))
        return _without_slices(draws, count, default_mask, axis)


class LnStructured(BasePruningMethod):
    """The `amount` slices along `dim` of the smallest n-norm; n a number, or inf."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        _validate_pruning_amount_init(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        axis = _check_slices(t, self.dim)
        count = _how_many(self.amount, t.array.shape[axis])
        slices = np.moveaxis(t.array, axis, 0).reshape(t.array.shape[axis], -1)
        order = 2 if self.n == "fro" else float(self.n)
        norms = np.linalg.norm(slices, order, axis=1)
        return _without_slices(norms, count, default_mask, axis)


class CustomFromMask(BasePruningMethod):
    """What a given mask of the tensor's shape says."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match "
                f"self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# -- what users call; each returns the module -----------------------------------------------------


def identity(module: M, name: str) -> M:
    """A mask of ones on `module.<name>`."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: Any) -> M:
    """Prune `amount` entries (an integer: how many; a float: which share) drawn at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: Any, importance_scores: Any = None) -> M:
    """Prune the `amount` entries of the smallest absolute value (or of `importance_scores`)."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: Any, dim: int) -> M:
    """Prune `amount` slices along `dim` (0: whole output units) drawn at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> M:
    """Prune the `amount` slices along `dim` of the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune where `mask` is zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Sequence[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune entries of several tensors, given as pairs (module, name), as if they were one vector.

    So a layer of small weights loses more than others. TypeError for a structured method.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    parameters = list(parameters)
    given = {} if importance_scores is None else importance_scores
    if not isinstance(given, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    method: Any = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    tensors = [getattr(module, name) for module, name in parameters]
    masks = [
        getattr(module, name + "_mask", ones_like(t))
        for (module, name), t in zip(parameters, tensors, strict=True)
    ]
    method._tensor_name = "all"
    with no_grad():
        scores = [given.get(pair, t) for pair, t in zip(parameters, tensors, strict=True)]
        mask = PruningContainer(method).compute_mask(
            parameters_to_vector(scores), default_mask=parameters_to_vector(masks)
        )
    start = 0
    for (module, name), t in zip(parameters, tensors, strict=True):
        part = mask[start : start + t.numel()].view(t.shape)
        custom_from_mask(module, name, part)
        start += t.numel()


def remove(module: M, name: str) -> M:
    """Make the pruning of `module.<name>` permanent: an ordinary parameter again, with its zeros.

    ValueError if it is not pruned.
    """
    method = _method_of(module, name)
    if method is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    method.remove(module)
    _unhook(module, method)
    return module


def is_pruned(module: Module) -> bool:
    """Whether any tensor in `module` or below is pruned."""
    return any(_method_of(m) is not None for m in module.modules())
