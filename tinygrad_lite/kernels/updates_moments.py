"""Update rules with moments of the gradient: Adam and its relatives; see updates.py.

m is the running mean of gradients, v of their squares (u: their running maximum). The corrections
for the zeros both began with come in as constants: `step` = -lr / (1 - b1^t) and `scale` =
1 / sqrt(1 - b2^t), or 1 / (1 - b2^t) where epsilon stands inside the square root (flag `inside`).
`decay` = 1 - lr * weight_decay, or 1 where the decay is an L2 penalty `l2` on the gradient.
"""

from __future__ import annotations

import numpy as np

from ._jit import jit, prange
from .updates import Rule, share, to_tuple, view


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


@jit(parallel=True, nogil=True)
def adam_pass(table, offsets, constants, ways):
    """`adam` over a table of p, g, m, v."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                m = view(table[2, t], a, b, constants)
                v = view(table[3, t], a, b, constants)
                c = to_tuple(constants[t], 10)
                for i in range(b - a):
                    p[i], m[i], v[i] = adam(p[i], g[i], m[i], v[i], c)


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


@jit(parallel=True, nogil=True)
def amsgrad_pass(table, offsets, constants, ways):
    """`amsgrad` over a table of p, g, m, v, top."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                m = view(table[2, t], a, b, constants)
                v = view(table[3, t], a, b, constants)
                top = view(table[4, t], a, b, constants)
                c = to_tuple(constants[t], 10)
                for i in range(b - a):
                    p[i], m[i], v[i], top[i] = amsgrad(p[i], g[i], m[i], v[i], top[i], c)


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


@jit(parallel=True, nogil=True)
def adamax_pass(table, offsets, constants, ways):
    """`adamax` over a table of p, g, m, u."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                m = view(table[2, t], a, b, constants)
                u = view(table[3, t], a, b, constants)
                c = to_tuple(constants[t], 6)
                for i in range(b - a):
                    p[i], m[i], u[i] = adamax(p[i], g[i], m[i], u[i], c)


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


@jit(parallel=True, nogil=True)
def nadam_pass(table, offsets, constants, ways):
    """`nadam` over a table of p, g, m, v."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                m = view(table[2, t], a, b, constants)
                v = view(table[3, t], a, b, constants)
                c = to_tuple(constants[t], 10)
                for i in range(b - a):
                    p[i], m[i], v[i] = nadam(p[i], g[i], m[i], v[i], c)


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


@jit(parallel=True, nogil=True)
def radam_pass(table, offsets, constants, ways):
    """`radam` over a table of p, g, m, v."""
    for way in prange(ways):
        for t in range(offsets.size - 1):
            a, b = share(offsets, t, way, ways)
            if a < b:
                p = view(table[0, t], a, b, constants)
                g = view(table[1, t], a, b, constants)
                m = view(table[2, t], a, b, constants)
                v = view(table[3, t], a, b, constants)
                c = to_tuple(constants[t], 10)
                for i in range(b - a):
                    p[i], m[i], v[i] = radam(p[i], g[i], m[i], v[i], c)


RULES = {
    "adam": Rule(adam, adam_pass, "exp_avg", "exp_avg_sq"),
    "amsgrad": Rule(amsgrad, amsgrad_pass, "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "adamax": Rule(adamax, adamax_pass, "exp_avg", "exp_inf"),
    "nadam": Rule(nadam, nadam_pass, "exp_avg", "exp_avg_sq"),
    "radam": Rule(radam, radam_pass, "exp_avg", "exp_avg_sq"),
}
