"""Two meanings of weight decay: a penalty in the loss, and a shrinking of the weights.

    python examples/weight_decay.py

For plain gradient descent they are one and the same: w - lr * (g + d * w) is (1 - lr * d) * w -
lr * g. For Adam they are not. Adam divides the gradient, and with it the penalty's share of it, by
the gradient's size: weights with large gradients are hardly decayed at all, weights with small
ones are decayed as fast as Adam can walk. AdamW shrinks the weights themselves, all alike.

The experiment shows nothing else: every weight starts at 1 and gets gradients that carry no
message, noise of mean zero, large for the first half of the weights and small for the others. What
moves the weights, on average, is the decay. The table says how much of them is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_lite as torch
from tinygrad_lite import optim

RATE, DECAY, WEIGHTS = 0.01, 0.1, 200
SIZES = np.repeat([3.0, 0.03], WEIGHTS // 2)  # of the gradients


def train(make: Callable[[list[Any]], Any], steps: int, shrink: float = 1.0) -> tuple[float, float]:
    """What is left of the weights with large, and of those with small gradients.

    shrink: a factor on the weights before each step, the decay written by hand.
    """
    w = torch.ones(WEIGHTS, dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    rng = np.random.default_rng(0)
    for t in range(steps):
        if t % 2 == 0:  # each noise comes with its opposite, so that their sum is zero
            noise = rng.standard_normal(WEIGHTS) * SIZES
        optimizer.zero_grad()
        (torch.tensor(noise * (-1) ** t) * w).sum().backward()
        with torch.no_grad():
            w.mul_(shrink)
        optimizer.step()
    left = w.detach().numpy().reshape(2, -1).mean(axis=1)
    return float(left[0]), float(left[1])


def main(steps: int = 1000) -> dict[str, tuple[float, float]]:
    """Train in five ways, print the table and return its numbers."""
    decay = 1 - RATE * DECAY
    result = {
        "no decay (Adam)": train(lambda ps: optim.Adam(ps, lr=RATE), steps),
        "SGD, penalty": train(lambda ps: optim.SGD(ps, lr=RATE, weight_decay=DECAY), steps),
        "SGD, shrinking": train(lambda ps: optim.SGD(ps, lr=RATE), steps, shrink=decay),
        "Adam, penalty": train(lambda ps: optim.Adam(ps, lr=RATE, weight_decay=DECAY), steps),
        "AdamW, shrinking": train(lambda ps: optim.AdamW(ps, lr=RATE, weight_decay=DECAY), steps),
    }
    sys.stdout.write(f"after {steps} steps; shrinking alone leaves {decay**steps:.3f}\n")
    sys.stdout.write("                   large gradients   small gradients\n")
    for name, (large, small) in result.items():
        sys.stdout.write(f"{name:18s} {large:15.3f}   {small:15.3f}\n")
    return result


if __name__ == "__main__":
    main()
