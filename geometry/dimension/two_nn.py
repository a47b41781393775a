"""two_nn: intrinsic dimension from the ratio of the two nearest distances (Facco, d'Errico, Rodriguez, Laio 2017).

mu = r_2 / r_1 follows a Pareto law with exponent d wherever density is constant on the scale of r_2. That scale grows
when rows are left out: the profile over halves, quarters and eighths of the rows falls where noise is thinner than the
set is wide, and rises where it bends.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import within
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Neighbors

FITS = ("linear", "mle", "censored", "bayes")
PARTS = (1, 2, 4, 8)  # into how many pieces the rows are dealt
COLUMNS = 8 * PARTS[-1]  # of the table: each row then finds its two nearest in its own eighth with p = .998
FEWEST = 20  # rows of a piece


@statistic(
    "two_nn",
    needs=("neighbors",),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Facco et al. 2017, eq. 5",
    k=COLUMNS,
    null="d for rows uniform in d dimensions without edge",
    fails="raised by noise on the scale of the nearest pair, lowered by edges in many dimensions; copies have no ratio",
    whole="neighbors",
)
def two_nn(scan: Scan, *, fit: str = "linear", fraction: float = 0.1) -> Estimate:
    """Slope through the origin of -log(1 - F) on log mu over the lowest 1 - fraction of mu, with F_i = i / n.

    fit="mle": (n - 1) / sum log mu. fit="censored": the largest `fraction` enters only by being larger. fit="bayes":
    mean of the posterior under a Gamma(2, 5) prior. Standard error d / sqrt(n). Rows with r_1 = 0, copies, have no
    ratio and are left out; undefined with fewer than three left, or where r_1 = r_2 in all that are kept. The profile
    holds `share` of the rows and `dimension`, the mean over the pieces of that size (seeded; as far as the table goes).
    """
    if fit not in FITS:
        raise UsageError(f"two_nn has no fit '{fit}'; choose one of {', '.join(FITS)}")
    if not 0 <= fraction < 1:
        raise UsageError(f"two_nn: fraction = {fraction} is no share; choose 0 to below 1")
    if scan.n < 3:
        return undefined("two_nn", "few-rows", n=scan.n, d=scan.d, k=2)
    table = scan.neighbors(max(min(COLUMNS, scan.most_neighbors), 2))
    value, used = _dimension(table.exact_dist(2), fit, fraction)
    if value is None:
        return undefined("two_nn", "no-distinct-distances", n=scan.n, d=scan.d, k=2)
    return measured(
        "two_nn",
        value,
        stderr=float(value / np.sqrt(used)),
        method="d/sqrt(n)",
        variant=fit,
        n=used,
        d=scan.d,
        k=2,
        profile=_decimated(table, fit, fraction, scan.seed),
    )


def _dimension(
    dist: Floats,  # (n, 2)
    fit: str,
    fraction: float,
) -> tuple[float | None, int]:
    """The estimate, None where there is none, and the number of rows with a ratio."""
    dist = dist[dist[:, 0] > 0]
    log_mu = np.sort(np.log(dist[:, 1] / dist[:, 0]))
    n = len(log_mu)
    if n < 3 or log_mu[min(_kept(n, fraction), n - 1) - 1] == 0:
        return None, n
    return _fit(log_mu, fit, fraction), n


def _decimated(table: Neighbors, fit: str, fraction: float, seed: int) -> dict[str, Floats]:
    """Mean estimate over the pieces of a seeded deal, for as many parts as columns and rows allow."""
    n = len(table.sq_dist)
    deal = np.random.default_rng(seed).permutation(table.base_rows)
    found = []
    for parts in PARTS:
        if parts > 1 and (table.k < 8 * parts or n < FEWEST * parts or table.index.shape != table.sq_dist.shape):
            break
        masks = [deal % parts == piece for piece in range(parts)]
        tables = [table] if parts == 1 else [within(table, mask, 2) for mask in masks]
        values = [_dimension(piece.exact_dist(2), fit, fraction)[0] for piece in tables]
        known = [value for value in values if value is not None]
        if known:
            found.append((1 / parts, float(np.mean(known))))
    share, dimension = np.array(found).T
    return {"share": share, "dimension": dimension}


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
