"""Windows, interpolation and grids against PyTorch: every mode, every alignment, both ways."""

from __future__ import annotations

import itertools

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

WINDOWS = """
x(2,3,4,5) : F.unfold(x, 2)
x(2,3,4,5) : F.unfold(x, (2, 3))
x(2,3,4,5) : F.unfold(x, (2, 1), (2, 3), (1, 2), (2, 1))
x(2,3,4,5) : F.unfold(x, kernel_size=2, dilation=2, padding=1, stride=2)
x(2,3,4,5) : F.unfold(x, (4, 5))
x(3,4,5) : F.unfold(x, (2, 3))
x(1,4,5) : F.unfold(x, (2, 3))
x(1,4,5) : F.unfold(x, 1)
x(1,4) : F.fold(x, (2, 2), 1)
x(1,1,1,1) : F.unfold(x, 1)
x(1,3,4,5) : F.unfold(x, (2, 3))
x(2,8,9) : F.fold(x, (4, 4), 2)
x(2,8,9) : F.fold(x, 4, (2, 2))
x(2,6,8) : F.fold(x, (3, 6), (2, 3))
x(1,12,4) : F.fold(x, (5, 5), (2, 2), 2, 0, (2, 2))
x(1,12,16) : F.fold(x, (4, 4), kernel_size=2, dilation=2, padding=1)
x(1,12,9) : F.fold(x, (4, 4), kernel_size=2, padding=1, stride=2)
x(8,9) : F.fold(x, (4, 4), 2)
x(4,9) : F.fold(x, (4, 4), 2)
x(1,4,9) : F.fold(x, (4, 4), 2)
x(2,6,4) : F.fold(x, (3, 4), (2, 3))
"""

# Calls for sizes and scales of one dimension, two and three.
SIZES = {
    1: ("x(2,3,5)", ("8", "3", "(5,)", "1"), ("2", "0.5", "1.7", "(0.7,)")),
    2: ("x(1,2,4,5)", ("(7, 3)", "6", "(2, 5)", "1"), ("2", "(0.5, 1.5)", "(1.7, 0.7)")),
    3: ("x(1,1,3,4,2)", ("(5, 3, 4)", "2"), ("2", "(0.7, 1.5, 0.5)")),
}
PLAIN = {1: ("nearest", "nearest-exact", "area"), 2: ("nearest", "nearest-exact", "area")}
PLAIN[3] = PLAIN[1]
SMOOTH = {1: ("linear",), 2: ("bilinear", "bicubic"), 3: ("trilinear",)}

TABLE = lines(WINDOWS)
for dims, (inputs, sizes, scales) in SIZES.items():
    for how in (*sizes, *[f"scale_factor={s}" for s in scales]):
        TABLE.append(f"{inputs} : F.interpolate(x, {how})")
        for mode in PLAIN[dims]:
            TABLE.append(f"{inputs} : F.interpolate(x, {how}, mode='{mode}')")
        for mode, corners in itertools.product(SMOOTH[dims], ("", "True", "False")):
            more = f", align_corners={corners}" if corners else ""
            TABLE.append(f"{inputs} : F.interpolate(x, {how}, mode='{mode}'{more})")
            if "scale" in how:
                more += ", recompute_scale_factor=True"
                TABLE.append(f"{inputs} : F.interpolate(x, {how}, mode='{mode}'{more})")
            if dims == 2:
                more = more.replace("recompute_scale_factor", "antialias")
                more = more if "antialias" in more else more + ", antialias=True"
                TABLE.append(f"{inputs} :1 F.interpolate(x, {how}, mode='{mode}'{more})")

OTHERS = """
x(2,3,5) :1 F.interpolate(x.float(), 8, mode='linear')
x(1,2,4,5) :1 F.interpolate(x.float(), (3, 9), mode='bicubic')
x(1,2,4,5) :1 F.interpolate(x.float(), (3, 2), mode='bicubic', antialias=True)
x(1,2,9,7) :1 F.interpolate(x, (4, 3), mode='bilinear', antialias=True)
x(1,2,9,7) :1 F.interpolate(x, (4, 3), mode='bicubic', antialias=True)
x(1,2,9,7) :1 F.interpolate(x, scale_factor=(0.45, 0.3), mode='bilinear', antialias=True)
x(1,2,9,7) :1 F.interpolate(x, scale_factor=(0.45, 1.9), mode='bicubic', antialias=True)
x(2,3,5) : F.interpolate(x, 8, None, 'linear', True)
x(2,3,5) : F.interpolate(x, None, 1.7, 'linear', False, True)
x(1,2,4,5) :1 F.interpolate(x, (3, 2), None, 'bilinear', False, None, True)
x(2,3,5) : F.interpolate(x, scale_factor=1.7, recompute_scale_factor=False)
x(2,3,5) : F.interpolate(x, scale_factor=1.7, recompute_scale_factor=True)
x(2,3,5) : F.interpolate(x, scale_factor=1.7, mode='nearest-exact', recompute_scale_factor=True)
x(2,3,1) : F.interpolate(x, 4, mode='linear', align_corners=True)
i(1,1,4,5)<255 :0 F.interpolate(i.byte(), (8, 10), mode='nearest')
i(1,1,4,5)<255 :0 F.interpolate(i.byte(), (3, 4), mode='nearest-exact')
i(1,1,4,4)<255 :0 F.interpolate(i.byte(), (8, 8), mode='bilinear', align_corners=True)
i(1,1,4,4)<255 :0 F.interpolate(i.byte(), (2, 2), mode='bilinear')
i(1,1,4,4)<255 :0 F.interpolate(i.byte(), (4, 2), mode='bilinear', antialias=True)
i(1,1,4,4)<255 :0 F.interpolate(i.byte(), (2, 8), mode='bilinear')
i(1,1,4,4)<2 :0 F.interpolate(i.byte() * 255, (8, 8), mode='bicubic')
x(2,3,4) :1 F.upsample(x, 6)
x(2,3,4) :1 F.upsample(x, None, 2)
x(2,3,4) :1 F.upsample(x, 6, mode='linear')
x(2,3,4) :1 F.upsample(x, 6, None, 'linear', True)
x(2,3,4) :1 F.upsample_nearest(x, 6)
x(2,3,4) :1 F.upsample_nearest(x, scale_factor=2)
x(2,3,4,4) :1 F.upsample_bilinear(x, 6)
x(2,3,4,4) :1 F.upsample_bilinear(x, None, 2)
x(2,2,3) : F.affine_grid(x, (2, 1, 3, 4))
x(2,2,3) : F.affine_grid(x, (2, 1, 3, 4), True)
x(2,2,3) : F.affine_grid(x, [2, 1, 3, 4], align_corners=False)
x(2,2,3) : F.affine_grid(x, (2, 1, 1, 4), True)
x(2,2,3) : F.affine_grid(x, (2, 1, 3, 1))
x(1,3,4) : F.affine_grid(x, (1, 1, 2, 3, 4), True)
x(1,3,4) : F.affine_grid(x, (1, 5, 2, 3, 4))
x(2,2,3) :1 F.affine_grid(x.float(), (2, 1, 3, 4))
"""
TABLE += lines(OTHERS)

for mode, border, corners in itertools.product(
    ("bilinear", "nearest", "bicubic"),
    ("zeros", "border", "reflection"),
    (", align_corners=True", ", align_corners=False", ""),
):
    how = f"mode='{mode}', padding_mode='{border}'{corners}"
    for near in ("g", "g * 3", "g * 0.4"):
        TABLE.append(f"x(2,3,4,5) g(2,3,2,2) :1 F.grid_sample(x, {near}, {how})")
    if mode != "bicubic":
        TABLE.append(f"x(2,3,4,5,3) g(2,3,1,2,3) :1 F.grid_sample(x, g, {how})")
        TABLE.append(f"x(2,1,1,4,1) g(2,3,1,2,3) :1 F.grid_sample(x, g, {how})")
    TABLE.append(f"x(1,1,1,4) g(1,3,2,2) :1 F.grid_sample(x, g * 2, {how})")
    if mode != "bicubic":
        TABLE.append(f"x(1,2,3,3) g(1,1,6,2) :1 F.grid_sample(x, g - g.detach() + CORNERS, {how})")
    TABLE.append(f"x(1,1,2,2) g(1,3,2,2) :1 F.grid_sample(x, g * 2, {how})")
CORNERS = "t.tensor([[[[-1.0, -1], [1, 1], [0, 0], [-1, 1], [1, 0.5], [-1.5, 0.25]]]])"
TABLE += [
    *[
        f"x({n},{c},4,5) g({n},{rows},2,2) :1 F.grid_sample(x, g, '{mode}')"
        for n, c, rows in ((0, 3, 3), (2, 0, 3), (2, 3, 0))
        for mode in ("bilinear", "nearest", "bicubic")
    ],
    "x(2,3,4,5) g(2,3,2,2) :1 F.grid_sample(x, g)",
    "x(2,3,4,5) g(2,3,2,2) :1 F.grid_sample(x, g, 'nearest', 'border', True)",
    "x(2,3,4,5) g(2,3,2,2) :0 F.grid_sample(x.float(), g.float())",
    "x(2,3,4,5) g(2,3,2,2) :0 F.grid_sample(x.float(), g.float() * 2, padding_mode='reflection')",
    "x(2,3,4,5) g(2,3,2,2) :0 F.grid_sample(x.float(), g.float(), 'bicubic')",
    "x(1,1,3,3) :0 F.grid_sample(x, t.tensor([[[[-1.0, -1], [1, 1], [0, 0], [-1, 1]]]]).double())",
]


@pytest.mark.parametrize("line", TABLE)
def test_resampled(line: str) -> None:
    hold(line.replace("CORNERS", CORNERS))
