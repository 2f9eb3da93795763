"""What PyTorch warns of is warned of in the same words, and what it refuses is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.oracle.behaviours import check, error


def said(call: Callable[[], Any]) -> list[tuple[str, str]]:
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        call()
    return [(w.category.__name__, str(w.message)) for w in record]


def encoders(lib: Any) -> Any:
    nn = lib.nn
    unbiased = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    unbiased.self_attn = nn.MultiheadAttention(4, 2, bias=False, batch_first=True)
    uneven = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    uneven.norm1.eps = 1.0
    layers = [
        nn.TransformerEncoderLayer(4, 2, 8),
        nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
        nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, norm_first=True),
        nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, activation=lib.tanh),
        nn.TransformerEncoderLayer(3, 1, 8, batch_first=True),
        nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, bias=False),
        nn.Linear(4, 2),
        unbiased,
        uneven,
    ]
    return (
        [said(lambda layer=layer: nn.TransformerEncoder(layer, 2)) for layer in layers],
        said(lambda: nn.TransformerEncoder(layers[0], 2, enable_nested_tensor=False)),
        said(lambda: nn.Transformer(4, 2, 1, 1, 8)),
    )


def masks_of_two_kinds(lib: Any) -> Any:
    x, layer = lib.ones(3, 2, 4), lib.nn.MultiheadAttention(4, 2)
    numbers, booleans = lib.zeros(3, 3), lib.zeros(2, 3).bool()
    return [
        said(lambda: layer(x, x, x, attn_mask=numbers, key_padding_mask=booleans)),
        said(lambda: layer(x, x, x, attn_mask=numbers.bool(), key_padding_mask=booleans)),
        said(lambda: layer(x, x, x, attn_mask=numbers.bool(), key_padding_mask=lib.zeros(2, 3))),
    ]


def hooks_without_inputs(lib: Any) -> Any:
    layer = lib.nn.Linear(2, 1)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: None)
    x = lib.ones(1, 2)
    return (
        said(lambda: layer(x).sum().backward()),
        said(lambda: layer(x.clone().requires_grad_()).sum().backward()),
    )


def corners(lib: Any) -> Any:
    F = lib.nn.functional
    image, grid = lib.ones(1, 1, 2, 2), lib.zeros(1, 2, 2, 2)
    return (
        said(lambda: F.grid_sample(image, grid)),
        said(lambda: F.grid_sample(image, grid, align_corners=False)),
        said(lambda: F.affine_grid(lib.eye(2, 3)[None], [1, 1, 2, 2])),
    )


def nothing_to_initialize(lib: Any) -> Any:
    init = lib.nn.init
    return [
        said(lambda f=f: getattr(init, f)(lib.empty(0, 2)))
        for f in ("kaiming_uniform_", "kaiming_normal_", "ones_", "uniform_")
    ], [init.calculate_gain(name) for name in ("linear", "sigmoid", "relu")]


def integers_resampled(lib: Any) -> Any:
    def outcome(mode: str, dims: int, kind: Any) -> Any:
        x = (lib.arange(4**dims) * 4 % 256).reshape(1, 1, *[4] * dims).to(kind)
        found = error(lambda: lib.nn.functional.interpolate(x, scale_factor=2.0, mode=mode), 0)
        kept = lib.nn.functional.interpolate if found[0] == "value" else None
        return found[0], kept and kept(x, scale_factor=2.0, mode=mode)

    kinds = (lib.uint8, lib.int64, lib.int32, lib.bool, lib.float32)
    modes = (("nearest", 1), ("nearest", 2), ("nearest-exact", 2), ("linear", 1), ("bilinear", 2))
    more = (("bicubic", 2), ("trilinear", 3), ("area", 2), ("nearest", 3))
    return [outcome(mode, dims, k) for mode, dims in (*modes, *more) for k in kinds]


def targets_of_another_dtype(lib: Any) -> Any:
    p = lib.full((1,), 0.5)
    return [
        error(lambda k=k: lib.nn.functional.binary_cross_entropy(p, lib.ones(1, dtype=k)), 34)
        for k in (lib.float32, lib.int64, lib.float64, lib.bool)
    ]


@pytest.mark.parametrize(
    "behaviour",
    [
        encoders,
        masks_of_two_kinds,
        hooks_without_inputs,
        corners,
        nothing_to_initialize,
        integers_resampled,
        targets_of_another_dtype,
    ],
)
def test_said_and_refused(behaviour: Callable[[Any], Any]) -> None:
    check(behaviour)
