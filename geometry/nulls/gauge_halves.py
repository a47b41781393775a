"""The gauges between random halves: what chance alone does to structure_gain and dimension_gap at given projections.

Each half of a pool is read in the pool's leading principal directions, with one draw of each null.
"""

from __future__ import annotations

import numpy as np

from geometry.nulls.core import in_principal_directions
from geometry.nulls.gauges import FEWEST, profile
from geometry.nulls.halves import Mask, Pool
from geometry.types import Floats


def gauges_between_halves(pool: Pool, half: Mask, m: tuple[int, int]) -> Floats:
    """(2,) difference between the halves of the gain in the first m[0] directions and of the gap in the first m[1]."""
    values = [_gauges(pool, mask, m) for mask in (half, ~half)]
    difference: Floats = values[0] - values[1]
    return difference


def _gauges(pool: Pool, mask: Mask, m: tuple[int, int]) -> Floats:
    rows = np.flatnonzero(mask)
    out = np.full(2, np.nan)
    for gauge, size in enumerate(m):
        core = in_principal_directions(pool.scan.scores[mask, :size], rows, 0.0, 0.0)
        if len(rows) > FEWEST and len(core.sd):
            made = profile(core, [len(core.sd)], 1, pool.scan.executor, pool.scan.seed)
            out[gauge] = (made.gain, made.gap)[gauge][0]
    return out
