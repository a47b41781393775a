"""Near copies without looking at all pairs: rows that repeat another but for rounding, jitter or a second encoding.

A row is a near copy where a distinct row before it lies within NEAR of the median distance to the tenth neighbour, the
rule of the statistic `duplicates`. That distance is measured on a sample of s rows and carried to all n by the
sample's own dimension: r_10(n) = r_10(s) (s / n)^(1/dim), dim = 1 / mean log(r_10 / r_j) (Levina and Bickel 2004).

Candidates share a cell of a grid over the random directions of `geometry.sources.sweep`. A difference of length r has
deviates of r / sqrt(d) there, so in cells CELL times as wide a close pair is split with probability .2 and by all of
three shifted grids with probability under .01. Candidates are measured on the rows themselves. Each row meets the AHEAD
rows that follow it in its cell, so in a heap of near copies every row but the first still finds one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geometry.sources.checks import is_stored
from geometry.types import Array, Floats, Ints

NEAR = 1e-3
SAMPLE = 1000
NEIGHBORS = 10
CELL = 32.0  # times the deviate of a pair at the radius
SHIFTS = (0.0, 1 / 3, 2 / 3)
AHEAD = 4
MEASURED = 1 << 20  # values of a block of measured pairs
IN_FILES = 4  # times as many where each block may take a pass over files


def near_radius(rows: Array, distinct: Ints) -> float:
    """NEAR times the median r_10 of the distinct finite rows, from a seeded sample; 0 where there are not enough."""
    if len(distinct) <= NEIGHBORS + 1:
        return 0.0
    few = min(len(distinct), SAMPLE)
    chosen = np.sort(np.random.default_rng(0).choice(distinct, few, replace=False))
    points = np.asarray(rows[chosen], np.float64)
    scale = np.abs(points).max()
    points = points / scale
    points -= points.mean(axis=0)
    square = np.sum(points**2, axis=1)
    sq_dist = np.maximum(square[:, None] + square - 2 * points @ points.T, 0)
    np.fill_diagonal(sq_dist, np.inf)
    dist = np.sqrt(np.sort(np.partition(sq_dist, NEIGHBORS - 1, axis=1)[:, :NEIGHBORS], axis=1))
    spaced = dist[dist[:, 0] > 0]
    if len(spaced) == 0:
        return 0.0
    growth = float(np.mean(np.log(spaced[:, -1:] / spaced[:, :-1])))
    return float(NEAR * np.median(spaced[:, -1]) * (few / len(distinct)) ** growth * scale)


def near_copies(rows: Array, shadows: Array, distinct: Ints, radius: float) -> Ints:
    """Numbers of the rows among `distinct` (finite, no two equal, ascending) that lie within `radius` of one before."""
    if radius <= 0 or len(distinct) < 2:
        return np.empty(0, np.int64)
    width = CELL * radius / np.sqrt(rows.shape[1])
    found = np.zeros(len(distinct), np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        grid = shadows[distinct].astype(np.float64) / width
    for shift in SHIFTS:
        for earlier, later in _candidates(grid, shift):
            found[later[_close(rows, distinct[earlier], distinct[later], radius)]] = True
    return distinct[found]


def pairs_together(rows: Array) -> int:
    """How many pairs of rows are measured in one block."""
    values = MEASURED * (IN_FILES if is_stored(rows) else 1)
    return max(values // int(rows.shape[1]), 1)


def _candidates(grid: Floats, shift: float) -> list[tuple[Ints, Ints]]:
    """Pairs of positions that share a cell, the earlier first: each with those that follow it there."""
    cells = _hash(grid, shift)
    order = np.argsort(cells, kind="stable")
    pairs = []
    for ahead in range(1, AHEAD + 1):
        same = np.flatnonzero(cells[order[ahead:]] == cells[order[:-ahead]])
        pairs.append((order[same], order[same + ahead]))
    return pairs


def _hash(grid: Floats, shift: float) -> NDArray[np.uint64]:
    """One number for the coordinates of the cell of each row; a chance meeting of two costs a measurement, no more."""
    state = np.full(len(grid), 0x9E3779B97F4A7C15, np.uint64)
    for column in grid.T:
        state = (state ^ np.floor(column + shift).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
    return state


def _close(rows: Array, a: Ints, b: Ints, radius: float) -> NDArray[np.bool_]:
    """Whether rows a and b lie within the radius of each other, measured in blocks of pairs."""
    near = np.zeros(len(a), np.bool_)
    step = pairs_together(rows)
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        gap = rows[a[part]].astype(np.float64) - rows[b[part]].astype(np.float64)
        near[part] = np.linalg.norm(gap, axis=1) <= radius
    return near
