"""binomial: intrinsic dimension from counts in two balls around the same row (Macocco, Glielmo, Grilli, Laio 2023).

Of the k_i other rows within R of row i, m_i lie within rR: binomial with p = V(rR) / V(R) wherever density is even on
the scale of R, whatever it is. p = mean m / mean k gives
  continuous   p = r^d,                       d = log p / log r
  lattice      p = V(t1, d) / V(t2, d),       V(t, d) points of Z^d within L1 distance t (I3D)
V obeys (t + 1) V(t + 1) = (2d + 1) V(t) + t V(t - 1), from its generating function (1 + x)^d / (1 - x)^(d + 1): only
positive terms, for real d. mle is the value above; bayes reads p from its posterior Beta(1 + sum m, 1 + sum(k - m)). ks
is the distance between the counts m and the mixture of Binomial(k_i, p) that the model says they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import Z95, measured, undefined
from geometry.pairs.influence import pairwise_stderr
from geometry.pairs.scan import Scan
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

K = 40
INNER = 0.2  # of k: the share within rR that determines d best (p = .203)
ROUND_UP = 1 + 1e-12  # a radius is some pair's distance; squaring its root must not put that pair outside
LATTICE_ROWS = 2000  # rows whose L1 distances are formed
EXACT_RADIUS = 2000  # lattice radii beyond which V(t, d) is (t + 1/2)^d to better than 1e-4
MOST_DIM = 1e4
VARIANTS = ("mle", "bayes", "ks")


@dataclass(frozen=True)
class Counts:
    """inner, outer (s,) of the rows looked at, of n in all; log p -> dimension; the greatest outer radius."""

    inner: Floats
    outer: Floats
    n: int
    dimension: Callable[[float], float]

    @property
    def log_share(self) -> float:
        return float(np.log(self.inner.sum() / self.outer.sum()))


@statistic(
    "binomial",
    needs=("neighbors", "points"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Macocco, Glielmo, Grilli and Laio 2023",
    k=K,
    null="d for rows uniform in d dimensions without edge; ks 0.87 / sqrt(rows)",
    fails="lowered by edges; one radius for all rows, so that in sparse places there is nothing within it",
)
def binomial(
    scan: Scan, *, metric: str = "euclidean", k: int = K, fit: str | None = None
) -> Estimate | dict[str, Estimate]:
    """Dimension from the share of the neighbours within R that are within rR: "mle", "bayes" and the fit's "ks".

    R and rR are the medians of the distances to the k-th and the k/5-th neighbour. metric="lattice" counts in L1 balls
    of integer points (on at most 2,000 rows). The error of mle lets pairs share rows; the posterior of bayes takes
    them for independent, variance (r^-d - 1) / (k n log^2 r). ks has a profile: counts, empirical, model, p_value (of
    independent rows). Undefined with fewer than three rows, without distinct radii, or, on a lattice, for rows that are
    not integers.
    """
    if metric not in ("euclidean", "lattice") or fit not in (None, *VARIANTS):
        raise UsageError(f"binomial: metric '{metric}' is euclidean or lattice, fit '{fit}' one of {VARIANTS} or none")
    if k < 2:
        raise UsageError(f"binomial: k = {k} is too small; it starts at 2")
    wanted = VARIANTS if fit is None else (fit,)
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d, "k": min(k, max(scan.most_neighbors, 0))}
    counts = _euclidean(scan, k) if metric == "euclidean" else _lattice(scan, k)
    if isinstance(counts, str):
        made = {name: undefined("binomial", counts, variant=name, **fields) for name in wanted}
    else:
        fields["exact"] = len(counts.inner) == scan.n
        makers = {"mle": _mle, "bayes": _bayes, "ks": _ks}
        made = {name: makers[name](counts, fields | {"variant": name}) for name in wanted}
    return made if fit is None else made[fit]


def _euclidean(scan: Scan, k: int) -> Counts | str:
    """Counts within both radii, or the reason why there are none."""
    k = min(k, scan.most_neighbors)
    near = max(round(INNER * k), 1)
    if near >= k:
        return "few-rows"
    r1, r2 = np.median(scan.neighbors(k).exact_dist(k)[:, [near - 1, k - 1]], axis=0)
    if not 0 < r1 < r2:
        return "no-distinct-distances"
    inner, outer = scan.pair_counts(np.array([r1, r2]) * ROUND_UP).astype(np.float64)
    log_ratio = float(np.log(r1 / r2))
    return Counts(inner, outer, scan.n, lambda log_share: log_share / log_ratio)


def _lattice(scan: Scan, k: int) -> Counts | str:
    from scipy.spatial.distance import cdist

    part = scan.at_most(LATTICE_ROWS)
    points = part.rows.astype(np.float64)
    k = min(k, part.n - 1)
    near = max(round(INNER * k), 1)
    if near >= k:
        return "few-rows"
    if not (points == np.round(points)).all():
        return "not-integer"
    sq = cdist(points, points, "cityblock")
    at = np.partition(sq, [near, k], axis=1)
    t1, t2 = (int(np.median(at[:, order])) for order in (near, k))
    t1 = min(t1, t2 - 1)
    if t1 < 0:
        return "no-distinct-distances"
    inner, outer = ((sq <= t).sum(axis=1) - 1.0 for t in (t1, t2))
    return (
        Counts(inner, outer, part.n, lambda log_share: _lattice_root(log_share, t1, t2)) if inner.any() else "no-pair"
    )


def lattice_log_ratio(dim: float, t1: int, t2: int) -> float:
    """log V(t1, dim) - log V(t2, dim), 0 <= t1 < t2."""
    if t1 > EXACT_RADIUS:
        return dim * float(np.log((t1 + 0.5) / (t2 + 0.5)))
    total, growth = 0.0, np.inf
    for t in range(t2):
        growth = (2 * dim + 1 + t / growth) / (t + 1)
        total -= float(np.log(growth)) if t >= t1 else 0.0
    return total


def _lattice_root(log_share: float, t1: int, t2: int) -> float:
    from scipy.optimize import brentq

    if log_share >= 0:
        return 0.0
    if lattice_log_ratio(MOST_DIM, t1, t2) >= log_share:
        return float("inf")
    return float(brentq(lambda dim: lattice_log_ratio(dim, t1, t2) - log_share, 0.0, MOST_DIM, xtol=1e-10))


def _mle(counts: Counts, fields: dict[str, Any]) -> Estimate:
    value = counts.dimension(counts.log_share)
    step = 1e-4
    slope = (counts.dimension(counts.log_share - step) - value) / step
    terms = counts.inner / counts.inner.mean() - counts.outer / counts.outer.mean()
    stderr = abs(slope) * pairwise_stderr(terms, counts.n)
    return measured("binomial", value, stderr=stderr, method="row counts", **fields)


def _bayes(counts: Counts, fields: dict[str, Any]) -> Estimate:
    from scipy.special import digamma, polygamma

    inside, outside = 1 + counts.inner.sum(), 1 + (counts.outer - counts.inner).sum()
    mean = float(digamma(inside) - digamma(inside + outside))
    spread = float(np.sqrt(polygamma(1, inside) - polygamma(1, inside + outside)))
    value = counts.dimension(mean)
    low, high = (counts.dimension(min(mean + side * Z95 * spread, 0.0)) for side in (1, -1))
    if not np.isfinite([value, low, high]).all():
        return undefined("binomial", "not-finite", **{name: fields[name] for name in ("variant", "n", "d", "k")})
    interval = {"low": min(low, value), "high": max(high, value)}
    return measured("binomial", value, stderr=(high - low) / (2 * Z95), method="posterior", **(fields | interval))


def _ks(counts: Counts, fields: dict[str, Any]) -> Estimate:
    """Largest distance between the two distribution functions, over at most 256 of the counts that occur."""
    from scipy.stats import binom, kstwobign

    seen = np.unique(counts.inner)
    seen = seen[np.unique(np.linspace(0, len(seen) - 1, 256).astype(int))]
    outer, rows = np.unique(counts.outer, return_counts=True)
    share = float(np.exp(counts.log_share))
    model = binom.cdf(seen[:, None], outer, share) @ (rows / rows.sum())
    empirical = np.searchsorted(np.sort(counts.inner), seen, side="right") / len(counts.inner)
    value = float(np.abs(model - empirical).max())
    root = np.sqrt(len(counts.inner))
    profile = {"counts": seen, "empirical": empirical, "model": model, "p_value": kstwobign.sf(value * root)[None]}
    return measured("binomial", value, null=float(np.sqrt(np.pi / 2) * np.log(2) / root), profile=profile, **fields)
