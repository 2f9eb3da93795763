"""What stands above layers and optimizers: it may see Modules and optimizers at once."""

from __future__ import annotations

from .averaging import AveragedModel as AveragedModel
