"""Why the size of the first weights matters: activations on their way through ten layers.

    python examples/activation_statistics.py            # prints a table, draws a picture
    python examples/activation_statistics.py --seeds 10 # the mean of ten runs, and their spread

1,000 inputs of 500 unit normals pass through ten layers of 500 units without biases. Nothing is
learned; all that differs is how the weights are drawn. Each layer multiplies the variance of its
input by `fan_in * var(weight)`, and the nonlinearity takes some of it away, so

* tanh, weights of 0.01:  the signal dies out, and with it every gradient (they are products of
                          the same activations);
* tanh, weights of 1.0:   every unit sits at -1 or 1, where tanh' is zero;
* tanh, 1 / fan_in:       LeCun's variance keeps the signal alive: .63 falls only to .23;
* ReLU, 1 / fan_in:       ReLU throws half of the variance away in each layer: it halves and halves;
* ReLU, 2 / fan_in:       He's variance gives that factor of two back: every layer like the first.

The picture has the mean and standard deviation of every layer and, below, the histograms.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lite as torch
from tinygrad_lite import nn

INPUTS, UNITS, LAYERS = 1000, 500, 10


class Setting(NamedTuple):
    """One way to draw weights, and the nonlinearity behind them."""

    activation: Callable[[], nn.Module]
    draw: Callable[[torch.Tensor], object]


SETTINGS = {
    "tanh, 0.01": Setting(nn.Tanh, lambda weight: nn.init.normal_(weight, std=0.01)),
    "tanh, 1.0": Setting(nn.Tanh, lambda weight: nn.init.normal_(weight, std=1.0)),
    "tanh, 1/fan_in": Setting(nn.Tanh, nn.init.lecun_normal_),
    "ReLU, 1/fan_in": Setting(nn.ReLU, nn.init.lecun_normal_),
    "ReLU, 2/fan_in (He)": Setting(
        nn.ReLU, lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu")
    ),
}


def network(setting: Setting) -> nn.Sequential:
    """Ten layers of 500 units, their weights drawn as `setting` says."""
    layers: list[nn.Module] = []
    for _ in range(LAYERS):
        linear = nn.Linear(UNITS, UNITS, bias=False)
        setting.draw(linear.weight)
        layers += [linear, setting.activation()]
    return nn.Sequential(*layers)


def activations(setting: Setting, seed: int) -> list[np.ndarray]:
    """What leaves each of the ten layers, (1000, 500): noted by a forward hook."""
    torch.manual_seed(seed)
    model, noted = network(setting), []
    for layer in model:
        if not isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda module, args, out: noted.append(out.numpy()))
    with torch.no_grad():
        model(torch.randn(INPUTS, UNITS))
    return noted


def statistics(outputs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Per layer: mean, standard deviation, and the shares of zeros and of values beyond 0.99."""
    return {
        "mean": np.array([x.mean(dtype=np.float64) for x in outputs]),
        "std": np.array([x.std(dtype=np.float64) for x in outputs]),
        "zero": np.array([(x == 0).mean() for x in outputs]),
        "beyond .99": np.array([(np.abs(x) > 0.99).mean() for x in outputs]),
    }


def repeated(setting: Setting, seeds: int) -> dict[str, np.ndarray]:
    """The statistics of `seeds` independent runs, each (seeds, 10)."""
    runs = [statistics(activations(setting, seed)) for seed in range(seeds)]
    return {key: np.stack([run[key] for run in runs]) for key in runs[0]}


def report(name: str, runs: dict[str, np.ndarray]) -> str:
    """The rows of one setting: mean over the runs and, of several, the spread."""
    lines = [name]
    for key, values in runs.items():
        if key == "zero" and not name.startswith("ReLU"):
            continue  # a tanh is zero at zero only
        if key == "beyond .99" and not name.startswith("tanh"):
            continue  # nor has a ReLU an upper end
        lines.append(f"  {key:<10}" + " ".join(f"{x:8.2g}"[:8] for x in values.mean(axis=0)))
        if key == "std":
            lines[-1] = f"  {key:<10}" + " ".join(f"{x:8.3g}" for x in values.mean(axis=0))
            if len(values) > 1:
                spread = values.std(axis=0, ddof=1)
                lines.append(f"  {'  spread':<10}" + " ".join(f"{x:8.1g}" for x in spread))
    return "\n".join(lines)


def draw(results: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Mean and standard deviation by layer, all settings; then a row of histograms for each."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(16, 15), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 2.2])
    left, right = above.subplots(1, 2)
    layers = np.arange(1, LAYERS + 1)
    for name, runs in results.items():
        left.plot(layers, runs["mean"].mean(axis=0), "o-", label=name)
        right.semilogy(layers, runs["std"].mean(axis=0), "o-", label=name)
    left.set(title="mean", xlabel="layer")
    right.set(title="standard deviation", xlabel="layer")
    left.legend()
    grid = below.subplots(len(SETTINGS), LAYERS, sharex="row")
    for row, (name, setting) in zip(grid, SETTINGS.items()):
        for k, (axes, x) in enumerate(zip(row, activations(setting, seed=0)), 1):
            ends = (-1, 1) if name.startswith("tanh") else (0, 3)
            axes.hist(x.ravel(), bins=40, range=ends, color=f"C{list(SETTINGS).index(name)}")
            axes.set(yticks=[], title=f"layer {k}")
        row[0].set_ylabel(name)
    figure.savefig(path, dpi=80)


def main(arguments: list[str] | None = None) -> dict[str, dict[str, np.ndarray]]:
    """Run every setting, print the table, draw; returns the statistics by setting."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1, help="how many runs to average")
    parser.add_argument("--out", type=Path, default=Path("."), help="where the picture goes")
    options = parser.parse_args(arguments)
    header = "layer" + " " * 7 + " ".join(f"{k:8}" for k in range(1, LAYERS + 1))
    sys.stdout.write(header + "\n")
    results: dict[str, dict[str, Any]] = {}
    for name, setting in SETTINGS.items():
        results[name] = repeated(setting, options.seeds)
        sys.stdout.write(report(name, results[name]) + "\n")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        sys.stdout.write('no picture without matplotlib: pip install ".[examples]"\n')
        return results
    options.out.mkdir(parents=True, exist_ok=True)
    draw(results, options.out / "activation_statistics.png")
    sys.stdout.write(f"picture: {options.out / 'activation_statistics.png'}\n")
    return results


if __name__ == "__main__":
    main()
