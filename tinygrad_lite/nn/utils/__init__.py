"""Utilities on parameters, their gradients, and whole modules."""

import importlib
from typing import TYPE_CHECKING

from . import clip_grad as clip_grad
from . import convert_parameters as convert_parameters
from . import fusion as fusion
from . import init as init
from . import parametrize as parametrize
from . import rnn as rnn
from .clip_grad import clip_grad_norm as clip_grad_norm
from .clip_grad import clip_grad_norm_ as clip_grad_norm_
from .clip_grad import clip_grad_value_ as clip_grad_value_
from .clip_grad import clip_grads_with_norm_ as clip_grads_with_norm_
from .clip_grad import get_total_norm as get_total_norm
from .convert_parameters import parameters_to_vector as parameters_to_vector
from .convert_parameters import vector_to_parameters as vector_to_parameters
from .freezing import freeze as freeze
from .freezing import unfreeze as unfreeze
from .fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
from .fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
from .fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
from .fusion import fuse_linear_bn_weights as fuse_linear_bn_weights
from .init import skip_init as skip_init
from .memory_format import (
    convert_conv2d_weight_memory_format as convert_conv2d_weight_memory_format,
)
from .memory_format import (
    convert_conv3d_weight_memory_format as convert_conv3d_weight_memory_format,
)
from .norms import max_norm_ as max_norm_
from .spectral_norm import remove_spectral_norm as remove_spectral_norm
from .spectral_norm import spectral_norm as spectral_norm
from .summary import summary as summary
from .weight_norm import remove_weight_norm as remove_weight_norm
from .weight_norm import weight_norm as weight_norm

if TYPE_CHECKING:
    from . import parametrizations as parametrizations
    from . import prune as prune
    from . import stateless as stateless
    from .monte_carlo import MonteCarlo as MonteCarlo
    from .monte_carlo import monte_carlo_dropout as monte_carlo_dropout
    from .monte_carlo import monte_carlo_predict as monte_carlo_predict

_LATE = {
    "parametrizations": "parametrizations",
    "prune": "prune",
    "stateless": "stateless",
    "MonteCarlo": "monte_carlo",
    "monte_carlo_dropout": "monte_carlo",
    "monte_carlo_predict": "monte_carlo",
}


def __getattr__(name: str) -> object:
    """What few scripts use is imported when it is first asked for."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_LATE[name]}", __name__)
    return module if name == _LATE[name] else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
