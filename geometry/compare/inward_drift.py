"""inward_drift: whether rows move towards the centre from one generation to the next.

Mean over paired rows of the cosine between the step y_i -> x_i and the direction from y_i to the mean of the earlier
set y: 1 if every row heads for the middle, -1 if every row flees it, 0 if steps know nothing of it. Steps of a common
drift average out where the earlier rows lie all around. A redraw of every row from one law also heads inward, since no
row is as far out twice: `mean_regression` tells how much of its place a row keeps.
"""

from __future__ import annotations

import numpy as np

from geometry.compare.pairing import pairs_of, require_one_space
from geometry.estimates import measured, standard_error, undefined
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.registry import SIMILARITY, statistic
from geometry.types import Array, Estimate, Floats

SHUFFLES = 16
ROWS = 4096


@statistic(
    "inward_drift",
    needs=("points", "ids", "reference"),
    range=(-1.0, 1.0),
    invariances=tuple(name for name in SIMILARITY if name != "row order"),
    direction="up",
    source="cosine of paired steps with the direction to the centre",
    null="mean over steps dealt to the rows at random",
    fails="unpaired rows; rows that do not move or start at the centre are left out",
)
def inward_drift(scan: Scan, reference: Scan, *, paired: bool = False, seed: int = 0) -> Estimate:
    """Mean cosine of each paired row's step with the direction to the reference's centre; 1 if all head inward.

    null: the mean where steps are dealt to the rows at random; z from the spread of these. per_point (n,) the cosine of
    each pair, NaN where a row did not move or starts at the centre. paired=True pairs rows by position where ids are
    missing. Undefined with fewer than 3 rows that move, or a reference without spread.
    """
    after, before = pairs_of(scan, reference, paired, "inward_drift")
    require_one_space(after, before, "inward_drift")
    fields = {"n": after.n, "d": after.d}
    if after.n < 3:
        return undefined("inward_drift", "few-rows", **fields)
    if not has_spread(before):
        return undefined("inward_drift", "no-spread", **fields)
    cosine = step_cosines(after.points, before.points, before.spectrum.mean)
    moved = np.flatnonzero(np.isfinite(cosine))
    if len(moved) < 3:
        return undefined("inward_drift", "no-steps", **fields)
    rng = np.random.default_rng(seed)
    chance = [_dealt(after.points[moved], before.points[moved], before, rng) for _ in range(SHUFFLES)]
    value, null, spread = float(cosine[moved].mean()), float(np.mean(chance)), float(np.std(chance, ddof=1))
    return measured(
        "inward_drift",
        value,
        stderr=standard_error(cosine[moved]),
        low=max(value - 1.96 * standard_error(cosine[moved]), -1.0),
        high=min(value + 1.96 * standard_error(cosine[moved]), 1.0),
        method="rows",
        null=null,
        z=(value - null) / spread if spread > 0 else None,
        per_point=cosine,
        **fields,
    )


def step_cosines(after: Array, before: Array, centre: Floats, steps_of: Array | None = None) -> Floats:
    """(n,) cosine of each row's step with the way to the centre, NaN without either; steps_of: whose step it takes."""
    cosine = np.full(len(after), np.nan)
    for part in blocks(len(after), ROWS):
        inward = centre - before[part].astype(np.float64)
        whose = part if steps_of is None else steps_of[part]
        step = after[whose].astype(np.float64) - before[whose].astype(np.float64)
        inward, far = _units(inward)
        step, moves = _units(step)
        cosine[part] = np.where(far & moves, np.clip(np.einsum("ij,ij->i", inward, step), -1.0, 1.0), np.nan)
    return cosine


def _dealt(after: Array, before: Array, reference: Scan, rng: np.random.Generator) -> float:
    """The mean cosine where the steps are dealt to other rows."""
    return float(step_cosines(after, before, reference.spectrum.mean, rng.permutation(len(after))).mean())


def _units(rows: Floats) -> tuple[Floats, Array]:
    """Rows of length 1, and which have a length."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    rows = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0), largest[:, 0] > 0
