"""What scripts ask about the machine, answered honestly.

There is one device, the CPU, and one precision, full. A question gets a true answer (`is_available`
is False), a request that changes nothing is accepted, and a request that would have to do something
that is not done here raises and says what to do instead.
"""

from __future__ import annotations

import sys
from typing import Any, cast

from ..core import random
from ..core.tensor import Tensor, bind
from . import absent, accelerator, amp, backends, cuda, distributed, paths


def _open(path: str, room: Any) -> None:
    """Let `import tinygrad_lite.path` find `room`, which may be any object with attributes."""
    cast("dict[str, Any]", sys.modules)[f"{__package__.rpartition('.')[0]}.{path}"] = room


# What scripts import by PyTorch's paths: `import torch.backends.cudnn as cudnn`,
# `from torch.cuda.amp import autocast`, `import torch.multiprocessing as mp`.
for _room in (accelerator, amp, backends, cuda, distributed, random):
    _open(_room.__name__.rpartition(".")[2], _room)
for _name in ("jit", "multiprocessing", "onnx", "sparse"):
    _open(_name, getattr(absent, _name))
for _name in ("cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"):
    _open(f"backends.{_name}", getattr(backends, _name))
_open("cuda.amp", amp)

paths.install()


def _storage(self: Tensor) -> Any:
    """The memory of which this Tensor is a view, as elements: `torch.storage.TypedStorage`."""
    from .storage import storage

    return storage(self)


def _untyped_storage(self: Tensor) -> Any:
    """The memory of which this Tensor is a view, as bytes: `torch.storage.UntypedStorage`."""
    from .storage import untyped_storage

    return untyped_storage(self)


def _storage_type(self: Tensor) -> Any:
    """The class of this Tensor's storage, e.g. FloatStorage."""
    from .storage import storage_type

    return storage_type(self)


bind("storage_type", _storage_type)
bind("storage", _storage)
bind("untyped_storage", _untyped_storage)
