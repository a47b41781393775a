"""Per-row queues of candidates: which products pass, who stays when a queue is full, and the k best of the rest.

With half_sq, norm and delta of `rows`, s the product of two rounded rows and e = product error norm_i norm_j,
  d~^2 = 2 (half_sq_i + half_sq_j - s),  |d - d~| <= delta_i + delta_j.
The k-th smallest upper bound D_i seen so far bounds the k-th neighbour's distance, so with reach_i = D_i + delta_i a
row that is still possible has d~ <= reach_i + delta_j, which is linear in the products of what i and j bring alone:
  s >= (half_sq_i - reach_i^2 / 2) + (half_sq_j - delta_j^2 / 2) - reach_i delta_j - e.
The first bracket is `cut`, the second `bias`. Every pair carries its own error: rows of extreme norm spoil only
themselves. All is rounded outward. A queue that stays nearly full after sorting out is spoiled, and its row is left
to a pass with more precision or more room.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.llvm import lowest_bit, strip
from geometry.pairs.cpu.rows import LOST, UP, Terms
from geometry.types import Array

TINY = 2.0**-100  # above what products lose where they fall under float32's smallest number
NO_CUT = np.float32(-np.inf)
CLOSED = np.float32(np.inf)
STRIP = 16
STEPS = 20  # leaves 2^-12 of the largest bound or less
FAR = 2.0**45  # reaches beyond which float32 squares would overflow


class Queues(NamedTuple):
    """scores float32, indices uint32 (n, capacity); counts, limits, own (n,) int32; cut, reach float32; spoiled uint8.

    limits: length at which a queue is sorted out. own: the column that is the row itself, -1 where there is none.
    """

    scores: Array
    indices: Array
    counts: Array
    limits: Array
    own: Array
    cut: Array
    reach: Array
    spoiled: Array


class Rule(NamedTuple):
    """k neighbours; error of a product over the norms; both: columns ask too (in `settle`: thresholds are set).

    fewer: a row may end with fewer than k, because its cut began with the k that it has elsewhere (`begin`).
    """

    k: int
    error: float
    both: bool
    fewer: bool = False


def queue_bytes(capacity: int) -> int:
    """Of one row."""
    return 8 * capacity + 21


def empty_queues(rows: int, capacity: int, first: int, own: Array) -> Queues:
    """Queues of `rows` rows, of which those beyond len(own) are closed."""
    return Queues(
        np.empty((rows, capacity), np.float32),
        np.empty((rows, capacity), np.uint32),
        np.zeros(rows, np.int32),
        np.full(rows, min(first, capacity), np.int32),
        np.concatenate([own, np.full(rows - len(own), -1)]).astype(np.int32),
        np.where(np.arange(rows) < len(own), NO_CUT, CLOSED).astype(np.float32),
        np.zeros(rows, np.float32),
        np.zeros(rows, np.uint8),
    )


@compiled
def begin(queue: Queues, terms: Terms, known: Array) -> None:
    """Cuts of the first rows from a distance (n,) float64 beyond which nobody is wanted, infinite where all are."""
    for i in range(len(known)):
        queue.cut[i], queue.reach[i] = threshold(terms.half_sq[i], terms.delta[i], known[i])


@compiled
def addresses(cut: Array, reach: Array, terms: Terms) -> tuple[int, int, int, int, int]:
    """Where `strip` finds what it asks of columns: their cut, bias, reach, slope and norm."""
    return cut.ctypes.data, terms.bias.ctypes.data, reach.ctypes.data, terms.slope.ctypes.data, terms.norm.ctypes.data


@compiled
def sift(
    tile: Array,
    start: tuple[int, int],
    rows: tuple[Terms, Queues],
    columns: tuple[Terms, Queues],
    rule: Rule,
) -> None:
    """Push what passes of a tile (panels, r, width) of products into the queues of its rows and, if asked, its columns.

    start: the first row and the first column of the tile.
    """
    (terms, queue), (others, other_queue) = rows, columns
    panels, height, width = tile.shape
    upper = np.empty(max(queue.scores.shape[1], other_queue.scores.shape[1]), np.float32)
    error = np.float32(rule.error * UP)
    wanted = np.int64(-1) if rule.both else np.int64(0xFFFF)
    at_columns = addresses(other_queue.cut, other_queue.reach, others)
    for p in range(panels):
        for c in range(0, width, STRIP):
            first = start[1] + p * width + c
            at_tile = tile.ctypes.data + p * tile.strides[0] + 4 * c
            for r in range(height):
                i = start[0] + r
                own = (queue.cut[i], terms.bias[i], queue.reach[i], terms.slope[i], error * terms.norm[i])
                bits = strip(at_tile + r * tile.strides[1], own, at_columns, 4 * first) & wanted
                while bits != 0:
                    bit = lowest_bit(bits)
                    bits &= bits - 1
                    j = first + (bit & 15)
                    if bit >= STRIP:
                        if other_queue.counts[j] == other_queue.limits[j]:
                            sort_out(other_queue, others, j, terms, rule, upper)
                        n = other_queue.counts[j]
                        if n < other_queue.limits[j]:
                            other_queue.scores[j, n] = tile[p, r, c + bit - STRIP]
                            other_queue.indices[j, n] = i
                            other_queue.counts[j] = n + 1
                    elif j != queue.own[i]:
                        if queue.counts[i] == queue.limits[i]:
                            sort_out(queue, terms, i, others, rule, upper)
                        n = queue.counts[i]
                        if n < queue.limits[i]:
                            queue.scores[i, n] = tile[p, r, c + bit]
                            queue.indices[i, n] = j
                            queue.counts[i] = n + 1


@compiled
def sort_out(queue: Queues, terms: Terms, i: int, others: Terms, rule: Rule, upper: Array) -> Any:
    """Drop candidates that cannot be among the k nearest, lower the cut; returns D_i, infinite below k candidates."""
    n = queue.counts[i]
    if n < rule.k:
        return np.inf
    score, index = queue.scores[i], queue.indices[i]
    lower = np.empty(n, np.float32)
    bounds((score, index, n), (terms.half_sq[i], terms.norm[i], terms.delta[i]), others, rule.error, (lower, upper))
    bound = _at_least_k(upper, n, rule.k)
    m = 0
    for t in range(n):
        score[m], index[m] = score[t], index[t]
        m += not lower[t] > bound
    queue.counts[i] = m
    room = len(score)
    queue.limits[i] = min(room, m + (m >> 1) + 32)
    cut, reach = threshold(terms.half_sq[i], terms.delta[i], bound)
    if cut > queue.cut[i]:
        queue.cut[i], queue.reach[i] = cut, reach
    if m > room - (room >> 3):
        queue.spoiled[i] = 1
        queue.cut[i] = np.inf
        queue.counts[i] = queue.limits[i] = 0
    return bound


@compiled
def threshold(half: float, delta: float, bound: float) -> tuple[Any, Any]:
    """cut and reach, float32, of a row whose k-th neighbour is within `bound`; NO_CUT and 0 where that is too far."""
    reach = (np.float64(bound) + np.float64(delta)) * UP
    if not reach < FAR:
        return NO_CUT, np.float32(0)
    cut = half - 0.5 * reach * reach - 2 * LOST * (half + 0.5 * reach * reach) - TINY
    return np.float32(cut), np.float32(reach * UP)


@compiled
def bounds(
    candidates: tuple[Array, Array, int],
    row: tuple[float, float, float],
    others: Terms,
    error: float,
    out: tuple[Array, Array],
) -> None:
    """Lower and upper bounds, float32, on the distances of the first n candidates (scores, indices, n).

    row: half_sq, norm and delta of the row itself.
    """
    score, index, n = candidates
    half, relative, delta = row[0], np.float32(error * UP) * row[1], row[2]
    lower, upper = out
    for t in range(n):
        j = index[t]
        blur = relative * others.norm[j] + np.float32(LOST) * (half + others.half_sq[j]) + np.float32(TINY)
        square = (half - score[t]) + others.half_sq[j]
        gap = (delta + others.delta[j]) * np.float32(UP)
        upper[t] = np.sqrt(np.float32(2) * max(square + blur, np.float32(0))) * np.float32(UP) + gap
        lower[t] = np.sqrt(np.float32(2) * max(square - blur, np.float32(0))) * np.float32(2 - UP) - gap


@compiled
def _at_least_k(values: Array, n: int, k: int) -> Any:
    """A value that k of the first n are not above, the k-th smallest or a little more: all that a bound needs.

    Bisection over the bits of non-negative floats, whose order is theirs: counting is quicker than moving.
    """
    bits = values.view(np.uint32)
    low, high = np.int64(0), np.int64(0)
    for t in range(n):
        high = max(high, np.int64(bits[t]))
    for _ in range(STEPS):
        middle = (low + high) >> 1
        value = np.uint32(middle).view(np.float32)
        count = np.int32(0)
        for t in range(n):
            count += values[t] <= value
        if count >= k:
            high = middle
        else:
            low = middle + 1
    return np.uint32(high).view(np.float32)
