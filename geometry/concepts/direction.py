"""The direction between two groups of rows: where it points, how far apart they lie on it, how separable they are.

by="means": from the mean of the rows without the concept to the mean of those with it (Kim et al. 2018 for concepts as
directions). by="discriminant": that step through the inverse of the covariance within the groups (Fisher 1936), drawn
towards its mean eigenvalue by d / (d + n), which separates better where directions have unequal noise.

A direction fitted on rows parts these rows better than new ones. So all that is measured is cross-validated: the
direction of four fifths of the rows is asked about the last fifth. distance: gap of the held-out means along it, in
input units; effect: that gap over the deviation within the groups; separability: the chance that a row with the concept
lies farther along than one without (area under the ROC curve, DeLong et al. 1988 for its error).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.estimates import Z95, measured, share_below, undefined
from geometry.pairs import as_points
from geometry.pairs.arrays import require_finite
from geometry.types import Array, Estimate, Floats, Ints

FOLDS = 5
WAYS = ("means", "discriminant")
ROUNDING = 1e-12  # of the largest coordinate: a step below is no direction


@dataclass(frozen=True)
class Direction:
    """unit (d,), zero where the groups have one mean; middle (d,) between the means; length, their gap on it.

    distance, effect and separability: cross-validated estimates.
    """

    unit: Floats
    middle: Floats
    length: float
    distance: Estimate
    effect: Estimate
    separability: Estimate

    def scores(self, points: Any) -> Floats:
        """(n,) place of each row along the direction, 0 in the middle between the groups, in input units."""
        rows = _rows(points, "points")
        if rows.shape[1] != len(self.unit):
            raise InputError(f"points have {rows.shape[1]} dimensions, the direction has {len(self.unit)}")
        scores: Floats = (rows.astype(np.float64) - self.middle) @ self.unit
        return scores


def direction(present: Any, absent: Any, *, by: str = "means", seed: int = 0) -> Direction:
    """The direction from the rows without a concept, absent (m, d), to those with it, present (n, d).

    by: "means" or "discriminant". seed: of the folds. Measures are undefined with fewer than two rows in a group.
    Raises InputError for groups without rows or of different dimensions, UsageError for an unknown `by`.
    """
    if by not in WAYS:
        raise UsageError(f"a direction is not found by '{by}'; choose one of {', '.join(WAYS)}")
    x, y = _groups(present, absent)
    unit, middle, length = _fit(x, y, by)
    found = _held_out(x, y, by, seed)
    return Direction(unit, middle, length, **_estimates(found, len(x), len(y), x.shape[1]))


def measure(along: Direction, present: Any, absent: Any) -> dict[str, Estimate]:
    """distance, effect and separability of two other groups along a direction that was found elsewhere."""
    x, y = _groups(present, absent)
    every = [along.scores(rows) for rows in (x, y)]
    folds = [np.zeros(len(rows), np.int64) for rows in (x, y)]
    scores = None if min(len(x), len(y)) < 2 or not along.unit.any() else (every[0], every[1], folds[0], folds[1])
    return _estimates(scores, len(x), len(y), x.shape[1])


def change(before: Direction, after: Direction) -> dict[str, float | None]:
    """What became of a concept: the cosine of its two directions, and the ratios of its distance and effect.

    None where a direction or a value before is missing. separability: the difference, after less before.
    """
    cosine = float(before.unit @ after.unit) if before.unit.any() and after.unit.any() else None
    return {
        "cosine": cosine,
        "distance": _over(after.distance, before.distance),
        "effect": _over(after.effect, before.effect),
        "separability": None
        if before.separability.value is None or after.separability.value is None
        else after.separability.value - before.separability.value,
    }


def emphasise(points: Any, along: Direction, amount: float = 1.0) -> Array:
    """points (n, d) moved by `amount` times the gap between the groups; negative de-emphasises the concept.

    1 carries the mean of the rows without it onto that of the rows with it, along the direction. Keeps the dtype.
    Raises InputError where the groups had one mean, or dimensions differ.
    """
    if not along.unit.any():
        raise InputError("the two groups have the same mean, so there is no direction to move along")
    rows = _rows(points, "points")
    if rows.shape[1] != len(along.unit):
        raise InputError(f"points have {rows.shape[1]} dimensions, the direction has {len(along.unit)}")
    return (rows.astype(np.float64) + amount * along.length * along.unit).astype(rows.dtype)


def _rows(points: Any, name: str) -> Array:
    return require_finite(as_points(points, name), name)


def _groups(present: Any, absent: Any) -> tuple[Floats, Floats]:
    x, y = (_rows(points, name).astype(np.float64) for points, name in ((present, "present"), (absent, "absent")))
    if x.shape[1] != y.shape[1]:
        raise InputError(f"present has {x.shape[1]} dimensions, absent has {y.shape[1]}; they must agree")
    if min(len(x), len(y)) == 0:
        raise InputError("a direction runs between two groups of rows; one of them is empty")
    return x, y


def _fit(x: Floats, y: Floats, by: str) -> tuple[Floats, Floats, float]:
    """unit (d,), middle (d,), and the gap of the means along the unit."""
    ends = x.mean(axis=0), y.mean(axis=0)
    step, middle = ends[0] - ends[1], (ends[0] + ends[1]) / 2
    largest = max(float(np.abs(end).max()) for end in ends)
    if not np.abs(step).max() > ROUNDING * largest:
        return np.zeros(x.shape[1]), middle, 0.0
    unit = step if by == "means" else _discriminant(x - ends[0], y - ends[1], step)
    unit = unit / np.abs(unit).max()
    unit /= np.linalg.norm(unit)
    return unit, middle, float(unit @ step)


def _discriminant(x: Floats, y: Floats, step: Floats) -> Floats:
    """(S within)^-1 step for centred groups, through the rows where they are fewer than the dimensions."""
    rows = np.concatenate([x, y])
    n, d = rows.shape
    total = float((rows**2).sum()) / n
    shrink = d / (d + n)
    if total <= 0:
        return step
    ridge, scale = shrink * total / d, (1 - shrink) / n
    if d <= n:
        solved: Floats = np.linalg.solve(scale * rows.T @ rows + ridge * np.eye(d), step)
        return solved
    inner = np.linalg.solve(rows @ rows.T + ridge / scale * np.eye(n), rows @ step)
    woodbury: Floats = (step - rows.T @ inner) / ridge
    return woodbury


def _held_out(x: Floats, y: Floats, by: str, seed: int) -> tuple[Floats, Floats, Ints, Ints] | None:
    """Scores of both groups along directions fitted without them, and the folds; None where there are too few rows."""
    parts = min(FOLDS, len(x), len(y))
    if parts < 2:
        return None
    rng = np.random.default_rng(seed)
    folds = [rng.permutation(np.arange(len(rows)) % parts) for rows in (x, y)]
    scores = [np.zeros(len(rows)) for rows in (x, y)]
    for one in range(parts):
        inside = [fold == one for fold in folds]
        unit, middle, _ = _fit(x[~inside[0]], y[~inside[1]], by)
        for out, rows, where in zip(scores, (x, y), inside, strict=True):
            out[where] = (rows[where] - middle) @ unit
    return scores[0], scores[1], folds[0], folds[1]


def _estimates(found: tuple[Floats, Floats, Ints, Ints] | None, n: int, m: int, d: int) -> dict[str, Estimate]:
    fields: dict[str, Any] = {"n": n + m, "d": d}
    if found is None:
        return {name: undefined(name, "few-rows", **fields) for name in ("distance", "effect", "separability")}
    x, y, x_fold, y_fold = found
    gap = float(x.mean() - y.mean())
    spread = [float(part.var(ddof=1)) for part in (x, y)]
    error = float(np.sqrt(spread[0] / n + spread[1] / m))
    within = float(np.sqrt(((n - 1) * spread[0] + (m - 1) * spread[1]) / max(n + m - 2, 1)))
    distance = measured("distance", gap, stderr=error, method="held-out rows", null=0.0, **fields)
    if not within > ROUNDING * max(abs(gap), 1e-300):
        reason = "groups-without-spread" if gap else "no-direction"
        return {"distance": distance} | {name: undefined(name, reason, **fields) for name in ("effect", "separability")}
    effect = gap / within
    of_effect = float(np.sqrt(1 / n + 1 / m + effect**2 / (2 * (n + m))))
    return {
        "distance": distance,
        "effect": measured("effect", effect, stderr=of_effect, method="Hedges and Olkin 1985", null=0.0, **fields),
        "separability": _separability(x, y, x_fold, y_fold, fields),
    }


def _separability(x: Floats, y: Floats, x_fold: Ints, y_fold: Ints, fields: dict[str, Any]) -> Estimate:
    """Area under the curve, fold by fold."""
    above, below = np.empty(len(x)), np.empty(len(y))
    for one in np.unique(x_fold):
        mine, theirs = x_fold == one, y_fold == one
        above[mine] = share_below(x[mine], y[theirs])
        below[theirs] = 1 - share_below(y[theirs], x[mine])
    value = float(above.mean() + below.mean()) / 2
    error = float(np.sqrt(above.var() / len(x) + below.var() / len(y)))
    bounds = {"low": max(value - Z95 * error, 0.0), "high": min(value + Z95 * error, 1.0)}
    return measured("separability", value, stderr=error, method="DeLong", null=0.5, **bounds, **fields)


def _over(after: Estimate, before: Estimate) -> float | None:
    known = after.value is not None and before.value is not None and before.value != 0
    return float(after) / float(before) if known else None
