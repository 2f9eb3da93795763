"""The examples about layers: activation statistics, dropout, the gallery, normalizations."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# fmt: off
TANH_LECUN = [.6277, .4860, .4079, .3571, .3212, .2941, .2729, .2551, .2407, .2281]
RELU_LECUN = [.5840, .4150, .2946, .2087, .1482, .1042, .0736, .0520, .0370, .0257]
TANH_SMALL = [.2135, .0476, .0106, .00238, .00053, .00012, 2.7e-5, 6e-6, 1.3e-6, 3e-7]
LAST_DIGIT = [1e-4, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5, 1e-6, 1e-6, 1e-7, 1e-7]  # of TANH_SMALL
# fmt: on


def test_activation_statistics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The mean of ten seeds lies within two spreads of the values known from 30 NumPy runs."""
    pytest.importorskip("matplotlib")
    results = load("activation_statistics").main(["--seeds", "10", "--out", str(tmp_path)])
    std = {name: runs["std"].mean(axis=0) for name, runs in results.items()}
    spread = {name: runs["std"].std(axis=0, ddof=1) for name, runs in results.items()}

    assert (np.abs(std["tanh, 1/fan_in"] - TANH_LECUN) <= 2 * np.linspace(4e-4, 17e-4, 10)).all()
    assert (np.abs(std["ReLU, 1/fan_in"] - RELU_LECUN) <= 2 * np.linspace(0.01, 0.004, 10)).all()
    # Where the spread is not listed it is that of these ten runs; the rounding comes on top.
    name = "tanh, 0.01"
    slack = 2 * spread[name] + np.array(LAST_DIGIT) / 2
    assert (np.abs(std[name] - TANH_SMALL) <= slack).all()
    name = "ReLU, 2/fan_in (He)"
    assert (np.abs(std[name] - 0.83) <= 2 * spread[name] + 0.005).all()
    mean = results[name]["mean"]
    assert (np.abs(mean.mean(axis=0) - 0.56) <= 2 * mean.std(axis=0, ddof=1) + 0.005).all()
    assert results[name]["zero"].mean() == pytest.approx(0.5, abs=0.01)
    assert std["tanh, 1.0"] == pytest.approx(np.full(10, 0.98), abs=0.005)
    assert results["tanh, 1.0"]["beyond .99"].mean() == pytest.approx(0.9, abs=0.01)

    printed = capsys.readouterr().out
    assert all(name in printed for name in results)
    picture = tmp_path / "activation_statistics.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_dropout_forms() -> None:
    result = load("dropout_forms").main(p=0.3)
    assert result["vanilla"] == pytest.approx((0.7, 0.7), abs=0.01)
    for name in ("inverted", "nn.Dropout"):
        assert result[name] == pytest.approx((1.0, 1.0), abs=0.01)
    assert result["vanilla, factor forgotten"] == pytest.approx((0.7, 1.0), abs=0.01)


def test_activation_gallery(tmp_path: Path) -> None:
    """Every curve is the function of the books, every derivative its difference quotient."""
    pytest.importorskip("matplotlib")
    script = load("activation_gallery")
    curves = script.main(["--out", str(tmp_path)])
    assert (tmp_path / "activation_gallery.png").read_bytes().startswith(b"\x89PNG")
    x, h = np.linspace(-4, 4, 400), 1e-6

    def bent(below: np.ndarray, above: np.ndarray = x) -> np.ndarray:
        return np.where(x > 0, above, below)

    phi = np.array([(1 + math.erf(t / math.sqrt(2))) / 2 for t in x])
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    books = {
        "sigmoid": 1 / (1 + np.exp(-x)),
        "tanh": np.tanh(x),
        "ReLU": bent(0 * x),
        "leaky ReLU (slope 0.05)": bent(0.05 * x),
        "PReLU (slope 0.25, learned)": bent(0.25 * x),
        "RReLU (evaluation)": bent((1 / 8 + 1 / 3) / 2 * x),
        "ELU (alpha 1)": bent(np.exp(x) - 1),
        "SELU": scale * bent(alpha * (np.exp(x) - 1)),
        "Maxout (of three lines)": np.maximum(np.maximum(-x - 1, x / 5), x - 0.5),
        "GELU": x * phi,
    }
    assert set(books) | {"RReLU (training)"} == set(curves)
    for name, values in books.items():
        assert curves[name][0] == pytest.approx(values, abs=1e-7), name
        function = script.gallery()[name]
        quotient = (script.curve(function, x + h)[0] - script.curve(function, x - h)[0]) / (2 * h)
        assert curves[name][1] == pytest.approx(quotient, abs=1e-6), name
    values, derivatives = curves["RReLU (training)"]
    assert values == pytest.approx(bent(derivatives * x))
    assert (derivatives[x > 0] == 1).all()
    assert ((derivatives[x < 0] >= 1 / 8) & (derivatives[x < 0] <= 1 / 3)).all()
    assert derivatives[x < 0].std() > 0.05  # 1/8 to 1/3, uniform: 0.060


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """examples/normalization_and_dropout.py; it imports its neighbour mnist.py as scripts do."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(EXAMPLES)
    return load("normalization_and_dropout")


def test_normalization_and_dropout(
    comparison: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    data = comparison.digits()
    few = data._replace(train=tuple(part[:200] for part in data.train))
    monkeypatch.setattr(comparison, "digits", lambda: few)
    curves = comparison.main(["--digits", "--epochs", "2", "--out", str(tmp_path)])
    assert set(curves) == set(comparison.VARIANTS)
    for name, curve in curves.items():
        assert len(curve["loss"]) == len(curve["test"]) == 2
        assert curve["loss"][1] < curve["loss"][0], name
    picture = tmp_path / "normalization_and_dropout.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_all_variants_start_alike(comparison: ModuleType) -> None:
    starts = []
    for variant in comparison.VARIANTS.values():
        comparison.torch.manual_seed(5)
        model = comparison.network(64, variant, "he")
        starts.append([w.numpy(force=True) for w in model.parameters() if w.dim() == 2])
    assert all(len(weights) == 10 for weights in starts)
    for weights in starts[1:]:
        for a, b in zip(starts[0], weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_normalization_rescues_a_start_that_is_too_small(comparison: ModuleType) -> None:
    data = comparison.digits()
    test = {
        name: max(comparison.train(data, comparison.VARIANTS[name], 3, start="small")["test"])
        for name in ("plain", "batch norm")
    }
    assert test["plain"] < 0.2 < 0.7 < test["batch norm"]
