"""Dropout in its two forms: the vanilla one pays at test time, the inverted one in training.

    python examples/dropout_forms.py

Dropping units with probability p leaves, on average, a share of 1 - p of a layer's sum. Somebody
has to make up for the rest of it:

    form       in training              at test time      who uses it
    ---------  -----------------------  ----------------  -------------------------------------
    vanilla    x * mask                 x * (1 - p)       Srivastava et al. 2014, as first written
    inverted   x * mask / (1 - p)       x                 the layers here and in every library

In expectation both are the same up to the constant 1 - p, in training as at test time. The inverted
form is what one wants in practice: a trained network is evaluated without knowing that there ever
was dropout, and p can be changed from one epoch to the next without touching the evaluation.

The script shows that forgetting the factor at test time is an error of 1 / (1 - p) in every layer,
and that either form, done right, evaluates to the mean over all masks as far as the network is
linear (behind a nonlinearity it is an approximation, the one that makes dropout cheap).
"""

from __future__ import annotations

import sys

import tinygrad_lite as torch
from tinygrad_lite import nn


class VanillaDropout(nn.Module):
    """Units dropped with probability p in training; all of them, times 1 - p, in evaluation."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x * (1 - self.p)
        return x * (torch.rand_like(x) >= self.p)


class InvertedDropout(nn.Module):
    """What nn.Dropout does, written out: the survivors grow by 1 / (1 - p), in training only."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)


def mean_output(dropout: nn.Module, x: torch.Tensor, masks: int) -> tuple[float, float]:
    """Mean output in training, over `masks` draws, and the output in evaluation, both over x's."""
    dropout.train()
    training = dropout(x.expand(masks, -1)).mean() / x.mean()
    dropout.eval()
    return training.item(), (dropout(x).mean() / x.mean()).item()


def main(p: float = 0.3, masks: int = 20_000) -> dict[str, tuple[float, float]]:
    """Print what each form passes on, as a share of the input; returns those numbers."""
    torch.manual_seed(0)
    x = torch.rand(50) + 0.5
    forgotten = VanillaDropout(p)  # its evaluation passes the input on as it is
    forgotten.register_forward_hook(lambda module, args, out: out if module.training else args[0])
    forms = {
        "vanilla": VanillaDropout(p),
        "inverted": InvertedDropout(p),
        "nn.Dropout": nn.Dropout(p),
        "vanilla, factor forgotten": forgotten,
    }
    result = {}
    sys.stdout.write(f"p = {p}: share of the input passed on    training   evaluation\n")
    for name, dropout in forms.items():
        training, evaluation = result[name] = mean_output(dropout, x, masks)
        sys.stdout.write(f"{name:37s} {training:10.3f}   {evaluation:10.3f}\n")
    return result


if __name__ == "__main__":
    main()
