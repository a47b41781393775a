"""The last resort on a CPU: every row that its bound cannot exclude is measured at once, and a heap keeps the k best.

No queue, so nothing can run over and nothing grows with ties: a row's threshold comes from its exact k-th distance so
far. A measured distance that its product contradicts casts doubt on the row, and it is done again with no threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import lowest_bit, strip
from geometry.pairs.cpu.measure import sq_gap
from geometry.pairs.cpu.queues import NO_CUT, STRIP, Rule, addresses, threshold
from geometry.pairs.cpu.ranking import Originals, claimed, drain, hold
from geometry.pairs.cpu.rows import UP, Terms
from geometry.types import Array, Floats, Ints


class Best(NamedTuple):
    """heap, members (n, k): the best so far, the worst first; held, own (n,) int32; cut, reach; doubted (n,) uint8."""

    heap: Floats
    members: Ints
    held: Array
    own: Array
    cut: Array
    reach: Array
    doubted: Array


def best_bytes(k: int) -> int:
    """Of one row."""
    return 16 * k + 17


def nobody_yet(rows: int, k: int, own: Array) -> Best:
    """Empty heaps of `rows` rows, of which those beyond len(own) want nobody."""
    cut = np.where(np.arange(rows) < len(own), NO_CUT, np.inf).astype(np.float32)
    padded = np.concatenate([own, np.full(rows - len(own), -1)]).astype(np.int32)
    heap, members = np.empty((rows, k)), np.empty((rows, k), np.int64)
    return Best(
        heap, members, np.zeros(rows, np.int32), padded, cut, np.zeros(rows, np.float32), np.zeros(rows, np.uint8)
    )


@compiled
def settle(
    tile: Array, start: tuple[int, int], rows: tuple[Terms, Best], others: Terms, rule: Rule, originals: Originals
) -> None:
    """Measure what passes of a tile (panels, r, width) of products; rule.both: whether thresholds are set at all."""
    terms, best = rows
    panels, height, width = tile.shape
    error = np.float32(rule.error * UP)
    at_columns = addresses(others.bias, others.slope, others)  # no column asks: its cut and reach are never looked at
    for p in range(panels):
        for c in range(0, width, STRIP):
            first = start[1] + p * width + c
            at_tile = tile.ctypes.data + p * tile.strides[0] + 4 * c
            for r in range(height):
                i = start[0] + r
                own = (best.cut[i], terms.bias[i], best.reach[i], terms.slope[i], error * terms.norm[i])
                bits = strip(at_tile + r * tile.strides[1], own, at_columns, 4 * first) & np.int64(0xFFFF)
                while bits != 0:
                    bit = lowest_bit(bits)
                    bits &= bits - 1
                    if first + bit != best.own[i]:
                        _take(i, first + bit, tile[p, r, c + bit], rows, others, rule, originals)


@compiled
def _take(
    i: int, j: int, score: float, rows: tuple[Terms, Best], others: Terms, rule: Rule, originals: Originals
) -> None:
    terms, best = rows
    row = originals.base_row[j]
    square = sq_gap(originals.queries, originals.query_row[i], originals.base, row, originals.scale)
    if not claimed(square, score, (terms.half_sq[i], terms.norm[i], terms.delta[i]), others, j, rule.error):
        best.doubted[i] = 1
    best.held[i] = hold(best.heap[i], best.members[i], best.held[i], square, row)
    if rule.both and best.held[i] == rule.k:
        cut, reach = threshold(terms.half_sq[i], terms.delta[i], np.sqrt(best.heap[i, 0]) * UP)
        best.cut[i], best.reach[i] = cut, reach


@compiled
def write(span: tuple[int, int], best: Best, originals: Originals, out: tuple[Floats, Ints]) -> None:
    """The heaps of some rows, best first, into the tables of all query rows."""
    for i in range(span[0], span[1]):
        query = originals.query_row[i]
        drain(best.heap[i], best.members[i], out[0][query], out[1][query], originals.scale)
