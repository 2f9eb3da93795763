"""Update rules whose step adapts to the size of past gradients. How to read them: updates.py.

`inside` is a flag: epsilon is added inside the square root, as the lectures have it, rather than
after it.
"""

from __future__ import annotations

import numpy as np

from ._jit import jit
from .updates import Rule, where


@jit
def adagrad(p, g, total, c):
    """total <- total + g^2; p <- p - rate * g / (sqrt(total) + eps)."""
    maximize, l2, rate, eps, inside = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    total = total + g * g
    root = np.sqrt(total + eps) if inside else np.sqrt(total) + eps
    return p - rate * g / root, total


@jit
def adadelta(p, g, square, delta, c):
    """square <- rho * square + (1 - rho) g^2; step = sqrt(delta + eps) / sqrt(square + eps) * g;

    delta <- rho * delta + (1 - rho) step^2; p <- p - lr * step.
    """
    maximize, l2, lr, rho, w, eps = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    square = rho * square + w * g * g
    step = np.sqrt(delta + eps) / np.sqrt(square + eps) * g
    delta = rho * delta + w * step * step
    return p - lr * step, square, delta


@jit
def rmsprop(p, g, square, c):
    """square <- alpha * square + (1 - alpha) g^2; p <- p - lr * g / (sqrt(square) + eps)."""
    maximize, l2, lr, alpha, w, eps, inside, _momentum = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    square = alpha * square + w * g * g
    root = np.sqrt(square + eps) if inside else np.sqrt(square) + eps
    return p - lr * g / root, square


@jit
def rmsprop_momentum(p, g, square, buf, c):
    """As `rmsprop`, with buf <- momentum * buf + g / root; p <- p - lr * buf."""
    maximize, l2, lr, alpha, w, eps, inside, momentum = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    square = alpha * square + w * g * g
    root = np.sqrt(square + eps) if inside else np.sqrt(square) + eps
    buf = momentum * buf + g / root
    return p - lr * buf, square, buf


@jit
def rmsprop_centered(p, g, square, mean, c):
    """As `rmsprop`, with the variance square - mean^2 under the root.

    mean <- mean + (1 - alpha) (g - mean).
    """
    maximize, l2, lr, alpha, w, eps, inside, _momentum = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    square = alpha * square + w * g * g
    mean = mean + w * (g - mean)
    spread = square - mean * mean
    root = np.sqrt(spread + eps) if inside else np.sqrt(spread) + eps
    return p - lr * g / root, square, mean


@jit
def rmsprop_centered_momentum(p, g, square, buf, mean, c):
    """As `rmsprop_centered`, with buf <- momentum * buf + g / root; p <- p - lr * buf."""
    maximize, l2, lr, alpha, w, eps, inside, momentum = c
    if maximize:
        g = -g
    if l2:
        g = g + l2 * p
    square = alpha * square + w * g * g
    mean = mean + w * (g - mean)
    spread = square - mean * mean
    root = np.sqrt(spread + eps) if inside else np.sqrt(spread) + eps
    buf = momentum * buf + g / root
    return p - lr * buf, square, buf, mean


@jit
def ftrl(p, g, z, n, c):
    """Follow the regularized leader, proximal form: |z| <= l1 makes the weight exactly zero.

    sigma = (sqrt(n + g^2) - sqrt(n)) / lr;  z <- z + g - sigma * p;  n <- n + g^2;
    p <- -shrink(z, l1) / ((beta + sqrt(n)) / lr + l2).
    """
    maximize, lr, beta, l1, l2, zero = c
    if maximize:
        g = -g
    before = np.sqrt(n)
    n = n + g * g
    after = np.sqrt(n)
    z = z + g - (after - before) / lr * p
    shrunk = where(np.abs(z) > l1, z - np.sign(z) * l1, zero)
    return -shrunk / ((beta + after) / lr + l2), z, n


RULES = {
    "adagrad": Rule(adagrad, 5, "sum"),
    "adadelta": Rule(adadelta, 6, "square_avg", "acc_delta"),
    "rmsprop": Rule(rmsprop, 8, "square_avg"),
    "rmsprop_momentum": Rule(rmsprop_momentum, 8, "square_avg", "momentum_buffer"),
    "rmsprop_centered": Rule(rmsprop_centered, 8, "square_avg", "grad_avg"),
    "rmsprop_centered_momentum": Rule(
        rmsprop_centered_momentum, 8, "square_avg", "momentum_buffer", "grad_avg"
    ),
    "ftrl": Rule(ftrl, 6, "z", "n"),
}
