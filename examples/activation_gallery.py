"""The gallery of activations: each function and its derivative, as the engine computes it.

    python examples/activation_gallery.py        # draws activation_gallery.png

No derivative is written down here: each is one backward pass, `grad(f(x).sum(), x)`, in which the
sum over the points only serves to have them all at once. What to look for:

* sigmoid and tanh have derivatives that vanish on both sides, and sigmoid's is nowhere above 1/4;
* ReLU's is 0 or 1, so half of the inputs learn nothing; leaky ReLU, PReLU (whose slope is a
  parameter) and RReLU (whose slope is drawn anew for each element in training, and is the mean of
  the two bounds in evaluation) let something through;
* ELU, SELU and GELU are bent instead of broken at zero; ELU with alpha = 1 has no jump in the
  derivative, SELU has one, and GELU is not even monotone;
* Maxout has no shape of its own: it is the largest of several learned lines, here three.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lite as torch
from tinygrad_lite import nn


def maxout() -> nn.Module:
    """The largest of the lines -x - 1, x / 5 and x - 1/2: three units, of which one remains."""
    lines = nn.Linear(1, 3)
    with torch.no_grad():
        lines.weight.copy_(torch.tensor([[-1.0], [0.2], [1.0]]))
        lines.bias.copy_(torch.tensor([-1.0, 0.0, -0.5]))
    return nn.Sequential(nn.Unflatten(0, (-1, 1)), lines, nn.Maxout(3, dim=1), nn.Flatten(0))


def gallery() -> dict[str, nn.Module]:
    """Every function of the gallery, made afresh."""
    return {
        "sigmoid": nn.Sigmoid(),
        "tanh": nn.Tanh(),
        "ReLU": nn.ReLU(),
        "leaky ReLU (slope 0.05)": nn.LeakyReLU(0.05),
        "PReLU (slope 0.25, learned)": nn.PReLU(),
        "RReLU (training)": nn.RReLU(),
        "RReLU (evaluation)": nn.RReLU().eval(),
        "ELU (alpha 1)": nn.ELU(alpha=1.0),
        "SELU": nn.SELU(),
        "Maxout (of three lines)": maxout(),
        "GELU": nn.GELU(),
    }


def curve(function: nn.Module, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and derivatives of `function` at `points` (N,), in their precision."""
    x = torch.tensor(points, requires_grad=True)
    y = function.to(x.dtype)(x)
    derivative: Any = torch.autograd.grad(y.sum(), x)[0]
    return y.detach().numpy(), derivative.numpy()


def draw(curves: dict[str, tuple[np.ndarray, np.ndarray]], points: np.ndarray, path: Path) -> None:
    """A panel for each function: its values as a line, its derivative dashed."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(14, 9), layout="constrained")
    panels = figure.subplots(3, 4).ravel()
    for axes, (name, (values, derivatives)) in zip(panels, curves.items()):
        noisy = name == "RReLU (training)"  # points, as no line connects independent draws
        axes.plot(points, values, "." if noisy else "-", markersize=2, label="function")
        axes.plot(points, derivatives, "." if noisy else "--", markersize=2, label="derivative")
        axes.set(title=name, ylim=(-2, 4))
        axes.axhline(0, color="0.8", zorder=0)
        axes.axvline(0, color="0.8", zorder=0)
    panels[0].legend()
    for axes in panels[len(curves) :]:
        axes.set_axis_off()
    figure.savefig(path, dpi=90)


def main(arguments: list[str] | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Compute every curve, print a few of its values, draw; returns the curves by name."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("."), help="where the picture goes")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    points = np.linspace(
        -4, 4, 400
    )  # an even number: 0, where ReLU has its kink, is not among them
    curves = {name: curve(function, points) for name, function in gallery().items()}
    sys.stdout.write(f"{'':28s} f(-4)   f(4)   f'(-4)  f'(4)  largest f'\n")
    for name, (y, d) in curves.items():
        numbers = f"{y[0]:6.3f} {y[-1]:6.3f}  {d[0]:7.3f} {d[-1]:6.3f} {d.max():11.3f}"
        sys.stdout.write(f"{name:27s} {numbers}\n")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        sys.stdout.write('no picture without matplotlib: pip install ".[examples]"\n')
        return curves
    options.out.mkdir(parents=True, exist_ok=True)
    draw(curves, points, options.out / "activation_gallery.png")
    sys.stdout.write(f"picture: {options.out / 'activation_gallery.png'}\n")
    return curves


if __name__ == "__main__":
    main()
