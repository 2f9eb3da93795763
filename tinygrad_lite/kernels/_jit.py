"""numba on demand: `import tinygrad_lite` never loads it, the first kernel call does.

    @jit
    def scale(x, a): ...          # called from other kernels of the same file, or from Python

    @jit(parallel=True)
    def scale_all(x, a): ...      # may use prange and call `scale`

A `Kernel` compiles at its first call, lazily by the dtypes of its arguments, and always with
`cache=True`. numba's cache looks only at the file a function stands in; the name under which a
kernel is cached therefore carries a digest of every other file whose kernels it calls. With
TINYGRAD_LITE_NUMBA=0, or without numba, `enabled()` is False: callers then take their NumPy path;
a Kernel that is called all the same runs as plain Python.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from typing import Any

__all__ = ["Kernel", "Late", "enabled", "jit", "loaded", "prange", "threads"]

prange = range
"""Stands for numba's `prange` inside kernels; plain `range` when a kernel runs without numba."""


@functools.cache
def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None


def enabled() -> bool:
    """Whether kernels may be compiled: numba is installed and TINYGRAD_LITE_NUMBA is not 0."""
    return os.environ.get("TINYGRAD_LITE_NUMBA", "1") != "0" and _installed()


def loaded() -> bool:
    """Whether numba has been imported already, so that one more kernel costs little."""
    return "numba" in sys.modules and enabled()


def threads() -> int:
    """How many threads a parallel kernel runs on (1 without numba)."""
    if not enabled():
        return 1
    import numba

    return numba.get_num_threads()


class Late:
    """A name kernels use whose value needs numba: an intrinsic, `numba.carray`. Made on demand.

    Outside compiled code the name means `python`, if that was given.
    """

    def __init__(self, make: Callable[[], Any], python: Callable[..., Any] | None = None) -> None:
        self._make = make
        self._python = python

    @functools.cached_property
    def compiled(self) -> Any:
        """The value."""
        return self._make()

    def __call__(self, *args: Any) -> Any:
        if self._python is None:
            raise RuntimeError("this name has a meaning only inside a compiled kernel")
        return self._python(*args)


class Kernel:
    """A Python function that becomes machine code when it is first called.

    `function` is the plain Python; `compiled` is numba's dispatcher, made on demand; `serial` is
    the same kernel compiled for one thread.
    """

    def __init__(
        self, function: Callable[..., Any], options: dict[str, Any], suffix: str = ""
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.options = options
        self.suffix = suffix

    @functools.cached_property
    def serial(self) -> Kernel:
        """This kernel without threads: for sizes at which waking them costs more than it saves."""
        # numba's cache does not look at the options, only at the qualified name: hence the suffix.
        options = {**self.options, "parallel": False}
        return Kernel(self.function, options, self.suffix + "_serial")

    @functools.cached_property
    def compiled(self) -> Any:
        """numba's dispatcher."""
        import numba

        # Kernels named in the code are replaced by their dispatchers, which numba knows how to
        # call; the module's own globals stay as they are.
        function = self.function
        scope = dict(function.__globals__)
        for name in function.__code__.co_names:
            value = scope.get(name)
            if isinstance(value, (Kernel, Late)):
                scope[name] = value.compiled
            elif value is range:
                scope[name] = numba.prange
        bound = types.FunctionType(
            function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
        )
        bound.__module__ = function.__module__
        bound.__qualname__ = function.__qualname__ + self.suffix + "".join(self._foreign())
        return numba.njit(cache=True, **self.options)(bound)

    def _foreign(self) -> list[str]:
        """Digests of the files, other than its own, whose kernels this one calls."""
        here = self.function.__code__.co_filename
        files = set()
        todo = [self.function]
        while todo:
            function = todo.pop()
            for name in function.__code__.co_names:
                value = function.__globals__.get(name)
                if isinstance(value, Kernel) and value.function is not function:
                    files.add(value.function.__code__.co_filename)
                    todo.append(value.function)
        digests = []
        for file in sorted(files - {here}):
            with open(file, "rb") as source:
                digests.append("_" + hashlib.sha1(source.read()).hexdigest()[:8])
        return digests

    def __call__(self, *args: Any) -> Any:
        if not enabled():
            return self.function(*args)
        return self.compiled(*args)


def jit(function: Any = None, *, error_model: str = "numpy", **options: Any) -> Any:
    """Declare a kernel. `options` are numba's (parallel, fastmath, inline, nogil, ...).

    Division by zero gives inf or NaN, as in NumPy, unless error_model says otherwise.
    """
    if function is None:
        return functools.partial(jit, error_model=error_model, **options)
    return Kernel(function, {"error_model": error_model, **options})
