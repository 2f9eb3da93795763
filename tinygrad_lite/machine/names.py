"""Names of PyTorch's dtypes and layouts that programs list or compare with; no Tensor has them."""

from __future__ import annotations

from ..core.dtypes import NARROW
from ..ops.conversion import layout

complex32 = chalf = NARROW["complex32"]
float4_e2m1fn_x2 = NARROW["float4_e2m1fn_x2"]
float8_e4m3fn = NARROW["float8_e4m3fn"]
float8_e4m3fnuz = NARROW["float8_e4m3fnuz"]
float8_e5m2 = NARROW["float8_e5m2"]
float8_e5m2fnuz = NARROW["float8_e5m2fnuz"]
float8_e8m0fnu = NARROW["float8_e8m0fnu"]
jagged = layout("jagged")
sparse_bsc = layout("sparse_bsc")
sparse_bsr = layout("sparse_bsr")
sparse_coo = layout("sparse_coo")
sparse_csc = layout("sparse_csc")
sparse_csr = layout("sparse_csr")
