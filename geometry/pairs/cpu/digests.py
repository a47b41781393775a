"""64-bit digests of rows by their bytes, minus zero and zero alike: equal rows have equal digests."""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.measure import plain
from geometry.types import Array

ODD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: spreads what differs over all bits (Knuth 1998, section 6.4)


def row_digests(points: Array) -> Array:
    """(n,) uint64 of points (n, d) float16, float32 or float64."""
    whole = plain(np.ascontiguousarray(points))
    bits = 8 * whole.dtype.itemsize
    out = np.empty(len(whole), np.uint64)
    _digest(whole.view(np.dtype(f"u{bits // 8}")), np.uint64(1 << (bits - 1)), np.uint64(ODD), out)
    return out


@compiled
def _digest(words: Array, minus_zero: Any, odd: Any, out: Array) -> None:
    for i in range(words.shape[0]):
        state = odd
        for c in range(words.shape[1]):
            word = np.uint64(words[i, c])
            if word == minus_zero:
                word = np.uint64(0)
            state = (state ^ word) * odd
            state ^= state >> np.uint64(29)
        out[i] = state
