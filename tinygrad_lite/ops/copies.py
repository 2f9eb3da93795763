"""What PyTorch calls `<view>_copy`: the view of that name, in memory of its own.

And the `unsafe_` forms of `chunk` and `split`, whose parts may be written in place where a graph is
recorded: each is a view by itself.
"""

from __future__ import annotations

from typing import Any

from ..core.doors import composed
from ..core.shapes import canonical_axis
from ..core.tensor import Tensor
from .arguments import require_tensor
from .axes import permute, t, transpose
from .conversion import contiguous_format
from .expanding import expand
from .parts import as_strided, diagonal, select, unfold
from .shaping import squeeze, unsqueeze, view
from .splitting import chunk, split, split_with_sizes, unbind
from .views import sliced


def _copied(name: str, see: Any) -> Any:
    def copy(input: Any, *args: Any, **named: Any) -> Any:
        require_tensor(name, input)
        seen = see(input, *args, **named)
        if isinstance(seen, Tensor):
            return seen.clone(memory_format=contiguous_format)
        return tuple([x.clone(memory_format=contiguous_format) for x in seen])

    copy.__name__ = copy.__qualname__ = name
    copy.__doc__ = f"`{name.removesuffix('_copy')}`, as a copy."
    return composed(method=False)(copy)


def _slice(input: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    if input.array.ndim == 0:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    axis = canonical_axis(dim, input.array.ndim)
    if step < 1:
        raise RuntimeError(f"slice step must be positive, got {step}")
    return sliced(input, index=(*[slice(None)] * axis, slice(start, end, step)))


alias_copy = _copied("alias_copy", lambda input: input)
as_strided_copy = _copied("as_strided_copy", as_strided)
detach_copy = _copied("detach_copy", lambda input: input.detach())
diagonal_copy = _copied("diagonal_copy", diagonal)
expand_copy = _copied("expand_copy", lambda input, size, *, implicit=False: expand(input, size))
permute_copy = _copied("permute_copy", permute)
select_copy = _copied("select_copy", select)
slice_copy = _copied("slice_copy", _slice)
split_copy = _copied("split_copy", split)
split_with_sizes_copy = _copied("split_with_sizes_copy", split_with_sizes)
squeeze_copy = _copied("squeeze_copy", squeeze)
t_copy = _copied("t_copy", t)
transpose_copy = _copied("transpose_copy", transpose)
unbind_copy = _copied("unbind_copy", unbind)
unfold_copy = _copied("unfold_copy", unfold)
unsqueeze_copy = _copied("unsqueeze_copy", unsqueeze)
view_copy = _copied("view_copy", view)


def _one_by_one(input: Tensor, parts: Any, dim: int) -> tuple[Any, ...]:
    """The parts that an op cut along `dim`, each by a slice of its own."""
    found, start = [], 0
    for part in parts:
        end = start + part.array.shape[dim]
        found.append(_slice(input, dim, start, end))
        start = end
    return tuple(found)


@composed()
def unsafe_chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """`chunk` into parts that may be written in place."""
    return _one_by_one(input, chunk(input, chunks, dim), dim)


@composed()
def unsafe_split(input: Any, split_size: int, dim: int = 0) -> Any:
    """`split` into parts that may be written in place."""
    return _one_by_one(input, split(input, split_size, dim), dim)


@composed()
def unsafe_split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> Any:
    """`split_with_sizes` into parts that may be written in place."""
    return _one_by_one(input, split_with_sizes(input, split_sizes, dim), dim)
