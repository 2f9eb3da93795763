"""einsum: every equation as sums, diagonals and matrix products of two operands at a time.

    "bik,bkj->bij"   batch b, rows i, inner k, columns j:   (b, i, k) @ (b, k, j)

An operand first loses what concerns it alone: a letter that occurs in it twice is a diagonal, one
that occurs nowhere else is summed, an axis of size 1 under a larger letter is dropped. Two operands
are then contracted as one batched matrix product. More than two are contracted pairwise along the
path that `numpy.einsum_path` finds. Built of primitives, it has derivatives of every order.
"""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.doors import composed
from ..core.tensor import Tensor
from .axes import movedim
from .matrix import matmul
from .parts import diagonal
from .reduction import total
from .views import permuted, reshaped

_LETTERS = string.ascii_uppercase + string.ascii_lowercase


@composed(method=False)
def einsum(equation: Any = "", *operands: Any) -> Any:
    """Products of operands summed over all letters that the output does not name.

    `equation` is a string such as "bik,bkj->bij" (letters, at most one "..." for each operand and
    the output; without "->" the output has the letters that occur once, in alphabetical order), or
    operands and lists of axis numbers take turns: einsum(x, [0, 1], y, [1, 2], [0, 2]).
    """
    if not isinstance(equation, str):
        equation, operands = _from_lists((equation, *operands))
    elif len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    for x in operands:
        if not isinstance(x, Tensor):
            raise TypeError(
                f"einsum(): operands must be Tensors, not {type(x).__name__} (after the equation)"
            )
    inputs, output = _parse(equation, tuple([x.array.ndim for x in operands]))
    sizes = _sizes(inputs, operands)
    pairs = [_alone(x, letters, sizes) for x, letters in zip(operands, inputs, strict=True)]
    for step in _path(pairs, output, sizes):
        a, b = [pairs[i] for i in sorted(step)]
        pairs = [p for i, p in enumerate(pairs) if i not in step]
        needed = set(output).union(*[letters for _, letters in pairs])
        pairs.append(_contract(a, b, needed))
    x, letters = _summed(*pairs[0], set(output))
    order = tuple([letters.index(c) for c in output])
    return permuted(x, axes=order) if order != tuple(range(len(order))) else x


Operand = tuple[Tensor, list[str]]


def _from_lists(args: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """The equation and operands of the form einsum(x, [0, 1], y, [1, 2], [0, 2])."""
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )

    def letters(axes: Any) -> str:
        return "".join(["..." if a is Ellipsis else _LETTERS[int(a)] for a in axes])

    operands = tuple(args[0 : len(args) // 2 * 2 : 2])
    left = ",".join([letters(args[i]) for i in range(1, len(args) // 2 * 2, 2)])
    return (left + "->" + letters(args[-1]) if len(args) % 2 else left), operands


@functools.lru_cache(1024)
def _parse(equation: str, ranks: tuple[int, ...]) -> tuple[list[list[str]], list[str]]:
    """The letters of every operand and of the output; the axes of "..." are named 0, 1, ..."""
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        more = "fewer" if len(terms) > len(ranks) else "more"
        raise RuntimeError(
            f"einsum(): {more} operands were provided than specified in the equation "
            f"({len(ranks)} operands for '{equation}')"
        )
    for i, c in enumerate(left.replace("...", "").replace(",", "")):
        if c not in _LETTERS:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {i} in the equation string, "
                "subscripts must be in [a-zA-Z]"
            )
    hidden = 0
    for i, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        named = len(term.replace("...", ""))
        if term.count("...") > 1:
            raise RuntimeError(
                f"einsum(): found '.' for operand {i} for which an ellipsis was already found"
            )
        if named > rank or (named < rank and "..." not in term):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) "
                f"{'is more than' if named > rank else 'does not match'} the number of dimensions "
                f"({rank}) for operand {i}" + ("" if named > rank else " and no ellipsis was given")
            )
        if "..." in term:
            hidden = max(hidden, rank - named)

    def spelled(term: str, count: int) -> list[str]:
        before, dots, after = term.partition("...")
        middle = [str(k) for k in range(hidden - count, hidden)] if dots else []
        return [*before, *middle, *after]

    inputs = [
        spelled(term, rank - len(term.replace("...", "")))
        for term, rank in zip(terms, ranks, strict=True)
    ]
    if arrow:
        output = spelled(right, hidden)
        known = {c for letters in inputs for c in letters}
        for c in output:
            if output.count(c) > 1:
                raise RuntimeError(
                    f"einsum(): output subscript {c} appears more than once in the output"
                )
            if c not in known:
                raise RuntimeError(
                    f"einsum(): output subscript {c} does not appear in the equation for any "
                    "input operand"
                )
    else:
        everything = [c for letters in inputs for c in letters]
        once = sorted({c for c in everything if everything.count(c) == 1 and not c.isdigit()})
        output = [str(k) for k in range(hidden)] + once
    return inputs, output


def _sizes(inputs: list[list[str]], operands: Sequence[Tensor]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for i, (letters, x) in enumerate(zip(inputs, operands, strict=True)):
        for axis, (c, n) in enumerate(zip(letters, x.array.shape, strict=True)):
            have = sizes.get(c, 1)
            if have != 1 and n not in (1, have):
                if letters.index(c) != axis:
                    raise RuntimeError(
                        f"einsum(): subscript {c} is repeated for operand {i} but the sizes don't "
                        f"match, {n} != {have}"
                    )
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {i} which does not "
                    f"broadcast with previously seen size {have}"
                )
            sizes[c] = max(have, n) if n else 0
    return sizes


def _alone(x: Tensor, letters: list[str], sizes: dict[str, int]) -> Operand:
    """x with repeated letters as diagonals and without axes that are only broadcast."""
    letters = list(letters)
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            i = letters.index(c)
            j = letters.index(c, i + 1)
            x = diagonal(x, 0, i, j)
            x = movedim(x, -1, i)
            letters.pop(j)
    kept = [i for i, c in enumerate(letters) if x.array.shape[i] != 1 or sizes[c] == 1]
    if len(kept) != len(letters):
        x = reshaped(x, shape=tuple([x.array.shape[i] for i in kept]))
        letters = [letters[i] for i in kept]
    return x, letters


def _path(pairs: list[Operand], output: list[str], sizes: dict[str, int]) -> list[Any]:
    """Which operands to contract, step by step."""
    if len(pairs) <= 2:
        return [tuple(range(len(pairs)))] if len(pairs) == 2 else []
    names = {c: _LETTERS[i] for i, c in enumerate(sizes)}
    terms = ["".join(names[c] for c in letters) for _, letters in pairs]
    present = set("".join(terms))
    equation = ",".join(terms) + "->" + "".join(names[c] for c in output if names[c] in present)
    shapes = [np.broadcast_to(np.float32(0), x.array.shape) for x, _ in pairs]
    how = "optimal" if len(pairs) <= 5 else "greedy"
    return _two_at_a_time(np.einsum_path(equation, *shapes, optimize=(how, 10**18))[0][1:])


def _two_at_a_time(steps: Sequence[Sequence[int]]) -> list[Any]:
    """Steps of more than two operands (or of one) as steps of two: the result always comes last."""
    found: list[Any] = []
    for step in steps:
        places = sorted(step)
        count = len(places)
        if count < 2:
            continue
        # all of them at once leaves only them: contracting the last two repeatedly is the same
        while count > 2:
            found.append((places[-2], places[-1]))
            places = [*places[:-2], places[-2]]
            count -= 1
        found.append(tuple(places))
    return found


def _summed(x: Tensor, letters: list[str], needed: set[str]) -> Operand:
    """x summed over the letters that nobody needs."""
    axes = tuple([i for i, c in enumerate(letters) if c not in needed])
    if axes:
        x = total(x, axes=axes)
    return x, [c for c in letters if c in needed]


def _contract(a: Operand, b: Operand, needed: set[str]) -> Operand:
    """Two operands as one batched matrix product."""
    x, of_x = _summed(*a, needed.union(b[1]))
    y, of_y = _summed(*b, needed.union(of_x))
    batch = [c for c in of_x if c in of_y and c in needed]
    inside = [c for c in of_x if c in of_y and c not in needed]
    rows = [c for c in of_x if c not in of_y]
    columns = [c for c in of_y if c not in of_x]
    size = dict(zip([*of_x, *of_y], [*x.array.shape, *y.array.shape], strict=True))
    if not inside:  # nothing is summed: an elementwise product
        out = batch + rows + columns
        return _spread(x, of_x, out) * _spread(y, of_y, out), out
    x = _ordered(x, of_x, batch + rows + inside)
    y = _ordered(y, of_y, batch + inside + columns)
    lead = [size[c] for c in batch]
    n, k, m = (math.prod(size[c] for c in group) for group in (rows, inside, columns))
    z = matmul(reshaped(x, shape=(*lead, n, k)), reshaped(y, shape=(*lead, k, m)))
    shape = (*lead, *[size[c] for c in rows], *[size[c] for c in columns])
    return reshaped(z, shape=shape), batch + rows + columns


def _ordered(x: Tensor, letters: list[str], order: list[str]) -> Tensor:
    axes = tuple([letters.index(c) for c in order])
    return permuted(x, axes=axes) if axes != tuple(range(len(axes))) else x


def _spread(x: Tensor, letters: list[str], out: list[str]) -> Tensor:
    """x with its axes in the order of `out`, of size 1 where it has no such letter."""
    x = _ordered(x, letters, [c for c in out if c in letters])
    sizes = iter(x.array.shape)
    return reshaped(x, shape=tuple([next(sizes) if c in letters else 1 for c in out]))
