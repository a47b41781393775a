"""two_nn: intrinsic dimension from the ratio of the two nearest distances (Facco, d'Errico, Rodriguez, Laio 2017).

mu = r_2 / r_1 follows a Pareto law with exponent d wherever density is constant on the scale of r_2.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

FITS = ("linear", "mle", "censored", "bayes")


@statistic(
    "two_nn",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Facco et al. 2017, eq. 5",
    k=2,
)
def two_nn(scan: Scan, *, fit: str = "linear", fraction: float = 0.1) -> Estimate:
    """Slope through the origin of -log(1 - F) on log mu over the lowest 1 - fraction of mu, with F_i = i / n.

    fit="mle": (n - 1) / sum log mu. fit="censored": the largest `fraction` enters only by being larger. fit="bayes":
    mean of the posterior under a Gamma(2, 5) prior. Standard error d / sqrt(n). Rows with r_1 = 0, copies, have no
    ratio and are left out; undefined with fewer than three left, or where r_1 = r_2 in all that are kept.
    """
    if fit not in FITS:
        raise UsageError(f"two_nn has no fit '{fit}'; choose one of {', '.join(FITS)}")
    if not 0 <= fraction < 1:
        raise UsageError(f"two_nn: fraction = {fraction} is no share; choose 0 to below 1")
    if scan.n < 3:
        return undefined("two_nn", "few-rows", n=scan.n, d=scan.d, k=2)
    dist = scan.neighbors(2).exact_dist(2)
    dist = dist[dist[:, 0] > 0]
    log_mu = np.sort(np.log(dist[:, 1] / dist[:, 0]))
    if len(log_mu) < 3 or log_mu[min(_kept(len(log_mu), fraction), len(log_mu) - 1) - 1] == 0:
        return undefined("two_nn", "no-distinct-distances", n=scan.n, d=scan.d, k=2)
    value = _fit(log_mu, fit, fraction)
    stderr = value / np.sqrt(len(log_mu))
    return measured("two_nn", value, stderr=stderr, method="d/sqrt(n)", variant=fit, n=len(log_mu), d=scan.d, k=2)


def _kept(n: int, fraction: float) -> int:
    return max(int(n * (1 - fraction)), 2)


def _fit(log_mu: Floats, fit: str, fraction: float) -> float:
    n = len(log_mu)
    keep = _kept(n, fraction)
    kept = log_mu[:keep]
    if fit == "mle":
        return float((n - 1) / log_mu.sum())
    if fit == "censored":
        return float((keep - 1) / (kept.sum() + (n - keep) * kept[-1]))
    if fit == "bayes":
        return float((n + 2) / (log_mu.sum() + 5))
    y = -np.log1p(-np.arange(1, keep + 1) / n) if keep < n else -np.log1p(-np.arange(1, keep) / n)
    x = kept[: len(y)]
    return float((x * y).sum() / (x * x).sum())
