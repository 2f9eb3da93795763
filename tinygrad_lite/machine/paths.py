"""Import paths: PyTorch's files that are not files here, and this package under another name.

`sys.modules["torch"] = tinygrad_lite` is how a script is run that cannot be edited. After it
`import torch.nn` must find `tinygrad_lite.nn`; Python's own search would load the files a second
time under the new name, and nothing of one copy would be an instance of the other's classes.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from ..core.dtypes import NARROW

PACKAGE = __package__.partition(".")[0]

#: what PyTorch has in a file of its own, and where it stands here ("": the package itself)
ELSEWHERE = {
    "_C": "machine.native",
    "__config__": "machine.config",
    "_dynamo": "machine.compiler",
    "_dynamo._trace_wrapped_higher_order_op": "machine.tracing",
    "_higher_order_ops": "machine.tracing",
    "_higher_order_ops.associative_scan": "machine.scan",
    "_subclasses": "machine.tracing",
    "_subclasses.fake_tensor": "machine.tracing",
    "_tensor": "core.tensor",
    "_tensor_str": "machine.tensor_str",
    "_utils": "machine.flattening",
    "amp.autocast_mode": "machine.amp",
    "amp.grad_scaler": "machine.grad_scaler",
    "cuda.amp.autocast_mode": "machine.amp",
    "cuda.amp.grad_scaler": "machine.grad_scaler",
    "testing._comparison": "testing.close",
    "autograd.anomaly_mode": "autograd.anomaly",
    "autograd.gradcheck": "testing.gradcheck",
    "compiler": "machine.compiler",
    "cpu": "machine.cpu",
    "distributed.checkpoint": "machine.checkpoint",
    "distributed.checkpoint.state_dict": "machine.checkpoint",
    "functional": "",
    "futures": "machine.futures",
    "fx": "machine.fx",
    "fx.experimental": "machine.tracing",
    "fx.experimental.proxy_tensor": "machine.tracing",
    "hub": "machine.hub",
    "library": "machine.library",
    "nn.common_types": "machine.types",
    "nn.modules.channelshuffle": "nn.modules",
    "nn.modules.fold": "nn.modules",
    "nn.parallel.data_parallel": "nn.parallel",
    "nn.parallel.distributed": "nn.parallel",
    "nn.parallel.scatter_gather": "nn.parallel",
    "optim._adafactor": "optim",
    "optim._muon": "optim",
    "overrides": "machine.overrides",
    "profiler": "machine.profiler",
    "return_types": "machine.return_types",
    "storage": "machine.storage",
    "torch": "",
    "torch_version": "machine.torch_version",
    "types": "machine.types",
    "utils.data.datapipes": "machine.datapipes",
    "utils.data.datapipes.datapipe": "machine.datapipes",
    "utils.data.datapipes.iter": "machine.datapipes",
    "utils.data.datapipes.iter.combinatorics": "machine.datapipes",
    "utils._foreach_utils": "machine.foreach",
    "utils.deterministic": "core.determinism",
    "utils.dlpack": "ops.dlpack",
    "utils.flop_counter": "nn.utils.flop_counter",
    "utils.hooks": "nn.modules._hooks",
    "utils.model_zoo": "machine.hub",
    "xpu": "machine.xpu",
    **{
        f"optim.{name}": "optim"
        for name in (
            *("adadelta", "adagrad", "adamax", "adamw", "asgd"),
            *("nadam", "radam", "rmsprop", "rprop", "sparse_adam"),
        )
    },
}

#: names that few scripts use, in files that are imported when one is asked for
LATE_NAMES = {
    **dict.fromkeys(
        (
            *(
                "_check",
                "_check_tensor_all",
                "_check_index",
                "_check_value",
                "_check_type",
                "_check_not_implemented",
            ),
            *(
                "_assert",
                "_assert_async",
                "is_autocast_enabled",
                "is_autocast_cache_enabled",
                "get_autocast_dtype",
            ),
            *("get_deterministic_debug_mode", "set_deterministic_debug_mode"),
            *("set_warn_always", "is_warn_always_enabled"),
        ),
        "machine.settings",
    ),
    "GradScaler": "machine.grad_scaler",
    "Future": "machine.futures",
    **dict.fromkeys((*NARROW, "chalf"), "machine.names"),
    **dict.fromkeys(
        ("sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged"),
        "machine.names",
    ),
    "is_storage": "machine.storage",
    "OutOfMemoryError": "machine.cuda",
    "ScriptModule": "machine.absent",
    **dict.fromkeys(("cond", "while_loop"), "machine.control_flow"),
    **{
        f"sym_{name}": "machine.symbolic"
        for name in ("float", "int", "ite", "max", "min", "not", "sqrt", "sum")
    },
    "PyTorchFileReader": "serialization.archive",
    **dict.fromkeys(("SymInt", "SymFloat", "SymBool"), "machine.tracing"),
    **{
        f"{kind}Storage": "machine.storage"
        for kind in (
            *("Untyped", "Typed", "Float", "Double", "Half", "Long", "Int"),
            *("Short", "Char", "Byte", "Bool", "ComplexFloat", "ComplexDouble"),
        )
    },
}


def is_torch(name: str) -> bool:
    """Whether importing `name` gives this package (or a copy of its namespace)."""
    return getattr(sys.modules.get(name), "__path__", None) == sys.modules[PACKAGE].__path__


class _Called(ModuleType):
    """A room that bears the name of its function, as `autograd.gradcheck`: importing it binds the
    name in the room above, where the function stands that is called by it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, self.__name__.rpartition(".")[2])(*args, **kwargs)


class _Paths(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a room by PyTorch's path, and by any path that begins with an alias of the package."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if not rest or (rest not in ELSEWHERE if root == PACKAGE else not is_torch(root)):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        # importlib hands out what stands in sys.modules after this
        root, _, rest = module.__name__.partition(".")
        room = sys.modules[module.__name__] = self._room(rest)
        if type(room) is ModuleType and callable(getattr(room, rest.rpartition(".")[2], None)):
            room.__class__ = _Called
        if root != PACKAGE:  # rooms that are no packages, as backends.cudnn, are found only so
            for name in [name for name in sys.modules if name.startswith(PACKAGE + ".")]:
                sys.modules.setdefault(root + name.removeprefix(PACKAGE), sys.modules[name])

    @staticmethod
    def _room(rest: str) -> Any:
        """The module, or whatever stands there; ModuleNotFoundError if nothing does."""
        ours = f"{PACKAGE}.{ELSEWHERE.get(rest, rest)}".rstrip(".")
        try:
            return importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name is None or not ours.startswith(error.name):
                raise
        room: Any = sys.modules[PACKAGE]
        for part in rest.split("."):
            room = getattr(room, part, None)
        if room is None:
            raise ModuleNotFoundError(f"No module named '{ours}'", name=ours)
        return room


def install() -> None:
    """Let `import` ask this finder before it searches for files."""
    sys.meta_path.insert(0, _Paths())
