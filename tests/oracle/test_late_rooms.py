"""What few scripts ask for: loss scaling, storages, functions under their other signature."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import tinygrad_lite as tl
from tests.oracle.behaviours import check, error


def _some(lib: Any, *shape: int, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).standard_normal(shape)
    return lib.from_numpy(values.astype("float32"))


def scaled_steps(lib: Any) -> Any:
    scaler = lib.amp.GradScaler("cpu")
    layer = lib.nn.Linear(2, 1)
    lib.nn.init.ones_(layer.weight)
    lib.nn.init.ones_(layer.bias)
    optimizer = lib.optim.SGD(layer.parameters(), lr=0.1)
    seen: list[Any] = [scaler.is_enabled(), scaler.state_dict()]

    def step(bad: bool, unscale: bool) -> None:
        optimizer.zero_grad()
        loss = scaler.scale(layer(lib.ones(3, 2)).sum())
        loss.backward()
        if bad:
            layer.weight.grad[0, 0] = float("inf")
        if unscale:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        seen.append((loss, layer.weight, layer.weight.grad, scaler.get_scale()))
        seen.append(int(scaler._growth_tracker))

    for bad, unscale in ((False, True), (True, True), (True, False), (False, False)):
        step(bad, unscale)
    seen.append(error(scaler.update))
    scaler.step(optimizer)
    seen += [error(lambda: scaler.step(optimizer)), error(lambda: scaler.unscale_(optimizer))]
    scaler.update()
    scaler.unscale_(optimizer)
    seen.append(error(lambda: scaler.unscale_(optimizer)))
    seen.append(scaler.scale([lib.ones(1), (lib.ones(2, dtype=lib.float16),)]))
    seen += [error(lambda: scaler.load_state_dict({})), error(lambda: scaler.scale(3))]
    scaler.load_state_dict(
        lib.amp.GradScaler("cpu", init_scale=4.0, growth_interval=1).state_dict()
    )
    step(False, False)
    off = lib.amp.GradScaler("cpu", enabled=False)
    seen += [off.state_dict(), off.get_scale(), off.scale(lib.ones(1)), off.is_enabled()]
    seen.append(error(lambda: lib.amp.GradScaler("cpu", growth_factor=0.5)))
    seen.append(error(lambda: lib.amp.GradScaler("cpu", backoff_factor=2.0)))
    return seen


def without_cuda(lib: Any) -> Any:
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        enabled = lib.amp.GradScaler("cuda").is_enabled()
    return enabled, [str(w.message) for w in record]


def storages(lib: Any) -> Any:
    x = lib.arange(6.0)[2:]
    raw = x.untyped_storage()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        typed = x.storage()
    raw[8] = 7
    y = lib.zeros(3, 4)
    return (
        raw.nbytes(), len(raw), raw.tolist(), raw.data_ptr() + 8 == x.data_ptr(), repr(raw)[-60:],
        typed.size(), typed.nbytes(), list(typed), typed[2], typed.dtype, repr(typed),
        raw == x[1:].untyped_storage(), raw == x.clone().untyped_storage(), x,
        lib.is_storage(raw), lib.is_storage(typed), lib.is_storage(x),
        y.t()[1:].untyped_storage().nbytes(), y.t().untyped_storage() == y.untyped_storage(),
        lib.UntypedStorage(3).tolist() if lib is not torch else [0, 0, 0],
        lib.empty(0).untyped_storage().nbytes(), lib.tensor(1.0).untyped_storage().nbytes(),
    )  # fmt: skip


def other_signatures(lib: Any) -> Any:
    x, y, w = (_some(lib, 4, 3, seed=s) for s in range(3))
    sign = lib.tensor([1.0, -1.0, 1.0, 1.0])
    row, bias = _some(lib, 3, seed=5), _some(lib, 3, seed=6)
    image, kernel = _some(lib, 1, 2, 5, 5, seed=7), _some(lib, 4, 2, 3, 3, seed=8)
    gates, hidden = _some(lib, 8, 3, seed=9), _some(lib, 8, 2, seed=10)
    h, c = _some(lib, 4, 2, seed=11), _some(lib, 4, 2, seed=12)
    probabilities = x.softmax(1)
    mean, var = lib.zeros(3), lib.ones(3)
    return [
        lib.binary_cross_entropy_with_logits(x, probabilities, None, None, 2),
        [lib.kl_div(y.log_softmax(1), probabilities, r) for r in range(3)],
        lib.kl_div(y.log_softmax(1), x.log_softmax(1), log_target=True),
        lib.poisson_nll_loss(x, y.abs(), True, False, 1e-8, 1),
        lib.cosine_embedding_loss(x, y, sign, 0.2, 0),
        lib.hinge_embedding_loss(x[:, 0], sign),
        lib.margin_ranking_loss(x[:, 0], y[:, 0], sign, 0.1, 2),
        lib.triplet_margin_loss(x, y, w),
        lib.batch_norm(x, row, bias, mean, var, True, 0.1, 1e-5, False), mean, var,
        lib.instance_norm(image, None, None, None, None, True, 0.1, 1e-5, False),
        lib.embedding(x, lib.tensor([[0, 2]])),
        lib.feature_dropout(x, 0.5, False),
        lib.constant_pad_nd(x, (1, 0, 0, 2), 3.0),
        lib.convolution(image, kernel, None, (2, 1), (1, 0), (1, 1), False, (0, 0), 1),
        lib.convolution(
            image, kernel.transpose(0, 1), None, (2, 1), (1, 0), (1, 1), True, (1, 0), 1
        ),
        lib.native_layer_norm(x, (3,), row, bias, 1e-5),
        lib.native_dropout(x, 0.0, True),
        lib.lstm_cell(x, (h, c), gates, hidden, None, None),
        lib.gru_cell(x, h, gates[:6], hidden[:6], gates[:6, 0], gates[:6, 1]),
        lib.rnn_tanh_cell(x, h, gates[:2], hidden[:2]),
        lib.rnn_relu_cell(x, h, gates[:2], hidden[:2]),
        lib.frobenius_norm(x, (0, 1)), lib.frobenius_norm(x, [1], True), lib.nuclear_norm(x),
        lib.norm_except_dim(kernel, 2, 0), lib.norm_except_dim(x, 2, 1),
        lib.detach_(x.clone().requires_grad_() * 1),
        lib.dropout_(x.clone(), 0.0, True), lib.threshold_(x.clone(), 0.1, 9.0),
        lib.grid_sampler(image, lib.zeros(1, 2, 2, 2), 0, 0, True),
        lib.affine_grid_generator(lib.eye(2, 3)[None], (1, 1, 2, 3), False),
        error(lambda: lib._assert(False, "said so")), lib._assert(True, "not said"),
        lib.is_autocast_enabled("cpu"), lib.get_autocast_dtype("cpu"),
        lib.get_deterministic_debug_mode(),
    ]  # fmt: skip


def gradients_of_convolutions(lib: Any) -> Any:
    of = importlib.import_module(f"{lib.__name__}.nn.grad")
    x, w, g = _some(lib, 2, 4, 7), _some(lib, 6, 2, 3, seed=1), _some(lib, 2, 6, 4, seed=2)
    image, kernel = _some(lib, 1, 2, 5, 5, seed=3), _some(lib, 4, 2, 3, 3, seed=4)
    out = _some(lib, 1, 4, 3, 3, seed=5).requires_grad_()
    dx = of.conv2d_input(image.shape, kernel, out)
    dx.sum().backward()
    return (
        of.conv1d_input(x.shape, w, g, stride=2, padding=1, groups=2),
        of.conv1d_weight(x, w.shape, g, stride=2, padding=1, groups=2),
        dx, out.grad, of.conv2d_weight(image, kernel.shape, out.detach()),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:at.*norm is deprecated")
@pytest.mark.parametrize(
    "behaviour",
    [scaled_steps, without_cuda, storages, other_signatures, gradients_of_convolutions],
)
def test_late(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)


def test_files_from_addresses(tmp_path: Path) -> None:
    source = tmp_path / "model.pt"
    tl.save({"w": tl.ones(2)}, source)
    hub = importlib.import_module("tinygrad_lite.utils.model_zoo")
    for _ in range(2):
        kept = hub.load_url(source.as_uri(), str(tmp_path / "kept"), progress=False)
        assert kept["w"].tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="invalid hash value"):
        tl.hub.download_url_to_file(source.as_uri(), str(tmp_path / "b"), "0123", progress=False)
    assert not (tmp_path / "b").exists()
    with pytest.raises(NotImplementedError, match="hub.load"):
        tl.hub.load("pytorch/vision", "resnet18")


def test_timer(capsys: pytest.CaptureFixture[str]) -> None:
    Timer, Compare = tl.utils.benchmark.Timer, tl.utils.benchmark.Compare
    timers = [
        Timer("f(x)", "x = torch.ones(3)", globals={"f": f}, label="of", sub_label=name)
        for name, f in (("sum", tl.sum), ("mean", tl.mean))
    ]
    once, often = timers[0].timeit(10), timers[1].blocked_autorange(min_run_time=0.01)
    assert once.number_per_run == 10
    assert len(once.times) == 1
    assert sum(often.raw_times) >= 0.01
    assert 0 < often.median < 0.01
    assert "10 runs, 1 thread" in repr(once)
    Compare([once, often]).print()
    printed = capsys.readouterr().out
    assert "of" in printed
    assert "sum   |" in printed
    assert "mean  |" in printed
    assert timers[0].adaptive_autorange(threshold=10, min_run_time=0.001).times
