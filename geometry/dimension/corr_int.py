"""corr_int: intrinsic dimension as the growth of the correlation integral (Grassberger, Procaccia 1983).

C(r) is the share of pairs no farther apart than r; d = log(C(r2) / C(r1)) / log(r2 / r1), with r1 and r2 the medians of
the distances to the 10th and the 20th neighbour. The profile is the whole log-log curve, from the histogram of the pair
pass (coarse below about 1e-3 of the extent, where products in float32 have no digits left).
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.influence import pairwise_stderr
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, PairSums

ROUND_UP = 1 + 1e-12  # a radius is often some pair's distance; squaring its root must not put that pair outside


@statistic(
    "corr_int",
    needs=("neighbors", "pair_sums", "points"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Grassberger and Procaccia 1983",
    k=20,
    null="d for rows uniform in d dimensions without edge",
    fails="reads low from some ten dimensions on, where edges are near; undefined where the two radii are equal or 0",
)
def corr_int(scan: Scan, *, k1: int = 10, k2: int = 20) -> Estimate:
    """Slope of log C between the medians of r_k1 and r_k2; profile: log_radius, log_share (natural logarithms).

    k1 and k2 fall, in proportion, to the neighbours there are. Counts run over all rows, or over a seeded sample of
    them against all. The standard error is that of the counts at fixed radii (pairs share rows), by the delta method.
    Undefined with fewer than three rows, or where the two radii are 0 or equal.
    """
    if not 1 <= k1 < k2:
        raise UsageError(f"corr_int: k1 = {k1}, k2 = {k2}; they must ascend from 1")
    near, far = _orders(k1, k2, scan.most_neighbors)
    fields = {"n": scan.n, "d": scan.d, "k": far}
    if near == far:
        return undefined("corr_int", "few-rows", **fields)
    r1, r2 = np.median(scan.neighbors(far).exact_dist(far)[:, [near - 1, far - 1]], axis=0)
    if not 0 < r1 < r2:
        return undefined("corr_int", "no-distinct-distances", **fields)
    inner, outer = scan.pair_counts(np.array([r1, r2]) * ROUND_UP).astype(np.float64)
    span = np.log(r2 / r1)
    value = np.log(outer.mean() / inner.mean()) / span
    stderr = pairwise_stderr((outer / outer.mean() - inner / inner.mean()) / span, scan.n)
    return measured(
        "corr_int",
        float(value),
        stderr=stderr,
        method="row counts",
        exact=len(inner) == scan.n,
        profile=_profile(scan.pair_sums()),
        **fields,
    )


def _orders(k1: int, k2: int, most: int) -> tuple[int, int]:
    """Both neighbour orders, scaled down to at most `most`; equal where that leaves no two."""
    if k2 <= most:
        return k1, k2
    return min(max(round(k1 * most / k2), 1), max(most, 1)), max(most, 1)


def _profile(sums: PairSums) -> dict[str, Floats]:
    """log C at the upper edge of every bin from the first pair to the last."""
    pairs = len(sums.rows) * (sums.n - 1)
    below = pairs - sums.log2_counts.sum() + np.cumsum(sums.log2_counts)
    filled = np.flatnonzero(sums.log2_counts)
    span = slice(filled[0], filled[-1] + 1) if len(filled) else slice(0)
    return {
        "log_radius": sums.log2_edges[1:][span] * np.log(2) / 2,
        "log_share": np.log(below[span] / pairs),
    }
