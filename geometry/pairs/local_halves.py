"""The error of means over neighbourhoods: the same neighbourhoods with a random half of the rows taken away.

A half keeps, of each row in it, those of the k neighbours that belong to it: k / 2 or so, at the same scale. The spread
of a mean of local values over halves estimates its error over the whole, as in `geometry.pairs.subsample`; no wider
table is needed. Right where rows add up; what lies in pairs and triples of neighbours alone varies more in halves than
its share, so that the error may come out too large, by up to two and a half times at k = 20. At most ROWS rows (or
10 n / k, if more) stand for all in each half: their neighbourhoods overlap enough for that. How much rows differ
from one another is not read from the halves, but added as the variance of their means over n.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from geometry.pairs.local import Places, made_once
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import DRAWS, halves
from geometry.pairs.sums import sample_rows
from geometry.types import Array, Floats, Ints

ROWS = 1000


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
    found = made_once(scan, kind, ("half", k), lambda: chosen.places)
    values = per_row(found)
    weights = np.ones(len(values)) if weight is None else weight(found)
    known = np.isfinite(values) & (weights > 0)
    if not known.any():
        return float("nan")
    whole = np.average(values[known], weights=weights[known])
    pull = weights[known] * (values[known] - whole) / weights[known].mean()
    return _spread(pull, chosen.draw[known], chosen.places.rows[known], scan.n)


def _spread(pull: Floats, draw: Ints, row: Ints, n: int) -> float:
    """Root of Var(mean of what a row's neighbours change) + Var(rows) / n; pull (m,) is each row's in each half.

    A row's own mean over its halves is taken out of the first, lest the few rows that stand for all count as all, and
    comes back as the second.
    """
    halves_of = np.bincount(row, minlength=n)
    mean = np.bincount(row, pull, minlength=n) / np.maximum(halves_of, 1)
    seen = halves_of[row] > 1
    share = np.bincount(draw[seen], minlength=DRAWS)
    if (share == 0).any():
        return float("nan")
    own = (pull - mean[row]) * np.sqrt(halves_of[row] / np.maximum(halves_of[row] - 1, 1))
    moved = np.bincount(draw[seen], own[seen], minlength=DRAWS) / share
    return float(np.sqrt(np.var(moved, ddof=1) + np.var(mean[halves_of > 1]) / n))


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
