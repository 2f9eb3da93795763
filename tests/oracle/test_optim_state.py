"""An optimizer's state has PyTorch's layout and goes from one library to the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.oracle.optim_pairs import OPTIONS, SHAPES, compare, give_gradients, pair  # noqa: E402
from tinygrad_lite.core.tensor import Tensor, make  # noqa: E402
from tinygrad_lite.serialization import load, save  # noqa: E402


def arrays(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value.array


def to_torch(value: Any) -> Any:
    if isinstance(value, Tensor):
        return torch.tensor(value.array)
    if isinstance(value, dict):
        return {k: to_torch(v) for k, v in value.items()}
    return [to_torch(v) for v in value] if isinstance(value, list) else value


def from_torch(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return make(np.array(value.detach().numpy()))
    if isinstance(value, dict):
        return {k: from_torch(v) for k, v in value.items()}
    return [from_torch(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, options, id=f"{name}-{i}")
        for name, all_options in OPTIONS.items()
        for i, options in enumerate(all_options[:9])
    ],
)
def test_state_dict_goes_both_ways(name: str, options: dict[str, Any]) -> None:
    shapes = [s for s in SHAPES if s != (0,)]
    ours, a, theirs, b = pair(name, options, np.float64, shapes)
    for t in range(10):
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    mine, other = a.state_dict(), b.state_dict()
    assert set(mine) == set(other)
    assert set(mine["state"]) == set(other["state"])
    for i, state in other["state"].items():
        assert set(mine["state"][i]) == set(state)
        for key, value in state.items():
            got = mine["state"][i][key].array
            assert got.dtype == value.numpy().dtype
            np.testing.assert_allclose(got, value.numpy(), rtol=1e-6, atol=1e-12)
    for group, expected in zip(mine["param_groups"], other["param_groups"], strict=True):
        assert group == expected
    # Exchange: ours into a new optimizer of PyTorch, theirs into a new one of ours.
    ours2, a2, theirs2, b2 = pair(name, options, np.float64, shapes)
    for new, old in zip(ours2 + theirs2, theirs + ours, strict=True):
        arrays(new)[...] = arrays(old)
    a2.load_state_dict(from_torch(other))
    b2.load_state_dict(to_torch(mine))
    for t in range(10, 20):
        give_gradients(ours, theirs2, t)
        give_gradients(ours2, theirs, t)
        for optimizer in (a, b, a2, b2):
            optimizer.step()
    compare(ours, theirs)
    compare(ours2, theirs)
    compare(ours, theirs2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("Adam", {"amsgrad": True}),
        ("AdamW", {}),
        ("RMSprop", {"centered": True, "momentum": 0.5}),
    ],
)
def test_files_go_both_ways(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    """What one library saves the other loads, and goes on as the first would have."""
    ours, a, theirs, b = pair(name, options, np.float64, [(3, 4), (5,), (2, 3), ()])
    for t in range(10):
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    save(a.state_dict(), tmp_path / "ours.pt")
    torch.save(b.state_dict(), tmp_path / "theirs.pt")
    a.load_state_dict(load(tmp_path / "theirs.pt"))
    b.load_state_dict(torch.load(tmp_path / "ours.pt"))
    for t in range(10, 20):
        give_gradients(ours, theirs, t)
        a.step()
        b.step()
    compare(ours, theirs)
