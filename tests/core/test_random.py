"""Generators: seeds, states, independence, what is raised."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

from tinygrad_lite.core import random
from tinygrad_lite.core.random import Generator


def draw(generator, n=5):
    return generator.numpy.random(n).tolist()


@pytest.fixture(autouse=True)
def unchanged_default():
    with random.fork_rng():
        yield


def test_a_seed_is_a_stream():
    assert draw(Generator().manual_seed(3)) == draw(Generator().manual_seed(3))
    assert draw(Generator().manual_seed(3)) != draw(Generator().manual_seed(4))
    assert Generator().initial_seed() == 67280421310721


def test_the_stream_is_pinned():
    """Philox is specified to the bit: these words are the same on every machine."""
    words = Generator().manual_seed(0).numpy.bit_generator.random_raw(3).tolist()
    assert words == [213000021201967259, 4455796210202625458, 2055444239878205049]
    integers = Generator().manual_seed(7).numpy.integers(0, 1000, 4).tolist()
    assert integers == [163, 872, 972, 295]


@pytest.mark.parametrize(
    ("given", "kept"), [(0, 0), (-1, 2**64 - 1), (2**64 - 1, 2**64 - 1), (np.int64(5), 5)]
)
def test_seeds(given, kept):
    assert Generator().manual_seed(given).initial_seed() == kept


@pytest.mark.parametrize("bad", [2**64, -(2**63) - 1])
def test_seed_out_of_range(bad):
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        Generator().manual_seed(bad)


@pytest.mark.parametrize("bad", [1.5, "a", True, None])
def test_seed_of_wrong_type(bad):
    with pytest.raises(RuntimeError, match="manual_seed expected a long, but got"):
        Generator().manual_seed(bad)


def test_state_is_the_place_in_the_stream():
    generator = Generator().manual_seed(1)
    generator.numpy.integers(0, 2**31, 3, dtype=np.uint32)  # leaves half a word over
    state = generator.get_state()
    assert state.array.dtype == np.uint8
    expected = draw(generator)
    generator.manual_seed(9)
    assert generator.set_state(state) is generator
    assert draw(generator) == expected
    assert generator.initial_seed() == 1
    assert draw(Generator().set_state(state.array)) == expected


def test_bad_states():
    generator = Generator()
    with pytest.raises(TypeError, match="expected a torch.ByteTensor, but got list"):
        generator.set_state([1, 2])
    with pytest.raises(TypeError, match="RNG state must be a torch.ByteTensor"):
        generator.set_state(np.zeros(3))
    with pytest.raises(RuntimeError, match="state of size 100 but found"):
        generator.set_state(np.zeros(3, np.uint8))


@pytest.mark.parametrize(
    "twin", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), Generator.clone_state]
)
def test_copies_continue_the_stream(twin):
    generator = Generator().manual_seed(5)
    draw(generator)
    other = twin(generator)
    assert draw(other) == draw(generator)
    assert other is not generator


def test_default_generator():
    assert random.manual_seed(11) is random.default_generator
    assert random.initial_seed() == 11
    state = random.get_rng_state()
    first = draw(random.default_generator)
    random.set_rng_state(state)
    assert draw(random.default_generator) == first
    assert random.manual_seed("12").initial_seed() == 12
    assert random.seed() == random.initial_seed()
    assert random.seed() != random.seed()


def test_fork_rng():
    random.manual_seed(0)
    state = random.get_rng_state().array
    with random.fork_rng():
        random.manual_seed(1)
    assert (random.get_rng_state().array == state).all()
    with random.fork_rng(enabled=False):
        random.manual_seed(1)
    assert random.initial_seed() == 1


def test_numpy_generator():
    generator = Generator()
    assert random.numpy_generator(generator) is generator.numpy
    assert random.numpy_generator() is random.default_generator.numpy
    with pytest.raises(TypeError, match="argument 'generator' must be torch.Generator, not int"):
        random.numpy_generator(3)


def test_other_devices():
    assert Generator("cpu").device.type == "cpu"
    with pytest.raises(RuntimeError, match="CPU only"):
        Generator("cuda")


def _draws(queue):
    queue.put(draw(random.default_generator))


def test_forked_process_continues_the_parents_stream():
    """As in PyTorch; it is the DataLoader that gives its workers seeds of their own."""
    random.manual_seed(2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_draws, args=(queue,))
    process.start()
    drawn = queue.get(timeout=30)
    process.join()
    assert drawn == draw(random.default_generator)


@pytest.mark.parametrize(("bad", "name"), [(2.5, "float"), (True, "bool"), ("3", "str")])
def test_the_error_about_a_seed_of_wrong_type(bad, name):
    with pytest.raises(RuntimeError) as raised:
        Generator().manual_seed(bad)
    assert str(raised.value) == f"manual_seed expected a long, but got {name}"


def test_the_ends_of_the_range_of_seeds():
    assert Generator().manual_seed(-(2**63)).initial_seed() == 2**63
    assert Generator().manual_seed(2**64 - 1).initial_seed() == 2**64 - 1
    for number in (-(2**63) - 1, 2**64):
        with pytest.raises(ValueError, match=f"^Overflow when unpacking long long: {number} is no"):
            Generator().manual_seed(number)


def test_seeds_of_the_system_are_words():
    assert all(0 <= Generator().seed() < 2**64 for _ in range(20))


def test_a_large_seed_is_restored_to_the_bit():
    generator = Generator().manual_seed(2**64 - 1)
    twin = generator.clone_state()
    assert draw(generator) == draw(twin)
    assert twin.numpy.bit_generator.state["state"]["key"].tolist() == [2**64 - 1, 0]
