"""magnitude: intrinsic dimension as the growth of the magnitude, the effective number of points (Andreeva et al. 2023).

At scale t the similarity of two rows is Z_ij = exp(-t |x_i - x_j|), the magnitude 1' Z^-1 1: 1 for t near 0, the number
of rows for large t (Leinster 2013). The slope of log magnitude on log t rises to the dimension in between and falls
back to 0 where rows stand alone; the value is its maximum.
"""

from __future__ import annotations

import numpy as np

from geometry.dimension.geo_mle import SEEDED
from geometry.estimates import measured, undefined
from geometry.pairs.magnitude import distinct_distances, log_magnitude
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import halves
from geometry.registry import statistic
from geometry.types import Array, Estimate, Floats

ROWS = 2000  # whose n x n matrix is solved
SCALES = 16  # from one over the median distance to FAR over the median nearest distance
FAR = 8.0
DRAWS = 8


@statistic(
    "magnitude",
    needs=("neighbors", "points"),
    range=(0.0, np.inf),
    invariances=SEEDED,
    direction="down",
    source="Andreeva, Limbeck, Rieck and Sarkar 2023; Leinster 2013",
    k=1,
    null="below d at any finite n: rows run out before the slope reaches it",
    fails="far too low in many dimensions, where the nearest row is nearly as far as any other",
)
def magnitude(scan: Scan) -> Estimate:
    """The steepest growth of log magnitude with log t, over distinct rows of at most 2,000 (a seeded sample).

    Profile: log_t, log_magnitude, slope (between successive t). The error is the spread over random halves of the slope
    at the same t. Undefined with fewer than three distinct rows.
    """
    part = scan.at_most(ROWS)
    fields = {"n": scan.n, "d": scan.d, "exact": part.n == scan.n}
    dist, _ = distinct_distances(part.rows)
    if len(dist) < 3:
        return undefined("magnitude", "few-distinct-rows", n=scan.n, d=scan.d)
    others = dist[~np.eye(len(dist), dtype=np.bool_)].reshape(len(dist), -1)
    low, high = 1 / np.median(others), FAR / np.median(others.min(axis=1))
    scales = np.geomspace(low, max(high, 4 * low), SCALES)
    logs = np.array([log_magnitude(dist, t) for t in scales])
    slope = np.diff(logs) / np.diff(np.log(scales))
    if not np.isfinite(slope).any():
        return undefined("magnitude", "not-solvable", n=scan.n, d=scan.d)
    at = int(np.nanargmax(slope))
    around = scales[at : at + 2]
    spread = [_slope(dist[np.ix_(keep, keep)], around) for keep in halves(len(dist), DRAWS, scan.seed)]
    stderr = float(np.std(spread, ddof=1)) if len(dist) >= 12 and np.isfinite(spread).all() else None
    profile = {"log_t": np.log(scales), "log_magnitude": logs, "slope": slope}
    value = max(float(slope[at]), 0.0)
    return measured("magnitude", value, stderr=stderr, method="random halves", profile=profile, **fields)


def _slope(dist: Array, scales: Floats) -> float:
    near, far = (log_magnitude(dist, t) for t in scales)
    return float((far - near) / np.log(scales[1] / scales[0]))
