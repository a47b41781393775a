"""Near copies without looking at all pairs: rows that repeat another but for rounding, jitter or a second encoding.

A row is a near copy where a distinct row before it lies within NEAR of the median distance to the tenth neighbour, the
rule of the statistic `duplicates`, or within FAR of that distance where its own surroundings are no denser than those
of other rows. Neither where chance would bring rows as near: among n rows of dimension dim some 5 n q^dim pairs lie
within q of the tenth neighbour, which may be CHANCE at most; rows along a curve have such pairs, rows of many
dimensions have none. The distance to the tenth neighbour is measured on a sample of s rows and carried to all n by the
sample's own dimension: r_10(n) = r_10(s) (s / n)^(1/dim). 1 / dim of a row is the mean of log(r_10 / r_j) (Levina and
Bickel 2004) over j >= 3, which one or two copies leave alone, as a multiple of that on a line; the median over rows
tells how the distance shrinks, the upper quartile what chance brings, for a part of the rows along curves will do.

Candidates share a cell of a grid over the random directions of `geometry.sources.sweep`. A difference of length r has
deviates of r / sqrt(d) there, so in cells CELL times as wide a close pair is split with probability .2 and by all of
three shifted grids with probability under .01. Candidates are measured on the rows themselves. Each row meets the AHEAD
rows that follow it in its cell, so in a heap of near copies every row but the first still finds one. How dense the
surroundings of a row are is told by its tenth neighbour in the sample along those directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.sources.checks import is_stored
from geometry.types import Array, Floats, Ints

NEAR, FAR = 1e-3, 1e-2  # of the distance to the tenth neighbour
CHANCE = 0.01  # pairs that may be as near by chance
DENSE = 0.5  # of the usual distance to the tenth row of the sample
SAMPLE = 1000
NEIGHBORS, LEFT_OUT = 10, 2
OF_A_LINE = float(np.mean([sum(1 / i for i in range(j, NEIGHBORS)) for j in range(LEFT_OUT + 1, NEIGHBORS)]))
LOW = 0.75  # quantile of 1 / dimension over rows
CELL = 32.0  # times the deviate of a pair at the radius
SHIFTS = (0.0, 1 / 3, 2 / 3)
AHEAD = 4
MEASURED = 1 << 20  # values of a block of measured pairs
IN_FILES = 4  # times as many where each block may take a pass over files


@dataclass(frozen=True)
class Spacing:
    """How far apart rows lie: the median distance to the tenth neighbour, 1 / dimension where it is low, the sample."""

    tenth: float
    growth: float
    sample: Ints

    def radius(self, share: float, n: int) -> float:
        """`share` of the distance, or less where n rows would come as near by chance."""
        if self.growth <= 0:
            return 0.0
        return self.tenth * min(share, float((CHANCE / (5 * n)) ** self.growth))


def near_copies(rows: Array, shadows: Array, distinct: Ints) -> Ints:
    """Numbers of the rows among `distinct` (finite, no two equal, ascending) that nearly repeat one before.

    rows (n, d), also in files; shadows (n, up to 8) of `geometry.sources.sweep`.
    """
    apart = spacing(rows, distinct)
    if apart is None:
        return np.empty(0, np.int64)
    near = _within(rows, shadows, distinct, apart.radius(NEAR, len(distinct)))
    far = _within(rows, shadows, distinct, apart.radius(FAR, len(distinct)))
    far = far[~_dense(shadows, far, apart.sample)]
    return np.union1d(near, far)


def spacing(rows: Array, distinct: Ints) -> Spacing | None:
    """Of the distinct finite rows, from a seeded sample; None where there are not enough, or none are apart."""
    if len(distinct) <= NEIGHBORS + 1:
        return None
    few = min(len(distinct), SAMPLE)
    chosen = np.sort(np.random.default_rng(0).choice(distinct, few, replace=False))
    points = np.asarray(rows[chosen], np.float64)
    scale = np.abs(points).max()
    points = points / scale
    points -= points.mean(axis=0)
    square = np.sum(points**2, axis=1)
    dist = _tenths(np.maximum(square[:, None] + square - 2 * points @ points.T, 0))
    spaced = dist[dist[:, 0] > 0]
    if len(spaced) == 0:
        return None
    growth = np.mean(np.log(spaced[:, -1:] / spaced[:, LEFT_OUT:-1]), axis=1) / OF_A_LINE
    tenth = float(np.median(spaced[:, -1]) * (few / len(distinct)) ** np.median(growth) * scale)
    return Spacing(tenth, float(np.quantile(growth, LOW)), chosen)


def _tenths(sq_dist: Floats) -> Floats:
    """(s, NEIGHBORS) ascending distances of each row of a square table to the others."""
    np.fill_diagonal(sq_dist, np.inf)
    dist: Floats = np.sqrt(np.sort(np.partition(sq_dist, NEIGHBORS - 1, axis=1)[:, :NEIGHBORS], axis=1))
    return dist


def _within(rows: Array, shadows: Array, distinct: Ints, radius: float) -> Ints:
    """Those of the distinct rows that lie within `radius` of one before."""
    found = np.zeros(len(distinct), np.bool_)
    width = CELL * radius / np.sqrt(rows.shape[1])
    if width <= 0:
        return distinct[found]
    with np.errstate(over="ignore", invalid="ignore"):
        grid = shadows[distinct].astype(np.float64) / width
    for shift in SHIFTS:
        for earlier, later in _candidates(grid, shift):
            found[later[_close(rows, distinct[earlier], distinct[later], radius)]] = True
    return distinct[found]


def _dense(shadows: Array, asked: Ints, sample: Ints) -> NDArray[np.bool_]:
    """(m,) whether the sample lies closer about a row than half as far as about the rows of the sample itself."""
    from geometry.pairs.plan import blocks  # here, so that `geometry inspect` needs no torch

    base = shadows[sample].astype(np.float64)
    square = np.sum(base**2, axis=1)

    def tenth(numbers: Ints) -> Floats:
        """To the tenth other row, the row itself being one of eleven where it is in the sample."""
        points = shadows[numbers].astype(np.float64)
        sq_dist = np.sum(points**2, axis=1)[:, None] + square - 2 * points @ base.T
        return np.sqrt(np.maximum(np.partition(sq_dist, NEIGHBORS, axis=1)[:, NEIGHBORS], 0))

    with np.errstate(over="ignore", invalid="ignore"):
        usual = float(np.median(tenth(sample)))
        parts = [tenth(asked[part]) < DENSE * usual for part in blocks(len(asked), SAMPLE)]
    return np.concatenate(parts) if parts else np.empty(0, np.bool_)


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
