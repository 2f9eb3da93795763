"""The rule book: every op with its derivative, one family a file.

To declare an op of your own: `from tinygrad_lite.ops import primitive, fused, reals, sample`.
"""

from ..core.doors import composed as composed
from ..core.doors import primitive as primitive
from ..core.fused import fused as fused
from ..core.rules import with_kernel as with_kernel
from ..core.samples import Boolean as Boolean
from ..core.samples import Integer as Integer
from ..core.samples import Real as Real
from ..core.samples import axis as axis
from ..core.samples import one_of as one_of
from ..core.samples import reals as reals
from ..core.samples import sample as sample


def __getattr__(name: str) -> object:
    """`aten` is PyTorch's namespace of inner ops; few programs look into it."""
    if name == "aten":
        import importlib

        return importlib.import_module("tinygrad_lite.machine.aten_ops").aten
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
