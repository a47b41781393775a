"""Neighbours in one to three dimensions by a k-d tree, where all pairs would be wasted work; exact all the same.

SciPy's tree gives k and a few spare candidates in float64; they are measured and ranked as everywhere else. A row is
certain if its k-th measured distance is below the farthest candidate's by more than rounding: whoever was left out is
no nearer than that one. Ties across that line leave a row to the pass over all pairs. Rows are distinct here
(`geometry.pairs.copies`). Used from MANY rows on and for few neighbours, on every device: measured on two cores, 8,192
rows take two thirds of the time of all pairs, 40,000 rows half of it or less. Beyond three dimensions products of tiles
are quicker.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geometry.pairs.cpu.measure import sq_gaps
from geometry.pairs.plan import blocks
from geometry.types import Array, Floats, Ints

MOST_DIMENSIONS, MANY, MOST_NEIGHBORS = 3, 8192, 256
SPARE = 8
ROUNDING = 1e-12  # of a squared distance in float64, of three terms
PART = 1 << 21  # candidates looked at one time
LEAST = 2.0**-400  # nonzero numbers whose differences, squared, are far from where float64 ends

Rest = Callable[[Array, int], tuple[Floats, Ints]]  # queries and k: squared distances and indices among the base rows


def suits(queries: Array, base: Array, k: int) -> bool:
    """Whether a tree is the quicker way to k neighbours among these rows, and their squares stay in float64."""
    few = base.shape[1] <= MOST_DIMENSIONS and k <= MOST_NEIGHBORS
    return few and min(len(base), len(queries)) >= MANY and _in_range(queries) and _in_range(base)


def _in_range(points: Array) -> bool:
    size = np.abs(points[points != 0])
    return len(size) == 0 or LEAST <= float(size.min()) <= float(size.max()) <= 1 / LEAST


def neighbors(
    queries: Array, base: Array, k: int, rest: Rest, *, exclude_self: bool, threads: int
) -> tuple[Floats, Ints]:
    """Squared distances and indices (n, k); `rest` answers the rows that the tree leaves open."""
    from scipy.spatial import cKDTree

    tree, wanted = cKDTree(base.astype(np.float64)), min(k + int(exclude_self) + SPARE, len(base))
    sq_dist, index = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
    known = np.zeros(len(queries), np.bool_)
    for part in blocks(len(queries), max(PART // wanted, 1)):
        rows = np.arange(part.start, part.stop)
        reached, candidate = tree.query(queries[part].astype(np.float64), wanted, workers=threads)
        reached, candidate = reached.reshape(len(rows), -1), candidate.reshape(len(rows), -1).astype(np.int64)
        measured = sq_gaps(queries, np.repeat(rows, wanted), base, candidate.ravel()).reshape(candidate.shape)
        if exclude_self:
            measured[candidate == rows[:, None]] = np.inf
        order = np.lexsort((candidate, measured), axis=1)[:, :k]
        sq_dist[part], index[part] = (np.take_along_axis(of, order, axis=1) for of in (measured, candidate))
        left_out = reached[:, -1] ** 2 * (1 - ROUNDING)
        known[part] = (sq_dist[part, -1] < left_out) | (wanted == len(base))
    left = np.flatnonzero(~known)
    if len(left):
        found = rest(np.ascontiguousarray(queries[left]), k + int(exclude_self))  # a row itself comes first: no copies
        sq_dist[left], index[left] = (part[:, int(exclude_self) :] for part in found)
    return sq_dist, index
