"""`torch.cuda`: not available."""

from __future__ import annotations

from typing import Any, NoReturn

from ..core.device import NoCuda
from . import amp as amp


def _missing(what: str) -> NoReturn:
    raise NoCuda(
        f"Torch not compiled with CUDA enabled: cuda.{what}: tinygrad_lite runs on the CPU only; "
        "cuda.is_available() is False"
    )


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed: there is no CUDA generator."""


def manual_seed_all(seed: int) -> None:
    """Nothing to seed: there is no CUDA generator."""


def get_rng_state_all() -> list[Any]:
    """[]: there is no CUDA generator."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """RuntimeError unless `new_states` is empty: there is no CUDA generator."""
    if list(new_states):
        _missing("set_rng_state_all()")


def empty_cache() -> None:
    """Nothing to free: there is no CUDA memory."""


def synchronize(device: Any = None) -> None:
    """RuntimeError: there is no CUDA device."""
    _missing("synchronize()")


def set_device(device: Any) -> None:
    """RuntimeError: there is no CUDA device."""
    _missing("set_device()")


def current_device() -> int:
    """RuntimeError: there is no CUDA device."""
    _missing("current_device()")


def get_device_name(device: Any = None) -> str:
    """RuntimeError: there is no CUDA device."""
    _missing("get_device_name()")


def get_device_properties(device: Any = None) -> Any:
    """RuntimeError: there is no CUDA device."""
    _missing("get_device_properties()")


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


memory_reserved = max_memory_reserved = memory_allocated


def memory_stats(device: Any = None) -> dict[str, int]:
    """{}: there is no CUDA memory."""
    return {}


def get_arch_list() -> list[str]:
    """[]: nothing was compiled for CUDA."""
    return []


def seed() -> None:
    """Nothing to seed: there is no CUDA generator."""


def seed_all() -> None:
    """Nothing to seed: there is no CUDA generator."""


class OutOfMemoryError(RuntimeError):
    """What programs catch when a GPU is full; never raised here."""


def max_memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing to reset: there is no CUDA memory."""


class Event:
    """RuntimeError: there is no CUDA device; time with `time.perf_counter()`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing("Event (use time.perf_counter())")


class Stream:
    """RuntimeError: there is no CUDA device."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing("Stream")


class CUDAGraph:
    """Raises RuntimeError: no CUDA."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing("CUDAGraph()")


class StreamContext:
    """Raises RuntimeError: no CUDA."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing("StreamContext()")


class graph:
    """Raises RuntimeError: no CUDA."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing("graph()")


def _elsewhere(name: str) -> type:
    """A type of Tensors on a CUDA device: no Tensor is one, and none is made."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        _missing(f"{name}()")

    doc = "No Tensor is an instance. RuntimeError when called: there is no CUDA device."
    return type(name, (), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


FloatTensor = _elsewhere("FloatTensor")
DoubleTensor = _elsewhere("DoubleTensor")
HalfTensor = _elsewhere("HalfTensor")
LongTensor = _elsewhere("LongTensor")
IntTensor = _elsewhere("IntTensor")
ShortTensor = _elsewhere("ShortTensor")
CharTensor = _elsewhere("CharTensor")
ByteTensor = _elsewhere("ByteTensor")
BoolTensor = _elsewhere("BoolTensor")
BFloat16Tensor = _elsewhere("BFloat16Tensor")
