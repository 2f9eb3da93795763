"""`torch.ops.aten`: the public functions under the names of PyTorch's inner ops.

`ops.aten.add(x, y)`, and `ops.aten.add.Tensor(x, y)` for one of its overloads: here all overloads
of a name are one function, which looks at its arguments itself.
"""

from __future__ import annotations

import importlib
import keyword
from typing import Any

from ..core.tensor import Tensor
from ..ops.conversion import to
from ..ops.like import empty_like
from ..ops.overwriting import copy_
from .absent import _DENSE, _absent

_PLACES = ("", ".nn.functional", ".linalg", ".special", ".fft")


def _to_copy(input: Tensor, **options: Any) -> Tensor:
    """`to` that always copies."""
    found = to(input, **options)
    return copy_(empty_like(found), found) if found is input else found


def _slice(input: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """A part of one axis."""
    place: list[Any] = [slice(None)] * input.ndim
    place[dim] = slice(start, end, step)
    return input[tuple(place)]


def _index(input: Tensor, indices: Any) -> Any:
    """`input[indices]`; None takes a whole axis."""
    return input[tuple(slice(None) if i is None else i for i in indices)]


#: what has no public function, or one with other arguments
_OWN = {
    "_to_copy": _to_copy,
    "_pin_memory": lambda input, device=None: input.pin_memory(),
    "_sparse_addmm": _absent("ops.aten._sparse_addmm", _DENSE),
    "_sparse_mm_reduce_impl": _absent("ops.aten._sparse_mm_reduce_impl", _DENSE),
    "alias": lambda input: input.view(input.shape),
    "index": _index,
    "slice": _slice,
    "sym_size": lambda input, dim: input.shape[dim],
    "sym_numel": lambda input: input.numel(),
}


class Op:
    """One op, or one of its overloads, by name; call it."""

    def __init__(self, name: str, function: Any, packet: Op | None = None) -> None:
        self.__name__ = name
        self._function = function
        self._overloads: dict[str, Op] = {}
        self.overloadpacket = packet

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __getattr__(self, name: str) -> Op:
        if name.startswith("_") or self.overloadpacket is not None:
            raise AttributeError(f"'{self!r}' has no attribute {name!r}")
        if name not in self._overloads:
            self._overloads[name] = Op(f"{self.__name__}.{name}", self._function, self)
        return self._overloads[name]

    def name(self) -> str:
        """As PyTorch's schemas write it."""
        return f"aten::{self.__name__}"

    def __str__(self) -> str:
        return f"aten.{self.__name__}"

    def __repr__(self) -> str:
        op, _, overload = self.__name__.partition(".")
        if self.overloadpacket is None:
            return f"<OpOverloadPacket(op='aten.{op}')>"
        return f"<OpOverload(op='aten.{op}', overload='{overload}')>"


class Namespace:
    """Ops by attribute. AttributeError if there is no public function of the name."""

    def __getattr__(self, name: str) -> Op:
        package = __package__.partition(".")[0]
        rooms = (importlib.import_module(package + place) for place in _PLACES)
        places = (vars(Tensor).get(name), *(getattr(room, name, None) for room in rooms))
        function = _OWN.get(name) or next((f for f in places[1:] if callable(f)), places[0])
        if name.startswith("__") or keyword.iskeyword(name) or not callable(function):
            raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute {name!r}")
        found = self.__dict__[name] = Op(name, function)
        return found


aten = Namespace()
