"""`torch.utils.data.datapipes`: of it, what libraries ask a data set for.

Data pipes are not built here: a Dataset or an IterableDataset holds the same loop.
"""

from __future__ import annotations

__path__: list[str] = []  # a package, for what PyTorch has below it


class IterDataPipe:
    """Nothing is an instance: write an IterableDataset."""


class MapDataPipe:
    """Nothing is an instance: write a Dataset."""


class ShufflerIterDataPipe(IterDataPipe):
    """Nothing is an instance: `DataLoader(shuffle=True)` shuffles."""
