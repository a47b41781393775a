"""curvature: how sharply ordered rows turn from step to step, and whether they come back to where they began.

With s_i = x_{i+1} - x_i: turning is the mean angle between s_i and s_{i+1} in radians (0 on a straight line, 2 pi / n
around a regular n-gon), closure the distance from the first row to the last over the length of the path (1 straight, 0
closed). Rows are taken in the order they stand in: a sweep of a feature through a layer, steps of a sequence, a token
table by number. Rows in an order that means nothing turn by 2 pi / 3 on average in many dimensions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Estimate, Floats

SHUFFLES = 16
LAG = 3  # steps over which turning angles of one path are related


@statistic(
    "curvature",
    needs=("points",),
    range=(0.0, np.pi),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="up",
    source="mean turning angle of a polygon",
    null="the rows in random order",
    fails="rows whose order means nothing; fewer than 3 distinct rows in a line of steps",
)
def curvature(scan: Scan) -> dict[str, Estimate]:
    """turning: mean angle between successive steps of the rows as ordered, radians; closure: end to end over length.

    Steps between equal rows are left out. null and z from the rows in random order. per_point of turning (n,): the
    angle at each row, NaN at the ends and where a step is left out. Standard error of turning from the angles,
    neighbours related. Undefined with fewer than 3 rows, fewer than 2 steps, or without spread.
    """
    fields: dict[str, Any] = {"n": scan.n, "d": scan.d}
    reason = "few-rows" if len(scan.rows) < 3 else "" if has_spread(scan) else "no-spread"
    if reason:
        return {name: undefined("curvature", reason, variant=name, **fields) for name in ("turning", "closure")}
    rows = scan.points.astype(np.float64) - scan.spectrum.mean
    rows /= np.abs(rows).max()
    angle, closure = path(rows)
    seen = angle[np.isfinite(angle)]
    if len(seen) == 0:
        return {name: undefined("curvature", "few-steps", variant=name, **fields) for name in ("turning", "closure")}
    rng = np.random.default_rng(scan.seed)
    draws = [path(rows[rng.permutation(len(rows))]) for _ in range(SHUFFLES)]
    chance = {"turning": [float(np.nanmean(a)) for a, _ in draws if np.isfinite(a).any()]}
    chance["closure"] = [c for _, c in draws]
    return {
        "turning": measured(
            "curvature",
            float(seen.mean()),
            stderr=_stderr(seen),
            method="angles along the path",
            variant="turning",
            per_point=angle,
            **_against(float(seen.mean()), chance["turning"]),
            **fields,
        ),
        "closure": measured("curvature", closure, variant="closure", **_against(closure, chance["closure"]), **fields),
    }


def path(rows: Floats) -> tuple[Floats, float]:
    """(n,) turning angle at each row, NaN where there is none, and the closure."""
    steps = np.diff(rows, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    moved = np.flatnonzero(lengths > 0)
    unit = steps[moved] / lengths[moved][:, None]
    angle = np.full(len(rows), np.nan)
    if len(unit) > 1:
        apart = np.linalg.norm(unit[1:] - unit[:-1], axis=1)
        along = np.linalg.norm(unit[1:] + unit[:-1], axis=1)
        angle[moved[1:]] = 2 * np.arctan2(apart, along)
    total = float(lengths.sum())
    return angle, min(float(np.linalg.norm(rows[-1] - rows[0])) / total, 1.0) if total > 0 else 0.0


def _against(value: float, chance: list[float]) -> dict[str, Any]:
    """null and z against draws."""
    if len(chance) < 2:
        return {"null": None, "z": None}
    null, spread = float(np.mean(chance)), float(np.std(chance, ddof=1))
    return {"null": null, "z": (value - null) / spread if spread > 0 else None}


def _stderr(angles: Floats) -> float:
    """Of the mean of a series related over LAG steps (Newey and West 1987)."""
    if len(angles) <= 2 * LAG:
        return float("nan")
    residual, n = angles - angles.mean(), len(angles)
    weights = [1 - lag / (LAG + 1) for lag in range(1, LAG + 1)]
    cross = sum(w * float(residual[lag:] @ residual[:-lag]) for lag, w in enumerate(weights, 1))
    return float(np.sqrt(max(float(residual @ residual) + 2 * cross, 0.0)) / n)
