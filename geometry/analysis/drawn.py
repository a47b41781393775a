"""Which rows of each generation a picture draws, in what order, and the null draw that stands beside them.

At most `MOST` rows, in a seeded random order, so that any first part of them is a sample of the set. Where every
generation has ids of its own rows the same ids are drawn in all of them, in the same order, before others; without ids
sets of equal size draw the same row numbers. The null is the elliptical draw behind the histograms, placed on the map
by the frame of the data. `agreement` tells whether rows of one number are one row, where there are no ids to tell.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from geometry.analysis.plan import Plan
from geometry.collapse.radial_view import with_radius
from geometry.nulls.core import core_of, directions_of
from geometry.nulls.profiles import null_rows
from geometry.projection.frame import Frame
from geometry.types import Array, Floats, Ints

MOST = 50_000


def drawn_rows(plan: Plan, most: int = MOST) -> list[Ints]:
    """(s_g,) int64 row numbers per generation."""
    ids = [None if scan.ids is None else np.asarray(scan.ids).astype(np.str_) for scan in plan.scans]
    known = [own for own in ids if own is not None and len(np.unique(own)) == len(own)]
    if len(known) < len(ids):
        return [_shuffled(scan.n, plan.options.seed)[:most] for scan in plan.scans]
    common = reduce(np.intersect1d, known)
    common = common[_shuffled(len(common), plan.options.seed)]
    return [_shared_first(own, common, plan.options.seed)[:most] for own in known]


def _shuffled(n: int, seed: int) -> Ints:
    return np.random.default_rng(seed).permutation(n).astype(np.int64)


def _shared_first(own: Array, common: Array, seed: int) -> Ints:
    """Rows whose ids are in every generation, in the order of `common`; then the others."""
    order = np.argsort(own)
    shared = order[np.searchsorted(own, common, sorter=order)]
    others = np.flatnonzero(~np.isin(own, common))
    return np.concatenate([shared, others[_shuffled(len(others), seed)]]).astype(np.int64)


def agreement(before: Floats, after: Floats) -> float:
    """Correlation of the places (s, 3) of rows of one number in two generations, about the centroids at the origin.

    1 where the second set is the first or the first made smaller, about 0 for independent samples, 0 without spread.
    """
    size = float(np.linalg.norm(before) * np.linalg.norm(after))
    return float((before * after).sum()) / size if size > 0 else 0.0


def null_on_map(plan: Plan, frame: Frame, g: int) -> Floats | None:
    """(c, 3) the elliptical draw of the generation at position g on the radius-preserving map; None without a core."""
    core = core_of(plan.scans[g], plan.gauge_rows)
    if len(core.sd) == 0 or len(core.rows) <= len(core.sd):
        return None
    directions = directions_of(core, plan.scans[g].points[core.rows].astype(np.float64))
    drawn = null_rows(core, plan.options.seed)
    return with_radius(drawn @ (directions.T @ frame.axes), np.linalg.norm(drawn, axis=1))
