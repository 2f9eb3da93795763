"""Update rules with moments of the gradient: Adam and its relatives; see updates.py.

m is the running mean of gradients, v of their squares (u: their running maximum). The corrections
for the zeros both began with come in as constants: `step` = -lr / (1 - b1^t) and `scale` =
1 / sqrt(1 - b2^t), or 1 / (1 - b2^t) where epsilon stands inside the square root (flag `inside`).
`decay` = 1 - lr * weight_decay, or 1 where the decay is an L2 penalty `l2` on the gradient.
"""

from __future__ import annotations

import numpy as np

from ._jit import jit
from .updates import Rule


@jit
def adam(p, g, m, v, c):
    """m <- m + (1 - b1)(g - m); v <- b2 v + (1 - b2) g^2;

    p <- p + step * m / (sqrt(v) * scale + eps).
    """
    maximize, decay, l2, w1, b2, w2, step, scale, eps, inside = c
    if maximize:
        g = -g
    p = p * decay
    if l2:
        g = g + l2 * p
    m = m + w1 * (g - m)
    v = b2 * v + w2 * g * g
    below = np.sqrt(v * scale + eps) if inside else np.sqrt(v) * scale + eps
    return p + step * m / below, m, v


@jit
def amsgrad(p, g, m, v, top, c):
    """As `adam`, divided by the largest v so far: top <- max(top, v)."""
    maximize, decay, l2, w1, b2, w2, step, scale, eps, inside = c
    if maximize:
        g = -g
    p = p * decay
    if l2:
        g = g + l2 * p
    m = m + w1 * (g - m)
    v = b2 * v + w2 * g * g
    top = np.maximum(top, v)
    below = np.sqrt(top * scale + eps) if inside else np.sqrt(top) * scale + eps
    return p + step * m / below, m, v, top


@jit
def adamax(p, g, m, u, c):
    """u <- max(b2 * u, |g| + eps); p <- p + step * m / u."""
    maximize, l2, w1, b2, step, eps = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    m = m + w1 * (g - m)
    u = np.maximum(b2 * u, np.abs(g) + eps)
    return p + step * m / u, m, u


@jit
def nadam(p, g, m, v, c):
    """Adam with Nesterov momentum: p <- p + (step_g * g + step_m * m) / (sqrt(v * scale) + eps)."""
    maximize, decay, l2, w1, b2, w2, step_g, step_m, scale, eps = c
    if maximize:
        g = -g
    p = p * decay
    if l2:
        g = g + l2 * p
    m = m + w1 * (g - m)
    v = b2 * v + w2 * g * g
    below = np.sqrt(v * scale) + eps
    return p + (step_g * g + step_m * m) / below, m, v


@jit
def radam(p, g, m, v, c):
    """Rectified Adam: the adaptive step once its variance is tractable, plain momentum before.

    p <- p + step * m * root / (sqrt(v) + eps) where `adaptive`, else p <- p + step * m.
    """
    maximize, decay, l2, w1, b2, w2, step, root, eps, adaptive = c
    if maximize:
        g = -g
    p = p * decay
    if l2:
        g = g + l2 * p
    m = m + w1 * (g - m)
    v = b2 * v + w2 * g * g
    if adaptive:
        return p + step * m * root / (np.sqrt(v) + eps), m, v
    return p + step * m, m, v


RULES = {
    "adam": Rule(adam, 10, "exp_avg", "exp_avg_sq"),
    "amsgrad": Rule(amsgrad, 10, "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "adamax": Rule(adamax, 6, "exp_avg", "exp_inf"),
    "nadam": Rule(nadam, 10, "exp_avg", "exp_avg_sq"),
    "radam": Rule(radam, 10, "exp_avg", "exp_avg_sq"),
}
