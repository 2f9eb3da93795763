"""Rooms of PyTorch that are not built here: each raises and says what to do instead."""

from __future__ import annotations

import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from ..core.tensor import Tensor, bind

#: what raises, and what its error says: docs/reference/exceptions.md is written from it
ABSENT: dict[str, str] = {}


def _absent(name: str, instead: str) -> Callable[..., Any]:
    ABSENT[name] = instead

    def call(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name} is not available in tinygrad_lite: {instead}")

    call.__name__ = name.rsplit(".", 1)[-1]
    call.__doc__ = f"NotImplementedError: {instead}."
    return call


def _unchanged(name: str) -> Callable[..., Any]:
    """A decorator that PyTorch uses to compile: the function stays as it is."""

    def script(function: Any = None, *args: Any, **kwargs: Any) -> Any:
        return (lambda f: f) if function is None else function

    script.__name__ = name
    script.__doc__ = "The function or module itself: nothing is compiled."
    return script


_FILE = "save(model.state_dict(), path) keeps a model"
ABSENT["jit.ScriptModule"] = "use the Module itself"


class ScriptModule:
    """NotImplementedError: use the Module itself. Nothing is an instance."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"jit.ScriptModule is not available in tinygrad_lite: {ABSENT['jit.ScriptModule']}"
        )


jit = SimpleNamespace(
    __name__="torch.jit",
    __path__=[],  # a package, for `from torch.jit.annotations import List`
    __spec__=None,
    annotations=typing,
    Final=Final,
    Attribute=lambda value, type: value,
    annotate=lambda the_type, the_value: the_value,
    script=_unchanged("script"),
    ignore=_unchanged("ignore"),
    unused=_unchanged("unused"),
    export=_unchanged("export"),
    script_method=_unchanged("script_method"),
    _overload=_unchanged("_overload"),
    _overload_method=_unchanged("_overload_method"),
    is_scripting=lambda: False,
    is_tracing=lambda: False,
    trace=lambda function, *args, **kwargs: function,
    save=_absent("jit.save", _FILE),
    load=_absent("jit.load", _FILE),
    ScriptModule=ScriptModule,
)

onnx = SimpleNamespace(
    export=_absent("onnx.export", "export from PyTorch after load_state_dict"),
    is_in_onnx_export=lambda: False,
)

_DENSE = "there are no sparse tensors; use a dense one"
sparse_coo_tensor = _absent("sparse_coo_tensor", _DENSE)
sparse_csr_tensor = _absent("sparse_csr_tensor", _DENSE)
sparse_csc_tensor = _absent("sparse_csc_tensor", _DENSE)
sparse_bsr_tensor = _absent("sparse_bsr_tensor", _DENSE)
sparse_compressed_tensor = _absent("sparse_compressed_tensor", _DENSE)
spmm = _absent("spmm", _DENSE)
smm = _absent("smm", _DENSE)
hspmm = _absent("hspmm", _DENSE)
sspaddmm = _absent("sspaddmm", _DENSE)
sparse = SimpleNamespace(mm=_absent("sparse.mm", _DENSE), sum=_absent("sparse.sum", _DENSE))
for _name in (
    *("to_sparse", "to_sparse_coo", "to_sparse_csr", "to_sparse_csc", "to_sparse_bsr"),
    *("to_sparse_bsc", "coalesce", "is_coalesced", "indices", "values", "crow_indices"),
    *("col_indices", "ccol_indices", "row_indices", "sparse_mask", "sparse_resize_"),
    *("sparse_resize_and_clear_", "smm", "sspaddmm"),
):
    bind(_name, _absent(f"Tensor.{_name}", _DENSE))
bind("to_dense", lambda self, dtype=None, **options: self if dtype is None else self.to(dtype))
bind("sparse_dim", lambda self: 0)
bind("dense_dim", lambda self: self.ndim)

_FLOATS = "there are no quantized tensors; compute in float32 or float16"
for _name in ("int_repr", "q_scale", "q_zero_point", "qscheme", "q_per_channel_scales"):
    bind(_name, _absent(f"Tensor.{_name}", _FLOATS))
quantize_per_tensor = _absent("quantize_per_tensor", _FLOATS)
quantize_per_channel = _absent("quantize_per_channel", _FLOATS)
quantize_per_tensor_dynamic = _absent("quantize_per_tensor_dynamic", _FLOATS)
dequantize = _absent("dequantize", _FLOATS)
quantization = SimpleNamespace(
    quantize_dynamic=_absent("quantization.quantize_dynamic", _FLOATS),
    prepare=_absent("quantization.prepare", _FLOATS),
    prepare_qat=_absent("quantization.prepare_qat", _FLOATS),
    convert=_absent("quantization.convert", _FLOATS),
)

bind("to_mkldnn", _absent("Tensor.to_mkldnn", "there is one memory layout, the strided one"))


def _no_name(self: Tensor) -> None:
    """None: only the graphs of PyTorch's compiler name Tensors."""


bind("name", property(_no_name))

bind("pin_memory", _absent("Tensor.pin_memory", "memory is pinned for a GPU, and there is none"))


def _processes() -> Any:
    import multiprocessing

    return multiprocessing


def _spawned(rank: int, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
    fn(rank, *args)


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> Any:
    """Run `fn(rank, *args)` in `nprocs` new processes; RuntimeError if one of them fails."""
    context = _processes().get_context(start_method)
    processes = [
        context.Process(target=_spawned, args=(rank, fn, args), daemon=daemon)
        for rank in range(nprocs)
    ]
    for p in processes:
        p.start()
    if not join:
        return processes
    for p in processes:
        p.join()
    failed = [(i, p.exitcode) for i, p in enumerate(processes) if p.exitcode != 0]
    if failed:
        raise RuntimeError(f"processes that failed, with their exit codes: {failed}")
    return None


class _Multiprocessing:
    """Python's `multiprocessing` (imported when first asked), with PyTorch's `spawn`."""

    spawn = start_processes = staticmethod(start_processes)

    def __getattr__(self, name: str) -> Any:
        return getattr(_processes(), name)

    @staticmethod
    def get_sharing_strategy() -> str:
        """The only one: tensors are pickled."""
        return "file_system"

    @staticmethod
    def set_sharing_strategy(strategy: str) -> None:
        """Accepted: tensors are pickled whatever the strategy."""


multiprocessing = _Multiprocessing()


def _is_shared(self: Tensor) -> bool:
    """False: processes exchange tensors by pickling."""
    return False


bind("is_shared", _is_shared)
bind(
    "share_memory_",
    _absent("Tensor.share_memory_", "processes exchange tensors by pickling; send the tensor"),
)
bind("is_pinned", lambda self, device=None: False)
