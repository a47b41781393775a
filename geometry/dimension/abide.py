"""abide: intrinsic dimension at the largest scale on which the density is still even (Di Noia, Macocco, et al. 2024).

With the current dimension d, row i and its k-th neighbour j have densities k / (n V_i) and k / (n V_j), V = r_k^d. The
statistic of the likelihood ratio test of different against equal densities is
  D_k = -2 k [log V_i + log V_j - 2 log(V_i + V_j) + log 4] = 4 k log cosh(d log(r_k(i) / r_k(j)) / 2),
chi-squared with one degree of freedom where they are equal (Rodriguez, d'Errico, Facco, Laio 2018, eq. 3). k* is the
last k before D_k first exceeds its 1 - alpha quantile, rounded up to an even number. Then d is the gride root over all
rows with n2 = k*, n1 = k* / 2 of each row's own. It starts from two_nn and is repeated.
"""

from __future__ import annotations

import numpy as np

from geometry.dimension.gride import likelihood_root, likelihood_stderr
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Ints, Neighbors

COLUMNS = 100  # largest k*


@statistic(
    "abide",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Di Noia et al. 2024",
    k=COLUMNS,
    null="d for rows uniform in d dimensions without edge",
    fails="lowered by edges; where density is uneven at every scale k* stays small and the value is near two_nn",
)
def abide(scan: Scan, *, alpha: float = 1e-6, rounds: int = 5) -> Estimate:
    """Dimension from r_k* / r_{k*/2}, k* per row the widest neighbourhood of even density, 2 to 100.

    Profile: k_star (n,), NaN for rows left out (r_{k*/2} = 0, copies). The standard error is that of the likelihood: it
    takes rows for independent, and leaves out the bias of an edge. Undefined with fewer than three rows or without
    distinct distances.
    """
    if not 0 < alpha < 1 or rounds < 1:
        raise UsageError(f"abide: alpha = {alpha} must lie between 0 and 1, rounds = {rounds} start at 1")
    most = min(COLUMNS, scan.most_neighbors)
    fields = {"n": scan.n, "d": scan.d}
    if most < 2 or scan.n < 3:
        return undefined("abide", "few-rows", **fields)
    table = scan.neighbors(most)
    if table.index.shape != table.sq_dist.shape:
        return undefined("abide", "no-index", **fields)
    log_dist = _log(table.exact_dist(most))
    gap = _gap(log_dist, table)
    orders = np.ones(scan.n, np.int64)
    for _ in range(rounds + 1):  # the first with n1 = 1 is two_nn
        log_mu = _log_ratio(log_dist, orders)
        used = np.isfinite(log_mu)
        if used.sum() < 3 or not log_mu[used].any():
            return undefined("abide", "no-distinct-distances", **fields)
        dim, used_orders = likelihood_root(log_mu[used], orders[used]), orders[used]
        orders = _even_scale(gap, dim, alpha) // 2
    k_star = np.full(scan.n, np.nan)
    k_star[used] = 2 * used_orders
    return measured(
        "abide",
        dim,
        stderr=likelihood_stderr(log_mu[used], used_orders, dim),
        method="likelihood information, without boundary bias",
        k=int(k_star[used].max()),
        profile={"k_star": k_star},
        **fields,
    )


def _log(dist: Floats) -> Floats:
    return np.log(dist, out=np.full_like(dist, -np.inf), where=dist > 0)


def _gap(log_dist: Floats, table: Neighbors) -> Floats:
    """(n, K) |log r_k(i) - log r_k(j)| with j the k-th neighbour of i; 0 where both are 0, infinite where one is."""
    other = log_dist[table.index, np.arange(log_dist.shape[1])]
    both = ~np.isfinite(log_dist) & ~np.isfinite(other)
    gap: Floats = np.abs(np.subtract(log_dist, other, out=np.zeros_like(other), where=~both))
    return gap


def _log_ratio(log_dist: Floats, orders: Ints) -> Floats:
    """(n,) log(r_2n1 / r_n1), NaN where r_n1 = 0."""
    rows = np.arange(len(log_dist))
    near, far = log_dist[rows, orders - 1], log_dist[rows, 2 * orders - 1]
    return np.subtract(far, near, out=np.full_like(near, np.nan), where=np.isfinite(near))


def _even_scale(gap: Floats, dim: float, alpha: float) -> Ints:
    """(n,) k*, even: D_k > q means |gap| > (2 / d) arccosh(exp(q / 4k)), so that no ratio is formed again."""
    from scipy.stats import chi2

    k = np.arange(1, gap.shape[1] + 1)
    level = chi2.isf(alpha, 1) / (4 * k)
    widest = (2 / dim) * (level + np.log1p(np.sqrt(-np.expm1(-2 * level))))  # arccosh(e^x), which e^x would overflow
    uneven = gap > widest
    accepted = np.where(uneven.any(axis=1), uneven.argmax(axis=1), gap.shape[1])
    most = gap.shape[1] // 2 * 2
    even: Ints = np.clip((accepted + 1) // 2 * 2, 2, most).astype(np.int64)
    return even
