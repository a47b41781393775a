"""tle: intrinsic dimension from neighbours and their mirror images (Amsaleg, Chelly, Houle et al. 2019, eq. 10).

Every neighbour is looked at from every other one, inside the ball of radius r = r_k about the row, and so is its
reflection; with s_ij, t_ij those distances, scaled so that each has its own whole ball (`geometry.pairs.local`),
  d = -2 (k^2 - dropped) / (sum_{i != j} [log(s_ij/r) + log(t_ij/r)] + 2 sum_i log(u_i/r)).
It uses k^2 distances where mle uses k, so that few neighbours do. Measurements below 1e-4 r are dropped: the published
threshold is absolute, which makes the answer depend on the unit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.local import LocalReflections, local_reflections
from geometry.pairs.local_halves import half_stderr
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 20
COMBINE = ("arithmetic", "harmonic")
FLAT = 1e-9  # mean |log| below which all distances are equal to rounding


@statistic(
    "tle",
    needs=("neighbors", "points"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Amsaleg et al. 2019, eq. 10",
    k=K,
    null="d for even density",
    fails="reads low from ten dimensions on, where edges are near; undefined where all distances are equal",
    whole="neighbors",
)
def tle(scan: Scan, *, k: int = K, combine: str = "arithmetic") -> Estimate:
    """Mean over the rows of the tight local dimension of their k neighbours and the reflections of these.

    combine="harmonic" takes all measurements of all rows as one. per_point holds the value of each row, NaN where every
    measurement is dropped (copies) or equal. k falls to the neighbours there are. Standard error by random halves of
    the neighbourhoods, for both that of the harmonic mean: a row of few neighbours has no second moment. Undefined with
    fewer than four rows or without distinct distances.
    """
    if combine not in COMBINE:
        raise UsageError(f"tle cannot combine by '{combine}'; choose one of {', '.join(COMBINE)}")
    if k < 3:
        raise UsageError(f"tle: k = {k} is too small; it needs at least 3 neighbours")
    k = min(k, scan.most_neighbors)
    fields: dict[str, Any] = {"variant": combine, "n": scan.n, "d": scan.d, "k": k}
    if k < 3:
        return undefined("tle", "few-rows", **fields)
    found = local_reflections(scan, k)
    per_point = _per_row(found)
    known = np.isfinite(per_point)
    if not known.any():
        return undefined("tle", "no-distinct-distances", **fields)
    weights = _logs(found)[known] if combine == "harmonic" else None
    value = float(np.average(per_point[known], weights=weights))
    stderr = half_stderr(scan, k, "reflections", _per_row, _logs)
    return measured("tle", value, stderr=stderr, method="random halves", per_point=per_point, **fields)


def _logs(found: LocalReflections) -> Floats:
    return -found.tight


def _per_row(found: LocalReflections) -> Floats:
    kept = found.count.astype(np.float64) ** 2 - found.dropped
    known = (kept > 0) & (found.tight < -FLAT * kept)
    made: Floats = np.divide(-2 * kept, found.tight, out=np.full(len(kept), np.nan), where=known)
    return made
