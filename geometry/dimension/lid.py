"""lid: local intrinsic dimensionality by Hill's estimator (Amsaleg et al. 2015, eq. 12).

  lid_i = -[(1/k) sum_{j<=k} log(r_j / r_k)]^-1.
The k-th term is 0, so that the same distances give k / (k - 1) times the mle of Levina and Bickel: 1 % at k = 100. The
value of the set is the harmonic mean over rows. No correction for a boundary, for uneven density or for noise.
"""

from __future__ import annotations

import numpy as np

from geometry.dimension.pooled import columns_for, pooled
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 100


@statistic(
    "lid",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Amsaleg et al. 2015",
    k=columns_for(K),
    null="d k / (k - 1) for rows uniform in d dimensions without edge",
    fails="lowered by edges and few rows, raised by noise and by bending within the k-th neighbour",
    whole="neighbors",
)
def lid(scan: Scan, *, k: int = K) -> Estimate:
    """Hill's estimate of the growth of the k nearest distances, per row and as the harmonic mean over rows.

    Copies (r_j = 0) drop out of a row's sum and its count. k falls to the neighbours there are, at least 2. Undefined
    with fewer than three rows or without distinct distances.
    """
    return pooled("lid", scan, k, 2, _hill)


def _hill(dist: Floats) -> tuple[Floats, Floats]:
    seen = (dist > 0) & (dist[:, -1:] > 0)
    ratio = np.divide(dist[:, -1:], dist, out=np.ones_like(dist), where=seen)
    logs: Floats = np.log(ratio).sum(axis=1)
    counts: Floats = np.where(logs > 0, seen.sum(axis=1), 0).astype(np.float64)
    return counts, logs
