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
    listed = [package, *(importlib.import_module(info.name) for info in found)]
    sys.modules["tinygrad_lite.machine.overrides"].end()  # importing it exchanged functions
    return listed


_FIELDS = "__annotations__"


def faces() -> set[object]:
    """What users reach by a public name: the attributes of modules without an underscore."""
    public = [m for m in modules() if "._" not in m.__name__ and hasattr(m, "__path__")]
    return {id(t) for m in public for n, t in vars(m).items() if not n.startswith("_")}


def undocumented(module: ModuleType, public: set[object]) -> list[str]:
    """Functions and classes of this module without a docstring; of public classes, methods too.

    A method that overrides a documented one inherits its docstring (`forward`, `step`), and a
    property may stand for a field that a base class names.
    """
    package = hasattr(module, "__path__")  # may only say where things are
    bare = [] if module.__doc__ or package else [module.__name__]
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        where = f"{module.__name__}.{name}"
        if not inspect.getdoc(thing):
            bare.append(where)
        if not inspect.isclass(thing) or id(thing) not in public:
            continue
        fields = {field for base in thing.__mro__[1:] for field in vars(base).get(_FIELDS, ())}
        for attribute, member in vars(thing).items():
            if attribute in fields or getattr(member, "__name__", "") == "<lambda>":
                continue
            method = inspect.isfunction(member) or isinstance(
                member, (property, classmethod, staticmethod)
            )
            if method and attribute[0] != "_" and not inspect.getdoc(getattr(thing, attribute)):
                bare.append(f"{where}.{attribute}")
    return bare


def test_what_is_public_has_docstrings() -> None:
    public = faces()
    assert not [name for module in modules() for name in undocumented(module, public)]
