"""sliced_wasserstein: the distance of two sets seen along many straight lines.

The root of the mean over seeded directions of the squared 2-Wasserstein distance between the two sets projected on them
(Rabin et al. 2011): in one dimension that is the mean squared difference of the quantile functions, exact for unequal
numbers of rows too. A shift by m alone gives |m| / sqrt(d). Two samples of one law differ as well: the null is the mean
over random splits of the pooled rows, for which the sorted projections serve again.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.sums import sample_rows
from geometry.registry import statistic
from geometry.types import Array, Estimate, Floats, Ints

DRAWS = 12
MOST_OF_NULL = 2000  # rows of each set that splits and halves look at; their spread is carried over to all rows


@statistic(
    "sliced_wasserstein",
    needs=("points", "reference"),
    range=(0.0, np.inf),
    invariances=("translation", "row order"),
    direction="up",
    source="Rabin et al. 2011",
    null="mean over random splits of the pooled rows",
    fails="many dimensions, where any one line sees little: what moves in few directions is averaged away",
)
def sliced_wasserstein(scan: Scan, reference: Scan, *, directions: int = 128, seed: int = 0) -> Estimate:
    """Root mean square over seeded directions of the 2-Wasserstein distance of the projected rows, in input units.

    null and z by random splits of the pooled rows. Standard error by half samples and by the spread over directions.
    Undefined without rows. Raises UsageError for fewer than 2 directions.
    """
    if directions < 2:
        raise UsageError(f"sliced_wasserstein: directions = {directions} are too few; take 2 or more")
    counts = {"n": scan.n, "d": scan.d}
    if min(scan.n, reference.n) < 1:
        return undefined("sliced_wasserstein", "few-rows", **counts)
    axes = np.random.default_rng([seed, 2]).standard_normal((scan.d, directions))
    axes /= np.linalg.norm(axes, axis=0)
    shift = reference.spectrum.mean
    x, y = _projected(scan.points, shift, axes), _projected(reference.points, shift, axes)
    unit = float(max(np.abs(x).max(), np.abs(y).max())) or 1.0
    x, y = x / unit, y / unit
    squares = sq_wasserstein(np.sort(x, axis=0), np.sort(y, axis=0))
    value = float(np.sqrt(squares.mean()))
    small = [one[sample_rows(len(one), min(len(one), MOST_OF_NULL), seed)] for one in (x, y)]
    shrink = float(np.sqrt((1 / len(x) + 1 / len(y)) / (1 / len(small[0]) + 1 / len(small[1]))))
    null, spread, halves = (shrink * part for part in _chance(small[0], small[1], seed))
    over_axes = float(np.std(squares, ddof=1) / np.sqrt(directions)) / (2 * value) if value > 0 else 0.0
    return measured(
        "sliced_wasserstein",
        value * unit,
        stderr=float(np.hypot(halves, over_axes)) * unit if min(len(x), len(y)) >= 4 else None,
        method="half samples, directions",
        null=null * unit,
        z=(value - null) / spread if spread > 0 else None,
        **counts,
    )


def _projected(points: Array, shift: Floats, axes: Floats) -> Floats:
    out = np.empty((len(points), axes.shape[1]))
    for part in blocks(len(points), 4096):
        out[part] = (points[part].astype(np.float64) - shift) @ axes
    return out


def sq_wasserstein(x: Floats, y: Floats) -> Floats:
    """(l,) squared 2-Wasserstein distances of the columns of sorted (n, l) and (m, l)."""
    n, m = len(x), len(y)
    if n == m:
        gaps: Floats = ((x - y) ** 2).mean(axis=0)
        return gaps
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)  # of the pieces of both quantile functions, times nm
    width = np.diff(edges) / (n * m)
    gap = x[edges[:-1] // m] - y[edges[:-1] // n]
    weighted: Floats = width @ gap**2
    return weighted


def _chance(x: Floats, y: Floats, seed: int) -> tuple[float, float, float]:
    """Mean and spread of the distance over random splits of the pooled rows, and its spread over halves of the sets."""
    pooled = np.concatenate([x, y])
    order = np.argsort(pooled, axis=0)
    ordered = np.take_along_axis(pooled, order, axis=0)
    rng, n, total = np.random.default_rng([seed, 3]), len(x), len(pooled)
    splits, halves = [], []
    for _ in range(DRAWS):
        deal = rng.permutation(total)
        splits.append(_distance(ordered, order, deal[:n], deal[n:]))
        parts = rng.permutation(n)[: max(n // 2, 1)], n + rng.permutation(total - n)[: max((total - n) // 2, 1)]
        halves.append(_distance(ordered, order, *parts))
    return float(np.mean(splits)), float(np.std(splits, ddof=1)), float(np.std(halves, ddof=1))


def _distance(ordered: Floats, order: Ints, first: Ints, second: Ints) -> float:
    """Of the rows with these numbers, from the sorted projections of all rows."""
    sets = []
    for rows in (first, second):
        chosen = np.zeros(len(order), np.bool_)
        chosen[rows] = True
        sets.append(ordered.T[chosen[order].T].reshape(order.shape[1], len(rows)).T)
    return float(np.sqrt(sq_wasserstein(*sets).mean()))
