"""Which columns say nothing, and which say everything: constant, nearly constant, and dominant ones.

A column is nearly constant where its deviation is under FLAT of the median one: a dead unit with jitter on it. Up to
ROGUE columns dominate where they hold more than half of the total variance or of the mean squared length (Timkey and
van Schijndel 2021 call such dimensions rogue) and each at least STEP times the next: the first columns of a spectrum
that falls off as a power hold as much, but lead on to the next. With fewer than COMPARED columns neither says anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geometry.sources.sweep import Sweep
from geometry.types import Floats, Ints

COMPARED = 8
FLAT, FEWEST = 1e-3, 5  # rows: the deviation of two may be anything
HALF, ROGUE, STEP = 0.5, 3, 10.0


def odd_columns(seen: Sweep, finite: int) -> dict[str, Ints]:
    """Numbers of the columns of every fault, ascending; `finite` rows have been looked at."""
    constant = (seen.low == seen.high) & (finite > 1)
    dominant = np.union1d(_dominant(seen.variance), _dominant(seen.square))
    return {
        "constant_columns": np.flatnonzero(constant),
        "nearly_constant_columns": np.flatnonzero(_flat(seen.variance, constant) & (finite >= FEWEST)),
        "dominant_columns": dominant.astype(np.int64),
    }


def _flat(variance: Floats, constant: NDArray[np.bool_]) -> NDArray[np.bool_]:
    moving = variance[~constant]
    if len(moving) < COMPARED or not np.isfinite(moving).all():
        return np.zeros(len(variance), np.bool_)
    flat: NDArray[np.bool_] = variance < FLAT**2 * np.median(moving)
    return flat & ~constant


def _dominant(share: Floats) -> Ints:
    """The fewest columns, up to ROGUE, that hold more than half and stand a step above the rest; else none."""
    total = share.sum()
    if len(share) < COMPARED or not np.isfinite(total) or total <= 0:
        return np.empty(0, np.int64)
    order = np.argsort(-share, kind="stable")
    for m in range(1, ROGUE + 1):
        if share[order[:m]].sum() > HALF * total and share[order[m - 1]] >= STEP * share[order[m]]:
            return order[:m]
    return np.empty(0, np.int64)
