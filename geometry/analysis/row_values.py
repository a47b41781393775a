"""What a picture colours rows by that no statistic returns: how dense the set is about a row, how rare the row is.

density: log10 (R / r_10), R the rms distance to the centroid and r_10 the distance to the 10th nearest other row: it
rises by 1 where neighbours are ten times nearer for the size of the set. rarity: the share of the reference's rows that
lie in denser surroundings of the reference than this row does, both by their distance to the 10th nearest reference row
(a reference row among its others): .97 is a row in the reference's 95 % tail. It is only given where `tail_survival`
has looked those distances up already. Sets of unequal size are looked at as that statistic does, on as many rows.
"""

from __future__ import annotations

import numpy as np

from geometry.analysis.plan import Plan
from geometry.analysis.rows import equal
from geometry.estimates import share_below
from geometry.pairs import Scan
from geometry.types import Array, Floats

K = 10


def density_of(scan: Scan) -> Array | None:
    """(n,) float32; None for K rows or fewer, NaN where ten copies of a row leave no distance."""
    if scan.n <= K:
        return None
    away = scan.neighbors(K).exact_dist(K)[:, -1]
    size = float(np.sqrt(scan.spectrum.eigenvalues.sum()))
    if size == 0:
        return None
    density = np.full(scan.n, np.nan, np.float32)
    density[away > 0] = np.log10(size / away[away > 0])
    return density


def rarity_of(plan: Plan, g: int) -> tuple[Scan, Floats] | None:
    """The scan whose rows were looked at and (its n,) their rarity; None where nothing looked them up."""
    if not any(entry.name == "tail_survival" for entry in plan.entries):
        return None
    reference = plan.scans[plan.reference]
    if g == plan.reference:
        own = _away(reference)
        return None if own is None else (reference, share_below(own, own))
    scan, reference = equal(plan.scans[g], reference)
    own = _away(reference)
    if own is None or scan.n == 0:
        return None
    return scan, share_below(scan.among(reference, K).exact_dist(K)[:, -1], own)


def _away(reference: Scan) -> Floats | None:
    return None if reference.n <= K else reference.neighbors(K).exact_dist(K)[:, -1]
