"""The engine: what a Tensor is, how ops are declared, and how they are differentiated."""

import warnings

# log(0) is -inf and 0 / 0 NaN without a word, as in PyTorch. A filter by module, because the state
# of np.errstate belongs to the user's thread.
warnings.filterwarnings(
    "ignore", category=RuntimeWarning, module=r"tinygrad_lite\.(core|kernels|ops|optim)\."
)

# these bind methods of Tensor, which nothing calls by name
from . import pickling as pickling  # noqa: E402
from . import values as values  # noqa: E402
