"""authenticity: whether generated rows keep the distance from the training rows that new rows of the law would keep.

A generated row x is authentic if its nearest training row t is not closer to x than to t's own nearest other training
row: |x - t| >= |t - t'| (Alaa et al. 2022, section 3.3). A new row of the law fails this if it and t are each other's
nearest, which happens at a rate that depends on the dimension and on hubs: 2/3 of even density on a line, .62 in a
plane, less where some rows are near to many. So the null is the reference's own value: each of its rows in turn taken
out and held against the others.
"""

from __future__ import annotations

import numpy as np

from geometry.estimates import measured, undefined, wilson_interval
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats, Ints


@statistic(
    "authenticity",
    needs=("neighbors", "points", "reference"),
    range=(0.0, 1.0),
    invariances=SIMILARITY,
    direction="down",
    source="Alaa et al. 2022, section 3.3",
    k=2,
    null="the reference's rows, each against the others; 1/3 of even density on a line, more where there are hubs",
    fails="copies inside the reference, which make every row there authentic; under 3 reference rows",
)
def authenticity(scan: Scan, reference: Scan) -> Estimate:
    """Share of generated rows whose nearest training row is not closer to them than to its own nearest other one.

    The reference is the training set. null: the reference's own share, leave-one-out. per_point (m,) bool. Interval
    after Wilson, rows with one nearest training row counted as dependent. Undefined with fewer than 3 reference rows.
    """
    counts = {"n": scan.n, "d": scan.d}
    if scan.n < 1 or reference.n < 3:
        return undefined("authenticity", "few-rows", **counts)
    nearest = scan.among(reference, 1)
    authentic = nearest.sq_dist[:, 0] >= reference.neighbors(1).sq_dist[nearest.index[:, 0], 0]
    table = reference.neighbors(2)
    other = nearest_other(table.index, table.sq_dist)
    own = table.sq_dist[:, 0] >= other
    share, null = float(authentic.mean()), float(own.mean())
    stderr = grouped_stderr(authentic, nearest.index[:, 0])
    of_null = grouped_stderr(own, table.index[:, 0])
    rows = share * (1 - share) / stderr**2 if stderr > 0 else float(len(np.unique(nearest.index[:, 0])))
    low, high = wilson_interval(share, rows)
    error = float(np.hypot(stderr, of_null))
    return measured(
        "authenticity",
        share,
        stderr=stderr,
        low=low,
        high=high,
        method="Wilson, rows grouped by nearest",
        null=null,
        z=(share - null) / error if error > 0 else None,
        per_point=authentic,
        **counts,
    )


def nearest_other(index: Ints, sq_dist: Floats) -> Floats:
    """(n,) for each row's nearest row t: the squared distance of t to its nearest other, the row itself left out.

    index, sq_dist (n, 2): the neighbour table.
    """
    t = index[:, 0]
    mutual = index[t, 0] == np.arange(len(index))
    found: Floats = np.where(mutual, sq_dist[t, 1], sq_dist[t, 0])
    return found


def grouped_stderr(values: Array, group: Ints) -> float:
    """Standard error of a mean over rows that are dependent within their groups."""
    residual = values - values.mean()
    return float(np.sqrt((np.bincount(group, residual) ** 2).sum()) / len(values))
