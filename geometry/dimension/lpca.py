"""lpca: intrinsic dimension as the number of eigenvalues of the covariance that count, under seven rules.

lambda descends over the min(n - 1, d) directions that n rows can have.
  fo                 lambda_i > .05 lambda_1                           Fukunaga, Olsen 1971
  ratio              fewest directions that leave out at most .05 of the variance
  maxgap             where lambda_i / lambda_{i+1} is largest
  participation      (sum lambda)^2 / sum lambda^2, no whole number
  kaiser             lambda_i > mean lambda                            Kaiser 1960
  broken_stick       leading lambda_i / sum > (1/p) sum_{j>=i} 1/j     Jackson 1993
  marchenko_pastur   lambda_i above the largest of pure noise, whose level is read from the median eigenvalue: right
                     where fewer than half the directions carry signal; 0 for an isotropic set
The spectrum is global, so a curved set counts every direction it bends into. Kaiser, the broken stick and the noise
edge ask how many dimensions there are in all, so that added zero columns move them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr, participation, row_scores, spectral_influence
from geometry.pairs.marchenko_pastur import law
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import statistic
from geometry.types import Estimate, Floats

SHARE = 0.05
FAR = 6.0  # median radii about the coordinate-wise median, beyond which a row is set aside if robust


@statistic(
    "lpca",
    needs=("moments",),
    range=(0.0, np.inf),
    invariances=("translation", "rotation", "row order", "scale"),
    direction="down",
    source="Fukunaga and Olsen 1971; Kaiser 1960; Jackson 1993; Marchenko and Pastur 1967",
)
def lpca(scan: Scan, *, rule: str | None = None, robust: bool = False) -> Estimate | dict[str, Estimate]:
    """The estimate under one rule, or under all of them by their names.

    robust=True (needs the points) first sets aside the rows beyond 6 median radii of the coordinate-wise median: one
    outlier owns the first direction and hides all others. Only participation has a standard error (influence function).
    Undefined for fewer than two rows or without spread.
    """
    if rule is not None and rule not in RULES:
        raise UsageError(f"lpca has no rule '{rule}'; choose one of {', '.join(RULES)}")
    scan = _without_outliers(scan) if robust else scan
    made = {name: _by_rule(scan, name) for name in (RULES if rule is None else [rule])}
    return made if rule is None else made[rule]


def _by_rule(scan: Scan, rule: str) -> Estimate:
    fields: dict[str, Any] = {"variant": rule, "n": scan.n, "d": scan.d}
    if scan.n < 2:
        return undefined("lpca", "few-rows", **fields)
    if not has_spread(scan):
        return undefined("lpca", "no-spread", **fields)
    value = RULES[rule](scan.spectrum.eigenvalues[: min(scan.n - 1, scan.d)], scan.n, scan.d)
    if rule != "participation":
        return measured("lpca", value, **fields)
    values = scan.spectrum.eigenvalues
    stderr = influence_stderr(spectral_influence(row_scores(scan), values, participation(values)[1]), scan.n)
    return measured("lpca", value, stderr=stderr, method="influence function", **fields)


def _without_outliers(scan: Scan) -> Scan:
    points = scan.rows.astype(np.float64)
    radius = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    near = radius <= FAR * np.median(radius)
    return scan if near.all() else Scan(scan.points[near], scan.executor, seed=scan.seed)


def _fo(values: Floats, n: int, d: int) -> float:
    return float((values > SHARE * values[0]).sum())


def _ratio(values: Floats, n: int, d: int) -> float:
    left_out = 1 - np.cumsum(values) / values.sum()
    return float(np.argmax(left_out <= SHARE) + 1)


def _maxgap(values: Floats, n: int, d: int) -> float:
    """A gap to zero is the largest there can be."""
    positive = values[values > 0]
    if len(positive) in (1, *range(len(values))):
        return float(len(positive))
    return float(np.argmax(positive[:-1] / positive[1:]) + 1)


def _participation(values: Floats, n: int, d: int) -> float:
    return participation(values)[0]


def _kaiser(values: Floats, n: int, d: int) -> float:
    return float((values > values.mean()).sum())


def _broken_stick(values: Floats, n: int, d: int) -> float:
    count = len(values)
    stick = np.cumsum(1 / np.arange(count, 0, -1))[::-1] / count
    return float(np.argmin(np.append(values / values.sum() > stick, False)))


def _marchenko_pastur(values: Floats, n: int, d: int) -> float:
    noise = law(n - 1, d)
    return float((values > np.median(values) / noise.median * noise.edge).sum())


RULES: dict[str, Callable[[Floats, int, int], float]] = {
    "fo": _fo,
    "ratio": _ratio,
    "maxgap": _maxgap,
    "participation": _participation,
    "kaiser": _kaiser,
    "broken_stick": _broken_stick,
    "marchenko_pastur": _marchenko_pastur,
}
