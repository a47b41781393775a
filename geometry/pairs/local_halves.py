"""The error of means over neighbourhoods: the same neighbourhoods with a random half of the rows taken away.

A half keeps, of each row in it, those of the k neighbours that belong to it: k / 2 or so, at the same scale. The spread
of a mean of local values over halves estimates its error over the whole, as in `geometry.pairs.subsample`; no wider
table is needed. Right where rows add up; what lies in pairs and triples of neighbours alone varies more in halves than
its share, so that the error may come out too large, by up to two and a half times at k = 20. At most ROWS rows (or
10 n / k, if more) stand for all in each half: their neighbourhoods still overlap enough that this adds little of its
own to the spread, and what it adds is on the safe side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from geometry.pairs.local import Places, reflections_of, spectra_of, sums_of
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import DRAWS, halves
from geometry.pairs.sums import sample_rows
from geometry.types import Array, Floats, Ints

ROWS = 2000
Made = TypeVar("Made")
MAKERS: dict[str, Callable[[Array, Places], Any]] = {
    "sums": sums_of,
    "reflections": reflections_of,
    "spectra": spectra_of,
}


@dataclass(frozen=True)
class Halves:
    """Neighbourhoods within random halves: draw (m,) the half each belongs to, and where they are."""

    draw: Ints
    places: Places


def half_stderr(
    scan: Scan, k: int, kind: str, per_row: Callable[[Any], Floats], weight: Callable[[Any], Floats] | None = None
) -> float:
    """Standard error of the mean of per_row(summaries of `kind`: sums, reflections or spectra), NaN for few rows.

    per_row returns (m,) values, NaN where a neighbourhood has none; weight their (m,) weights in the mean.
    Needs n >= 4 k, as every half must hold many neighbourhoods; k falls to the neighbours there are.
    """
    k = min(k, scan.most_neighbors)
    if scan.n < 4 * k:
        return float("nan")
    chosen = half_places(scan, k)
    if ("half", kind, k) not in scan.memo:
        scan.memo["half", kind, k] = MAKERS[kind](scan.rows, chosen.places)
    values = per_row(scan.memo["half", kind, k])
    weights = np.ones(len(values)) if weight is None else weight(scan.memo["half", kind, k])
    known = np.isfinite(values)
    whole = np.bincount(chosen.draw[known], weights[known], minlength=DRAWS)
    if (whole <= 0).any():
        return float("nan")
    means = np.bincount(chosen.draw[known], (weights * values)[known], minlength=DRAWS) / whole
    return float(np.std(means, ddof=1))


def half_places(scan: Scan, k: int) -> Halves:
    """The halves of a scan's neighbourhoods of k, made once."""
    if ("half places", k) not in scan.memo:
        index = scan.neighbors(k).index
        rows = sample_rows(scan.n, min(scan.n, max(ROWS, 10 * scan.n // k)), scan.seed)
        parts = [_within(index, rows[keep[rows]], keep) for keep in halves(scan.n, DRAWS, scan.seed)]
        draw = np.repeat(np.arange(DRAWS), [len(part.rows) for part in parts])
        names = [field.name for field in fields(Places)]
        rows, near, count = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        scan.memo["half places", k] = Halves(draw, Places(rows, near[:, : max(int(count.max()), 1)], count))
    made: Halves = scan.memo["half places", k]
    return made


def _within(index: Ints, rows: Ints, keep: Array) -> Places:
    """Of each row the neighbours that are kept, in their order, padded with the row itself to the same width."""
    inside = keep[index[rows]]
    count = inside.sum(axis=1)
    order = np.argsort(~inside, axis=1, kind="stable")
    near = np.take_along_axis(index[rows], order, axis=1)
    near = np.where(np.arange(order.shape[1]) < count[:, None], near, rows[:, None])
    return Places(rows, near, count)
