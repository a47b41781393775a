"""mind_ml: intrinsic dimension from the share of the nearest distance in a farther one (Rozza, Lombardi et al. 2012).

rho = r_1 / r_{k+1} has density k d rho^(d-1) (1 - rho^d)^(k-1) where density is even; the estimate maximises
  n log(k d) + (d - 1) sum log rho + (k - 1) sum log(1 - rho^d)
over real d, without a cap: the root of its slope n/d - sum L + (k-1) sum L / (e^(dL) - 1), L = -log rho, which lies
between n / sum L and k n / sum L. Left out: the search over whole numbers of the paper's first version.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import half_sample_stderr, width_for
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Neighbors

K = 10


@statistic(
    "mind_ml",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Rozza et al. 2012, eq. 7",
    k=width_for(K + 1),
    null="d for even density",
    fails="reads low from ten dimensions on, where edges are near (danco corrects for them)",
    whole="neighbors",
)
def mind_ml(scan: Scan, *, k: int = K) -> Estimate:
    """Dimension under which the ratios of first to (k+1)-th distance are likeliest.

    k falls to one less than the neighbours there are. Rows with r_1 = 0, copies, are left out. Biased low in many
    dimensions, where a boundary is near every row (danco corrects for that). Standard error by random halves. Undefined
    with fewer than four rows or where r_1 = r_{k+1} in all.
    """
    if k < 1:
        raise UsageError(f"mind_ml: k = {k} is too small; it starts at 1")
    k = min(k, scan.most_neighbors - 1)
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k}
    if k < 1 or scan.n < 4:
        return undefined("mind_ml", "few-rows", **fields)
    table = scan.neighbors(min(width_for(k + 1), scan.most_neighbors))
    value = likeliest(table.exact_dist(k + 1))
    if not np.isfinite(value):
        return undefined("mind_ml", "no-distinct-distances", **fields)
    stderr = half_sample_stderr(table, k + 1, lambda half: _of(half, k), scan.seed)
    return measured("mind_ml", value, stderr=stderr, method="random halves", **fields)


def _of(table: Neighbors, k: int) -> float:
    return likeliest(table.exact_dist(k + 1))


def likeliest(
    dist: Floats,  # (n, k + 1) ascending
) -> float:
    """The root above; NaN where there is none."""
    dist = dist[dist[:, 0] > 0]
    log_ratio = np.log(dist[:, -1] / dist[:, 0])
    rows, total, k = len(log_ratio), float(log_ratio.sum()), dist.shape[1] - 1
    if rows < 2 or total <= 0 or not np.isfinite(total):
        return float("nan")
    if k == 1:
        return float(rows / total)

    def slope(log_dim: float) -> float:
        dim = float(np.exp(log_dim))
        return float((rows + (k - 1) * float(_shrunk(dim * log_ratio).sum())) / dim - total)

    from scipy.optimize import brentq

    low = np.log(rows / total)
    return float(np.exp(brentq(slope, low - 1e-9, low + np.log(k) + 1e-9, xtol=1e-14, rtol=1e-14)))


def _shrunk(x: Floats) -> Floats:
    """x / (e^x - 1), 1 at 0."""
    made: Floats = np.divide(x, np.expm1(np.minimum(x, 700.0)), out=np.ones_like(x), where=x > 0)
    return made
