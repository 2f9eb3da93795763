"""tinygrad_lite: PyTorch's API on NumPy and numba, built to be read.

`import tinygrad_lite as torch` runs PyTorch CPU scripts. This file is the public face and nothing
else; docs/ says where things live and why.
"""

# ruff: noqa: I001, E402, F401  (the order follows the layers; names are here to be imported)
# Several names a line, where the formatter would give each its own.
# fmt: off

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import version as version

if _TYPE_CHECKING:
    from .version import __version__ as __version__

# -- core: what a Tensor is ------------------------------------------------------------------------
from .core.dtypes import (
    bfloat16 as bfloat16, bool_ as bool, complex128 as complex128, complex64 as complex64,
    dtype as dtype, finfo as finfo, float16 as float16, float32 as float32, float64 as float64,
    get_default_dtype as get_default_dtype, iinfo as iinfo, int16 as int16, int32 as int32,
    int64 as int64, int8 as int8, promote_types as promote_types,
    set_default_dtype as set_default_dtype, uint16 as uint16, uint32 as uint32, uint64 as uint64,
    uint8 as uint8,
)
from .core.modes import (
    enable_grad as enable_grad, inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled, is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad, set_grad_enabled as set_grad_enabled,
)
from .core.tensor import Size as Size, Tensor as Tensor, device as device
from .core.random import (
    Generator as Generator, default_generator as default_generator, get_rng_state as get_rng_state,
    initial_seed as initial_seed, manual_seed as manual_seed, seed as seed,
    set_rng_state as set_rng_state,
)
from .core.printing import set_printoptions as set_printoptions
from .core import random as random

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128

# -- ops/arithmetic to ops/statistics --------------------------------------------------------------
from .ops.arithmetic import (
    add as add, mul as mul, multiply as multiply, neg as neg, negative as negative, rsub as rsub,
    sub as sub, subtract as subtract,
)
from .ops.division import (
    div as div, divide as divide, floor_divide as floor_divide, fmod as fmod,
    remainder as remainder, true_divide as true_divide,
)
from .ops.exponential import (
    exp as exp, exp2 as exp2, expm1 as expm1, log as log, log10 as log10, log1p as log1p,
    log2 as log2, logaddexp as logaddexp, logaddexp2 as logaddexp2,
)
from .ops.powers import (
    float_power as float_power, pow as pow, reciprocal as reciprocal, rsqrt as rsqrt, sqrt as sqrt,
    square as square,
)
from .ops.signs import (
    abs as abs, absolute as absolute, copysign as copysign, positive as positive, sgn as sgn,
    sign as sign, signbit as signbit,
)
from .ops.segments import segment_reduce as segment_reduce
from .ops.trigonometric import (
    acos as acos, acosh as acosh, arccos as arccos, arccosh as arccosh, arcsin as arcsin,
    arcsinh as arcsinh, arctan as arctan, arctan2 as arctan2, arctanh as arctanh, asin as asin,
    asinh as asinh, atan as atan, atan2 as atan2, atanh as atanh, cos as cos, cosh as cosh,
    deg2rad as deg2rad, hypot as hypot, rad2deg as rad2deg, sin as sin, sinh as sinh, tan as tan,
    tanh as tanh,
)
from .ops.comparison import (
    allclose as allclose, eq as eq, equal as equal, ge as ge, greater as greater,
    greater_equal as greater_equal, gt as gt, isclose as isclose, isfinite as isfinite,
    isin as isin, isinf as isinf, isnan as isnan, isneginf as isneginf, isposinf as isposinf,
    isreal as isreal, le as le, less as less, less_equal as less_equal, logical_and as logical_and,
    logical_not as logical_not, logical_or as logical_or, logical_xor as logical_xor, lt as lt,
    ne as ne, not_equal as not_equal,
)
from .ops.rounding import (
    ceil as ceil, fix as fix, floor as floor, frac as frac, round as round, trunc as trunc,
)
from .ops.bitwise import (
    bitwise_and as bitwise_and, bitwise_left_shift as bitwise_left_shift,
    bitwise_not as bitwise_not, bitwise_or as bitwise_or,
    bitwise_right_shift as bitwise_right_shift, bitwise_xor as bitwise_xor, gcd as gcd, lcm as lcm,
)
from .ops.special import (
    erf as erf, erfc as erfc, erfinv as erfinv, logit as logit, sinc as sinc, xlogy as xlogy,
)
from .ops.bessel import i0 as i0
from .ops.gamma import (
    digamma as digamma, lgamma as lgamma, mvlgamma as mvlgamma, polygamma as polygamma,
)
from .ops.incomplete_gamma import igamma as igamma, igammac as igammac
from .ops.selection import (
    heaviside as heaviside, masked_fill as masked_fill, nan_to_num as nan_to_num, where as where,
)
from .ops.bounds import (
    clamp as clamp, clamp_max as clamp_max, clamp_min as clamp_min, clip as clip, fmax as fmax,
    fmin as fmin, maximum as maximum, minimum as minimum,
)
from .ops.weighted_sums import addcdiv as addcdiv, addcmul as addcmul, lerp as lerp
from .ops.reduction import (
    all as all, any as any, count_nonzero as count_nonzero, logsumexp as logsumexp, mean as mean,
    nanmean as nanmean, nansum as nansum, sum as sum,
)
from .ops.moments import std as std, std_mean as std_mean, var as var, var_mean as var_mean
from .ops.extremes import (
    amax as amax, amin as amin, aminmax as aminmax, argmax as argmax, argmin as argmin, max as max,
    min as min,
)
from .ops.conversion import (
    channels_last as channels_last, channels_last_3d as channels_last_3d, clone as clone,
    contiguous_format as contiguous_format, detach as detach, layout as layout,
    memory_format as memory_format, preserve_format as preserve_format, strided as strided,
)
from .ops.overwriting import fill as fill
from .ops.questions import (
    can_cast as can_cast, get_device as get_device, is_complex as is_complex,
    is_floating_point as is_floating_point, is_inference as is_inference, is_nonzero as is_nonzero,
    is_same_size as is_same_size, is_signed as is_signed, is_tensor as is_tensor, numel as numel,
    result_type as result_type, typename as typename,
)
from .ops.dlpack import from_dlpack as from_dlpack, to_dlpack as to_dlpack
from .ops.creation import (
    as_tensor as as_tensor, asarray as asarray, from_numpy as from_numpy, frombuffer as frombuffer,
    scalar_tensor as scalar_tensor, tensor as tensor,
)
from .ops.filling import (
    empty as empty, empty_permuted as empty_permuted, empty_strided as empty_strided, full as full,
    ones as ones, zeros as zeros,
)
from .ops.like import (
    empty_like as empty_like, full_like as full_like, ones_like as ones_like,
    zeros_like as zeros_like,
)
from .ops.resizing import resize_as_ as resize_as_
from .ops.sequences import (
    BoolTensor as BoolTensor, ByteTensor as ByteTensor, CharTensor as CharTensor,
    DoubleTensor as DoubleTensor, FloatTensor as FloatTensor, HalfTensor as HalfTensor,
    IntTensor as IntTensor, LongTensor as LongTensor, ShortTensor as ShortTensor, arange as arange,
    eye as eye, linspace as linspace, logspace as logspace, range as range,
    tril_indices as tril_indices, triu_indices as triu_indices,
)
from .ops.grids import (
    cartesian_prod as cartesian_prod, combinations as combinations, meshgrid as meshgrid,
    vander as vander,
)
from .ops.random import (
    bernoulli as bernoulli, binomial as binomial, multinomial as multinomial, normal as normal,
    poisson as poisson, rand as rand, rand_like as rand_like, randint as randint,
    randint_like as randint_like, randn as randn, randn_like as randn_like, randperm as randperm,
)
from .ops.activation import (
    celu as celu, celu_ as celu_, relu as relu, relu_ as relu_, selu as selu, selu_ as selu_,
    sigmoid as sigmoid, sigmoid_ as sigmoid_, tanh_ as tanh_, threshold as threshold,
)
from .ops.softmax import log_softmax as log_softmax, softmax as softmax
from .ops.cumulative import (
    cummax as cummax, cummin as cummin, cumprod as cumprod, cumsum as cumsum,
    cumulative_trapezoid as cumulative_trapezoid, diff as diff, logcumsumexp as logcumsumexp,
    trapezoid as trapezoid, trapz as trapz,
)
from .ops.differences import gradient as gradient
from .ops.statistics import (
    median as median, mode as mode, nanmedian as nanmedian, nanquantile as nanquantile,
    prod as prod, quantile as quantile,
)
from .ops.complex_numbers import (
    angle as angle, complex as complex, conj as conj, conj_physical as conj_physical,
    conj_physical_ as conj_physical_, imag as imag, is_conj as is_conj, is_neg as is_neg,
    polar as polar, real as real, resolve_conj as resolve_conj, resolve_neg as resolve_neg,
    view_as_complex as view_as_complex, view_as_real as view_as_real,
)
from .ops.floating import frexp as frexp, ldexp as ldexp, nextafter as nextafter
from .ops.windows import (
    bartlett_window as bartlett_window, blackman_window as blackman_window,
    hamming_window as hamming_window, hann_window as hann_window, kaiser_window as kaiser_window,
)
from .ops.in_place import (
    abs_ as abs_, acos_ as acos_, acosh_ as acosh_, arccos_ as arccos_, arccosh_ as arccosh_,
    arcsin_ as arcsin_, arcsinh_ as arcsinh_, arctan_ as arctan_, arctanh_ as arctanh_,
    asin_ as asin_, asinh_ as asinh_, atan_ as atan_, atanh_ as atanh_, ceil_ as ceil_,
    clamp_ as clamp_, clamp_max_ as clamp_max_, clamp_min_ as clamp_min_, clip_ as clip_,
    cos_ as cos_, cosh_ as cosh_, deg2rad_ as deg2rad_, erf_ as erf_, erfc_ as erfc_,
    exp2_ as exp2_, exp_ as exp_, expm1_ as expm1_, fill_ as fill_, fix_ as fix_, floor_ as floor_,
    frac_ as frac_, gcd_ as gcd_, i0_ as i0_, lcm_ as lcm_, log10_ as log10_, log1p_ as log1p_,
    log2_ as log2_, log_ as log_, logit_ as logit_, nan_to_num_ as nan_to_num_, neg_ as neg_,
    negative_ as negative_, rad2deg_ as rad2deg_, reciprocal_ as reciprocal_, round_ as round_,
    rsqrt_ as rsqrt_, sin_ as sin_, sinc_ as sinc_, sinh_ as sinh_, sqrt_ as sqrt_,
    square_ as square_, tan_ as tan_, trunc_ as trunc_, xlogy_ as xlogy_, zero_ as zero_,
)

# -- ops/shaping, joining, rearranging ------------------------------------------------------------
from .ops.shaping import (
    atleast_1d as atleast_1d, atleast_2d as atleast_2d, atleast_3d as atleast_3d,
    flatten as flatten, ravel as ravel, reshape as reshape, squeeze as squeeze,
    unflatten as unflatten, unsqueeze as unsqueeze,
)
from .ops.axes import (
    adjoint as adjoint, moveaxis as moveaxis, movedim as movedim, permute as permute,
    swapaxes as swapaxes, swapdims as swapdims, t as t, transpose as transpose,
)
from .ops.expanding import (
    broadcast_shapes as broadcast_shapes, broadcast_tensors as broadcast_tensors,
    broadcast_to as broadcast_to,
)
from .ops.parts import (
    as_strided as as_strided, as_strided_scatter as as_strided_scatter, diag as diag,
    diag_embed as diag_embed, diagflat as diagflat, diagonal as diagonal,
    diagonal_scatter as diagonal_scatter, narrow as narrow, narrow_copy as narrow_copy,
    select as select,
)
from .ops.joining import (
    cat as cat, column_stack as column_stack, concat as concat, concatenate as concatenate,
    dstack as dstack, hstack as hstack, row_stack as row_stack, stack as stack, vstack as vstack,
)
from .ops.splitting import (
    chunk as chunk, dsplit as dsplit, hsplit as hsplit, split as split,
    split_with_sizes as split_with_sizes, tensor_split as tensor_split, unbind as unbind,
    vsplit as vsplit,
)
from .ops.rearranging import (
    block_diag as block_diag, flip as flip, fliplr as fliplr, flipud as flipud,
    repeat_interleave as repeat_interleave, roll as roll, rot90 as rot90, tile as tile,
    tril as tril, triu as triu,
)
from .ops.copies import (
    alias_copy as alias_copy, as_strided_copy as as_strided_copy, detach_copy as detach_copy,
    diagonal_copy as diagonal_copy, expand_copy as expand_copy, permute_copy as permute_copy,
    select_copy as select_copy, slice_copy as slice_copy, split_copy as split_copy,
    split_with_sizes_copy as split_with_sizes_copy, squeeze_copy as squeeze_copy, t_copy as t_copy,
    transpose_copy as transpose_copy, unbind_copy as unbind_copy, unfold_copy as unfold_copy,
    unsafe_chunk as unsafe_chunk, unsafe_split as unsafe_split,
    unsafe_split_with_sizes as unsafe_split_with_sizes, unsqueeze_copy as unsqueeze_copy,
    view_copy as view_copy,
)

# -- ops/indexing, scattering, index_ops, counting, sorting ----------------------------------------
from .ops.scattering import (
    gather as gather, scatter as scatter, scatter_add as scatter_add,
    scatter_reduce as scatter_reduce,
)
from .ops.index_ops import (
    index_add as index_add, index_copy as index_copy, index_fill as index_fill,
    index_put as index_put, index_reduce as index_reduce, index_select as index_select,
    masked_scatter as masked_scatter, masked_select as masked_select, put as put,
    select_scatter as select_scatter, slice_scatter as slice_scatter, take as take,
    take_along_dim as take_along_dim,
)
from .ops.counting import (
    argwhere as argwhere, bincount as bincount, bucketize as bucketize, histc as histc,
    histogram as histogram, histogramdd as histogramdd, nonzero as nonzero,
    nonzero_static as nonzero_static, searchsorted as searchsorted, unique as unique,
    unique_consecutive as unique_consecutive, unravel_index as unravel_index,
)
from .ops.sorting import (
    argsort as argsort, kthvalue as kthvalue, msort as msort, sort as sort, topk as topk,
)

# -- ops/matrix, products, einsum ------------------------------------------------------------------
from .ops.matrix import matmul as matmul
from .ops.products import (
    addbmm as addbmm, addmm as addmm, addmv as addmv, addr as addr, baddbmm as baddbmm, bmm as bmm,
    chain_matmul as chain_matmul, cross as cross, dot as dot, ger as ger, inner as inner,
    kron as kron, mm as mm, mv as mv, outer as outer, tensordot as tensordot, trace as trace,
    vdot as vdot,
)
from .ops.covariance import corrcoef as corrcoef, cov as cov
from .ops.pairwise import cdist as cdist, pdist as pdist
from .ops.einsum import einsum as einsum

# -- linalg ----------------------------------------------------------------------------------------
from . import linalg as linalg
from .ops.linalg import (
    cholesky as cholesky, cholesky_inverse as cholesky_inverse, cholesky_solve as cholesky_solve,
    det as det, inverse as inverse, logdet as logdet, old_svd as svd, pinverse as pinverse,
    old_qr as qr, slogdet as slogdet, triangular_solve as triangular_solve,
)
from .ops.lu import (
    geqrf as geqrf, lu_unpack as lu_unpack, old_lu as lu, old_lu_solve as lu_solve, orgqr as orgqr,
    ormqr as ormqr,
)
from .ops.low_rank import pca_lowrank as pca_lowrank, svd_lowrank as svd_lowrank
from .ops.linalg_norms import renorm as renorm
from .ops.norms import dist as dist, norm as norm
from .ops.linalg_products import matrix_exp as matrix_exp, matrix_power as matrix_power

# -- files that bind methods, which nothing calls by name ------------------------------------------
from .ops import (
    analytic as _analytic, numpy_protocol as _numpy_protocol, random_in_place as _random_in_place,
)

# -- rooms of functions ----------------------------------------------------------------------------
from . import fft as fft, masked as masked, signal as signal, special as special
from .ops.spectrogram import istft as istft, stft as stft

# -- autograd --------------------------------------------------------------------------------------
from . import autograd as autograd
from .autograd.anomaly import (
    is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled,
    is_anomaly_enabled as is_anomaly_enabled, set_detect_anomaly as set_anomaly_enabled,
)

# -- rooms above the engine ------------------------------------------------------------------------
from . import func as func, nn as nn, optim as optim, utils as utils
from .nn.functional import (  # what PyTorch has under both names, with one signature
    adaptive_avg_pool1d as adaptive_avg_pool1d, alpha_dropout as alpha_dropout,
    avg_pool1d as avg_pool1d, bilinear as bilinear, channel_shuffle as channel_shuffle,
    conv1d as conv1d, conv2d as conv2d, conv3d as conv3d, conv_tbc as conv_tbc,
    conv_transpose1d as conv_transpose1d, conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d, cosine_similarity as cosine_similarity,
    dropout as dropout, group_norm as group_norm, hardshrink as hardshrink,
    layer_norm as layer_norm, max_pool1d as max_pool1d, max_pool2d as max_pool2d,
    max_pool3d as max_pool3d, pairwise_distance as pairwise_distance,
    pixel_shuffle as pixel_shuffle, pixel_unshuffle as pixel_unshuffle, prelu as prelu,
    rms_norm as rms_norm, rrelu as rrelu,
)
from .func import vmap as vmap
from .serialization import load as load, save as save

# -- what scripts ask about the machine -----------------------------------------------------------
from math import e as e, inf as inf, nan as nan, pi as pi
from .machine import (
    accelerator as accelerator, amp as amp, backends as backends, cuda as cuda,
    distributed as distributed,
)
from .machine.absent import (
    dequantize as dequantize, hspmm as hspmm, jit as jit, multiprocessing as multiprocessing,
    onnx as onnx, quantization as quantization, quantize_per_channel as quantize_per_channel,
    quantize_per_tensor as quantize_per_tensor,
    quantize_per_tensor_dynamic as quantize_per_tensor_dynamic, smm as smm, sparse as sparse,
    sparse_bsr_tensor as sparse_bsr_tensor, sparse_compressed_tensor as sparse_compressed_tensor,
    sparse_coo_tensor as sparse_coo_tensor, sparse_csc_tensor as sparse_csc_tensor,
    sparse_csr_tensor as sparse_csr_tensor, spmm as spmm, sspaddmm as sspaddmm,
)
from .kernels._jit import kernels as kernels
from .machine import subclass as _subclass
from .machine.amp import autocast as autocast
from .machine.settings import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    compile as compile, get_default_device as get_default_device,
    get_float32_matmul_precision as get_float32_matmul_precision,
    get_num_interop_threads as get_num_interop_threads, get_num_threads as get_num_threads,
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
    set_default_device as set_default_device, set_default_tensor_type as set_default_tensor_type,
    set_float32_matmul_precision as set_float32_matmul_precision,
    set_flush_denormal as set_flush_denormal, set_num_interop_threads as set_num_interop_threads,
    set_num_threads as set_num_threads,
    use_deterministic_algorithms as use_deterministic_algorithms,
)

newaxis = None
mps = backends.mps

_LATE = frozenset({"distributions", "testing", "training"})


def __getattr__(name: str) -> object:
    """Rooms and names that few scripts use are imported when they are first asked for."""
    import importlib

    from .machine.paths import ELSEWHERE, LATE_NAMES, is_torch

    if name == "__version__":  # programs written for PyTorch ask which PyTorch this is
        asked = ".machine.torch_version" if is_torch("torch") else ".version"
        return importlib.import_module(asked, __name__).__version__

    if name in _LATE or name in ELSEWHERE:
        return importlib.import_module(f".{name}", __name__)
    if name in LATE_NAMES:
        return getattr(importlib.import_module(f".{LATE_NAMES[name]}", __name__), name)
    if name.startswith("_foreach_"):
        return importlib.import_module(".machine.foreach", __name__).named(name)
    if not name.startswith("__"):
        aten = importlib.import_module(".aten", __name__)
        if name in aten.__all__:
            return getattr(aten, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
