"""ph0: intrinsic dimension from the growth of the minimum spanning tree (Schweinhart 2020; Steele 1988).

The sum E of the edges to the power a over n rows grows like n^((d - a) / d); these edges are the deaths of
0-dimensional persistent homology. The rows are dealt (seeded) into 1, 2, 4 and 8 pieces, E is the mean over pieces of a
size, and d = a / (1 - slope of log E on log rows).
"""

from __future__ import annotations

import numpy as np

from geometry.dimension.geo_mle import SEEDED
from geometry.dimension.spanning_tree import spanning_edges
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.registry import statistic
from geometry.types import Estimate, Ints

PARTS = (1, 2, 4, 8)
FEWEST = 20  # rows of a piece
COLUMNS = 16  # the tree hardly ever asks for more


@statistic(
    "ph0",
    needs=("neighbors", "points"),
    range=(0.0, np.inf),
    invariances=SEEDED,
    direction="down",
    source="Schweinhart 2020; Steele 1988",
    k=COLUMNS,
    null="d for rows uniform in d dimensions, with an edge's share of the length on top at small n",
    fails="few rows in many dimensions; clusters, whose long bridges do not shrink as rows are added",
)
def ph0(scan: Scan, *, power: float = 1.0) -> Estimate:
    """power / (1 - slope) of the log sum of spanning tree edges to that power on the log of the rows.

    Profile: log_rows, log_sum. The standard error is that of the slope, from the spread between pieces, as if sizes
    were independent. Undefined with fewer than 40 rows, with copies alone, or where the sum does not grow more slowly
    than the rows.
    """
    if power <= 0:
        raise UsageError(f"ph0: power = {power} must be positive")
    fields = {"n": scan.n, "d": scan.d}
    parts = [p for p in PARTS if scan.n >= FEWEST * p]
    if len(parts) < 2:
        return undefined("ph0", "few-rows", **fields)
    nearest = scan.neighbors(min(COLUMNS, scan.most_neighbors)).exact_dist(1)
    unit = float(np.median(nearest)) or float(nearest.max()) or 1.0
    deal = np.random.default_rng(scan.seed).permutation(scan.n)
    sums = [np.array([_sum(scan, np.flatnonzero(deal % p == piece), unit, power) for piece in range(p)]) for p in parts]
    means = np.array([each.mean() for each in sums])
    if not (means > 0).all():
        return undefined("ph0", "no-distinct-distances", **fields)
    log_rows, log_sum = np.log(scan.n / np.array(parts)), np.log(means)
    centred = log_rows - log_rows.mean()
    slope = float(centred @ log_sum / (centred @ centred))
    if slope >= 1:
        return undefined("ph0", "no-growth", **fields)
    value = power / (1 - slope)
    spread = sums[-1].std(ddof=1) / means[-1] / np.sqrt(parts[-1])
    stderr = float(value**2 / power * spread / np.sqrt(centred @ centred))
    profile = {"log_rows": log_rows, "log_sum": log_sum}
    return measured("ph0", value, stderr=stderr, method="spread of pieces", profile=profile, **fields)


def _sum(scan: Scan, rows: Ints, unit: float, power: float) -> float:
    """Sum over the spanning tree of some of the rows, edges in the given unit."""
    points, k = scan.rows[rows], min(COLUMNS, len(rows) - 1)
    whole = len(rows) == scan.n
    table = scan.neighbors(k) if whole else scan.executor.neighbors(points, points, k, exclude_self=True)
    edges = spanning_edges(table, scan.rows if whole else points, scan.executor)
    return float(((edges / unit) ** power).sum())
