"""Padding and rearranging of images against PyTorch."""

from __future__ import annotations

import pytest

from tests.oracle.comparing import lines
from tests.oracle.functional.tables import hold

TABLE = """
x(2,3) : F.pad(x, (1, 2))
x(2,3) : F.pad(x, (1, 2), 'constant')
x(2,3) : F.pad(x, (1, 2, 3, 0))
x(2,3) : F.pad(x, [1, 2], value=7.5)
x(2,3) : F.pad(x, (1, 2), 'constant', 0.0)
x(2,3) : F.pad(x, (1, 2, 0, 1), value=-1)
x(2,3) : F.pad(x, (-1, 0))
x(2,3) : F.pad(x, (-1, 2), value=3.0)
x(2,3) : F.pad(x, (0, -1, -1, 2))
x(2,3) : F.pad(x, (-1, -2))
x(2,3) : F.pad(x, ())
x(2,3) : F.pad(x, (0, 0))
i(2,3)<9 : F.pad(i, (1, 1), value=4)
m(2,3) : F.pad(m, (1, 1))
x(2,3) :1 F.pad(x.float(), (1, 1), value=0.25)
x(2,3,2) : F.pad(x, (0, 0, 1, 0, 2, 1), value=2.0)
x(2,5) : F.pad(x, (2, 1), 'reflect')
x(2,5) : F.pad(x, (4, 4), 'reflect')
x(2,5) : F.pad(x, (0, 3), 'reflect')
x(2,5) : F.pad(x, (2, 1), 'reflect', 0)
x(2,5) : F.pad(x, (1, 0), 'reflect')
x(2,5) : F.pad(x, (0, 1), 'reflect')
x(2,5) : F.pad(x, (1, 1), value=1.0)
x(1,2,5) : F.pad(x, (2, 1), 'reflect')
x(1,4,5) : F.pad(x, (2, 1, 3, 0), 'reflect')
x(1,1,4,5) : F.pad(x, (2, 1, 3, 0), 'reflect')
x(1,1,2,4,5) : F.pad(x, (2, 1, 3, 0, 1, 1), 'reflect')
x(2,5) : F.pad(x, (2, 1), 'replicate')
x(2,5) : F.pad(x, (7, 6), 'replicate')
x(2,5) : F.pad(x, (-2, 1), 'replicate')
x(2,5) : F.pad(x, (1, -2), 'replicate')
x(1,1,4,5) : F.pad(x, (2, 1, 3, 0), 'replicate')
x(1,4,5) : F.pad(x, (0, 0, 3, 1), 'replicate')
x(2,5) : F.pad(x, (2, 1), 'circular')
x(2,5) : F.pad(x, (5, 5), 'circular')
x(2,1) : F.pad(x, (1, 1), 'circular')
x(2,5) : F.pad(x, (0, 3), 'circular')
x(2,5) : F.pad(x, (3, 0), 'circular')
x(2,5) : F.pad(x, (-2, 1), 'circular')
x(2,5) : F.pad(x, (-2, 3), 'circular')
x(2,5) : F.pad(x, (-1, -2), 'circular')
x(2,5) : F.pad(x, (1, -2), 'circular')
x(1,1,4,5) : F.pad(x, (2, 1, 3, 0), 'circular')
x(1,8,2,3) : F.pixel_shuffle(x, 2)
x(9,2,1) : F.pixel_shuffle(x, 3)
x(2,2,8,2,3) : F.pixel_shuffle(x, 2)
x(1,2,2,3) : F.pixel_shuffle(x, 1)
x(1,2,4,6) : F.pixel_unshuffle(x, 2)
x(1,3,6) : F.pixel_unshuffle(x, 3)
x(2,2,2,4,6) : F.pixel_unshuffle(x, 2)
x(1,2,2,3) : F.pixel_unshuffle(x, 1)
x(1,6,2) : F.channel_shuffle(x, 2)
x(1,4,2,3) : F.pixel_shuffle(x, 2)
x(1,1,2,4) : F.pixel_unshuffle(x, 2)
x(2,6,2,3) : F.channel_shuffle(x, 3)
x(2,6,2,2,2) : F.channel_shuffle(x, 1)
x(2,6,3) : F.channel_shuffle(x, 6)
"""


@pytest.mark.parametrize("line", lines(TABLE))
def test_an_image(line: str) -> None:
    hold(line)
