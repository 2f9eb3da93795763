"""The order of the package, in one place: who may import whom.

A file imports only from rooms of lower layers, from its own room, and, in `core`, only from the
files listed before it. The rooms of one layer do not import each other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tinygrad_lite"

# Rooms (folders, or single files) by layer. A new room is one line here.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("version", "kernels"),
    ("core",),
    ("ops",),
    (
        "autograd",
        "testing",
        "viz",
        "compile",
        "serialization",
        "fft",
        "linalg",
        "masked",
        "signal",
        "special",
        "warmup",
    ),
    ("nn", "optim", "utils", "distributions", "func", "machine"),
    ("training", "aten"),
)

# Within core the order of reading is the order of imports: each file may use those before it.
CORE: tuple[str, ...] = (
    "dtypes",  # what an element is
    "shapes",  # axes and broadcasting
    "modes",  # no_grad and company
    "samples",  # what a valid input looks like
    "printing",
    "determinism",  # memory nobody has written
    "strided",  # views as geometry
    "node",  # the tape
    "device",  # how large a Tensor is, and where it lives
    "tensor",  # an array plus a node
    "values",  # what Python and NumPy see of it
    "pickling",  # copies
    "random",  # generators
    "saved",  # what nodes keep, looked at
    "declaration",  # what is read off an op's declaration
    "rules",  # kernels of derivative rules
    "primitive",  # an op is one declaration
    "ordinary",  # the ordinary call of any op
    "inplace",  # writes that the graph sees
    "doors",  # the short ways through
    "trees",  # nests of Tensors
    "chain",  # the ops that the chain rule itself needs
    "hooks",  # what users hang on the tape
    "engine",  # backprop
    "fused",  # kernels with a meaning
)


class Import(NamedTuple):
    """One import statement: of which absolute module (with the name taken from it), and where."""

    target: str
    line: int
    at_top: bool  # runs when the module is imported
    for_types: bool  # stands under `if TYPE_CHECKING`: never runs


def files(folder: Path = PACKAGE) -> list[Path]:
    """All Python files below `folder`."""
    return sorted(folder.rglob("*.py"))


def module_name(path: Path) -> str:
    """tinygrad_lite/nn/linear.py -> tinygrad_lite.nn.linear; a package is named by its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str | None:
    """The room of a module: `nn` for tinygrad_lite.nn.linear; None for the public face."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def layer(name: str) -> int:
    """The layer of a room; KeyError if `LAYERS` does not list it."""
    for depth, rooms in enumerate(LAYERS):
        if name in rooms:
            return depth
    raise KeyError(f"room {name!r} stands in no layer: add it to tests/architecture/layers.py")


def _exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def imports(path: Path) -> Iterator[Import]:
    """Every import in the file, also inside functions and under TYPE_CHECKING.

    `from .core import tensor` names the module tensor, `from .core.tensor import Tensor` the module
    core.tensor: whatever is the deepest module.
    """
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(), str(path))
    for_types = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        how = id(node) not in inside, id(node) in for_types
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, *how)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                start = ".".join(parents[: len(parents) - node.level + 1])
                base = f"{start}.{base}" if base else start
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                inner = base.startswith("tinygrad_lite") and _exists(deeper)
                yield Import(deeper if inner else base, node.lineno, *how)
