"""Scripts as PyTorch users write them, run unchanged under both libraries: the same losses.

Each of tests/scripts is run twice, from the weights that tinygrad_lite drew (copied into PyTorch's
model by its state_dict). `train` returns the losses of at least 20 steps; what the scripts draw
comes from NumPy, with a seed.

Tolerance: the scripts compute in float32, whose unit of rounding is 6e-8. Two right orders of
summation differ by a few units, and training carries a difference from step to step. Measured over
the five scripts: at most 7e-7 relative at any step. RTOL leaves a factor of 15 for other machines
and orders; a derivative wrong by 0.1 % in any layer ends far outside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.scripts.runner import FOLDER, load, torch_is_tinygrad_lite

torch = pytest.importorskip("torch")

RTOL = 1e-5
SCRIPTS = ["char_transformer", "conv_net", "lstm_tagger", "policy_gradient", "vae"]


def losses(name: str, library: str, weights: dict[str, Any]) -> list[float]:
    """The script's losses; `weights` are loaded, or if there are none yet, filled in."""
    script = load(FOLDER / f"{name}.py", f"{name}_under_{library}")
    model = script.build()
    if weights:
        model.load_state_dict({key: torch.from_numpy(array) for key, array in weights.items()})
    else:
        weights.update({key: value.numpy().copy() for key, value in model.state_dict().items()})
    return script.train(model)


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_weights_same_losses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    weights: dict[str, np.ndarray] = {}
    with torch_is_tinygrad_lite():
        ours = losses(name, "tinygrad_lite", weights)
    printed = capsys.readouterr().out
    theirs = losses(name, "pytorch", weights)
    assert len(ours) >= 20
    assert ours == pytest.approx(theirs, rel=RTOL)
    # and what the user sees: formatted tensors, rates, accuracies, generated text
    assert len(printed.splitlines()) == len(capsys.readouterr().out.splitlines())
