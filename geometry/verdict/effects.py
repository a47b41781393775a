"""How far a set has moved from the reference, per change: the effect, and the same effect between random halves.

Each effect is a number that is 0 without change: the log of a ratio, a difference of shares, or for tails the root of a
ratio less 1. A pure function of two scans gives the effect, and one of a pool and a mask its value between two halves.

Tails are counts of few rows: their root has a spread that hardly depends on their size, their log has a long lower end
that halves rarely show, and so calls an empty tail of eight rows significant. Rows of one cluster or gap come and go
together, and a dozen halves may agree by luck: their spread is never taken below that of independent rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from geometry.collapse import spectrum
from geometry.collapse.duplicates import duplicates
from geometry.compare.tail_survival import tail_survival
from geometry.dimension.mle import combined
from geometry.nulls.halves import K, Mask, Pool
from geometry.pairs import Scan
from geometry.types import Estimate, Floats
from geometry.verdict import constants as limit

SMALLEST = 1e-12  # of a ratio: a set that has lost everything still has a finite effect
SMALLEST_ERROR = 1e-6  # halves that are all alike still leave rounding
BEYOND = 0.05

Unit = Literal["log", "root", "difference"]


@dataclass(frozen=True)
class Effect:
    """What can change: `limits` in the natural unit outside which the change has a name, one-sided where infinite.

    least_error: of the effect between two sets of so many rows, whatever their halves say.
    """

    change: str
    statistic: str
    limits: tuple[float, float]
    unit: Unit
    observed: Callable[[Scan, Scan], float | None]
    between_halves: Callable[[Pool, Mask], float]
    least_error: Callable[[int], float] = lambda rows: SMALLEST_ERROR

    def natural(self, effect: float) -> float:
        """The effect as a ratio to the reference, or as the difference it is."""
        return {"log": float(np.exp(effect)), "root": max(1 + effect, 0.0) ** 2, "difference": effect}[self.unit]

    def beyond(self, natural: float) -> bool:
        return not self.limits[0] <= natural <= self.limits[1]


def _log_ratio(value: float | None, before: float | None) -> float | None:
    if value is None or before is None or before <= 0:
        return None
    return float(np.log(max(value / before, SMALLEST)))


def _variance(scan: Scan, reference: Scan) -> float | None:
    return _log_ratio(float(scan.spectrum.eigenvalues.sum()), float(reference.spectrum.eigenvalues.sum()))


def _variance_of_halves(pool: Pool, half: Mask) -> float:
    a, b = (float(np.var(pool.scan.points[mask], axis=0).sum()) for mask in (half, ~half))
    return _log_ratio(a, b) or 0.0


def _rank(scan: Scan, reference: Scan) -> float | None:
    return _log_ratio(*(entropy_rank(one.spectrum.eigenvalues) for one in (scan, reference)))


def _rank_of_halves(pool: Pool, half: Mask) -> float:
    a, b = (entropy_rank(_eigenvalues(pool.scan.points[mask])) for mask in (half, ~half))
    return _log_ratio(a, b) or 0.0


def entropy_rank(eigenvalues: Floats) -> float:
    """effective_rank of a covariance spectrum; 1 where nothing is left of it."""
    return spectrum.entropy_rank(eigenvalues)[0] if eigenvalues.sum() > 0 else 1.0


def _eigenvalues(points: Floats) -> Floats:
    """Of the covariance up to a factor, by the smaller product and without vectors."""
    centred = points - points.mean(axis=0)
    gram = centred.T @ centred if centred.shape[1] <= len(centred) else centred @ centred.T
    values: Floats = np.maximum(np.linalg.eigvalsh(gram), 0.0)
    return values


def _dimension(scan: Scan, reference: Scan) -> float | None:
    return _log_ratio(*(_mle(one) for one in (scan, reference)))


def _mle(scan: Scan) -> float | None:
    """mle without its error, which comes from the pool here."""
    k = min(K, scan.most_neighbors)
    value = combined(scan.neighbors(k), k, "harmonic")[0] if k >= 3 else float("nan")
    return value if np.isfinite(value) else None


def _dimension_of_halves(pool: Pool, half: Mask) -> float:
    tables = [pool.within(mask, mask, K) for mask in (half, ~half)]
    values = [combined(one, K, "harmonic")[0] for one in tables if one is not None]
    found = _log_ratio(*values) if len(values) == 2 else None
    return float("nan") if found is None else found


def _tails(scan: Scan, reference: Scan) -> float | None:
    share = _value(tail_survival(scan, reference)["beyond_95"])
    return None if share is None else _root_share(share)


def _tails_of_halves(pool: Pool, half: Mask) -> float:
    own, new = pool.within(half, half, 10), pool.within(~half, half, 10)
    if own is None or new is None or len(own.sq_dist) == 0:
        return float("nan")
    edge = np.quantile(own.sq_dist[:, -1], 1 - BEYOND)
    return _root_share(float((new.sq_dist[:, -1] > edge).mean()))


def _root_share(share: float) -> float:
    """Root of a tail's share over what it should be, less 1."""
    return float(np.sqrt(share / BEYOND) - 1)


def _root_error(rows: int) -> float:
    """Of the root of a tail's share, by the delta method: the share and the quantile both come from so many rows."""
    return float(np.sqrt((1 - BEYOND) / (2 * BEYOND * rows)))


def _copies(scan: Scan, reference: Scan) -> float | None:
    now, before = (_value(duplicates(one)["near"]) for one in (scan, reference))
    return None if now is None or before is None else now - before


def _copies_of_halves(pool: Pool, half: Mask) -> float:
    tables = [pool.within(mask, mask, 10) for mask in (half, ~half)]
    shares = [_value(duplicates(Scan.of(one, pool.scan.executor))["near"]) for one in tables if one is not None]
    return float("nan") if len(shares) < 2 else (shares[0] or 0.0) - (shares[1] or 0.0)


def _value(estimate: Estimate) -> float | None:
    return estimate.value


EFFECTS = (
    Effect("variance", "scale", limit.VARIANCE, "log", _variance, _variance_of_halves),
    Effect("dimension", "effective_rank", limit.DIMENSION, "log", _rank, _rank_of_halves),
    Effect("dimension", "mle", limit.DIMENSION, "log", _dimension, _dimension_of_halves),
    Effect("tails", "tail_survival", limit.TAILS, "root", _tails, _tails_of_halves, _root_error),
    Effect("duplicates", "duplicates", (-np.inf, limit.DUPLICATES_UP), "difference", _copies, _copies_of_halves),
)
