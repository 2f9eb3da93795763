"""Parameters, and parameters whose shape is not known yet."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..core import dtypes
from ..core.tensor import Parameter as Parameter
from ..core.tensor import Tensor, make, require_cpu


class Buffer(Tensor):
    """A Tensor that a Module registers as a buffer when it is assigned as an attribute.

    `Buffer(data, persistent=True)` shares memory with `data`; persistent ones are in `state_dict`.
    """

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Self:
        self = super().__new__(cls)
        if data is not None:
            self.array = data.array
            if data.requires_grad:
                self.requires_grad_()
        self.persistent = persistent
        return self


class _Uninitialized:
    """Marks a tensor that gets its shape from the first input a lazy module sees."""

    array: np.ndarray
    node: Any

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it a shape (and uninitialized contents), and make it an ordinary tensor."""
        require_cpu(device)
        kind = self.array.dtype if dtype is None else dtypes.to_numpy(dtype)
        self.array = np.zeros(shape if isinstance(shape, int) else tuple(shape), kind)
        wanted = self.requires_grad  # type: ignore[attr-defined]
        self.__class__ = self.cls_to_become  # type: ignore[attr-defined]
        if wanted:
            self.node = None
            self.requires_grad_()  # type: ignore[attr-defined]

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """As `Tensor.to`; without a shape still."""
        found: Any = super().to(*args, **kwargs)  # type: ignore[misc]
        if found is not self and not is_lazy(found):
            state, found = self.__dict__, type(self)(dtype=found.dtype)  # type: ignore[call-arg]
            found.__dict__.update(state)
        return found

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter without a shape: `materialize(shape)` gives it one."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        require_cpu(device)
        kind = dtypes.to_numpy(dtypes.get_default_dtype() if dtype is None else dtype)
        made: Any = Parameter.__new__
        return made(cls, make(np.zeros(0, kind)), requires_grad)


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer without a shape: `materialize(shape)` gives it one."""

    cls_to_become = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> Any:
        require_cpu(device)
        kind = dtypes.to_numpy(dtypes.get_default_dtype() if dtype is None else dtype)
        made: Any = Buffer.__new__
        return made(cls, make(np.zeros(0, kind)), persistent=persistent)


def is_lazy(t: Any) -> bool:
    """Whether `t` has no shape yet."""
    return isinstance(t, _Uninitialized)
