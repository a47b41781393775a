"""The k best of each row's candidates by (measured squared distance, index): a heap keeps them.

Every measured distance must lie within the bounds its coarse product claimed; a row with one that does not is spoiled,
and a pass that does not rest on that product does it again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geometry.pairs.cpu.compiled import compiled
from geometry.pairs.cpu.measure import sq_gap
from geometry.pairs.cpu.queues import TINY, Queues, Rule, sort_out
from geometry.pairs.cpu.rows import LOST, UP, Terms
from geometry.types import Array, Floats, Ints


class Originals(NamedTuple):
    """Rows as they were given, the numbers of the packed ones among them, and the frame's scale."""

    queries: Array
    base: Array
    query_row: Ints
    base_row: Ints
    scale: float


@compiled
def rank(
    visits: Ints,
    rows: tuple[Terms, Queues],
    others: Terms,
    rule: Rule,
    originals: Originals,
    out: tuple[Floats, Ints],
) -> None:
    """Fill out (squared distances, indices), both (n, k), for the packed rows `visits` that are not spoiled.

    out is indexed by the number of the original query row; squared distances are in units of the input. Of a row with
    fewer than k candidates (`Rule.fewer`) the last columns stay as they were.
    """
    terms, queue = rows
    upper = np.empty(queue.scores.shape[1], np.float32)
    heap, members = np.empty(rule.k), np.empty(rule.k, np.int64)
    for i in visits:
        if queue.spoiled[i] or queue.own[i] < -1:
            continue
        sort_out(queue, terms, i, others, rule, upper)
        if queue.spoiled[i] or (queue.counts[i] < rule.k and not rule.fewer):
            queue.spoiled[i] = 1
            continue
        query, row = originals.query_row[i], (terms.half_sq[i], terms.norm[i], terms.delta[i])
        held = 0
        for t in range(queue.counts[i]):
            j = originals.base_row[queue.indices[i, t]]
            square = sq_gap(originals.queries, query, originals.base, j, originals.scale)
            if not claimed(square, queue.scores[i, t], row, others, queue.indices[i, t], rule.error):
                queue.spoiled[i] = 1
                break
            held = hold(heap, members, held, square, j)
        if not queue.spoiled[i]:
            drain(heap[:held], members[:held], out[0][query], out[1][query], originals.scale)


@compiled
def claimed(square: float, score: float, row: tuple[float, float, float], others: Terms, j: int, error: float) -> bool:
    """Whether the measured value lies where the coarse one said it would; row: its half_sq, norm and delta."""
    half = np.float64(row[0]) + np.float64(others.half_sq[j])
    blur = error * UP * np.float64(row[1]) * np.float64(others.norm[j]) + LOST * half + TINY
    delta = (np.float64(row[2]) + np.float64(others.delta[j])) * UP
    product = half - np.float64(score)
    dist = np.sqrt(square)
    low, high = np.sqrt(max(2 * (product - blur), 0.0)), np.sqrt(max(2 * (product + blur), 0.0))
    return low * (2 - UP) - delta <= dist <= high * UP + delta  # type: ignore[no-any-return]


@compiled
def hold(heap: Floats, members: Ints, held: int, square: float, j: int) -> int:
    """Keep the k best: the worst of them lies at the root."""
    k = len(heap)
    if held < k:
        at = held
        while at > 0:
            up = (at - 1) >> 1
            if not _worse(square, j, heap[up], members[up]):
                break
            heap[at], members[at] = heap[up], members[up]
            at = up
        heap[at], members[at] = square, j
        return held + 1
    if _worse(heap[0], members[0], square, j):
        _sink(heap, members, k, square, j)
    return held


@compiled
def _sink(heap: Floats, members: Ints, size: int, square: float, j: int) -> None:
    """Put a value in the place of the root."""
    at = 0
    while True:
        down = 2 * at + 1
        if down >= size:
            break
        if down + 1 < size and _worse(heap[down + 1], members[down + 1], heap[down], members[down]):
            down += 1
        if not _worse(heap[down], members[down], square, j):
            break
        heap[at], members[at] = heap[down], members[down]
        at = down
    heap[at], members[at] = square, j


@compiled
def _worse(square: float, j: int, than: float, than_j: int) -> bool:
    return square > than or (square == than and j > than_j)


@compiled
def drain(heap: Floats, members: Ints, sq_dist: Floats, index: Ints, scale: float) -> None:
    """Write the heap from worst to best, from the end."""
    for size in range(len(heap), 0, -1):
        sq_dist[size - 1], index[size - 1] = heap[0] / scale / scale, members[0]
        if size > 1:
            _sink(heap, members, size - 1, heap[size - 1], members[size - 1])
