"""PyTorch on one thread: the inputs are small, and its pool beside ours only makes both wait."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("torch") is not None:
    import torch

    torch.set_num_threads(1)
