"""The float64 truth of sampled rows, by direct differences block by block, and the recall of a peer against it.

Recall counts a reported row as found if it is no farther than the true k-th neighbour, so ties are nobody's fault; a
row reported twice, the row itself and -1 count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.pairs import reference
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

MOST, LEAST = 256, 16  # sampled rows
WORK = 4 << 30  # coordinates that may be differenced: some ten seconds
BLOCK = 1 << 27  # coordinates of a block
SAME = 1 + 1e-12  # an engine may sum a distance in another order


@dataclass(frozen=True)
class Truth:
    """rows (s,) sampled, their k nearest others: index (s, k) and sq_dist (s, k), ranked by (distance, index)."""

    rows: Ints
    index: Ints
    sq_dist: Floats


def truth_of(points: Array, k: int, seed: int = 0) -> Truth:
    """Neighbours of as many sampled rows as can be measured in some seconds."""
    n, d = points.shape
    count = int(np.clip(WORK // (n * d), min(LEAST, n), min(MOST, n)))
    rows = np.sort(np.random.default_rng(seed).choice(n, count, replace=False)).astype(np.int64)
    values, index = np.empty((count, 0)), np.empty((count, 0), np.int64)
    for block in blocks(n, max(BLOCK // d, 1)):
        near = reference.sq_dists(points[rows], points[block])
        near[rows[:, None] == np.arange(block.start, block.stop)] = np.inf
        values = np.hstack([values, near])
        index = np.hstack([index, np.broadcast_to(np.arange(block.start, block.stop), near.shape)])
        order = np.argsort(values, axis=1, kind="stable")[:, :k]
        values, index = np.take_along_axis(values, order, axis=1), np.take_along_axis(index, order, axis=1)
    return Truth(rows, index, values)


def recall(truth: Truth, points: Array, found: NDArray[np.integer]) -> float:
    """Share of the true neighbours among `found` (s, >= k), the columns in the order the peer gave them."""
    hits = 0
    for row, kth, columns in zip(truth.rows, truth.sq_dist[:, -1], found, strict=True):
        others = np.unique(columns[(columns >= 0) & (columns != row)])
        sq_dist = reference.sq_dists(points[row][None], points[others])[0]
        hits += min(int((sq_dist <= kth * SAME).sum()), truth.index.shape[1])
    return hits / truth.index.size
