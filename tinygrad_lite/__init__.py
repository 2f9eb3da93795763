"""tinygrad_lite: PyTorch's API on NumPy and numba, built to be read.

`import tinygrad_lite as torch` runs PyTorch CPU scripts. This file is the public face and nothing
else; docs/ says where things live and why.
"""

# ruff: noqa: A004, I001  (public names shadow builtins as PyTorch's do; order follows the layers)

from __future__ import annotations

from .version import __version__ as __version__

# -- core: what a Tensor is ------------------------------------------------------------------------
from .core.dtypes import (
    bfloat16 as bfloat16,
    bool_ as bool,
    complex128 as complex128,
    complex64 as complex64,
    dtype as dtype,
    finfo as finfo,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    get_default_dtype as get_default_dtype,
    iinfo as iinfo,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    int8 as int8,
    promote_types as promote_types,
    set_default_dtype as set_default_dtype,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
    uint8 as uint8,
)
from .core.modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from .core.tensor import Size as Size, Tensor as Tensor, device as device
from .core.random import (
    Generator as Generator,
    default_generator as default_generator,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    seed as seed,
    set_rng_state as set_rng_state,
)
from .core.printing import set_printoptions as set_printoptions

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128

# -- ops/arithmetic --------------------------------------------------------------------------------
from .ops.arithmetic import add as add, mul as mul, neg as neg, sub as sub

# -- ops/shaping, joining, rearranging ------------------------------------------------------------
from .ops.shaping import (
    adjoint as adjoint,
    atleast_1d as atleast_1d,
    atleast_2d as atleast_2d,
    atleast_3d as atleast_3d,
    broadcast_tensors as broadcast_tensors,
    broadcast_to as broadcast_to,
    diag as diag,
    diag_embed as diag_embed,
    diagflat as diagflat,
    diagonal as diagonal,
    flatten as flatten,
    moveaxis as moveaxis,
    movedim as movedim,
    narrow as narrow,
    permute as permute,
    ravel as ravel,
    reshape as reshape,
    select as select,
    squeeze as squeeze,
    swapaxes as swapaxes,
    swapdims as swapdims,
    t as t,
    transpose as transpose,
    unflatten as unflatten,
    unsqueeze as unsqueeze,
)
from .ops.joining import (
    cat as cat,
    chunk as chunk,
    column_stack as column_stack,
    concat as concat,
    concatenate as concatenate,
    dsplit as dsplit,
    dstack as dstack,
    hsplit as hsplit,
    hstack as hstack,
    row_stack as row_stack,
    split as split,
    split_with_sizes as split_with_sizes,
    stack as stack,
    tensor_split as tensor_split,
    unbind as unbind,
    vsplit as vsplit,
    vstack as vstack,
)
from .ops.rearranging import (
    block_diag as block_diag,
    flip as flip,
    fliplr as fliplr,
    flipud as flipud,
    repeat_interleave as repeat_interleave,
    roll as roll,
    rot90 as rot90,
    tile as tile,
    tril as tril,
    triu as triu,
)

# -- ops/indexing, scattering, matrix --------------------------------------------------------------
from .ops.scattering import gather as gather
from .ops.matrix import matmul as matmul

# -- autograd --------------------------------------------------------------------------------------
from . import autograd as autograd
