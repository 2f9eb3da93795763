"""How optimizers walk: their paths over a ravine, past a saddle, and on the Beale function.

    python examples/optimizer_paths.py                 # table, paths.png and paths.gif in .
    python examples/optimizer_paths.py --out DIR --steps 300 --no-animation

All optimizers start from the same point of a surface. Each is given the rate, from a grid of
factors 10^(1/2), with which it reaches the tolerance first; the table says how many steps that
took and at which rate. "-" means: not within --steps at any rate.

* The ravine, (x^2 + 100 y^2) / 2, is a hundred times steeper across than along. Plain gradient
  descent must be slow along it lest it diverge across; momentum and scaling by weight help.
* The saddle, x^2 - y^2 + y^4 / 4, is entered almost exactly along its ridge: the gradient that
  leads down to the minima at y = +-sqrt(2) is 10^-3 at the start.
* The Beale function has a flat valley around its minimum at (3, 1/2), and walls like y^6.

Optimizers that step by the gradient's sign, or nearly so, circle around a minimum at the distance
of one step: for them a rate that falls (optim.lr_scheduler) is not a refinement but a need. Here
the rate is constant, and the tolerance, 0.05 in distance, is set so that they can meet it.

Of those made for matrices: the single row of two weights that is walked here is one. Muon's step is
orthogonal, which for a row means of length lr, whatever the gradient. LAMB and Adafactor step in
proportion to the row's own size, so they slow down at a minimum in the origin.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lite as torch
from tinygrad_lite import optim

TOLERANCE = 0.05


class Surface(NamedTuple):
    """A function of two variables, where to start, its minima, and what to draw."""

    value: Callable[[Any, Any], Any]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    window: tuple[float, float, float, float]


SURFACES = {
    "ravine": Surface(
        lambda x, y: (x**2 + 100 * y**2) / 2, (-4.0, 0.8), ((0.0, 0.0),), (-4.5, 1.5, -1.0, 1.0)
    ),
    "saddle": Surface(
        lambda x, y: x**2 - y**2 + y**4 / 4,
        (1.5, 5e-4),
        ((0.0, math.sqrt(2)), (0.0, -math.sqrt(2))),
        (-2.0, 2.0, -2.0, 2.0),
    ),
    "Beale": Surface(
        lambda x, y: (
            (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
        ),
        (1.0, 1.5),
        ((3.0, 0.5),),
        (-0.5, 4.5, -1.5, 2.0),
    ),
}

Maker = Callable[[Any, float], Any]
OPTIMIZERS: dict[str, Maker] = {
    "SGD": lambda ps, lr: optim.SGD(ps, lr=lr),
    "momentum": lambda ps, lr: optim.SGD(ps, lr=lr, momentum=0.9),
    "Nesterov": lambda ps, lr: optim.SGD(ps, lr=lr, momentum=0.9, nesterov=True),
    "Adagrad": lambda ps, lr: optim.Adagrad(ps, lr=lr),
    "Adadelta": lambda ps, lr: optim.Adadelta(ps, lr=lr),
    "RMSprop": lambda ps, lr: optim.RMSprop(ps, lr=lr, alpha=0.9),
    "Adam": lambda ps, lr: optim.Adam(ps, lr=lr),
    "AdamW": lambda ps, lr: optim.AdamW(ps, lr=lr, weight_decay=1e-3),
    "Adamax": lambda ps, lr: optim.Adamax(ps, lr=lr),
    "NAdam": lambda ps, lr: optim.NAdam(ps, lr=lr),
    "RAdam": lambda ps, lr: optim.RAdam(ps, lr=lr),
    "ASGD": lambda ps, lr: optim.ASGD(ps, lr=lr),
    "Rprop": lambda ps, lr: optim.Rprop(ps, lr=lr),
    "Lion": lambda ps, lr: optim.Lion(ps, lr=lr),
    "FTRL": lambda ps, lr: optim.FTRL(ps, lr=lr),
    "Adafactor": lambda ps, lr: optim.Adafactor(ps, lr=lr),
    "LAMB": lambda ps, lr: optim.LAMB(ps, lr=lr),
    "Muon": lambda ps, lr: optim.Muon(ps, lr=lr, weight_decay=0.0),
    "Lookahead": lambda ps, lr: optim.Lookahead(optim.SGD(ps, lr=lr, momentum=0.9)),
    "LBFGS": lambda ps, lr: optim.LBFGS(ps, lr=lr, max_iter=1, line_search_fn="strong_wolfe"),
}
RATES = [10 ** (k / 2) for k in range(-6, 5)]


def walk(surface: Surface, make: Maker, lr: float, steps: int) -> np.ndarray:
    """The points visited, (steps + 1, 2) at most: a walk ends when it has left for infinity."""
    # a matrix, as Muon wants it
    p = torch.tensor([surface.start], dtype=torch.float64, requires_grad=True)
    optimizer = make([p], lr)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = surface.value(p[0, 0], p[0, 1])
        loss.backward()
        return loss

    path = [p.detach().numpy()[0].copy()]
    for _ in range(steps):
        optimizer.step(closure)
        point = p.detach().numpy()[0].copy()
        if not np.abs(point).max() < 1e3:
            break
        path.append(point)
    return np.array(path)


def arrival(surface: Surface, path: np.ndarray) -> int | None:
    """The step after which the path stays within the tolerance of one minimum."""
    stays = []
    for minimum in surface.minima:
        outside = np.flatnonzero(np.hypot(*(path - minimum).T) > TOLERANCE)
        stays.append(0 if outside.size == 0 else int(outside[-1]) + 1)
    first = min(stays)
    return first if first < len(path) else None


def best(surface: Surface, make: Maker, steps: int) -> tuple[int | None, float, np.ndarray]:
    """(steps to arrive, rate, path) at the rate that arrives first; None if no rate arrives."""
    found: list[tuple[float, float, np.ndarray]] = []
    for lr in RATES:
        path = walk(surface, make, lr, steps)
        step = arrival(surface, path)
        complete = len(path) == steps + 1
        if step is None or not complete:
            left = min(math.hypot(*(path[-1] - m)) for m in surface.minima)
            found.append((steps + 1 + (left if complete else 1e9), lr, path))
        else:
            found.append((step, lr, path))
    score, lr, path = min(found, key=lambda item: item[0])
    return (int(score) if score <= steps else None), lr, path


Results = dict[str, dict[str, tuple[int | None, float, np.ndarray]]]


def table(results: Results) -> str:
    """Steps to reach the tolerance, and the rate, for every optimizer and surface."""
    names = list(results)
    lines = ["optimizer  " + "".join(f"{name:>20s}" for name in names)]
    for key in OPTIMIZERS:
        cells = []
        for name in names:
            step, lr, _ = results[name][key]
            cells.append(f"{'-' if step is None else step:>9} at {lr:<8.2g}")
        lines.append(f"{key:11s}" + "".join(cells))
    return "\n".join(lines)


def stage(results: Results) -> tuple[Any, list[Any]]:
    """A figure with the level lines of every surface, and its axes."""
    import matplotlib.pyplot as plt

    figure, all_axes = plt.subplots(1, len(results), figsize=(6 * len(results), 5.5))
    for axes, name in zip(np.ravel(all_axes), results, strict=True):
        surface = SURFACES[name]
        left, right, low, high = surface.window
        x, y = np.meshgrid(np.linspace(left, right, 200), np.linspace(low, high, 200))
        z = surface.value(x, y)
        levels = np.geomspace(1e-2, np.ptp(z), 18) + z.min()
        axes.contour(x, y, z, levels=levels, colors="0.8", linewidths=0.7)
        axes.plot(*np.array(surface.minima).T, "k*", markersize=12)
        axes.plot(*surface.start, "ko")
        axes.set(title=name, xlim=(left, right), ylim=(low, high))
    figure.tight_layout()
    return figure, list(np.ravel(all_axes))


def draw(results: Results, file: Path) -> None:
    """All paths in one picture."""
    import matplotlib.pyplot as plt

    figure, all_axes = stage(results)
    colors = plt.get_cmap("tab20").colors
    for axes, walks in zip(all_axes, results.values(), strict=True):
        for color, (key, (_, _, path)) in zip(colors, walks.items(), strict=False):
            axes.plot(*path.T, ".-", color=color, markersize=2, linewidth=1, label=key)
    all_axes[-1].legend(fontsize=8, loc="lower right", ncols=2)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def animate(results: Results, file: Path, frames: int = 60) -> None:
    """The walkers on their way, as a GIF."""
    import matplotlib.pyplot as plt
    from matplotlib.animation import FuncAnimation, PillowWriter

    figure, all_axes = stage(results)
    colors = plt.get_cmap("tab20").colors
    drawn = []
    for axes, walks in zip(all_axes, results.values(), strict=True):
        for color, (key, (_, _, path)) in zip(colors, walks.items(), strict=False):
            (trace,) = axes.plot([], [], color=color, linewidth=1, label=key)
            (head,) = axes.plot([], [], "o", color=color, markersize=5)
            drawn.append((trace, head, path))
    all_axes[-1].legend(fontsize=8, loc="lower right", ncols=2)
    longest = max(len(path) for _, _, path in drawn)
    # Slow at first, where most happens: the time of frame k grows like a power of k.
    times = np.unique((longest * (np.arange(1, frames + 1) / frames) ** 2).astype(int))

    def show(t: int) -> list[Any]:
        for trace, head, path in drawn:
            trace.set_data(*path[: t + 1].T)
            head.set_data(*path[min(t, len(path) - 1)][:, None])
        return []

    FuncAnimation(figure, show, frames=times.tolist()).save(file, writer=PillowWriter(fps=12))
    plt.close(figure)


def main(arguments: list[str] | None = None) -> Results:
    """Walk, print the table, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("."), help="where pictures go")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--no-animation", action="store_true")
    options = parser.parse_args(arguments)
    results: Results = {
        name: {key: best(surface, make, options.steps) for key, make in OPTIMIZERS.items()}
        for name, surface in SURFACES.items()
    }
    sys.stdout.write(f"steps to stay within {TOLERANCE} of a minimum\n{table(results)}\n")
    try:
        import matplotlib as mpl
    except ImportError:
        sys.stdout.write("no pictures: matplotlib is not installed\n")
        return results
    mpl.use("Agg")
    options.out.mkdir(parents=True, exist_ok=True)
    draw(results, options.out / "paths.png")
    if not options.no_animation:
        animate(results, options.out / "paths.gif")
    return results


if __name__ == "__main__":
    main()
