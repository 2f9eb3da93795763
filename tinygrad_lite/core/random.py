"""Where randomness comes from: one generator design for the whole package.

A `Generator` is a key and a counter: NumPy's Philox (Salmon, Moraes, Dror and Shaw, "Parallel
random numbers: as easy as 1, 2, 3", 2011), whose n-th block is a pure function of (key, n). The
seed is the key, so two seeds give unrelated streams, and a seed gives the same stream in every run
and on every machine. The numbers are not PyTorch's, whose generator is another.

Random ops draw from `numpy_generator(generator)`; nothing in the package uses NumPy's global state.
"""

from __future__ import annotations

import contextlib
import operator
import os
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from .tensor import CPU, Tensor, device, make, require_cpu

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "numpy_generator",
    "seed",
    "set_rng_state",
]

# The seed of a Generator nobody seeded; PyTorch's number.
UNSEEDED = 67280421310721

# seed, counter (4 words), key (2), buffer (4), position in the buffer, whether half a word is left
# over, that half
STATE = struct.Struct("<Q4Q2Q4QiiI")


class Generator:
    """A stream of random numbers with a seed, to be passed as `generator=`.

    `numpy` is the `np.random.Generator` that ops draw from.
    """

    __slots__ = ("__weakref__", "_numpy", "_seed")

    def __init__(self, device: Any = "cpu") -> None:
        require_cpu(device)
        self._start(UNSEEDED)

    def _start(self, number: int) -> None:
        self._seed = number
        self._numpy: np.random.Generator | None = None

    @property
    def numpy(self) -> np.random.Generator:
        """The NumPy generator behind this one; drawing from it advances this one's state."""
        # Made at the first draw: `import numpy.random` takes 12 ms that not every script needs.
        if self._numpy is None:
            self._numpy = np.random.Generator(np.random.Philox(key=self._seed))
        return self._numpy

    @property
    def device(self) -> device:
        """Always `device(type='cpu')`."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed` and return self.

        A negative seed means 2**64 + seed. ValueError outside [-2**63, 2**64 - 1], RuntimeError if
        `seed` is not an integer.
        """
        if isinstance(seed, (bool, float, str)) or not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self._start(_as_word(operator.index(seed)))
        return self

    def seed(self) -> int:
        """Start a stream that cannot be foreseen; returns its seed."""
        self._start(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the current stream."""
        return self._seed

    def get_state(self) -> Tensor:
        """Seed and position as a uint8 Tensor, for `set_state`."""
        return make(np.frombuffer(self._packed(), dtype=np.uint8).copy())

    def set_state(self, new_state: Any) -> Generator:
        """Go to where `get_state` was called. TypeError or RuntimeError for anything else."""
        array = new_state.array if isinstance(new_state, Tensor) else new_state
        if not isinstance(array, np.ndarray):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if array.dtype != np.uint8:
            raise TypeError(f"RNG state must be a torch.ByteTensor, got {array.dtype}")
        if array.size != STATE.size:
            raise RuntimeError(
                f"Expected a generator state of size {STATE.size} but found the input RNG state "
                f"size to be {array.size}; pass what get_state() or get_rng_state() returned here"
            )
        self._unpack(array.tobytes())
        return self

    def clone_state(self) -> Generator:
        """An independent Generator at the same place in the same stream."""
        twin = Generator()
        twin._unpack(self._packed())
        return twin

    def _packed(self) -> bytes:
        # One stream of words is all the numbers there are, hence Any for NumPy's typed state dict.
        state: Any = self.numpy.bit_generator.state
        inner = state["state"]
        return STATE.pack(
            self._seed,
            *inner["counter"].tolist(),
            *inner["key"].tolist(),
            *state["buffer"].tolist(),
            state["buffer_pos"],
            state["has_uint32"],
            state["uinteger"],
        )

    def _unpack(self, packed: bytes) -> None:
        self._seed, *words = STATE.unpack(packed)
        self.numpy.bit_generator.state = {
            "bit_generator": "Philox",
            "state": {
                "counter": np.array(words[:4], np.uint64),
                "key": np.array(words[4:6], np.uint64),
            },
            "buffer": np.array(words[6:10], np.uint64),
            "buffer_pos": words[10],
            "has_uint32": words[11],
            "uinteger": words[12],
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._packed(),)

    def __repr__(self) -> str:
        return f"<torch.Generator device={self.device} seed={self._seed}>"


def _restored(packed: bytes) -> Generator:
    generator = Generator()
    generator._unpack(packed)
    return generator


def _as_word(number: int) -> int:
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"Overflow when unpacking long long: {number} is no 64-bit seed")
    return number % 2**64


# Seeded from the system, as in PyTorch: only scripts that call manual_seed are reproducible.
default_generator = Generator()
default_generator.seed()


def numpy_generator(generator: Generator | None = None) -> np.random.Generator:
    """The NumPy generator of `generator`, or of the default one for None."""
    if generator is None:
        return default_generator.numpy
    if not isinstance(generator, Generator):
        raise TypeError(
            f"argument 'generator' must be torch.Generator, not {type(generator).__name__}"
        )
    return generator.numpy


def manual_seed(seed: Any) -> Generator:
    """Start the default generator's stream of `int(seed)`; returns the default generator."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start a default stream that cannot be foreseen; returns its seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state, a uint8 Tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Put the default generator where `get_rng_state` was called."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str | None = None
) -> Iterator[None]:
    """Random draws inside the `with` block leave the default generator as it was before.

    `devices` and `device_type` name GPUs in PyTorch; there are none, so nothing is done for them.
    """
    if not enabled:
        yield
        return
    before = default_generator._packed()
    try:
        yield
    finally:
        default_generator._unpack(before)
