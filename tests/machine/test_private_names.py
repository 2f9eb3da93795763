"""Names with an underscore that programs take from PyTorch's files, and what they do."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import tinygrad_lite as tl
from tinygrad_lite.nn import _reduction
from tinygrad_lite.optim import optimizer as o

NAMES = {
    "_tensor": ["Tensor"],
    "_utils": ["_flatten_dense_tensors", "_take_tensors", "_unflatten_dense_tensors"],
    "amp.autocast_mode": ["autocast"],
    "amp.grad_scaler": ["GradScaler"],
    "cuda.amp.autocast_mode": ["autocast"],
    "cuda.amp.grad_scaler": ["GradScaler"],
    "nn.functional": ["_Reduction"],
    "nn.modules.padding": ["_ConstantPadNd", "_ReflectionPadNd", "_ReplicationPadNd"],
    "nn.modules.transformer": ["_get_activation_fn", "_get_clones"],
    "testing._comparison": ["assert_close"],
}


@pytest.mark.parametrize("room", NAMES)
def test_importable(room: str) -> None:
    module = importlib.import_module(f"tinygrad_lite.{room}")
    for name in NAMES[room]:
        assert hasattr(module, name), name


def test_many_tensors_as_one() -> None:
    from tinygrad_lite._utils import (  # type: ignore[import-not-found]
        _flatten_dense_tensors,
        _take_tensors,
        _unflatten_dense_tensors,
    )

    xs = [tl.arange(6.0).reshape(2, 3), tl.tensor(7.0), tl.ones(0, 2)]
    flat = _flatten_dense_tensors(xs)
    back = _unflatten_dense_tensors(flat * 2, xs)
    assert [b.tolist() for b in back] == [(x * 2).tolist() for x in xs]
    assert [b.shape for b in back] == [x.shape for x in xs]
    blocks = list(
        _take_tensors([tl.ones(4), tl.ones(4), tl.ones(1, dtype=tl.int64), tl.ones(9)], 32)
    )
    assert [[t.numel() for t in block] for block in blocks] == [[4, 4], [9], [1]]


def test_reductions() -> None:
    assert [_reduction.get_enum(name) for name in ("none", "mean", "sum")] == [0, 1, 2]
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        _reduction.get_enum("max")
    for size_average in (None, True, False):
        with pytest.warns(UserWarning, match="please use reduction="):
            name = _reduction.legacy_get_string(size_average, None)
        assert name == ("sum" if size_average is False else "mean")
    assert _reduction.legacy_get_enum(None, False, emit_warning=False) == 0


def test_an_optimizer_written_by_hand() -> None:
    class Plain(o.Optimizer):
        def __init__(self, params: o.ParamsT, lr: float, differentiable: bool = False) -> None:
            super().__init__(params, {"lr": lr, "differentiable": differentiable})

        @o._use_grad_for_differentiable
        def step(self, closure: Any = None) -> None:
            self.recorded = tl.is_grad_enabled()
            for group in self.param_groups:
                for p in group["params"]:
                    p.add_(p.grad, alpha=-o._get_value(group["lr"]))

    w = tl.ones(2, requires_grad=True)
    (w * 3).sum().backward()
    optimizer = Plain([w], 0.5)
    optimizer.step()
    assert (w.tolist(), optimizer.recorded) == ([-0.5, -0.5], False)
    assert tl.is_grad_enabled()
    other = Plain([tl.zeros(1)], 0.1, differentiable=True)
    other.param_groups[0]["params"] = []
    other.step()
    assert other.recorded


def test_what_optimizers_by_hand_ask() -> None:
    assert (o._get_value(tl.tensor(2.0)), o._get_value(3)) == (2.0, 3)
    assert o._to_scalar(tl.ones(1)).shape == ()
    assert o._to_scalar(0.1) == 0.1
    assert o._stack_if_compiling([1]) == [1]
    assert o._disable_dynamo_if_unsupported(single_tensor_fn=len)(len) is len
    assert o._default_to_fused_or_foreach([], False) == (False, False)
    assert o._get_scalar_dtype() is tl.float32
    params, moments = (
        [tl.ones(2, dtype=tl.complex64), tl.ones(2)],
        [tl.ones(2, dtype=tl.complex64), 0],
    )
    o._view_as_real(params, moments)  # type: ignore[arg-type]
    assert [p.shape for p in params] == [(2, 2), (2,)]
    assert moments[0].shape == (2, 2)  # type: ignore[union-attr]


def test_causal_masks() -> None:
    from tinygrad_lite.nn.modules.transformer import _detect_is_causal_mask, _get_clones

    mask = tl.nn.Transformer.generate_square_subsequent_mask(3)
    assert _detect_is_causal_mask(mask)
    assert _detect_is_causal_mask(mask, size=3)
    assert not _detect_is_causal_mask(mask, size=4)
    assert not _detect_is_causal_mask(mask, False)
    first, second = _get_clones(tl.nn.Linear(2, 2), 2)
    assert first is not second
    assert tl.equal(first.weight, second.weight)
