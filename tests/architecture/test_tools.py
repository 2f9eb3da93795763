"""ruff and mypy are clean, where they are installed, and what is public is documented."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

from tests.architecture.layers import ROOT


def run(*command: str) -> None:
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_is_clean() -> None:
    run("ruff", "check", ".")


def test_formatting() -> None:
    run("ruff", "format", "--check", ".")


def test_mypy_is_clean() -> None:
    run("mypy")


def modules() -> list[ModuleType]:
    package = importlib.import_module("tinygrad_lite")
    found = pkgutil.walk_packages(package.__path__, "tinygrad_lite.")
    return [package, *(importlib.import_module(info.name) for info in found)]


def undocumented(module: ModuleType) -> list[str]:
    """Public functions, classes and methods of this module without a docstring.

    A method that overrides a documented one inherits its docstring (`forward`, `step`).
    """
    bare = [] if module.__doc__ else [module.__name__]
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        where = f"{module.__name__}.{name}"
        if not inspect.getdoc(thing):
            bare.append(where)
        if not inspect.isclass(thing):
            continue
        for attribute, member in vars(thing).items():
            public = not attribute.startswith("_") and attribute != "_"
            callable_ = inspect.isfunction(member) or isinstance(
                member, (property, classmethod, staticmethod)
            )
            if public and callable_ and not inspect.getdoc(getattr(thing, attribute)):
                bare.append(f"{where}.{attribute}")
    return bare


def test_public_functions_have_docstrings() -> None:
    # Room packages that only re-export (an empty __init__.py is fine) need no docstring of their
    # own; every other module says in its first line what it is.
    bare = [name for module in modules() for name in undocumented(module)]
    empty = {m.__name__ for m in modules() if hasattr(m, "__path__") and not m.__doc__}
    assert not [name for name in bare if name not in empty]
