"""numba on demand: `import tinygrad_lite` never loads it, the first kernel call does.

    @jit
    def scale(x, a): ...          # called from other kernels, or from Python

    @jit(parallel=True)
    def scale_all(x, a):          # may use prange, and calls `scale`
        for i in prange(x.size):
            x[i] = scale(x[i], a)

    scale_all(x, 2.0)             # on threads() threads
    scale_all.serial(x, 2.0)      # the same source compiled for one thread
    scale_all.bind("halve_all", scale=halve)   # the same loop around another scalar kernel

A `Kernel` compiles at its first call, lazily by the dtypes of its arguments, and always with
`cache=True`. numba's cache looks only at the file a function stands in; the name under which a
kernel is cached therefore carries a digest of every other file whose kernels it calls.

With TINYGRAD_LITE_NUMBA=0, with NUMBA_DISABLE_JIT=1 or without numba, `enabled()` is False: callers
then take their NumPy path; a Kernel that is called all the same runs as plain Python.

Arguments are positional, all of them: numba spends 25 to 50 microseconds on an omitted default.

What ran how, and how long it took to make ready, is kept in `runs` (see `kernels()`). Compiling
is announced in one line, once, when it has taken more than a second.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import importlib.util
import math
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from . import _threads
from ._memory import keep_freed_memory
from ._threads import get_num_threads as threads

__all__ = [
    "FMA", "SUMS", "ByDtype", "Kernel", "Late", "Run", "enabled", "fma", "jit", "kernels", "like",
    "loaded", "prange", "ready", "threads", "use_numba", "where",
]  # fmt: skip

prange = range
"""Stands for numba's `prange` inside kernels; plain `range` when a kernel runs without numba."""

FMA = {"contract"}
"""fastmath for elementwise kernels: multiply-add in one rounding; NaN, inf and -0 stay right."""

SUMS = {"contract", "reassoc", "nsz"}
"""fastmath for reductions: the compiler may keep several partial sums. Never for polynomials that
round to an integer by adding and subtracting a large number. Always with forceinline=True, also on
what calls it: a function that is not inlined exists in several copies, each optimized on its own,
and the process that compiles may add up in another order than those that load from disk."""


class Run(NamedTuple):
    """A kernel for one dtype: `how` it came to be ("cached" or "compiled"), and in what time."""

    kernel: str
    signature: str
    how: str
    seconds: float


runs: list[Run] = []
_all: list[Kernel] = []
_switch: bool | None = None
_compiling = {"depth": 0, "seconds": 0.0, "announced": 0}


@functools.cache
def _wanted() -> bool:
    keep_freed_memory()  # whoever asks is about to make large arrays, with numba or without
    off = os.environ.get("TINYGRAD_LITE_NUMBA", "1") == "0"
    return not off and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0") and _installed()


def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None


def enabled() -> bool:
    """Whether kernels may be compiled: numba is installed and was not switched off.

    The environment is read once; `use_numba` overrides it.
    """
    return _wanted() if _switch is None else _switch


@contextlib.contextmanager
def use_numba(on: bool) -> Iterator[None]:
    """Within the block, kernels are compiled (on) or everything runs in NumPy (off).

    Holds for all Python threads. Raises RuntimeError when numba is wanted and is not installed.
    """
    global _switch
    if on and not _installed():
        raise RuntimeError("numba is not installed: pip install numba")
    before, _switch = _switch, on
    try:
        yield
    finally:
        _switch = before


def loaded() -> bool:
    """Whether numba has been imported already, so that one more kernel costs little."""
    return enabled() and "numba" in sys.modules


def ready(size: int, worth: int = 1 << 18) -> bool:
    """Whether a kernel may take `size` elements: numba is loaded, or worth loading for so many."""
    return loaded() or (size >= worth and enabled())


def kernels() -> list[Run]:
    """What ran how so far: one row for each kernel and dtype made ready in this process.

    `how` is "cached" (read from disk), "compiled", or "numpy" for the kernels that were never
    called: their work, if there was any, was done by NumPy. `seconds` is the time it took to make
    the kernel ready, kernels called from inside included.
    """
    used = {run.kernel for run in runs}
    idle = [Run(kernel.name, "", "numpy", 0.0) for kernel in _all if kernel.name not in used]
    return runs + idle


class Late:
    """A name kernels use whose value needs numba: an intrinsic, `numba.carray`. Made on demand.

    Outside compiled code the name means `python`, if that was given.
    """

    def __init__(self, make: Callable[[], Any], python: Callable[..., Any] | None = None) -> None:
        self._make = make
        self._python = python
        self.file = getattr(make, "__func__", make).__code__.co_filename

    @functools.cached_property
    def compiled(self) -> Any:
        """The value."""
        return self._make()

    def __call__(self, *args: Any) -> Any:
        if self._python is None:
            raise RuntimeError("this name has a meaning only inside a compiled kernel")
        return self._python(*args)


def _make_where() -> Any:
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def where(_context: Any, condition: Any, x: Any, y: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.select(*args)

        return (x(types.boolean, x, x), generate) if x == y else None

    return where


where = Late(_make_where, lambda condition, x, y: x if condition else y)
"""where(condition, x, y): x or y, of one type, both computed. Python's `x if condition else y` is
a branch, which LLVM may fill with the computation of x: the loop around is then not vectorized."""


def _make_like() -> Any:
    from numba.extending import intrinsic

    @intrinsic
    def like(_context: Any, x: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return context.cast(builder, args[1], signature.args[1], signature.args[0])

        return x(x, value), generate

    return like


like = Late(_make_like, lambda x, value: x.dtype.type(value))
"""like(x, 0.5): the number in the dtype of x. A bare 0.5 would make float32 work float64."""


def _make_fma() -> Any:
    from numba.extending import intrinsic

    @intrinsic
    def fma(_context: Any, x: Any, y: Any, z: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.fma(*args)

        return (x(x, x, x), generate) if x == y == z else None

    return fma


def _fma(x: Any, y: Any, z: Any) -> Any:
    values = float(x), float(y), float(z)
    if not all(map(math.isfinite, values)):
        return x * y + z
    from fractions import Fraction  # here, as hashlib below: 4 ms of every import of the package

    x_exact, y_exact, z_exact = map(Fraction, values)
    return z.dtype.type(float(x_exact * y_exact + z_exact))


fma = Late(_make_fma, _fma)
"""fma(x, y, z): x y + z, rounded once. fma(x, y, -(x * y)) is what rounding lost of the product."""


class ByDtype(Late):
    """One name for two kernels, one for float32 and one for float64: the argument decides.

    exp = ByDtype(exp32, exp64)
    """

    def __init__(self, single: Kernel, double: Kernel) -> None:
        self.kernels = (single, double)
        super().__init__(self._overload, self._choose)

    def _overload(self) -> Any:
        from numba import types
        from numba.extending import overload

        single, double = (kernel.compiled for kernel in self.kernels)

        def by_dtype(x):  # no annotations: numba compares them
            raise NotImplementedError("called from compiled code only")

        @overload(by_dtype, jit_options={"forceinline": True})
        def choose(x):
            kernel = {types.float32: single, types.float64: double}.get(getattr(x, "dtype", x))
            return None if kernel is None else lambda x: kernel(x)

        return by_dtype

    def _choose(self, x: Any) -> Any:
        return self.kernels[x.dtype.itemsize == 8](x)


class Kernel:
    """A Python function that becomes machine code when it is first called.

    `function` is the plain Python; `compiled` is numba's dispatcher, made on demand; `serial` is
    the same kernel compiled for one thread. `names` are what the function's global names are bound
    to in place of its module's.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        options: dict[str, Any],
        suffix: str = "",
        names: dict[str, Any] | None = None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.options = options
        self.suffix = suffix
        self.names = names or {}
        self.name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}{suffix}"
        self._splits = bool(options.get("parallel"))
        _all.append(self)

    @functools.cached_property
    def serial(self) -> Kernel:
        """This kernel for one thread: where waking the others costs more than it saves."""
        if not self._splits:
            return self
        # numba's cache does not look at the options, only at the qualified name: hence the suffix.
        options = {**self.options, "parallel": False}
        return Kernel(self.function, options, self.suffix + "_serial", self.names)

    def bind(self, name: str, **names: Any) -> Kernel:
        """The same function under another name, its global `names` bound to other kernels."""
        return Kernel(self.function, self.options, f"_{name}", {**self.names, **names})

    @functools.cached_property
    def compiled(self) -> Any:
        """numba's dispatcher."""
        numba = _threads.load_numba()
        if self._splits:
            # A cached parallel kernel that is loaded before the threads exist crashes.
            _threads.launch()
        # Kernels named in the code are replaced by their dispatchers, which numba knows how to
        # call; the module's own globals stay as they are.
        function = self.function
        scope = {**function.__globals__, **self.names}
        for name in _globals_of(function.__code__):
            value = scope.get(name)
            if isinstance(value, Kernel):
                scope[name] = value._inner()
            elif isinstance(value, Late):
                scope[name] = value.compiled
            elif value is range:
                scope[name] = numba.prange
        bound = types.FunctionType(
            function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
        )
        bound.__module__ = function.__module__
        bound.__qualname__ = function.__qualname__ + self.suffix + "".join(self._foreign())
        try:
            dispatcher = numba.njit(cache=True, **self.options)(bound)
        except RuntimeError:  # no folder to keep it in: neither __pycache__ nor the user's own
            dispatcher = numba.njit(**self.options)(bound)
        dispatcher.compile = functools.partial(_timed, self.name, dispatcher, dispatcher.compile)
        return dispatcher

    def _inner(self) -> Any:
        """What other kernels call: one thread, whatever this kernel could do by itself."""
        return self.serial.compiled

    def _foreign(self) -> list[str]:
        """Digests of the files, other than its own, whose kernels this one calls."""
        here = self.function.__code__.co_filename
        files = set()
        seen = {self}
        todo = [self]
        while todo:
            kernel = todo.pop()
            scope = {**kernel.function.__globals__, **kernel.names}
            for name in _globals_of(kernel.function.__code__):
                value = scope.get(name)
                called = value.kernels if isinstance(value, ByDtype) else (value,)
                if isinstance(value, Late):  # an intrinsic is part of the code that names it
                    files.add(value.file)
                for inner in called:
                    if isinstance(inner, Kernel) and inner not in seen:
                        seen.add(inner)
                        files.add(inner.function.__code__.co_filename)
                        todo.append(inner)
        return ["_" + _digest(file) for file in sorted(files - {here})]

    def __call__(self, *args: Any) -> Any:
        if not enabled():
            return self.function(*args)
        if not self._splits:
            return self.compiled(*args)
        # One kernel at a time has the pool: a second Python thread, a forked child and a pool of
        # one run the serial twin instead of waiting or oversubscribing.
        if not _threads.acquire():
            return self.serial(*args)
        try:
            return self.compiled(*args)
        finally:
            _threads.release()

    def __repr__(self) -> str:
        return f"<kernel {self.name}>"


def jit(function: Any = None, *, error_model: str = "numpy", **options: Any) -> Any:
    """Declare a kernel. `options` are numba's (parallel, fastmath, inline, nogil, ...).

    Division by zero gives inf or NaN, as in NumPy, unless error_model says otherwise. The GIL is
    released while a kernel runs, unless nogil=False.
    """
    if function is None:
        return functools.partial(jit, error_model=error_model, **options)
    return Kernel(function, {"error_model": error_model, "nogil": True, **options})


@functools.cache
def _globals_of(code: types.CodeType) -> frozenset[str]:
    """The global names the code reads (co_names has the attributes too: `math.erf` is no `erf`)."""
    return frozenset(
        step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"
    )


@functools.cache
def _digest(file: str) -> str:
    import hashlib

    with open(file, "rb") as source:
        return hashlib.sha1(source.read()).hexdigest()[:8]


def _timed(name: str, dispatcher: Any, compile: Callable[[Any], Any], signature: Any) -> Any:
    """dispatcher.compile(signature), its time and origin entered in `runs`."""
    if dispatcher.overloads.get(tuple(signature)) is not None:
        return compile(signature)
    hits = sum(dispatcher.stats.cache_hits.values())
    start = time.perf_counter()
    _compiling["depth"] += 1
    try:
        return compile(signature)
    finally:
        _compiling["depth"] -= 1
        seconds = time.perf_counter() - start
        cached = sum(dispatcher.stats.cache_hits.values()) > hits
        runs.append(Run(name, str(signature), "cached" if cached else "compiled", seconds))
        if not cached and not _compiling["depth"]:
            _compiling["seconds"] += seconds
            _announce(name, dispatcher.stats.cache_path)


def _announce(name: str, folder: str | None) -> None:
    """Say once, when compiling has taken more than a second, what is going on."""
    if _compiling["announced"] or _compiling["seconds"] < 1.0:
        return
    _compiling["announced"] = 1
    kept = f"kept in {folder}, later runs load it" if folder else "no folder to keep it in"
    print(  # noqa: T201
        f"tinygrad_lite: compiling kernels for this machine ({name} and others; {kept})",
        file=sys.stderr,
    )
