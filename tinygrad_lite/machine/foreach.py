"""`torch._foreach_<op>`: an op for each tensor of a list, as optimizers of others are written.

    _foreach_add_(params, updates, alpha=-lr)      for p, u: p.add_(u, alpha=-lr)

Tensors, lists of tensors and lists of numbers may follow the first list, as for the op itself. Here
each is a plain call; the optimizers of this package update all parameters in one pass instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..core.tensor import Tensor, device
from ..linalg import vector_norm

_LAST_IS_VALUE = frozenset({"addcmul", "addcdiv"})
_ALSO = {
    "maximum": "clamp_min",  # which takes numbers as well as tensors, and has a form in place
    "maximum_": "clamp_min_",
    "minimum": "clamp_max",
    "minimum_": "clamp_max_",
}


def named(name: str) -> Callable[..., Any]:
    """The function `_foreach_<op>`; AttributeError if Tensors have no such op."""
    op = name.removeprefix("_foreach_")
    if not hasattr(Tensor, _ALSO.get(op, op)):
        raise AttributeError(f"there is no {name}: Tensors have no method {op!r}")
    call = functools.partial(_each, op)
    call.__name__ = name  # type: ignore[attr-defined]
    return call


def _each(op: str, tensors: Any, /, *args: Any, **options: Any) -> Sequence[Any]:
    if op == "norm":
        return _norms(tensors, *args, **options)
    function = getattr(Tensor, _ALSO.get(op, op))
    if not isinstance(tensors, (list, tuple)):  # a number to the power of each
        return tuple([tensors**x for x in args[0]])
    count = len(tensors)
    if not count:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for a in args:
        if isinstance(a, (list, tuple)) and len(a) != count:
            raise RuntimeError(
                f"Tensor lists must have the same number of tensors, got {count} and {len(a)} "
                f"(_foreach_{op})"
            )
    columns = [a if isinstance(a, (list, tuple)) else _alike(a, count) for a in args]
    values: list[Any] = [{}] * count
    if op.rstrip("_") in _LAST_IS_VALUE and len(columns) == 3:
        values = [{"value": _number(v)} for v in columns.pop()]
    found = [
        function(x, *rest, **value, **options)
        for x, value, *rest in zip(tensors, values, *columns, strict=True)
    ]
    return tensors if op.endswith("_") else tuple(found)


def _alike(a: Any, count: int) -> list[Any]:
    """`a` for each tensor; the elements of a vector one by one, as numbers."""
    if isinstance(a, Tensor) and a.array.ndim == 1 and a.array.size == count:
        return a.tolist()
    return [a] * count


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def _norms(tensors: Sequence[Tensor], ord: Any = 2, dtype: Any = None) -> tuple[Any, ...]:
    return tuple([vector_norm(x, ord, dtype=dtype) for x in tensors])


# -- torch.utils._foreach_utils --------------------------------------------------------------------


def _get_foreach_kernels_supported_devices() -> list[str]:
    return []


def _get_fused_kernels_supported_devices() -> list[str]:
    return ["cpu"]


def _device_has_foreach_support(device: device) -> bool:
    return False


def _has_foreach_support(tensors: Sequence[Tensor], device: device) -> bool:
    return False


def _group_tensors_by_device_and_dtype(
    tensorlistlist: Sequence[Sequence[Tensor | None]], with_indices: bool = False
) -> dict[tuple[Any, Any], tuple[list[list[Any]], list[int]]]:
    """Lists of tensors that belong together, sorted by device and dtype of the first list's."""
    groups: dict[tuple[Any, Any], tuple[list[list[Any]], list[int]]] = {}
    for i, row in enumerate(zip(*tensorlistlist, strict=True)):
        first = row[0]
        assert first is not None, "the first list is that of the parameters"
        lists, indices = groups.setdefault(
            (first.device, first.dtype), ([[] for _ in tensorlistlist], [])
        )
        for column, x in zip(lists, row, strict=True):
            column.append(x)
        if with_indices:
            indices.append(i)
    return groups
