"""How an `Estimate` is made: with a normal interval, or as undefined with its reason."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from geometry.types import Estimate, Floats, Neighbors

Z95 = 1.959963984540054  # two-sided 95 % point of the normal law


def measured(name: str, value: float, *, stderr: float | None = None, method: str = "", **fields: Any) -> Estimate:
    """An estimate with the normal 95 % interval value +- 1.96 stderr; undefined if the value is not finite."""
    if not isfinite(value):
        return undefined(name, "not-finite", **{f: fields[f] for f in ("variant", "n", "d", "k") if f in fields})
    if stderr is None or not isfinite(stderr):
        return Estimate(name, float(value), method=method, **fields)
    null = fields.get("null")
    if null is not None and stderr > 0 and "z" not in fields:
        fields["z"] = (float(value) - null) / stderr
    bounds = {"low": float(value) - Z95 * stderr, "high": float(value) + Z95 * stderr}
    return Estimate(name, float(value), stderr=float(stderr), method=method, **(bounds | fields))


def undefined(name: str, reason: str, **fields: Any) -> Estimate:
    """The defined answer where a statistic has none: no value, a reason code."""
    return Estimate(name, None, status="undefined", reason=reason, **fields)


def failed(name: str, error: Exception) -> Estimate:
    """What a run records when a statistic raised: it never stops the others."""
    return Estimate(name, None, status="failed", reason=f"{type(error).__name__}: {error}")


def standard_error(per_row: Floats) -> float:
    """Standard error of a mean of n values; of a U-statistic's rows, pass twice the projections."""
    return float(np.std(per_row, ddof=1) / np.sqrt(len(per_row))) if len(per_row) > 1 else float("nan")


def t95(freedom: int) -> float:
    """Two-sided 95 % point of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def wilson_interval(share: float, rows: float) -> tuple[float, float]:
    """95 % interval of a share of `rows` independent rows (Wilson 1927); its ends at a share of 0 and 1 are exact."""
    middle = (share + Z95**2 / (2 * rows)) / (1 + Z95**2 / rows)
    half = Z95 / (1 + Z95**2 / rows) * np.sqrt(share * (1 - share) / rows + Z95**2 / (4 * rows * rows))
    low = 0.0 if share <= 0 else max(float(middle - half), 0.0)
    return low, 1.0 if share >= 1 else min(float(middle + half), 1.0)


def wilson(share: float, rows: int, more: float) -> tuple[float, float, float]:
    """Standard error and Wilson 95 % interval of a share of `rows`, with `more` variance from elsewhere.

    The extra variance lowers the number of rows to the one that a binomial of this variance would have (Wilson 1927).
    """
    centre = (share * rows + Z95**2 / 2) / (rows + Z95**2)
    plain = centre * (1 - centre) / rows
    rows_left = rows * plain / (plain + more)
    stderr = float(np.sqrt(share * (1 - share) / rows + more))
    return stderr, *wilson_interval(share, rows_left)


def recall_told(table: Neighbors) -> str:
    """The recall of an approximate table in words, such as `recall 0.981 (0.965 to 0.990)`."""
    return f"recall {table.recall:.3f} ({table.recall_low:.3f} to {table.recall_high:.3f})"


def share_below(asked: Floats, among: Floats) -> Floats:
    """(n,) share of `among` below each value, ties by half: the placements whose mean is the area under a ROC curve."""
    ordered = np.sort(among)
    left, right = (np.searchsorted(ordered, asked, side=side) for side in ("left", "right"))
    share: Floats = (left + right) / (2 * len(among))
    return share
