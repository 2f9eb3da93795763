"""Unpicklers for files of `save` and `torch.save`: one that trusts nothing, one that trusts all.

A pickle is a program for a small stack machine. `Reader` runs it with a few instructions narrowed
down: a name is looked up in a table and not imported, only functions of that table are called,
only instances of known classes are filled, and only lists, dicts and sets are added to.
"""

from __future__ import annotations

import pickle
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from ..core.device import NoCuda
from ..core.tensor import device, require_cpu
from .names import StorageKind
from .rebuild import BUILDABLE, FUNCTIONS, VALUES, Storage, fill
from .safe import trusted

MapLocation = Callable[[Any, str], Any] | device | str | dict[str, str] | None


class Storages:
    """What the persistent ids of a pickle refer to: each storage is made once.

    Subclasses say in `read` where its memory comes from.
    """

    def __init__(self, where: MapLocation) -> None:
        if not (where is None or isinstance(where, (str, device, dict)) or callable(where)):
            raise TypeError(
                "map_location must be a device, a string, a dict or a function of (storage, "
                f"location), not {type(where).__name__}"
            )
        self.where = where
        self.error: Exception | None = None  # what the user's function raised
        self.loaded: dict[str, Storage] = {}
        self.shown: dict[Any, Any] = {}

    def __call__(self, reference: Any) -> Any:
        """The storage as the file's object holds it, which tensors are rebuilt from as well."""
        if isinstance(reference, tuple):  # read with encoding="bytes", maybe
            reference = tuple([text(r) if isinstance(r, bytes) else r for r in reference])
        if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
            raise pickle.UnpicklingError(
                f"Only persistent_load of storage is allowed, but got {reference!r:.100}"
            )
        kind, key, location, numel, *rest = reference[1:]
        known = isinstance(kind, StorageKind) and isinstance(numel, int) and numel >= 0
        part = rest[0] if rest else None
        if not known or len(rest) > 1 or not (part is None or _is_part(part)):
            raise pickle.UnpicklingError(f"a storage of unknown kind: {reference!r:.100}")
        key = text(key)
        if key not in self.loaded:
            self.loaded[key] = self.place(self.read(kind, key, numel), str(location))
        if (key, part) not in self.shown:
            found = self.loaded[key]
            self.shown[key, part] = (found if part is None else found.part(*part[1:])).shown()
        return self.shown[key, part]

    def read(self, kind: StorageKind, key: str, numel: int) -> Storage:
        """The storage called `key`."""
        raise NotImplementedError

    def place(self, storage: Storage, location: str) -> Storage:
        """`storage` on the CPU, if `map_location` and the file's `location` say so."""
        where = self.where
        if isinstance(where, dict):
            where = where.get(location, location)
        elif where is not None and not isinstance(where, (str, device)):
            try:
                placed = where(storage, location)
            except Exception as error:
                self.error = error
                raise
            if placed is not None:
                return storage
            where = None
        if where is not None:
            location = str(where)
        elif not location.startswith("cpu"):
            raise RuntimeError(
                f"Attempting to deserialize object on a {location.split(':')[0].upper()} device "
                "but torch.cuda.is_available() is False. If you are running on a CPU-only machine, "
                "please use torch.load with map_location=torch.device('cpu') to map your storages "
                "to the CPU."
            )
        require_cpu(location)
        return storage


def text(value: Any) -> str:
    """A key of a storage as a string."""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _is_part(part: Any) -> bool:
    """Whether it is what files before 2017 say of a stretch of a storage: name, offset, length."""
    if not isinstance(part, tuple) or len(part) != 3 or not isinstance(part[0], str):
        return False
    return all(isinstance(n, int) and n >= 0 for n in part[1:])


class Opcodes(dict[int, Callable[[Any], None]]):
    """The instructions a Reader knows; another one is an error."""

    def __missing__(self, code: int) -> Callable[[Any], None]:
        raise refused(f"Unsupported operand {code}")


def refused(why: str) -> pickle.UnpicklingError:
    """The error for a file that wants more than it may."""
    return pickle.UnpicklingError(
        "Weights only load failed. With weights_only=False the file could run any code: use that "
        f"only if you trust its source.\n\tWeightsUnpickler error: {why}"
    )


class Reader(pickle._Unpickler):
    """An unpickler that makes only what its tables name."""

    dispatch = Opcodes(pickle._Unpickler.dispatch)
    stack: list[Any]
    metastack: list[list[Any]]

    def __init__(self, file: Any, storages: Storages, **options: Any) -> None:
        super().__init__(file, **options)
        self.persistent_load = storages  # type: ignore[method-assign, assignment]
        self.trusted = trusted()
        self.callable = {id(function) for function in (*FUNCTIONS.values(), *self.trusted.values())}

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}".replace("__builtin__.", "builtins.")
        for table in (FUNCTIONS, VALUES, self.trusted):
            if full in table:
                return table[full]
        short = full.removeprefix("builtins.")
        raise refused(
            f"Unsupported global: GLOBAL {short} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{short}])` or the "
            f"`torch.serialization.safe_globals([{short}])` context manager to allowlist this "
            "global if you trust this class/function."
        )

    def reduce(self) -> None:
        args = self.stack.pop()
        function = self.stack[-1]
        if id(function) not in self.callable:
            raise refused(f"Trying to call reduce for unrecognized function {function!r:.100}")
        self.stack[-1] = function(*args)

    def newobj(self) -> None:
        args = self.stack.pop()
        kind = self.stack.pop()
        if not isinstance(kind, type) or kind not in self.trusted.values():
            raise refused(f"Can only create objects of allowlisted classes, not {kind!r:.100}")
        self.stack.append(kind.__new__(kind, *args))

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        kind = type(target)
        if kind not in BUILDABLE and kind not in self.trusted.values():
            raise refused(f"Can only fill known types and allowlisted ones, not {kind}")
        fill(target, state)


def _only_into(kinds: tuple[type, ...], code: bytes, depth: int | None) -> None:
    """Let an instruction that adds items to a container do so for these `kinds` only.

    The container lies `depth` below the top of the stack, or (None) under the last mark.
    """
    plain = Reader.dispatch[code[0]]

    def step(self: Reader) -> None:
        target = self.metastack[-1][-1] if depth is None else self.stack[-depth]
        if type(target) not in kinds:
            raise refused(f"Can only add items to lists, dicts and sets, not to {type(target)}")
        plain(self)

    Reader.dispatch[code[0]] = step


_only_into((list,), pickle.APPEND, 2)
_only_into((list,), pickle.APPENDS, None)
_only_into((dict, OrderedDict, Counter), pickle.SETITEM, 3)
_only_into((dict, OrderedDict, Counter), pickle.SETITEMS, None)
_only_into((set,), pickle.ADDITEMS, None)
Reader.dispatch[pickle.REDUCE[0]] = Reader.reduce
Reader.dispatch[pickle.NEWOBJ[0]] = Reader.newobj
Reader.dispatch[pickle.BUILD[0]] = Reader.build
for _code in (
    *(pickle.PERSID, pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2),
    *(pickle.EXT4, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
):
    Reader.dispatch.pop(_code[0])  # other ways to the same ends, which save() never takes


class TrustingNames:
    """Makes and runs whatever the file names, with the unpickler it is put before."""

    def __init__(self, file: Any, storages: Storages, **options: Any) -> None:
        super().__init__(file, **options)  # type: ignore[call-arg]
        self.storages = storages

    def persistent_load(self, reference: Any) -> Any:
        return self.storages(reference)

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in FUNCTIONS and module.startswith("torch"):
            return FUNCTIONS[full]
        if full in VALUES:
            return VALUES[full]
        if module.split(".")[0] == "torch":
            raise pickle.UnpicklingError(
                f"{full} is PyTorch's, whose objects are built otherwise: load the file with "
                "PyTorch, save model.state_dict(), and load that"
            )
        return super().find_class(module, name)  # type: ignore[misc]


class TrustingReader(TrustingNames, pickle.Unpickler):
    """Python's own unpickler, for such files."""


# What a program that makes no sense raises on its way: an empty stack, a missing memo, a list as a
# key, a function called with the wrong arguments.
_NONSENSE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(RecursionError, TypeError, ValueError, struct.error),
)


def unpickle(file: Any, storages: Storages, restricted: bool, options: dict[str, Any]) -> Any:
    """The next object of `file`. Strings of Python 2 are taken for UTF-8, as by PyTorch.

    Unless restricted, the Unpickler of the option "pickle_module" is used, if there is one.
    """
    options = {"encoding": "utf-8"} | options
    plain = getattr(options.pop("pickle_module", None), "Unpickler", pickle.Unpickler)
    if not restricted:
        kind: Any = TrustingReader
        if plain is not pickle.Unpickler:
            kind = type("TrustingReader", (TrustingNames, plain), {})
        return kind(file, storages, **options).load()
    try:
        return Reader(file, storages, **options).load()
    except _NONSENSE as error:
        if error is storages.error or isinstance(error, NoCuda):
            raise
        raise refused(f"the pickle is damaged: {type(error).__name__}: {error}") from error
