"""hubness: do few rows stand among the neighbours of many? (Radovanovic, Nanopoulos, Ivanovic 2010)

N_i counts how often row i is among the k nearest of another row; its mean is k. Of these counts:
  skewness         third central moment over the 3/2 power of the second
  robin_hood       share of neighbour slots to be moved for equal counts, sum |N_i - k| / (2 n k)   Feldbauer 2018
  gini             sum_ij |N_i - N_j| / (2 n^2 k)
  antihub_share    share of rows with N_i = 0
  hub_occurrence   share of neighbour slots taken by hubs, rows with N_i >= 2 k
Null: neighbours drawn at random, N_i binomial. High-dimensional sets have hubs without any structure, about their own
centre: only a comparison with a set of the same dimension tells those from copies that a collapse leaves behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import DRAWS, halves, restrict, width_for
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats, Neighbors

K = 10
HUB = 2  # times k: how often a hub is a neighbour at least
Measure = Callable[[Floats, Floats], float]  # of counts (n,) and their weights (n,), which sum to 1


@statistic(
    "hubness",
    needs=("neighbors",),
    range=(-np.inf, np.inf),
    invariances=SIMILARITY,
    direction="up",
    source="Radovanovic, Nanopoulos and Ivanovic 2010; Feldbauer et al. 2018",
    k=width_for(K),
    null="neighbours drawn at random: binomial counts",
    fails="equal rows rank by number, so that the first of many copies are everybody's neighbours",
)
def hubness(scan: Scan, *, k: int = K) -> dict[str, Estimate]:
    """Skewness, Robin Hood index, Gini index, antihub share and hub occurrence of the k-occurrence counts.

    per_point of skewness: the counts (n,). k falls to the neighbours there are. Standard errors by random halves within
    the table. Undefined for fewer than two rows, for a table without row numbers, where no neighbour is at a distance;
    skewness also where all counts are equal.
    """
    if k < 1:
        raise UsageError(f"hubness: k = {k} is too small; it needs at least 1 neighbour")
    k = min(k, scan.most_neighbors)
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k}
    reason, table = (
        ("few-rows", None) if k < 1 else _readable(scan.neighbors(min(width_for(k), scan.most_neighbors)), k)
    )
    if table is None:
        return {key: undefined("hubness", reason, variant=key, **fields) for key in MEASURES}
    counts = _occurrences(table, k)
    values, errors, nulls = _all(counts), _errors(table, k, scan.seed), _nulls(len(counts), k)
    made = {}
    for i, key in enumerate(MEASURES):
        if not np.isfinite(values[i]):
            made[key] = undefined("hubness", "equal-counts", variant=key, **fields)
            continue
        extra = {"per_point": counts.astype(np.int64)} if key == "skewness" else {}
        null = float(nulls[i]) if np.isfinite(nulls[i]) else None
        made[key] = measured(
            "hubness",
            float(values[i]),
            variant=key,
            stderr=float(errors[i]),
            method="random halves",
            null=null,
            **extra,
            **fields,
        )
    return made


def _readable(table: Neighbors, k: int) -> tuple[str, Neighbors | None]:
    if table.index.shape != table.sq_dist.shape:
        return "no-row-numbers", None
    return ("", table) if table.sq_dist[:, :k].any() else ("no-distinct-distances", None)


def _occurrences(table: Neighbors, k: int) -> Floats:
    """(n,) how often each row is among the k nearest of another."""
    return np.bincount(table.index[:, :k].ravel(), minlength=len(table.index)).astype(np.float64)


def _skewness(counts: Floats, weights: Floats) -> float:
    gap = counts - weights @ counts
    variance = float(weights @ gap**2)
    return float(weights @ gap**3) / variance**1.5 if variance > 0 else float("nan")


def _robin_hood(counts: Floats, weights: Floats) -> float:
    mean = float(weights @ counts)
    return float(weights @ np.abs(counts - mean)) / (2 * mean)


def _gini(counts: Floats, weights: Floats) -> float:
    """From sorted counts: the mean difference of two rows is 2 sum w_i N_i (2 W_i - w_i - 1), W the running weight."""
    order = np.argsort(counts)
    counts, weights = counts[order], weights[order]
    return float(weights * counts @ (2 * np.cumsum(weights) - weights - 1)) / float(weights @ counts)


def _antihub_share(counts: Floats, weights: Floats) -> float:
    return float(weights @ (counts == 0))


def _hub_occurrence(counts: Floats, weights: Floats) -> float:
    mean = float(weights @ counts)
    return float(weights @ np.where(counts >= HUB * mean - 1e-9, counts, 0.0)) / mean


MEASURES: dict[str, Measure] = {
    "skewness": _skewness,
    "robin_hood": _robin_hood,
    "gini": _gini,
    "antihub_share": _antihub_share,
    "hub_occurrence": _hub_occurrence,
}


def _all(counts: Floats, weights: Floats | None = None) -> Floats:
    """(5,) every measure, NaN where it has none; all rows weigh the same unless told."""
    weights = np.full(len(counts), 1 / len(counts)) if weights is None else weights
    return np.array([measure(counts, weights) for measure in MEASURES.values()])


def _errors(table: Neighbors, k: int, seed: int) -> Floats:
    """(5,) spread over random halves of the rows; NaN where the table is too narrow or too short for them."""
    n = len(table.index)
    if table.k < width_for(k) or n < 4 * k:
        return np.full(len(MEASURES), np.nan)
    values = []
    for keep in halves(n, DRAWS, seed):
        part = restrict(table, keep, keep, k)
        values.append(_all(np.bincount(part.index.ravel(), minlength=n)[keep].astype(np.float64)))
    spread: Floats = np.std(values, axis=0, ddof=1)
    return spread


def _nulls(n: int, k: int) -> Floats:
    """(5,) every measure of binomial counts of n - 1 trials with mean k."""
    from scipy.stats import binom

    law = binom(n - 1, k / (n - 1))
    counts = np.arange(min(n, 20 * k + 50), dtype=np.float64)
    weights = law.pmf(counts)
    return _all(counts, weights / weights.sum())
