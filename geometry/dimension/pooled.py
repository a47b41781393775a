"""Estimators that are a quotient per row, pooled over rows: one place for k, for copies, for the error.

A row with numerator a_i and denominator b_i has the dimension a_i / b_i, the set sum a_i / sum b_i: the harmonic kind
of mean, which the few rows with b_i near 0 cannot move. Rows where either is missing (copies alone) have both 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geometry.errors import UsageError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import half_sample_stderr, width_for
from geometry.types import Array, Estimate, Floats

MOST_COLUMNS = 100  # of the shared table, beyond which the error is not worth a wider one
Quotient = Callable[[Floats], tuple[Floats, Floats]]  # (n, k) distances to numerators and denominators, (n,) each


def columns_for(k: int) -> int:
    """Columns of the table for k neighbours and their error."""
    return max(k, min(width_for(k), MOST_COLUMNS))


def pooled(name: str, scan: Scan, k: int, least: int, quotient: Quotient) -> Estimate:
    """sum a / sum b over rows, with per_point a / b (NaN where b is 0); k falls to the neighbours there are.

    The error comes from random halves within the table, at as many neighbours as a half of it holds for most rows: k,
    or fewer where the table is no wider than k, which makes it too large rather than too small. UsageError for k below
    `least`; undefined with fewer neighbours or without distinct distances.
    """
    if k < least:
        raise UsageError(f"{name}: k = {k} is too small; it needs at least {least} neighbours")
    k = min(k, scan.most_neighbors)
    fields = {"n": scan.n, "d": scan.d, "k": k}
    if k < least:
        return undefined(name, "few-rows", **fields)
    table = scan.neighbors(min(columns_for(k), scan.most_neighbors))
    value, per_point = _values(table.exact_dist(k), quotient)
    if not np.isfinite(value):
        return undefined(name, "no-distinct-distances", **fields)
    near = max((j for j in range(least, k + 1) if width_for(j) <= table.k), default=least)
    stderr = half_sample_stderr(table, near, lambda half: _values(half.exact_dist(near), quotient)[0], scan.seed)
    return measured(name, value, stderr=stderr, method="random halves", per_point=per_point, **fields)


def _values(dist: Floats, quotient: Quotient) -> tuple[float, Array]:
    numerator, denominator = quotient(dist)
    used = denominator > 0
    per_point = np.full(len(dist), np.nan)
    per_point[used] = numerator[used] / denominator[used]
    total = float(denominator[used].sum())
    return (float(numerator[used].sum()) / total if total > 0 else float("nan")), per_point
