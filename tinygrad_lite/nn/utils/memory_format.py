"""Memory formats: every array here is read by its strides, so there is nothing to convert."""

from __future__ import annotations

from typing import Any, TypeVar

from ..modules.module import Module

M = TypeVar("M", bound=Module)


def convert_conv2d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Returns `module` as it is: kernels take weights in any layout."""
    return module


def convert_conv3d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Returns `module` as it is: kernels take weights in any layout."""
    return module
