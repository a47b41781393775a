"""frechet_inf: the Frechet distance that infinitely many rows would have (Chong and Forsyth 2020).

The bias of the distance of n against m rows is linear in 1/n + 1/m. Both sets are dealt into p disjoint pieces,
p = 1, 2, 3, 4; the mean distance of the p pairs of pieces lies on a line in p, and its value at p = 0 is the answer.
All pieces of a deal hold all rows, so that the points of the line share their first-order error, which is that of
`frechet`; what the line adds is second-order noise. Its least-squares weights are 1, 1/2, 0, -1/2; with S the
second-order variance at full size and p S that of the mean over p pieces, (1 + 2/4 + 4/4) S = 2.5 S in all.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.frechet import frechet, gaussian_distance, null_variance, pooled_covariance
from geometry.estimates import measured, undefined
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.registry import RIGID, statistic
from geometry.types import Estimate, Floats, Ints

PARTS = np.arange(1, 5)
WEIGHTS = np.array([1.0, 0.5, 0.0, -0.5])  # of least squares at 0 through points at PARTS
FEWEST = 16  # rows of the smallest piece


@statistic(
    "frechet_inf",
    needs=("moments", "points", "reference"),
    range=(-np.inf, np.inf),
    invariances=tuple(name for name in RIGID if name != "row order"),
    direction="up",
    source="Chong and Forsyth 2020",
    null="0",
    fails="pieces with fewer rows than dimensions, where the bias is not linear: the value is then too low",
)
def frechet_inf(scan: Scan, reference: Scan, *, seed: int = 0) -> Estimate:
    """Frechet distance extrapolated to infinitely many rows; may fall below 0 by noise. null 0.

    From seeded deals of both sets into 1 to 4 pieces; profile: parts and the mean distance at each. Standard error:
    that of `frechet` and the line's own noise. Undefined where a quarter of a set has fewer than 16 rows, or above
    4096 dimensions.
    """
    counts = {"n": scan.n, "d": scan.d}
    if min(scan.n, reference.n) < FEWEST * PARTS[-1]:
        return undefined("frechet_inf", "few-rows", **counts)
    if scan.d > MOST_COVARIANCE:
        return undefined("frechet_inf", "too-many-dimensions", **counts)
    rng = np.random.default_rng(seed)
    deals = [rng.permutation(one.n) for one in (scan, reference)]
    means = np.array([_mean_distance(scan, reference, deals, int(parts)) for parts in PARTS])
    whole = frechet(scan, reference)
    pooled = np.clip(np.linalg.eigvalsh(pooled_covariance(scan.moments, reference.moments)), 0.0, None)
    second = null_variance(pooled, scan.n, reference.n)
    stderr = float(np.sqrt((whole.stderr or 0.0) ** 2 + 1.5 * second))
    profile = {"parts": PARTS, "distance": means}
    method = "influence, noise of the line"
    return measured(
        "frechet_inf", float(WEIGHTS @ means), stderr=stderr, method=method, null=0.0, profile=profile, **counts
    )


def _mean_distance(scan: Scan, reference: Scan, deals: list[Ints], parts: int) -> float:
    """Mean over the pairs of pieces of a deal into `parts`."""
    if parts == 1:
        return gaussian_distance(scan.moments, reference.moments)
    pieces = [np.array_split(deal, parts) for deal in deals]
    found: Floats = np.array(
        [
            gaussian_distance(scan.executor.moments(scan.points[a]), reference.executor.moments(reference.points[b]))
            for a, b in zip(*pieces, strict=True)
        ]
    )
    return float(found.mean())
