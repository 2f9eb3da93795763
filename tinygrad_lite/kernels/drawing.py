"""Many random numbers at once: uniform and normal float32 by a counter, on all threads.

Block j of four words is Philox4x32-10 of the counter j under a key (Salmon, Moraes, Dror and Shaw,
"Parallel random numbers: as easy as 1, 2, 3", 2011). A number depends on its place and the key
alone, so any thread may make any of them, and NumPy makes the same.

    uniform   24 bits of a word, divided by 2^24
    normal    of two words, as u in (0, 1) and an angle t: sqrt(-2 log u) cos t, and with sin t
              (Box and Muller 1958)

The numbers of a stretch of CHUNK lie word by word: its first quarter are first words of its
blocks, and so on; then every store is a vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import FMA, Kernel, enabled, jit, loaded, prange, where
from ._math import log32, number

Array = np.ndarray
U = np.uint32
W = np.uint64
F = np.float32

LARGE = 32768
"""Numbers from which they are drawn here; fewer come from the generator one by one."""
WORTH_LOADING = 1 << 17
"""Numbers for which it pays to load numba."""
CHUNK = 4096
"""Numbers that are made together."""
QUARTER = CHUNK // 4
_MULTIPLY = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10


@jit(forceinline=True)
def _philox(block, low, high):
    """The four words of a block."""
    a, b, c, d = U(block), U(block >> W(32)), U(0), U(0)
    for _ in range(10):
        p, q = W(a) * W(0xD2511F53), W(c) * W(0xCD9E8D57)
        a, b, c, d = U(U(q >> W(32)) ^ b ^ low), U(q), U(U(p >> W(32)) ^ d ^ high), U(p)
        low, high = U(low + U(0x9E3779B9)), U(high + U(0xBB67AE85))
    return a, b, c, d


@jit(forceinline=True)
def _fraction(word):
    """24 bits as a float32 in [0, 1)."""
    return F(word >> U(8)) * F(2.0**-24)


@number
def _radius(word):
    """sqrt(-2 log u), where u is the word + 1/2 over 2^32."""
    return np.sqrt(F(-2) * log32((F(word) + F(0.5)) * F(2.0**-32)))


@number
def _turn(word):
    """cos and sin of a whole turn times the word over 2^32.

    Two bits choose the quarter; the rest are an angle x from -pi / 4 to pi / 4.
    """
    x = F(np.int32(word << U(2))) * F(0.7853981633974483 * 2.0**-31)
    z = x * x
    s = x + x * z * (F(-1.6666654611e-1) + z * (F(8.3321608736e-3) + z * F(-1.9515295891e-4)))
    c = F(1) + z * (
        F(-0.5)
        + z
        * (F(4.166664568298827e-2) + z * (F(-1.388731625493765e-3) + z * F(2.443315711809948e-5)))
    )
    odd, flip = (word & U(0x40000000)) != U(0), (word & U(0x80000000)) != U(0)
    cosine, sine = where(odd, -s, c), where(odd, c, s)
    return where(flip, -cosine, cosine), where(flip, -sine, sine)


@jit
def _uniform_chunk(first, low, high, out):
    one, two, three, four = out[:1024], out[1024:2048], out[2048:3072], out[3072:4096]
    for j in range(one.size):
        a, b, c, d = _philox(W(first + W(j)), low, high)
        one[j], two[j] = _fraction(a), _fraction(b)
        three[j], four[j] = _fraction(c), _fraction(d)


@jit(fastmath=FMA)
def _normal_chunk(first, low, high, out):
    one, two, three, four = out[:1024], out[1024:2048], out[2048:3072], out[3072:4096]
    for j in range(one.size):
        a, b, c, d = _philox(W(first + W(j)), low, high)
        r, s = _radius(a), _radius(c)
        x, y = _turn(b)
        z, t = _turn(d)
        one[j], two[j], three[j], four[j] = r * x, r * y, s * z, s * t


of_chunk = _uniform_chunk  # bound to either


@jit(parallel=True)
def fill(low, high, out):
    """out is filled stretch by stretch; of the last one, what fits."""
    for k in prange((out.size + 4095) // 4096):
        start, first = k * 4096, W(k * 1024)
        if start + 4096 <= out.size:
            of_chunk(first, low, high, out[start : start + 4096])
        else:
            last = np.empty(4096, np.float32)
            of_chunk(first, low, high, last)
            out[start:] = last[: out.size - start]


fill_uniform = fill.bind("uniform", of_chunk=_uniform_chunk)
fill_normal = fill.bind("normal", of_chunk=_normal_chunk)


def _words(blocks: int, key: int) -> list[Array]:
    """The four words of blocks 0 to blocks - 1, as uint64 below 2^32."""
    j, mask = np.arange(blocks, dtype=W), W(0xFFFFFFFF)
    a, b, c, d = j & mask, j >> W(32), np.zeros_like(j), np.zeros_like(j)
    low, high = key & 0xFFFFFFFF, key >> 32
    for _ in range(_ROUNDS):
        p, q = a * W(_MULTIPLY[0]), c * W(_MULTIPLY[1])
        a, b, c, d = (q >> W(32)) ^ b ^ W(low), q & mask, (p >> W(32)) ^ d ^ W(high), p & mask
        low, high = low + _WEYL[0] & 0xFFFFFFFF, high + _WEYL[1] & 0xFFFFFFFF
    return [a, b, c, d]


def _np_uniform(words: list[Array]) -> list[Array]:
    return [(w >> W(8)).astype(F) * F(2.0**-24) for w in words]


def _np_normal(words: list[Array]) -> list[Array]:
    found = []
    for radius, turn in (words[:2], words[2:]):
        u = (radius.astype(F) + F(0.5)) * F(2.0**-32)
        r = np.sqrt(-2 * np.log(u, dtype=np.float64))
        rest = (turn << W(2)).astype(U).view(np.int32)
        t = (turn >> W(30)) * (np.pi / 2) + rest * (np.pi / 4 * 2.0**-31)
        found += [r * np.cos(t), r * np.sin(t)]
    return [x.astype(F) for x in found]


def _drawn(size: int, key: int, kernel: Kernel, numpy: Any) -> Array:
    out = np.empty(size, F)
    if enabled() and (loaded() or size >= WORTH_LOADING):
        kernel(U(key & 0xFFFFFFFF), U(key >> 32), out)
        return out
    chunks = -(-size // CHUNK)
    parts = numpy(_words(chunks * QUARTER, key))
    return np.stack([x.reshape(chunks, QUARTER) for x in parts], 1).reshape(-1)[:size]


def uniform(size: int, key: int) -> Array:
    """`size` float32 in [0, 1), of a key of 64 bits."""
    return _drawn(size, key, fill_uniform, _np_uniform)


def normal(size: int, key: int) -> Array:
    """`size` float32 of mean 0 and variance 1, of a key of 64 bits."""
    return _drawn(size, key, fill_normal, _np_normal)
