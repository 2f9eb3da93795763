"""Batch and instance normalization against PyTorch: what is which, and which states load."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")

NORMS = [
    "BatchNorm1d(3)",
    "BatchNorm2d(3, affine=False)",
    "BatchNorm2d(3, track_running_stats=False)",
    "InstanceNorm2d(3)",
    "InstanceNorm2d(3, affine=True, track_running_stats=True)",
    "LazyBatchNorm1d()",
]


def build(t: Any, make: str) -> Any:
    return eval(f"t.nn.{make}", {"t": t})  # the text is this file's own


@pytest.mark.parametrize("make", NORMS)
def test_what_is_a_batch_norm(make: str) -> None:
    kinds = []
    for t in (tl, torch):
        layer, batchnorm = build(t, make), t.nn.modules.batchnorm
        kinds.append([isinstance(layer, c) for c in (batchnorm._BatchNorm, batchnorm._NormBase)])
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("make", NORMS[:-1])
@pytest.mark.parametrize("missing", ["", "num_batches_tracked", "running_mean"])
@pytest.mark.parametrize("versioned", [True, False])
def test_states_with_and_without_metadata(make: str, missing: str, versioned: bool) -> None:
    found = []
    for t in (tl, torch):
        layer = build(t, make)
        state = layer.state_dict()
        for key, value in list(state.items()):
            state[key] = value + 1
        state.pop(missing, None)
        given = state if versioned else dict(state)
        try:
            found.append(repr(layer.load_state_dict(given)))
        except RuntimeError as error:
            found.append(str(error).split("\n")[1].strip())
        loose = layer.load_state_dict(given, strict=False)
        found[-1] += f"{loose.missing_keys} {loose.unexpected_keys}"
        found[-1] += str({k: np.asarray(v).tolist() for k, v in layer.state_dict().items()})
    assert found[0] == found[1]
