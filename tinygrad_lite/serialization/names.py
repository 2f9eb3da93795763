"""What PyTorch's files call things, and what those things are here.

A file names every class and function by a PyTorch name, so that PyTorch can read it; on reading,
a name stands for something of ours, and never for code that is looked up.
"""

from __future__ import annotations

import functools
from typing import Any, NoReturn

from ..core import dtypes
from ..core.dtypes import dtype

STORAGES = {
    "FloatStorage": dtypes.float32,
    "DoubleStorage": dtypes.float64,
    "HalfStorage": dtypes.float16,
    "BFloat16Storage": dtypes.bfloat16,
    "LongStorage": dtypes.int64,
    "IntStorage": dtypes.int32,
    "ShortStorage": dtypes.int16,
    "CharStorage": dtypes.int8,
    "ByteStorage": dtypes.uint8,
    "BoolStorage": dtypes.bool_,
    "ComplexFloatStorage": dtypes.complex64,
    "ComplexDoubleStorage": dtypes.complex128,
}
STORAGE_OF = {kind: name for name, kind in STORAGES.items()}


class Global:
    """A name to be written into a file; `save_global` does it. Calling it makes no sense."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __call__(self, *args: Any) -> NoReturn:
        raise TypeError(f"{self.module}.{self.name} is a name in a file, not a function")


@functools.cache
def global_name(module: str, name: str) -> Global:
    """The one Global of this name: being one object, it is written once and then referred to."""
    return Global(module, name)


class StorageKind:
    """What a storage class in a file means: the dtype of the elements, None for untyped bytes."""

    def __init__(self, kind: dtype | None) -> None:
        self.kind = kind
