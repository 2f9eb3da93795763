"""What `use_deterministic_algorithms` asks for. Every op here gives the same result every time;
what is left to do is to give memory that nobody has written a content that says so.

Also found as `torch.utils.deterministic`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: what was last set
chosen = {"on": False, "warn_only": False}

#: whether `empty` and its like fill their memory while determinism is asked for
fill_uninitialized_memory = True


def unwritten(shape: Any, dtype: Any) -> np.ndarray:
    """`np.empty`; NaN, the largest integer or True everywhere if the content has to be the same."""
    return settled(np.empty(shape, dtype))


def settled(memory: np.ndarray) -> np.ndarray:
    """`memory`, which nobody has written yet, filled if its content has to be the same."""
    if chosen["on"] and fill_uninitialized_memory:
        integer = memory.dtype.kind in "iu"
        # NaN is True as a bool
        memory.fill(np.iinfo(memory.dtype).max if integer else np.nan)
    return memory
