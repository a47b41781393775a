"""vendi_ratio and magnitude_ratio: how many different rows a set has, over how many the reference has.

vendi_ratio divides what `vendi` says of both sets, taken from the registry, with its options. magnitude_ratio divides
magnitudes (Leinster 2013; Limbeck et al. 2024) at one scale t for both: the one at which the reference's magnitude is
half the number of its rows, where it is neither one blob nor all rows on their own. Both depend on the number of rows,
so sets are compared at equal n: of the larger a seeded sample is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.estimates import Z95, measured, undefined
from geometry.pairs.magnitude import distinct_distances, log_magnitude
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import halves
from geometry.registry import LINEAR, SIMILARITY, entry, statistic
from geometry.types import Estimate, Floats

ROWS = 1000  # whose n x n matrix is solved
DRAWS = 12
STEPS = 40  # of the bisection for the scale, on its logarithm


@statistic(
    "vendi_ratio",
    needs=("points", "reference"),
    range=(0.0, np.inf),
    invariances=LINEAR,
    direction="down",
    source="Friedman and Dieng 2023",
    null="1",
    fails="where vendi fails; a far mean makes all cosines alike in both sets, and the ratio 1",
)
def vendi_ratio(scan: Scan, reference: Scan, *, q: float = 1.0, kernel: str = "cosine") -> Estimate:
    """Vendi score over the reference's, at equal rows; null 1, interval on the log.

    q, kernel: as for `vendi`. Undefined where either score is.
    """
    x, y = _equal(scan, reference)
    found = [entry("vendi").function(one, q=q, kernel=kernel) for one in (x, y)]
    made, of_reference = (one for one in found if isinstance(one, Estimate))
    counts: dict[str, Any] = {"variant": kernel, "n": x.n, "d": scan.d}
    if made.value is None or of_reference.value is None:
        return undefined("vendi_ratio", made.reason or of_reference.reason, **counts)
    errors = [one.stderr / float(one) for one in (made, of_reference) if one.stderr is not None]
    log_error = float(np.linalg.norm(errors)) if len(errors) == 2 else None
    exact = made.exact and of_reference.exact and x.n == scan.n and y.n == reference.n
    ratio = float(made) / float(of_reference)
    return _ratio("vendi_ratio", ratio, log_error, made.method, exact=exact, **counts)


@statistic(
    "magnitude_ratio",
    needs=("points", "reference"),
    range=(0.0, np.inf),
    invariances=SIMILARITY,
    direction="down",
    source="Leinster 2013; Limbeck et al. 2024",
    null="1",
    fails="a reference of few distinct rows, whose magnitude is no scale for another set",
)
def magnitude_ratio(scan: Scan, reference: Scan) -> Estimate:
    """Magnitude over the reference's, where the reference's is half its distinct rows; null 1, interval on the log.

    At equal rows, at most 1,000 seeded ones of each set. profile: t (1,), the scale, in units of 1 / distance. Error by
    half samples of both sets. Undefined with fewer than 4 distinct reference rows, or without rows.
    """
    x, y = (one.at_most(ROWS) for one in _equal(scan, reference))
    counts: dict[str, Any] = {"n": x.n, "d": scan.d}
    if x.n < 1:
        return undefined("magnitude_ratio", "few-rows", **counts)
    (own, own_unit), (base, base_unit) = distinct_distances(x.rows), distinct_distances(y.rows)
    if len(base) < 4:
        return undefined("magnitude_ratio", "few-distinct-rows", **counts)
    t = _half_scale(base)
    own_t = t * own_unit / base_unit
    logs = log_magnitude(own, own_t) - log_magnitude(base, t)
    if not np.isfinite(logs):
        return undefined("magnitude_ratio", "not-solvable", **counts)
    draws = [_of_halves(own, own_t, seed=2 * i) - _of_halves(base, t, seed=2 * i + 1) for i in range(DRAWS)]
    enough = min(len(own), len(base)) >= 8 and bool(np.isfinite(draws).all())
    exact = x.n == scan.n and y.n == reference.n
    return _ratio(
        "magnitude_ratio",
        float(np.exp(logs)),
        float(np.std(draws, ddof=1)) if enough else None,
        "half samples",
        exact=exact,
        profile={"t": np.array([t / base_unit])},
        **counts,
    )


def _equal(scan: Scan, reference: Scan) -> tuple[Scan, Scan]:
    n = min(scan.n, reference.n)
    return scan.at_most(n), reference.at_most(n)


def _ratio(name: str, ratio: float, log_error: float | None, method: str, **fields: Any) -> Estimate:
    """A positive ratio with null 1 and its interval on the log."""
    if log_error is None or not np.isfinite(log_error):
        return measured(name, ratio, null=1.0, **fields)
    half = float(np.exp(min(Z95 * log_error, 300.0)))
    bounds: dict[str, Any] = {"low": ratio / half, "high": ratio * half, "method": f"{method}, log"}
    z = float(np.log(ratio)) / log_error if log_error > 0 and ratio > 0 else None
    return measured(name, ratio, stderr=ratio * log_error, null=1.0, z=z, **bounds, **fields)


def _half_scale(dist: Floats) -> float:
    """The t at which the magnitude is half the number of rows; a larger one where smaller ones cannot be solved."""
    want = np.log(len(dist) / 2)
    middle = float(np.median(dist[np.triu_indices(len(dist), 1)]))
    low, high = np.log(1e-3 / middle), np.log(1e6 / middle)
    for _ in range(STEPS):
        t = (low + high) / 2
        found = log_magnitude(dist, float(np.exp(t)))
        low, high = (low, t) if found > want else (t, high)
    return float(np.exp(high))


def _of_halves(dist: Floats, t: float, seed: int) -> float:
    keep = next(halves(len(dist), 1, seed))
    return log_magnitude(dist[np.ix_(keep, keep)], t) if keep.any() else float("nan")
