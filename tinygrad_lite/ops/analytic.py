"""Which ops pass a gradient through complex numbers: a table, read after the ops are declared.

A rule of calculus, g f'(x), holds for complex x if f is analytic (core/engine.py says what g is
then), and so does the transpose of a linear map. An op that looks at magnitudes, orders numbers or
conjugates one is not among these unless its rule says what becomes of a complex x, as that of `abs`
does. An op that is not in the table raises when a gradient would have to pass it.
"""

from __future__ import annotations

from ..core.primitive import REGISTRY
from . import (  # noqa: F401  (they declare the ops)
    complex_numbers,
    convolution,
    cumulative,
    division,
    embedding,
    exponential,
    fourier,
    index_ops,
    linalg,
    lu,
    matrix,
    moments,
    padding,
    patches,
    powers,
    rearranging,
    reduction,
    scattering,
    selection,
    shaping,
    signs,
    splitting,
    statistics,
    trigonometric,
)

ANALYTIC = """
    conjugate real_part imaginary_part complex_to_pairs pairs_to_complex abs sgn
    fourier real_fourier real_of_half
    plus minus mul quotient neg pow square sqrt rsqrt reciprocal exp log sigmoid
    sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh expm1 log1p
    eigen exp2 log2 log10 inverted solved lu_packed total_product running_product
    convolution convolution_input convolution_weight image_to_columns columns_to_image windows
    unwindowed written_along
    cast broadcast sum_to strided strided_write unstrided embedded overwrite
    total average running_sum product reshaped permuted joined stacked pieces slices sliced picked
    replaced gathered rolled reversed_along tril triu diagonal_of on_diagonal compact duplicate
    log_total logaddexp running_log_sum matrix_exponential variance deviation sinc
    take_along_axis put_along_axis take_along put_along pad_constant where filled_where gather_rows
    add_rows scattered scattered_along
"""

for _name in ANALYTIC.split():
    REGISTRY[_name].analytic = True
