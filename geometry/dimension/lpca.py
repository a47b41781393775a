"""lpca: intrinsic dimension as the number of eigenvalues of the covariance that count, of the set or of neighbourhoods.

The rules are those of `geometry.dimension.lpca_rules`: fo, ratio, maxgap, participation, kaiser, broken_stick,
marchenko_pastur, gavish_donoho, minka, parallel. The global spectrum counts every direction a curved set bends into;
per neighbourhood (k given) the same rules read the covariance of each row's k neighbours. Kaiser, the broken stick, the
noise edges, Minka and parallel analysis ask how many dimensions there are in all, so that added zero columns move them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.dimension.lpca_rules import NAMES, Spectra, by_rule
from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.influence import influence_stderr, participation, row_scores, spectral_influence
from geometry.pairs.local import LocalSpectra, local_spectra
from geometry.pairs.local_halves import half_stderr
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import statistic
from geometry.types import Estimate, Floats

FAR = 6.0  # median radii about the coordinate-wise median, beyond which a row is set aside if robust


@statistic(
    "lpca",
    needs=("moments",),
    range=(0.0, np.inf),
    invariances=("translation", "rotation", "row order", "scale"),
    direction="down",
    source="Fukunaga and Olsen 1971; Kaiser 1960; Jackson 1993; Marchenko and Pastur 1967; Gavish and Donoho 2014; "
    "Minka 2000; Horn 1965",
    null="the reference in a run; isotropic rows, n well above d: fo d, the noise edges and parallel analysis 0",
    fails="a curved set counts every direction it bends into (k looks locally); one outlier hides all unless robust",
    whole="moments",
)
def lpca(
    scan: Scan, *, rule: str | None = None, k: int | None = None, robust: bool = False
) -> Estimate | dict[str, Estimate]:
    """Number of eigenvalues of the covariance that count, under one rule or under all of them by their names.

    k (needs the points) reads the covariance of every row's k neighbours instead, at least 3 and as many as there are:
    per_point holds the answer of each row, NaN where its neighbours are copies of one row; the value is their mean, its
    standard error from random halves of the neighbourhoods. robust=True (needs the points) first sets aside the rows
    beyond 6 median radii of the coordinate-wise median: one outlier owns the first direction and hides all others. Of
    the global rules only participation has a standard error (influence function). Undefined for fewer than two rows
    (five with k) or without spread.
    """
    if rule is not None and rule not in NAMES:
        raise UsageError(f"lpca has no rule '{rule}'; choose one of {', '.join(NAMES)}")
    if k is not None and k < 3:
        raise UsageError(f"lpca: k = {k} is too small; it needs at least 3 neighbours")
    scan = _without_outliers(scan) if robust else scan
    chosen = NAMES if rule is None else (rule,)
    made = {name: _global(scan, name) if k is None else _local(scan, name, k) for name in chosen}
    return made if rule is None else made[rule]


def _global(scan: Scan, rule: str) -> Estimate:
    fields: dict[str, Any] = {"variant": rule, "n": scan.n, "d": scan.d}
    if scan.n < 2:
        return undefined("lpca", "few-rows", **fields)
    if not has_spread(scan):
        return undefined("lpca", "no-spread", **fields)
    values = scan.spectrum.eigenvalues[: min(scan.n - 1, scan.d)]
    value = float(by_rule(Spectra(values[None], np.array([scan.n]), scan.d), rule)[0])
    if rule != "participation":
        return measured("lpca", value, **fields)
    values = scan.spectrum.eigenvalues
    stderr = influence_stderr(spectral_influence(row_scores(scan), values, participation(values)[1]), scan.n)
    return measured("lpca", value, stderr=stderr, method="influence function", **fields)


def _local(scan: Scan, rule: str, k: int) -> Estimate:
    k = min(k, scan.most_neighbors)
    fields: dict[str, Any] = {"variant": rule, "n": scan.n, "d": scan.d, "k": k, "exact": scan.least_recall is None}
    if k < 3 or scan.n < 5:
        return undefined("lpca", "few-rows", **fields)

    def per_row(spectra: LocalSpectra) -> Floats:
        return _of_each(spectra, rule, scan.d)

    per_point = per_row(local_spectra(scan, k))
    if not np.isfinite(per_point).any():
        return undefined("lpca", "no-spread", **fields)
    stderr = half_stderr(scan, k, "spectra", per_row)
    value = float(np.nanmean(per_point))
    return measured("lpca", value, stderr=stderr, method="random halves", per_point=per_point, **fields)


def _of_each(found: LocalSpectra, rule: str, d: int) -> Floats:
    """(m,) answers, NaN for neighbourhoods of fewer than three or without spread."""
    known = (found.count > 2) & (found.eigenvalues[:, 0] > 0)
    per_point = np.full(len(known), np.nan)
    if known.any():
        per_point[known] = by_rule(Spectra(found.eigenvalues[known], found.count[known], d), rule)
    return per_point


def _without_outliers(scan: Scan) -> Scan:
    points = scan.rows.astype(np.float64)
    radius = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    near = radius <= FAR * np.median(radius)
    return scan if near.all() else Scan(scan.points[near], scan.executor, seed=scan.seed)
