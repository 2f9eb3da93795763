"""The DataLoader with worker processes: order, errors, seeds, restarts, deaths, shared memory."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info
from tinygrad_lite.utils.data._utils import transport


class Numbers(Dataset):
    """Index 3 does what `trouble` says; some are slow, so that batches arrive in disorder."""

    def __init__(self, n=12, trouble=None):
        self.n, self.trouble = n, trouble

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        if index % 4 == 0:
            time.sleep(0.01)
        if index == 3 and self.trouble:
            self.trouble()
        return index


class Part(IterableDataset):
    """Splits 0 .. n - 1 among the workers in uneven stretches."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        cut = self.n // 4
        if info is None:
            return iter(range(self.n))
        return iter(range(cut) if info.id == 0 else range(cut, self.n))


class Seeds(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        info = get_worker_info()
        own = tl.initial_seed() == info.seed and tl.get_num_threads() == 1
        draws = [random.random(), np.random.rand(), tl.rand(1).item()]
        return info.id, info.num_workers, own, info.dataset is self, np.array(draws)


def numbers(loader):
    return [b.tolist() for b in loader]


def test_order_is_the_samplers():
    loader = DataLoader(Numbers(), batch_size=2, num_workers=2)
    assert numbers(loader) == numbers(DataLoader(Numbers(), batch_size=2))
    assert numbers(loader) == [[i, i + 1] for i in range(0, 12, 2)]
    assert len(numbers(DataLoader(Numbers(1), num_workers=2))) == 1


def test_out_of_order_delivers_all():
    loader = DataLoader(Numbers(), num_workers=2, in_order=False, prefetch_factor=1)
    assert sorted(i for [i] in numbers(loader)) == list(range(12))


def test_streams_in_parts():
    loader = DataLoader(Part(12), batch_size=2, num_workers=2)
    assert sorted(i for b in numbers(loader) for i in b) == list(range(12))
    loader = DataLoader(Part(12), batch_size=None, num_workers=2, persistent_workers=True)
    for _ in range(2):
        assert sorted(loader) == list(range(12))


def fail():
    raise KeyError("the cause")


class OddError(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def fail_oddly():
    raise OddError(1, 2)


def test_errors_come_with_the_workers_traceback():
    loader = DataLoader(Numbers(trouble=fail), batch_size=2, num_workers=2)
    iterator = iter(loader)
    assert next(iterator).tolist() == [0, 1]
    with pytest.raises(KeyError) as caught:
        next(iterator)
    text = str(caught.value)
    assert text.startswith("Caught KeyError in DataLoader worker process 1.\nOriginal Traceback")
    assert "the cause" in text and "in fail" in text
    assert next(iterator).tolist() == [4, 5]
    with pytest.raises(RuntimeError, match="Caught OddError in DataLoader worker process 0"):
        numbers(DataLoader(Numbers(trouble=fail_oddly), batch_size=4, num_workers=1))


def test_what_cannot_be_pickled_is_an_error_too():
    loader = DataLoader(Numbers(), num_workers=1, collate_fn=lambda batch: lambda: batch)
    with pytest.raises(Exception, match="in DataLoader worker process 0"):
        next(iter(loader))


def init_or_fail(worker_id):
    if worker_id == 1:
        raise ValueError("no disk")


def test_worker_init_fn():
    loader = DataLoader(Numbers(), num_workers=2, worker_init_fn=init_or_fail)
    iterator = iter(loader)
    assert next(iterator).tolist() == [0]
    with pytest.raises(ValueError, match="no disk"):
        next(iterator)


def test_seeds_differ_between_workers_and_epochs():
    loader = DataLoader(Seeds(), num_workers=2, batch_size=1)

    def epoch():
        batches = list(loader)
        assert [int(b[0]) for b in batches] == [0, 1, 0, 1]
        assert all(int(b[1]) == 2 and bool(b[2]) and bool(b[3]) for b in batches)
        return [tuple(b[4][0].tolist()) for b in batches]

    tl.manual_seed(0)
    first, second = epoch(), epoch()
    draws = [draw for row in first + second for draw in row]
    assert len(set(draws)) == len(draws)
    tl.manual_seed(0)
    assert epoch() == first


def test_persistent_workers_stay():
    class Pid(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return os.getpid()

    loader = DataLoader(Pid(), num_workers=2, persistent_workers=True)
    first = numbers(loader)
    iterator = iter(loader)
    next(iterator)  # an epoch left unfinished
    assert numbers(loader) == first
    fresh = DataLoader(Pid(), num_workers=2)
    assert not set(map(tuple, numbers(fresh))) & set(map(tuple, first))


def test_a_dead_worker_is_reported():
    loader = DataLoader(Numbers(trouble=lambda: os._exit(7)), batch_size=2, num_workers=2)
    message = r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly with exit code 7"
    with pytest.raises(RuntimeError, match=message):
        numbers(loader)


def test_timeout():
    loader = DataLoader(
        Numbers(trouble=lambda: time.sleep(1)), batch_size=4, num_workers=1, timeout=0.2
    )
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.2 seconds"):
        numbers(loader)


class Large(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return np.full((100, 200), index, np.float32), {"label": index, "name": str(index)}


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder in the place of shared memory that no other test process writes into."""
    monkeypatch.setattr(transport, "SHARED", str(tmp_path))
    return tmp_path


def test_large_batches_travel_in_shared_memory(shared):
    loader = DataLoader(Large(), batch_size=2, num_workers=2)
    batches = list(loader)
    for i, (x, extra) in enumerate(batches):
        assert x.shape == (2, 100, 200) and x.dtype == tl.float32
        assert x[:, 0, 0].tolist() == [2 * i, 2 * i + 1]
        assert extra["label"].tolist() == [2 * i, 2 * i + 1] and extra["name"][0] == str(2 * i)
        x.array += 1  # writable
    assert list(shared.iterdir()) == []


def test_an_abandoned_epoch_leaves_nothing_behind(shared):
    iterator = iter(DataLoader(Large(), batch_size=1, num_workers=2))
    next(iterator)
    assert len(list(shared.iterdir())) == 1
    processes = [worker.process for worker in iterator._pool.workers]
    gc.disable()
    try:
        del iterator  # freed by reference count: no cycles
        assert not any(process.is_alive() for process in processes)
    finally:
        gc.enable()
    assert list(shared.iterdir()) == []


KILLED = """
import os, signal, sys
import numpy as np
from tinygrad_lite.utils.data import DataLoader
from tinygrad_lite.utils.data._utils import transport

transport.SHARED = sys.argv[1]
samples = [np.zeros(100_000) for _ in range(50)]
iterator = iter(DataLoader(samples, num_workers=2))
next(iterator)
assert len(os.listdir(transport.SHARED)) == 1
print([worker.process.pid for worker in iterator._pool.workers], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_script_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    pids = [int(pid) for pid in run.stdout.strip("[]\n").split(",")]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        alive = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
        left = list(tmp_path.iterdir())
        if not alive and not left:
            break
        time.sleep(0.05)
    assert (alive, left) == ([], [])


def test_transport_without_shared_memory(tmp_path):
    value = {"a": np.arange(100_000), "b": [np.zeros(0), "text"]}
    for directory in (None, str(tmp_path)):
        out = transport.unpack(transport.pack(value, directory))
        assert (out["a"] == value["a"]).all() and out["b"][1] == "text"
        out["a"][0] = 5
    assert list(tmp_path.iterdir()) == []


def test_spawn():
    loader = DataLoader(Spawned(), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    assert [b.tolist() for b in loader] == [[0, 1], [2, 3]]


def Spawned():
    """range(4): something a fresh process can unpickle without importing this file."""
    return range(4)


def test_too_many_workers_is_a_warning():
    with pytest.warns(UserWarning, match="will create 9999 worker processes"):
        DataLoader(Numbers(), num_workers=9999)


class Convolved(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return convolved()


def convolved():
    x, w = tl.ones(4, 8, 32, 32), tl.ones(16, 8, 3, 3)
    return tl.nn.functional.conv2d(x, w).sum()


def test_fork_after_parallel_kernels():
    """OpenMP's threads do not survive a fork: workers compute without them, and do not hang."""
    expected = convolved().item()
    batches = list(DataLoader(Convolved(), batch_size=2, num_workers=2, timeout=60))
    assert [b.tolist() for b in batches] == [[expected] * 2] * 2
    assert convolved().item() == expected
