"""Neural networks: modules, the functions behind them, initial values, utilities."""

from ..core.tensor import Parameter as Parameter
from . import functional as functional
from . import grad as grad
from . import init as init
from . import modules as modules
from . import parallel as parallel
from . import parameter as parameter
from . import utils as utils
from .modules import *  # noqa: F403
from .parallel import DataParallel as DataParallel
from .parameter import Buffer as Buffer
from .parameter import UninitializedBuffer as UninitializedBuffer
from .parameter import UninitializedParameter as UninitializedParameter

# isort: split
# Last: the first import of this room binds its name, which the star above gave to a file of layers.
from .attention import SDPBackend as _SDPBackend  # noqa: F401
