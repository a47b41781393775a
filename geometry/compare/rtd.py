"""rtd: how much longer the gaps of a set are than those of the two sets laid over each other, on paired landmarks.

Distances in each set are divided by their 90 % quantile. The minimum spanning tree of a set says at which distances its
clusters join; the tree of the entrywise smaller distances says when they join in either set. With |.| the total length,
  rtd = (|T(a)| - |T(min)| + |T(b)| - |T(min)|) / (2 (n - 1)),
the sum of the H0 bars of the divergence in both directions (RTD-lite, Tulchinskii et al. 2025), here per edge of a
tree, so that the number of landmarks does not scale it. The loops of the full divergence (Barannikov et al. 2022) are
left out: they need persistent homology of twice as many points.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.pairing import SHUFFLES, coordinates, pairs_of
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

SCALE = 0.9  # quantile of the distances that becomes 1
DRAWS = 16


@statistic(
    "rtd",
    needs=("points", "ids", "reference"),
    range=(0.0, np.inf),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="up",
    source="Tulchinskii et al. 2025; Barannikov et al. 2022",
    null="mean over shuffled pairs: what two unrelated sets of these shapes differ by",
    fails="unpaired rows; under 16 pairs; loops and voids are not seen",
)
def rtd(scan: Scan, reference: Scan, *, landmarks: int = 500, paired: bool = False, seed: int = 0) -> Estimate:
    """Mean surplus length of an edge of each set's spanning tree over that of both sets overlaid; 0 if congruent.

    On at most `landmarks` seeded pairs; `exact` says whether these are all. null and z against shuffled pairs; standard
    error by halves of the landmarks. paired=True pairs rows by position where ids are missing. Undefined with fewer
    than 16 pairs or without spread. Raises UsageError for fewer than 16 landmarks.
    """
    if landmarks < 16:
        raise UsageError(f"rtd: landmarks = {landmarks} are too few; take at least 16")
    x, y = pairs_of(scan, reference, paired, "rtd")
    fields = {"n": x.n, "d": x.d}
    if x.n < 16:
        return undefined("rtd", "few-rows", **fields)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(x.n)[:landmarks])
    sets = [one.of_rows(chosen) if x.n > landmarks else one for one in (x, y)]
    if not (has_spread(sets[0]) and has_spread(sets[1])):
        return undefined("rtd", "no-spread", **fields)
    a, b = (distances(coordinates(one)) for one in sets)
    halves = [rng.permutation(len(a))[: len(a) // 2] for _ in range(DRAWS)]
    values = [divergence(a[np.ix_(rows, rows)], b[np.ix_(rows, rows)]) for rows in halves]
    shuffles = [rng.permutation(len(a)) for _ in range(SHUFFLES)]
    chance = [divergence(a, b[np.ix_(rows, rows)]) for rows in shuffles]
    made, null, spread = divergence(a, b), float(np.mean(chance)), float(np.std(chance, ddof=1))
    return measured(
        "rtd",
        made,
        stderr=float(np.std(values, ddof=1)),
        method="half samples",
        null=null,
        z=(made - null) / spread if spread > 0 else None,
        exact=x.n <= landmarks,
        **fields,
    )


def distances(rows: Floats) -> Floats:
    """(n, n) distances by differences, over their 90 % quantile; over the largest where that is 0."""
    from scipy.spatial.distance import pdist, squareform

    condensed = pdist(rows)
    unit = float(np.quantile(condensed, SCALE)) or float(condensed.max())
    found: Floats = squareform(condensed / (unit or 1.0))
    return found


def divergence(a: Floats, b: Floats) -> float:
    """Mean surplus edge of two (n, n) distance matrices over their entrywise minimum."""
    both = tree_length(np.minimum(a, b))
    return max((tree_length(a) + tree_length(b) - 2 * both) / (2 * (len(a) - 1)), 0.0)


def tree_length(distance: Floats) -> float:
    """Total length of the minimum spanning tree of a full (n, n) matrix (Prim 1957); edges of length 0 are edges."""
    reach, total = distance[0].copy(), 0.0
    reach[0] = np.inf
    outside = np.ones(len(distance), np.bool_)
    outside[0] = False
    for _ in range(len(distance) - 1):
        row = int(np.argmin(reach))
        total += float(reach[row])
        outside[row] = False
        reach = np.where(outside, np.minimum(reach, distance[row]), np.inf)
    return total
