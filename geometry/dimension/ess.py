"""ess: intrinsic dimension as expected simplex skewness (Johnsson, Soneson, Fontes 2015).

In a neighbourhood centred on its mean, s = sum |v_i||v_j| sin t_ij / sum |v_i||v_j| over all pairs i < j: how upright
triangles stand. Uniform in an m-ball it is Gamma(m/2)^2 / (Gamma((m+1)/2) Gamma((m-1)/2)), 0 at m = 1 and about
1 - 1/(2m) for large m; the estimate is the real m with that value. Exact over all pairs, none drawn. Left out: the
second version of the paper, by projections.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.local import LocalSums, local_sums
from geometry.pairs.local_halves import half_stderr
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 100
CLOSE = 1e-15  # 1 - s below it is rounding


@statistic(
    "ess",
    needs=("neighbors", "points"),
    range=(1.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Johnsson, Soneson and Fontes 2015",
    k=K,
    null="d for rows uniform in a ball of d dimensions, within 5 % up to d = k",
    fails="curvature and noise on the scale of r_k raise it; undefined without spread",
    whole="neighbors",
)
def ess(scan: Scan, *, k: int = K) -> Estimate:
    """Mean over the rows of the dimension at which triangles of their k neighbours are as upright as in a ball.

    per_point holds that of each row, NaN where all its neighbours are copies of one another. k falls to the neighbours
    there are. A neighbourhood of k points is never more upright than a simplex of them, (k - 1)^2. Curvature and noise
    within r_k raise the answer. Standard error by random halves of the neighbourhoods. Undefined with fewer than four
    rows or without spread.
    """
    if k < 3:
        raise UsageError(f"ess: k = {k} is too small; it needs at least 3 neighbours")
    k = min(k, scan.most_neighbors)
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": k}
    if k < 3:
        return undefined("ess", "few-rows", **fields)
    per_point = _per_row(local_sums(scan, k))
    if not np.isfinite(per_point).any():
        return undefined("ess", "no-spread", **fields)
    stderr = half_stderr(scan, k, "sums", _per_row)
    return measured(
        "ess", float(np.nanmean(per_point)), stderr=stderr, method="random halves", per_point=per_point, **fields
    )


def _per_row(sums: LocalSums) -> Floats:
    known = (sums.edges > 0) & (sums.count > 2)
    ratio: Floats = np.divide(sums.area, sums.edges, out=np.full(len(known), np.nan), where=known)
    ratio[known] = dimension_of(ratio[known])
    return ratio


def skewness(dim: Floats) -> Floats:
    """Expected simplex skewness of a uniform ball of `dim` >= 1 dimensions, real."""
    return np.exp(_log_skewness(dim))


def _log_skewness(dim: Floats) -> Floats:
    """Far out by a series, since logarithms of Gamma lose the digits in which they differ."""
    from scipy.special import gammaln, polygamma

    half = np.maximum(np.asarray(dim, np.float64), 1.0) / 2
    series = polygamma(1, half) / 4 + polygamma(3, half) / 192 + polygamma(5, half) / 23040
    direct = gammaln(half + 0.5) + gammaln(np.maximum(half - 0.5, 1e-300)) - 2 * gammaln(half)
    made: Floats = -np.where(half > 20, series, direct)
    return made


def dimension_of(ratio: Floats) -> Floats:
    """The dimension whose `skewness` is each ratio, at least 1."""
    odds = ratio / np.maximum(1 - ratio, CLOSE)
    knots, spline = _inverse()
    made: Floats = 1 + np.exp(spline(np.clip(np.log(np.maximum(odds, np.exp(knots[0]))), knots[0], knots[-1])))
    return made


@cache
def _inverse() -> tuple[Floats, Any]:
    """log(m - 1) as a spline over the log odds of s, which is nearly a line at both ends."""
    from scipy.interpolate import CubicSpline

    log_above = np.linspace(np.log(1e-10), np.log(1e10), 4096)
    log_value = _log_skewness(1 + np.exp(log_above))
    odds = log_value - np.log(-np.expm1(log_value))
    return odds, CubicSpline(odds, log_above)
