"""binary_id: intrinsic dimension of binary rows by the law of their Hamming distances (Acevedo, Rodriguez, Laio 2024).

Of d independent fair bits two rows differ in r with probability C(d, r) 2^-d. Real bits depend on each other, and the
dimension is allowed to change with the scale: P(r) proportional to C(d(r), r) 2^-d(r), d(r) = d0 + d1 r. d0 and d1 are
fitted by the least Kullback-Leibler distance to the distances up to their 20 % quantile (Newton's method); d0 is the
answer, the number of independent bits at distance 0.
"""

from __future__ import annotations

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import DRAWS, halves
from geometry.registry import statistic
from geometry.types import Array, Estimate, Floats, Ints

ROWS = 2000  # all pairs of at most so many rows
STEPS = 100
SMALLEST = 1e-8  # by which d(r) stays above r


@statistic(
    "binary_id",
    needs=("points",),
    range=(0.0, np.inf),
    invariances=(),
    direction="down",
    source="Acevedo, Rodriguez and Laio 2024",
    null="d for rows of d independent fair bits",
    fails="bits that are nearly always 0 or 1 count for less than one; a rotation has no bits",
)
def binary_id(scan: Scan, *, sign: bool = False, quantile: float = 0.2) -> Estimate:
    """d0 of the law C(d0 + d1 r, r) 2^-(d0 + d1 r) fitted to the Hamming distances below their quantile.

    Rows must have two values in all (0 and 1, -1 and 1); sign=True takes the sign of every coordinate instead. On at
    most 2,000 rows, a seeded sample. The error is the spread of d0 over random halves. Profile: distance, empirical,
    model, coefficients (d0, d1). Undefined for fewer than four rows, rows that are not binary, or distances with fewer
    than three values below the quantile.
    """
    if not 0 < quantile <= 1:
        raise UsageError(f"binary_id: quantile = {quantile} must lie above 0 and up to 1")
    part = scan.at_most(ROWS)
    fields = {"n": scan.n, "d": scan.d, "exact": part.n == scan.n}
    bits = _bits(part.rows, sign) if part.n >= 4 else None
    if bits is None:
        return undefined("binary_id", "few-rows" if part.n < 4 else "not-binary", n=scan.n, d=scan.d)
    sq = _hamming(bits)
    distance, count = _below(sq, quantile)
    fitted = fit(distance, count)
    if fitted is None:
        return undefined("binary_id", "no-distinct-distances", n=scan.n, d=scan.d)
    spread = []
    for keep in halves(part.n, DRAWS, scan.seed):
        again = fit(*_below(sq[np.ix_(keep, keep)], quantile))
        spread += [] if again is None else [again[0]]
    stderr = float(np.std(spread, ddof=1)) if len(spread) > DRAWS // 2 else None
    model = np.exp(_log_law(distance.astype(np.float64), *fitted))
    profile = {"distance": distance, "empirical": count / count.sum(), "model": model, "coefficients": np.array(fitted)}
    return measured("binary_id", fitted[0], stderr=stderr, method="random halves", profile=profile, **fields)


def _bits(points: Array, sign: bool) -> Array | None:
    """(n, d) float32 of 0 and 1, or None where there are not exactly two values."""
    if sign:
        bits: Array = (points > 0).astype(np.float32)
        return bits
    low, high = points.min(), points.max()
    if low == high or not ((points == low) | (points == high)).all():
        return None
    upper: Array = (points == high).astype(np.float32)
    return upper


def _hamming(bits: Array) -> Ints:
    """(n, n) number of bits that differ; exact, sums of up to 2^24 ones fit float32."""
    ones = bits.sum(axis=1)
    distance: Ints = np.rint(ones[:, None] + ones - 2 * (bits @ bits.T)).astype(np.int32)
    return distance


def _below(distance: Ints, quantile: float) -> tuple[Ints, Ints]:
    """The distances of pairs that occur up to their quantile, and how often, from the lowest on without a gap."""
    counts = np.bincount(distance[np.triu_indices(len(distance), 1)])
    last = int(np.searchsorted(np.cumsum(counts), quantile * counts.sum()))
    first = int(np.flatnonzero(counts)[0])
    return np.arange(first, last + 1), counts[first : last + 1]


def fit(distance: Ints, count: Ints) -> tuple[float, float] | None:
    """d0 and d1 by damped Newton steps on the mean log-likelihood; None for fewer than three values or d0 <= 0."""
    if len(distance) < 3 or (count > 0).sum() < 3:
        return None
    r, share = distance.astype(np.float64), count / count.sum()
    theta = np.array([2.0 * r[-1] + 2, 0.0])
    loss, damping = -share @ _log_law(r, *theta), 1e-3
    for _ in range(STEPS):
        gradient, hessian = _derivatives(r, share, theta)
        if np.abs(gradient).max() < 1e-10:
            break
        step = np.linalg.solve(hessian + damping * np.diag(np.abs(np.diag(hessian)) + 1e-12), gradient)
        ahead = theta - step
        better = -share @ _log_law(r, *ahead) if (ahead[0] + ahead[1] * r > r - 1 + SMALLEST).all() else np.inf
        if better <= loss:
            theta, loss, damping = ahead, better, max(damping / 10, 1e-12)
        elif damping > 1e12:
            break
        else:
            damping *= 10
    return (float(theta[0]), float(theta[1])) if theta[0] > 0 else None


def _log_law(r: Floats, d0: float, d1: float) -> Floats:
    """log P(r) over the distances looked at."""
    from scipy.special import gammaln, logsumexp

    d = d0 + d1 * r
    log_weight = gammaln(d + 1) - gammaln(r + 1) - gammaln(d - r + 1) - d * np.log(2)
    normalised: Floats = log_weight - logsumexp(log_weight)
    return normalised


def _derivatives(r: Floats, share: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Gradient and a positive semidefinite Hessian of the Kullback-Leibler distance by (d0, d1)."""
    from scipy.special import digamma

    d = theta[0] + theta[1] * r
    model = np.exp(_log_law(r, *theta))
    pull = digamma(d + 1) - digamma(d - r + 1) - np.log(2)
    columns = np.stack([pull, pull * r])
    centred = columns - (columns @ model)[:, None]
    return columns @ (model - share), (centred * model) @ centred.T
