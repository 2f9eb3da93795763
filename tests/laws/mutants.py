"""Rules made wrong on purpose: by a factor, a sign, a lost term, swapped operands."""

from __future__ import annotations

import ast
import copy
import functools
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_lite.core.primitive import Primitive
from tinygrad_lite.core.tensor import Tensor

Rule = Callable[..., Any]


def _without_first(d: Any) -> Any:
    """The gradient with its first nonzero element lost."""
    if isinstance(d, Tensor):
        return d
    d = np.array(d)
    nonzero = np.flatnonzero(d)
    if nonzero.size:
        d.reshape(-1)[nonzero[0]] = 0
    return d


OUTSIDE: dict[str, Callable[[Any], Any]] = {
    "times 1.001": lambda d: d * 1.001,
    "sign flipped": lambda d: -d,
    "zeroed": lambda d: d * 0,
    "an element lost": _without_first,
}


def wrong_rules(op: Primitive) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(what is wrong, a context in which `op` is wrong so) for every rule of `op`."""
    for i, rule in enumerate(op.rules):
        if rule is None:
            continue
        joint = op.joint or op.variadic
        places = range(op.arity if op.joint else 2) if joint else (None,)
        for what, change in OUTSIDE.items():
            for place in places:
                wrong = _changed(rule, change, place)
                towards = i if place is None else place
                yield f"rule {towards}: {what}", functools.partial(swapped_in, op, i, wrong)
        for what, wrong in edited(rule):
            yield f"rule {i}: {what}", functools.partial(swapped_in, op, i, wrong)


def _changed(rule: Rule, change: Callable[[Any], Any], place: int | None) -> Rule:
    def wrong(*args: Any) -> Any:
        found = rule(*args)
        if place is None:
            return change(found)
        return tuple(change(d) if k == place and d is not None else d for k, d in enumerate(found))

    return wrong


@contextmanager
def swapped_in(op: Primitive, i: int, wrong: Rule) -> Iterator[None]:
    """`op` with rule number i replaced."""
    rules, calls = op.rules, op.calls
    op.rules = (*rules[:i], wrong, *rules[i + 1 :])
    op.calls = (*calls[:i], (wrong, *calls[i][1:]), *calls[i + 1 :])
    try:
        yield
    finally:
        op.rules, op.calls = rules, calls


# -- edits of the source -------------------------------------------------------------------------


def edited(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule with one term dropped, or the operands of one operator swapped, for each."""
    tree = _source_of(rule)
    if tree is None:
        return
    places = [n for n in ast.walk(tree) if isinstance(n, ast.BinOp)]
    for k, place in enumerate(places):
        written = ast.unparse(place)
        edits: list[tuple[str, Callable[[ast.BinOp], ast.expr]]] = []
        if isinstance(place.op, (ast.Add, ast.Sub)):
            edits += [
                (f"only the left term of {written}", lambda n: n.left),
                (
                    f"only the right term of {written}",
                    lambda n: (
                        n.right if isinstance(n.op, ast.Add) else ast.UnaryOp(ast.USub(), n.right)
                    ),
                ),
            ]
        if isinstance(place.op, (ast.Sub, ast.Div, ast.Pow)):
            edits.append((f"swapped {written}", lambda n: ast.BinOp(n.right, n.op, n.left)))
        if isinstance(place.op, ast.Mult):
            edits += [
                (f"only the left factor of {written}", lambda n: n.left),
                (f"only the right factor of {written}", lambda n: n.right),
            ]
        for what, edit in edits:
            changed = copy.deepcopy(tree)
            target = [n for n in ast.walk(changed) if isinstance(n, ast.BinOp)][k]
            yield what, _compiled(_Replace(target, edit(target)).visit(changed), rule)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, by: ast.AST) -> None:
        self.target, self.by = target, by

    def visit(self, node: ast.AST) -> Any:
        return self.by if node is self.target else self.generic_visit(node)


@functools.cache
def _module(path: str) -> ast.Module:
    with open(path, encoding="utf-8") as file:
        return ast.parse(file.read())


def _source_of(rule: Rule) -> ast.Lambda | ast.FunctionDef | None:
    """The syntax of a rule; None if it is made by a closure or not found for certain."""
    code = getattr(rule, "__code__", None)
    if code is None or code.co_freevars or hasattr(rule, "__wrapped__"):
        return None
    names = code.co_varnames[: code.co_argcount]
    found = [
        n
        for n in ast.walk(_module(code.co_filename))
        if isinstance(n, (ast.Lambda, ast.FunctionDef))
        and n.lineno == code.co_firstlineno
        and tuple(a.arg for a in n.args.args) == names
        and (isinstance(n, ast.Lambda) or n.name == code.co_name)
    ]
    return found[0] if len(found) == 1 else None


def _compiled(tree: ast.Lambda | ast.FunctionDef, rule: Rule) -> Rule:
    statement: ast.stmt
    if isinstance(tree, ast.Lambda):
        statement = ast.Assign([ast.Name("mutant", ast.Store())], tree)
    else:
        tree.decorator_list, tree.name = [], "mutant"
        tree.returns = None
        statement = tree
    module = ast.fix_missing_locations(ast.Module([statement], []))
    code = compile(module, "<mutant>", "exec")
    space = dict(rule.__globals__)
    exec(code, space)
    made = space["mutant"]
    return types.FunctionType(made.__code__, rule.__globals__, "mutant", rule.__defaults__)
