"""What layers and losses do at the edges: empty batches, odd arguments, memory order."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error, warned


def losses(lib: Any) -> Any:
    F = lib.nn.functional
    logs = (lib.arange(30.0).reshape(5, 2, 3) / 7).log_softmax(2).requires_grad_()
    targets = lib.tensor([[1, 2], [2, 1]])
    nothing, once = lib.tensor([0, 0]), lib.tensor([1, 1])
    read = F.ctc_loss(logs, targets, nothing, nothing, reduction="none")
    late = F.ctc_loss(logs, targets, nothing, once, reduction="none")
    read.sum().backward()
    return (
        read, late, logs.grad,
        error(lambda: F.ctc_loss(logs, targets, nothing.float(), once), 30),
        error(lambda: F.ctc_loss(logs, targets, [5], [1, 1])),
        error(lambda: F.ctc_loss(logs, targets, [5, 5], [-1, -1]), 0),
        error(lambda: F.cosine_embedding_loss(lib.ones(3), lib.ones(3), lib.ones(1))),
        error(lambda: F.cosine_embedding_loss(lib.ones(2, 3), lib.ones(2, 3), lib.ones(2, 1))),
        F.cosine_similarity(lib.tensor([1, 2], dtype=lib.int8), lib.tensor([1.0, 2.0]), dim=0),
        error(lambda: F.cosine_similarity(lib.tensor([1, 2]), lib.tensor([1, 2]), dim=0), 50),
    )  # fmt: skip


def images(lib: Any) -> Any:
    F = lib.nn.functional
    x = lib.arange(32.0).reshape(1, 2, 4, 4)
    theta = lib.arange(6.0).reshape(1, 2, 3)
    return (
        error(lambda: F.interpolate(x, size=(2.0, 2.0)), 60),
        error(lambda: F.interpolate(x, scale_factor=1e20), 0),
        error(lambda: F.fold(lib.ones(1, 12, 12), (4, 5), 2, dilation=8), 60),
        error(lambda: F.unfold(lib.ones(3, 0, 3, 4), 2), 60),
        error(lambda: F.channel_shuffle(lib.ones(2, 4), 2)), F.channel_shuffle(x[:0], 2),
        error(lambda: F.pad(x, (1, 1), mode="reflect")),
        error(lambda: F.pad(lib.ones(3, 0, 4), (1, 1), mode="replicate")),
        [F.pad(x, (0, 0, 0, 0), mode=m).data_ptr() == x.data_ptr()
         for m in ("constant", "reflect", "replicate", "circular")],
        warned(lambda: F.affine_grid(theta, (1, 1, 2, 1), align_corners=True)),
        error(lambda: F.affine_grid(theta.int(), (1, 1, 2, 2), align_corners=True)),
        error(lambda: F.affine_grid(theta, (1, 1, 2), align_corners=True)),
        error(lambda: F.grid_sample(x[0], lib.zeros(2, 1, 1, 2), align_corners=False), 60),
    )  # fmt: skip


def order(lib: Any) -> Any:
    F = lib.nn.functional
    x = lib.arange(192.0).reshape(2, 8, 3, 4).contiguous(memory_format=lib.channels_last)
    leaf = x.clone().requires_grad_()
    (leaf * lib.ones(2, 8, 3, 4)).sum().backward()
    tall = lib.ones(3, 2).t().requires_grad_()
    (tall * lib.ones(2, 3)).sum().backward()
    outs = [
        F.pixel_shuffle(x, 2), F.channel_shuffle(x, 2), F.pad(x, (1, 1)), F.group_norm(x, 2),
        F.interpolate(x, scale_factor=2), F.interpolate(x, scale_factor=2, mode="bilinear"),
    ]  # fmt: skip
    return [o.stride() for o in outs], leaf.grad.stride(), tall.grad.stride()


def recurrent(lib: Any) -> Any:
    rnn = lib.nn.GRU(3, 2)
    return error(lambda: rnn(lib.ones(0, 1, 3)), 49), rnn(lib.ones(2, 0, 3))[0].shape


def instances(lib: Any) -> Any:
    x = lib.arange(8.0).reshape(1, 2, 4)
    norm = lib.nn.InstanceNorm1d
    return (
        warned(lambda: norm(3)(x)), error(lambda: norm(3, affine=True)(x), 68),
        error(lambda: norm(3, affine=True)(x[0]), 68),
    )  # fmt: skip


def prefixes(lib: Any) -> Any:
    net = lib.nn.Sequential(lib.nn.Linear(1, 1))
    state = net.state_dict(prefix="module.")
    lib.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
    given = lib.nn.Parameter(lib.ones(1, 1), requires_grad=False)
    net.load_state_dict({"0.weight": given, "0.bias": lib.ones(1)}, assign=True)
    return list(state), list(state._metadata), net[0].weight is given, given.requires_grad


def clipping(lib: Any) -> Any:
    utils = lib.nn.utils
    p = lib.nn.Parameter(lib.ones(4))
    norms = []
    for order in (0, 0.5, 1, 2, 3, -1, math.inf, -math.inf):
        p.grad = lib.tensor([0.5, -2.0, 1.0, 4.0])
        norms.append((utils.clip_grad_norm_([p], 1.0, order), (p.grad * 1000).round()))
    p.grad[0] = math.nan
    return (
        norms, warned(lambda: utils.clip_grad_norm_((q for q in ()), 1.0)),
        warned(lambda: utils.clip_grad_norm_([], 1.0)),
        error(lambda: utils.clip_grad_norm_([p], 1.0, 3, error_if_nonfinite=True), 80),
    )  # fmt: skip


def places(lib: Any) -> Any:
    """Grids that are not finite, indices outside, planes without rows."""
    F = lib.nn.functional
    x = lib.arange(9.0).reshape(1, 1, 3, 3) + 1
    grid = lib.tensor([math.nan, 0, math.inf, 0, 0, -math.inf, 0, 0]).reshape(1, 2, 2, 2)
    u, y = lib.full((1, 1, 2), 0.5), lib.arange(16.0).reshape(1, 1, 4, 4)

    def pool(samples: Any, y: Any = y) -> Any:
        return error(
            lambda: F.fractional_max_pool2d(y, 2, output_size=1, _random_samples=samples), 80
        )

    return (
        F.grid_sample(x, grid, mode="nearest", align_corners=True),
        error(lambda: F.max_unpool2d(x, lib.full((1, 1, 3, 3), 99), 2), 80),
        F.fractional_max_pool2d(y, 2, output_size=(0, 1)).shape,
        pool(u), pool(u.double()), pool(u[0]), pool(u[:0]), pool(lib.ones(1, 2, 2)),
        pool(lib.ones(1, 1, 3)), pool(u[:0], y[:0]), pool(lib.full((2, 1, 2), 0.5)),
    )  # fmt: skip


def names(lib: Any) -> Any:
    importlib.import_module(lib.__name__ + ".autograd.gradcheck")
    x = lib.ones(2, dtype=lib.float64, requires_grad=True)
    schedule = lib.optim.lr_scheduler.StepLR(lib.optim.SGD([x]), 2)
    x.grad = lib.ones_like(x)
    schedule.optimizer.step()
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        schedule.step(1)
    said = [str(w.message) == lib.optim.lr_scheduler.EPOCH_DEPRECATION_WARNING for w in record]
    cast = warned(lambda: lib.nn.Linear(1, 1).to(lib.complex64).weight.dtype.is_complex)
    return lib.autograd.gradcheck(lib.sin, x), said, cast


EDGES = [losses, images, order, recurrent, instances, prefixes, clipping, places, names]


@pytest.mark.parametrize("behaviour", EDGES)
def test_edges(behaviour: Callable[[Any], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        check(behaviour)
