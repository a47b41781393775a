"""gride: intrinsic dimension from ratios of farther distances (Denti, Doimo, Laio, Mira 2022, eq. 2.8-2.10).

mu = r_n2 / r_n1 with n2 = 2 n1 has density d (mu^d - 1)^(n2-n1-1) / (mu^((n2-1)d+1) B(n2-n1, n1)). With L = log mu of N
rows the estimate is the root of
  (N - 1) / d + (n2 - n1 - 1) sum L / (1 - e^(-dL)) - (n2 - 1) sum L = 0,
N - 1 for N making n1 = 1 the unbiased two_nn mle. Larger n1 looks at a larger scale: the profile over n1 = 1, 2, 4, ...
shows noise (falling) and curvature (rising). The standard error is that of the likelihood; it leaves out the bias of a
boundary, the dependence of overlapping neighbourhoods, and uneven density.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Ints

ORDERS = (1, 2, 4, 8, 16)


@statistic(
    "gride",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Denti et al. 2022, eq. 2.8",
    k=2 * ORDERS[-1],
    null="d at every n1 for rows uniform in d dimensions without edge",
    fails="the error leaves out the bias of an edge, which lowers every n1, the more so in many dimensions",
    whole="neighbors",
)
def gride(scan: Scan, *, n1: int | None = None) -> Estimate | dict[str, Estimate]:
    """Dimension at the scale of the n1-th to the 2 n1-th neighbour: one estimate for a given n1, else the profile.

    The profile has the keys "n1=1", "n1=2", "n1=4", "n1=8", "n1=16", as many as there are neighbours for (always the
    first). Rows with r_n1 = 0, which have n1 copies, have no ratio and are left out. Undefined with fewer than three
    rows left or without distinct distances.
    """
    if n1 is not None and n1 < 1:
        raise UsageError(f"gride: n1 = {n1} is no neighbour; it starts at 1")
    if n1 is not None:
        return _at(scan, n1)
    orders = [order for order in ORDERS if order == 1 or 2 * order <= scan.most_neighbors]
    widest_first = {order: _at(scan, order) for order in reversed(orders)}  # so that the table grows once
    return {f"n1={order}": widest_first[order] for order in orders}


def _at(scan: Scan, n1: int) -> Estimate:
    fields = {"variant": f"n1={n1}", "d": scan.d, "k": 2 * n1}
    if scan.most_neighbors < 2 * n1 or scan.n < 3:
        return undefined("gride", "few-rows", n=scan.n, **fields)
    dist = scan.neighbors(2 * n1).exact_dist(2 * n1)[:, [n1 - 1, 2 * n1 - 1]]
    dist = dist[dist[:, 0] > 0]
    log_mu = np.log(dist[:, 1] / dist[:, 0])
    if len(log_mu) < 3 or not log_mu.any():
        return undefined("gride", "no-distinct-distances", n=scan.n, **fields)
    value = likelihood_root(log_mu, n1)
    method = "likelihood information, without boundary bias"
    return measured("gride", value, stderr=likelihood_stderr(log_mu, n1, value), method=method, n=len(log_mu), **fields)


def likelihood_root(
    log_mu: Floats,  # (N,), not all zero
    n1: int | Ints,  # one order, or (N,) that of each row
) -> float:
    """The root above, between the bounds that L / (1 - e^(-dL)) >= 1/d and <= L + 1/d give."""
    rows, orders = len(log_mu), np.broadcast_to(n1, log_mu.shape)
    between, total = orders - 1, float(((2 * orders - 1) * log_mu).sum())
    head = float(rows - 1 + between.sum())
    low, high = head / total, head / float((orders * log_mu).sum())
    if not between.any():
        return low

    def slope(log_dim: float) -> float:
        dim = float(np.exp(log_dim))
        return (rows - 1 + float((between * _inverse_expm1(dim * log_mu)).sum())) / dim - total

    from scipy.optimize import brentq

    margin = 1e-9
    return float(np.exp(brentq(slope, np.log(low) - margin, np.log(high) + margin, xtol=1e-14, rtol=1e-14)))


def _inverse_expm1(x: Floats) -> Floats:
    """x / (1 - e^-x), 1 at 0."""
    return np.divide(x, -np.expm1(-x), out=np.ones_like(x), where=x > 0)


def likelihood_stderr(log_mu: Floats, n1: int | Ints, dim: float) -> float:
    """One over the root of N / d^2 + sum (n2 - n1 - 1) (L / (2 sinh(dL / 2)))^2, the information with its sign kept.

    L / (2 sinh(dL/2)) is L e^(-dL/2) / (1 - e^(-dL)), which cannot overflow.
    """
    shrunk = _inverse_expm1(dim * log_mu) * np.exp(-dim * log_mu / 2) / dim
    between = np.broadcast_to(n1, log_mu.shape) - 1
    return float((len(log_mu) / dim**2 + (between * shrunk**2).sum()) ** -0.5)
