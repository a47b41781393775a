"""The gauges between random halves: what chance alone does to structure_gain and dimension_gap at given projections.

The distinct rows of a pool are split at random, each half is read in the pool's leading principal directions with one
draw of each null. Rows that both sets hold are merged first: a copy is a neighbour at distance zero.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geometry.nulls.core import Core, core_of
from geometry.nulls.gauges import FEWEST, profile
from geometry.nulls.halves import Mask, Pool
from geometry.pairs import Executor
from geometry.pairs.subsample import halves
from geometry.types import Floats

GAUGE_ROWS = 1000  # of the pool: the cost goes with their square, the error with their root
GAUGE_DRAWS = 6  # a gauge costs as much as all other effects together


def gauge_errors(pool: Pool, m: tuple[int, int], rows: int) -> Floats:
    """(2,) spread between halves of the gain in the first m[0] directions and of the gap in the first m[1].

    For gauges that look at `rows` rows of each set, or at all where it has fewer; NaN where a half has too few rows.
    """
    core, seed = core_of(pool.scan, GAUGE_ROWS), pool.scan.seed
    values = [
        _difference(core, half, m, pool.scan.executor, seed) for half in halves(len(core.rows), GAUGE_DRAWS, seed)
    ]
    error: Floats = np.sqrt(np.mean(np.square(values), axis=0) * (len(core.rows) // 2) / min(rows, pool.of_rows))
    return error


def _difference(core: Core, half: Mask, m: tuple[int, int], executor: Executor, seed: int) -> Floats:
    values = [gauges_within(core, mask, m, executor, seed) for mask in (half, ~half)]
    difference: Floats = values[0] - values[1]
    return difference


def gauges_within(core: Core, mask: Mask, m: tuple[int, int], executor: Executor, seed: int) -> Floats:
    """Gain and gap of one half, each at its m, in the directions of the pool and with the spread of the half."""
    out = np.full(2, np.nan)
    if mask.sum() <= FEWEST:
        return out
    scores = core.scores[mask] - core.scores[mask].mean(axis=0)
    part = replace(core, rows=core.rows[mask], scores=scores, sd=scores.std(axis=0))
    for size in set(m):
        made = profile(part, [min(size, len(core.sd), len(scores) // 2)], 1, executor, seed)
        values = np.array([made.gain[0], made.gap[0]])
        out = np.where(np.array(m) == size, values, out)
    return out
