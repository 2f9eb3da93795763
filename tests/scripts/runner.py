"""Run a PyTorch script unchanged, with tinygrad_lite under the name torch.

    python -m tests.scripts.runner tests/scripts/vae.py

While `torch_is_tinygrad_lite` holds, `import torch` and everything below it (`torch.nn`,
`torch.utils.data`, `from torch import optim`) finds the rooms of tinygrad_lite; a room that
tinygrad_lite does not have is a ModuleNotFoundError, never PyTorch's. Afterwards `sys.modules` is
as it was.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parent


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds torch.a.b as tinygrad_lite.a.b, be that a module or an attribute."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] != "torch":
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        # importlib hands out what stands in sys.modules after this
        sys.modules[module.__name__] = self.room(module.__name__)

    @staticmethod
    def room(fullname: str) -> Any:
        ours = "tinygrad_lite" + fullname.removeprefix("torch")
        try:
            return importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name is None or not ours.startswith(error.name):
                raise
        room: Any = importlib.import_module("tinygrad_lite")
        for part in ours.split(".")[1:]:
            room = getattr(room, part, None)
        if room is None:
            raise ModuleNotFoundError(f"tinygrad_lite has no {fullname}", name=fullname)
        return room


@contextlib.contextmanager
def torch_is_tinygrad_lite() -> Iterator[None]:
    """`import torch` imports tinygrad_lite."""

    def ours() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] == "torch"]

    kept = {name: sys.modules.pop(name) for name in ours()}
    importlib.import_module("tinygrad_lite")
    for name in [name for name in sys.modules if name.partition(".")[0] == "tinygrad_lite"]:
        sys.modules["torch" + name.removeprefix("tinygrad_lite")] = sys.modules[name]
    finder = _Alias()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in ours():
            del sys.modules[name]
        sys.modules.update(kept)


def load(path: Path, name: str) -> ModuleType:
    """The script as a module of that name, under whatever torch is now."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str]) -> None:
    """Run the script that the first argument names, as a program with the other arguments."""
    sys.argv = arguments
    with torch_is_tinygrad_lite():
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
