"""mada: intrinsic dimension from two radii that hold k and k / 2 neighbours (Farahmand, Szepesvari, Audibert 2007).

d_i = log 2 / log(r_k / r_{k/2}). The set's value pools rows: log 2 over the mean of the logarithms. In a uniform law
that mean is (H_{k-1} - H_{k/2-1}) / d, H the harmonic numbers, so that the value is 3.6 % low at k = 20; the average of
the rows' own values, which the paper takes after cutting each at the ambient dimension, is high instead.
"""

from __future__ import annotations

import numpy as np

from geometry.dimension.pooled import columns_for, pooled
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 20


@statistic(
    "mada",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Farahmand, Szepesvari and Audibert 2007",
    k=columns_for(K),
    null="d log 2 / (H_{k-1} - H_{k/2-1}) for rows uniform in d dimensions without edge",
    fails="lowered by edges and few rows; rows whose k-th and k/2-th neighbours are equally far have none of their own",
    whole="neighbors",
)
def mada(scan: Scan, *, k: int = K) -> Estimate:
    """log 2 over the growth of the radius from half of the k nearest to all of them, per row and pooled.

    Rows with r_{k/2} = 0 (copies) or r_k = r_{k/2} are left out. k falls to the neighbours there are, at least 2.
    Undefined with fewer than three rows or where no row is left.
    """
    return pooled("mada", scan, k, 2, _doubling)


def _doubling(dist: Floats) -> tuple[Floats, Floats]:
    k = dist.shape[1]
    near, far = dist[:, k // 2 - 1], dist[:, -1]
    logs = np.log(np.divide(far, near, out=np.ones_like(far), where=near > 0))
    return np.where(logs > 0, np.log(k / (k // 2)), 0.0), logs
