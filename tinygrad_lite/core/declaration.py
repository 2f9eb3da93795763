"""What is read off an op's declaration once, so that no call has to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

Rule = Callable[..., Any]


def parameters(function: Any) -> tuple[tuple[str, ...], bool, dict[str, Any]]:
    """Names of the positional parameters, whether they are one *name, and the keyword-only ones.

    Read off the code object: `inspect.signature` would be half of this package's import time.
    """
    function = inspect.unwrap(function)
    if not inspect.isfunction(function):  # a callable object: a numba dispatcher, a partial, ...
        given = list(inspect.signature(function).parameters.values())
        keywords = {p.name: p.default for p in given if p.kind is p.KEYWORD_ONLY}
        names = tuple([p.name for p in given if p.kind is not p.KEYWORD_ONLY])
        return names, any(p.kind is p.VAR_POSITIONAL for p in given), keywords
    code = function.__code__
    names = code.co_varnames
    last = code.co_argcount + code.co_kwonlyargcount
    variadic = bool(code.co_flags & inspect.CO_VARARGS)
    positional = names[: code.co_argcount] + (names[last : last + 1] if variadic else ())
    defaults = function.__kwdefaults__ or {}
    return positional, variadic, {n: defaults.get(n) for n in names[code.co_argcount : last]}


def asks(rule: Rule | None) -> tuple[str, ...]:
    """The names that a rule asks for, after `g`."""
    return () if rule is None else parameters(rule)[0][1:]


class Recipe:
    """How a node's `saved` is filled, given which inputs want a gradient.

    Its entries are picked from what is `known`: None, out, residual, need, the arrays (of a
    variadic op in one tuple), then the metadata and the facts about arrays that rules ask for.
    """

    __slots__ = ("each", "facts", "metadata", "need", "pick")

    def __init__(self, op: Any, wanted: tuple[bool, ...]) -> None:
        self.need = wanted
        self.each = op.variadic
        kept = [name for name, keep in zip(op.layout, op.plan(wanted)) if keep]
        place = {"out": 1, "residual": 2, "need": 3} | {n: 4 + i for i, n in enumerate(op.inputs)}
        first = 4 + len(op.inputs)
        self.metadata = [(name, op.meta[name]) for name in kept if name in op.meta]
        place |= {name: first + i for i, (name, _) in enumerate(self.metadata)}
        others = [name for name in kept if name not in place]
        self.facts = [
            (place[subject], fact) for subject, fact in [name.rsplit("_", 1) for name in others]
        ]
        place |= {name: first + len(self.metadata) + i for i, name in enumerate(others)}
        places = [place[name] if name in kept else 0 for name in op.layout]
        self.pick: Callable[[Sequence[Any]], tuple[Any, ...]] = itemgetter(*places)

    def saved(
        self, arrays: Sequence[Any], meta: dict[str, Any], out: Any, residual: Any
    ) -> tuple[Any, ...]:
        """What the node keeps, in the order of the op's `layout`."""
        each = self.each
        known = [None, out, residual, self.need]
        if each:
            known.append(tuple(arrays))
        else:
            known += arrays
        for name, default in self.metadata:
            known.append(meta.get(name, default))
        for k, fact in self.facts:
            a = known[k]
            known.append(
                tuple([getattr(b, fact, None) for b in arrays])
                if each and k == 4
                else getattr(a, fact, None)
            )
        return self.pick(known)
