"""Normalizations and noise side by side: one ten-layer network, trained from the same start.

    python examples/normalization_and_dropout.py                # scikit-learn's 1,797 digits
    python examples/normalization_and_dropout.py --data DIR     # the full MNIST, a few minutes
    python examples/normalization_and_dropout.py --start small  # from weights that are too small

Ten linear layers with ReLU between them, SGD with momentum. Every variant starts from the same
weights and sees the same batches in the same order; they differ only in what stands between a
linear layer and its ReLU, or in what happens to the weights:

* nothing; batch, layer, group and RMS normalization, each with PyTorch's defaults (instance
  normalization needs channels with several positions, which a vector of features has not);
* dropout of units, DropConnect (of single connections), and max-norm: after each step, rows of
  weights longer than a bound are cut down to it. None of the three normalizes.

The table and the picture have training loss and test accuracy after each epoch. What to see:

* from He's initialization (variance 2 / fan_in) the plain network learns as well as the normalized
  ones: a right start does, once, what a normalization does at every step. Batch normalization
  alone stands out, in the test accuracy of the first epochs;
* from nn.Linear's own initialization (variance 1 / (3 fan_in), `--start small`) signals shrink by
  2.4 in each layer, and only the networks that undo it learn anything;
* dropout and DropConnect slow the fall of the training loss: they work against learning by heart,
  which a larger network or a longer training would do.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import tinygrad_lite as torch
from tinygrad_lite import nn
from tinygrad_lite.utils.data import DataLoader, TensorDataset

# The data, and how to train and test on them, are those of mnist.py beside this file.
from mnist import Data, accuracy, digits, mnist  # type: ignore[import-not-found]  # isort: skip

LAYERS, WIDTH = 10, 100


class Variant(NamedTuple):
    """What is done to the plain network."""

    normalization: Callable[[int], nn.Module] | None = None  # of a layer of so many units
    dropout: float = 0.0
    dropconnect: float = 0.0
    max_norm: float | None = None


VARIANTS = {
    "plain": Variant(),
    "batch norm": Variant(nn.BatchNorm1d),
    "layer norm": Variant(nn.LayerNorm),
    "group norm": Variant(lambda units: nn.GroupNorm(4, units)),
    "RMS norm": Variant(nn.RMSNorm),
    "dropout": Variant(dropout=0.1),
    "DropConnect": Variant(dropconnect=0.1),
    "max-norm": Variant(max_norm=1.5),  # He's rows have a length of about root 2
}


def network(inputs: int, variant: Variant, start: str) -> nn.Sequential:
    """inputs-100-...-100-10: ten linear layers, the nine hidden ones as `variant` says."""
    sizes = [inputs, *[WIDTH] * (LAYERS - 1), 10]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        linear = nn.Linear(fan_in, fan_out)
        if start == "he":
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        if len(layers) and variant.dropconnect:
            layers.append(nn.DropConnect(linear, variant.dropconnect))
        else:
            layers.append(linear)
        if fan_out == 10:
            break  # the logits stay as they are
        if variant.normalization is not None:
            layers.append(variant.normalization(fan_out))
        layers.append(nn.ReLU())
        if variant.dropout:
            layers.append(nn.Dropout(variant.dropout))
    return nn.Sequential(*layers)


def train(
    data: Data, variant: Variant, epochs: int, seed: int = 0, start: str = "he"
) -> dict[str, list[float]]:
    """Training loss and test accuracy after each epoch."""
    torch.manual_seed(seed)
    model = network(
        data.train[0].shape[1], variant, start
    )  # weights: the first draws after the seed
    images, labels = map(torch.from_numpy, data.train)
    test = [torch.from_numpy(part) for part in data.test]
    order = torch.Generator().manual_seed(seed)  # of its own, as dropout draws from the common one
    batches = DataLoader(
        TensorDataset(images, labels), batch_size=data.batch, shuffle=True, generator=order
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=data.rate / 5, momentum=0.9)
    curve: dict[str, list[float]] = {"loss": [], "test": []}
    for _ in range(epochs):
        model.train()
        total = 0.0
        for x, y in batches:  # (B, pixels), (B,)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            if variant.max_norm is not None:
                nn.utils.max_norm_(model, variant.max_norm)
            total += loss.item() * len(y)
        curve["loss"].append(total / len(labels))
        curve["test"].append(accuracy(model, *test))
    return curve


def draw(curves: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Training loss on the left, test accuracy on the right; noise dashed."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, curve in curves.items():
        epochs = range(1, len(curve["loss"]) + 1)
        line = "-" if VARIANTS[name].normalization else "--"
        line = ":" if name == "plain" else line
        left.semilogy(epochs, curve["loss"], line, label=name)
        right.plot(epochs, curve["test"], line, label=name)
    left.set(xlabel="epoch", ylabel="training cross entropy")
    right.set(xlabel="epoch", ylabel="test accuracy")
    right.legend(ncols=2)
    figure.savefig(path, dpi=100)


def main(arguments: list[str] | None = None) -> dict[str, dict[str, list[float]]]:
    """Train every variant, print a table, draw the curves; returns the curves."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with MNIST (or TINYGRAD_LITE_DATA)")
    parser.add_argument("--digits", action="store_true", help="scikit-learn's digits in any case")
    parser.add_argument("--epochs", type=int, help="default: 3 for MNIST, 15 for the digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", choices=("he", "small"), default="he", help="the first weights")
    parser.add_argument("--out", type=Path, default=Path("."), help="where the picture goes")
    options = parser.parse_args(arguments)

    folder = options.data or os.environ.get("TINYGRAD_LITE_DATA")
    data = digits() if options.digits or not folder else mnist(Path(folder))
    epochs = options.epochs or (3 if data.name == "mnist" else 15)
    sys.stdout.write(f"{data.name}, {epochs} epochs        loss after 1   at the end   test\n")
    curves = {}
    for name, variant in VARIANTS.items():
        curve = curves[name] = train(data, variant, epochs, options.seed, options.start)
        first, last, test = curve["loss"][0], curve["loss"][-1], curve["test"][-1]
        sys.stdout.write(f"{name:24s} {first:12.4f} {last:12.4f} {test:8.4f}\n")
        sys.stdout.flush()
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        sys.stdout.write('no picture without matplotlib: pip install ".[examples]"\n')
        return curves
    options.out.mkdir(parents=True, exist_ok=True)
    draw(curves, options.out / "normalization_and_dropout.png")
    sys.stdout.write(f"picture: {options.out / 'normalization_and_dropout.png'}\n")
    return curves


if __name__ == "__main__":
    main()
