"""Packed sequences, dropout's layout and warnings, lazy parameters, loaders: as in PyTorch."""

from __future__ import annotations

import collections
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error, warned


def packed(lib: Any) -> Any:
    rnn = lib.nn.utils.rnn
    pack = rnn.pack_sequence([lib.tensor([1, 2, 3]), lib.tensor([4, 5])])
    names = ("double", "float", "half", "long", "int", "short", "char", "byte", "cpu")
    casts = [getattr(pack, name)().data.dtype.itemsize for name in names]
    return (
        casts, pack.to("cpu") is pack, pack.cpu() is pack, pack.to(lib.int64) is pack,
        pack.double().data, pack.is_pinned(), pack.is_cuda, pack.to(lib.int8).batch_sizes,
        error(lambda: rnn.pad_sequence(5), 80),
        error(lambda: rnn.pack_padded_sequence(lib.ones(0, 0), [])),
    )  # fmt: skip


def dropping(lib: Any) -> Any:
    F = lib.nn.functional
    strides = []
    for x in (lib.ones(2, 8, 3, 4), lib.ones(20, 16, 8, 8)):
        for view in (
            x.contiguous(memory_format=lib.channels_last), x.transpose(1, 3), x[..., ::2],
            x[:1].expand(4, -1, -1, -1), x[:, :, 1:],
        ):  # fmt: skip
            leaf = view.clone().requires_grad_()
            out = F.dropout(leaf, 0.5)
            out.sum().backward()
            strides.append((F.dropout(view, 0.5).stride(), out.stride()))
    return (
        strides, error(lambda: F.dropout1d(lib.ones(1), 1.5), 80),
        warned(lambda: F.dropout2d(lib.ones(1, 2, 2), 0.0).shape),
        warned(lambda: F.dropout2d(lib.ones(1, 2, 2, 2), 0.0).shape),
    )  # fmt: skip


def lazy(lib: Any) -> Any:
    class Net(lib.nn.modules.lazy.LazyModuleMixin, lib.nn.Module):  # type: ignore[misc]
        def __init__(self, values: Any = None) -> None:
            super().__init__()
            self.p = lib.nn.UninitializedParameter() if values is None else values
            self.b = lib.nn.UninitializedBuffer() if values is None else lib.nn.Buffer(values + 1)

    net = Net()
    state = net.state_dict()
    kinds = [type(v).__name__ for v in state.values()]
    full = Net(lib.nn.Parameter(lib.ones(2)))
    refused = error(lambda: full.load_state_dict(state), 70)
    net.half()
    net.p.materialize(10)
    net.b.materialize((2, 3))
    return (
        kinds, refused, list(net.state_dict()), net.p.shape, net.b.shape, type(net.p).__name__,
        net.p.dtype.itemsize, [n for n, _ in net.named_buffers()],
        error(lambda: lib.nn.Embedding(3, 2, padding_idx=4)),
        error(lambda: lib.nn.EmbeddingBag(3, 2, padding_idx=4)),
    )  # fmt: skip


def loaders(lib: Any) -> Any:
    data = lib.utils.data
    sampler = data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7], 4, replacement=False)
    late = [iter(sampler), iter(sampler)]
    found: list[list[int]] = [[], []]
    for turn in range(4):
        for i in range(2):
            if turn == 0:
                lib.manual_seed(0)
            found[i].append(next(late[i]))
    prune = importlib.import_module(f"{lib.__name__}.nn.utils.prune")
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        data.DataLoader([1], num_workers=1000)
    return (
        found[0] == found[1], "excessive worker creation might" in str(record[0].message),
        error(lambda: prune._validate_pruning_amount_init("x")),
        error(lambda: prune._validate_pruning_amount(20, 19), 80),
        [prune._compute_nparams_toprune(a, 17) for a in (0, 10, 1, 1.0, 0.4)],
    )  # fmt: skip


def filling(lib: Any) -> Any:
    """The ends of a bell that is cut far outside, and masks of integers."""
    init, F = lib.nn.init, lib.nn.functional
    lib.manual_seed(0)
    seen = []
    for args in ((10.0, 1.0, -1.0, 1.0), (0.0, 0.02, 0.1, 0.2), (0.0, 1.0, 2.5, 3.0)):
        x, said = warned(lambda args=args: init.trunc_normal_(lib.empty(4000), *args))
        seen.append(
            (said, round(x.mean().item(), 1), bool(((x >= args[2]) & (x <= args[3])).all()))
        )
    q, mask = lib.ones(1, 2, 4), lib.ones(2, 2).long()
    return seen, error(lambda: F.scaled_dot_product_attention(q, q, q, mask), 80)


@pytest.mark.parametrize("behaviour", [packed, dropping, lazy, loaders, filling])
def test_parts(behaviour: Callable[[Any], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        check(behaviour)


class Letters:
    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> str:
        return "abcdefgh"[i]


def test_processes_can_be_seen() -> None:
    import tinygrad_lite as tl

    it: collections.abc.Iterator[Any] = iter(tl.utils.data.DataLoader(Letters(), num_workers=1))
    (process,) = it._workers  # type: ignore[attr-defined]
    assert next(it) == ["a"] and process.is_alive()
    it._shutdown_workers()  # type: ignore[attr-defined]
    assert process.exitcode == 0
