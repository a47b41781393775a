"""mom: intrinsic dimension from the mean of the k nearest distances, the method of moments (Amsaleg et al. 2018, 4.2).

r / r_k of a neighbour has mean d / (d + 1), so that d_i = m_i / (r_k - m_i), m_i the mean of r_1 .. r_k. The set pools
numerators and denominators in units of each row's r_k. A boundary or uneven density within r_k lowers it; the k-th
distance counted in its own mean raises it by a factor of about k / (k - 1).
"""

from __future__ import annotations

import numpy as np

from geometry.dimension.pooled import columns_for, pooled
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 100


@statistic(
    "mom",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Amsaleg et al. 2018",
    k=columns_for(K),
    null="d for rows uniform in d dimensions without edge, but for a factor of about k / (k - 1)",
    fails="lowered by edges and few rows, raised by noise and by bending within the k-th neighbour",
    whole="neighbors",
)
def mom(scan: Scan, *, k: int = K) -> Estimate:
    """Mean of the k nearest distances over what it lacks to the k-th, per row and pooled over rows.

    Copies (r_j = 0) drop out of the mean. k falls to the neighbours there are, at least 2. Undefined with fewer than
    three rows or without distinct distances.
    """
    return pooled("mom", scan, k, 2, _moments)


def _moments(dist: Floats) -> tuple[Floats, Floats]:
    last = dist[:, -1]
    total = np.divide(dist.sum(axis=1), last, out=np.zeros(len(dist)), where=last > 0)
    share = total / np.maximum((dist > 0).sum(axis=1), 1)
    rest = np.where(last > 0, 1 - share, 0.0)
    return share, np.where(rest > 1e-12, rest, 0.0)  # equal distances leave rounding of either sign
