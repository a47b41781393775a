"""The error of means over neighbourhoods: the same neighbourhoods with a random half of the rows taken away.

A half keeps, of each row in it, those of the k neighbours that belong to it: k / 2 or so, at the same scale. The spread
of a mean of local values over halves estimates its error over the whole, as in `geometry.pairs.subsample`; no wider
table is needed. Right where rows add up; what lies in pairs and triples of neighbours alone varies more in halves than
its share, so that the error may come out too large, by up to two and a half times at k = 20. At most ROWS rows (or
10 n / k, if more) stand for all in each half: their neighbourhoods overlap enough for that. How much rows differ
from one another is not read from the halves, but added as the variance of their means over n. Sampled rows of a set
that stays in its files all stand for themselves: their neighbourhoods hardly overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from geometry.pairs.gathered import gathered
from geometry.pairs.local import Places, made, made_once
from geometry.pairs.scan import Scan
from geometry.pairs.subsample import DRAWS, half_masks, halves, named
from geometry.pairs.sums import sample_rows
from geometry.types import Array, Floats, Ints, Neighbors

ROWS = 1000


@dataclass(frozen=True)
class Halves:
    """Neighbourhoods within random halves: draw (m,) the half each belongs to, row (m,) its row, and where they are."""

    draw: Ints
    row: Ints
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
    parts = []
    for chosen, found in _in_halves(scan, k, kind):
        values = per_row(found)
        weights = np.ones(len(values)) if weight is None else weight(found)
        known = np.isfinite(values) & (weights > 0)
        parts.append((values[known], weights[known], chosen.draw[known], chosen.row[known]))
    values, weights, draw, row = (np.concatenate(one) for one in zip(*parts, strict=True))
    if not len(values):
        return float("nan")
    pull = weights * (values - np.average(values, weights=weights)) / weights.mean()
    return _spread(pull, draw, row, scan.n)


def _in_halves(scan: Scan, k: int, kind: str) -> Iterator[tuple[Halves, Any]]:
    """The neighbourhoods within halves and what is made of them: kept, or, of a set in its files, part by part."""
    if scan.base is None:
        chosen = half_places(scan, k)
        yield chosen, made_once(scan, kind, ("half", k), lambda: made(scan.executor, scan.rows, chosen.places, kind))
        return
    known = named(scan.neighbors(k))
    masks = half_masks(len(known), scan.seed)
    for part in gathered(scan, k):
        rows, at = np.arange(len(part.table.index)), np.searchsorted(known, part.numbers)
        chosen = _joined([_within(part.table, rows, mask[at]) for mask in masks], part.cut.start)
        yield chosen, made(scan.executor, part.points, chosen.places, kind)[kind]


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
        table = scan.neighbors(k)
        rows = sample_rows(scan.n, min(scan.n, max(ROWS, 10 * scan.n // k)), scan.seed)
        parts = [_within(table, rows, keep) for keep in halves(scan.n, DRAWS, scan.seed)]
        scan.memo["half places", k] = _joined(parts, 0)
    found: Halves = scan.memo["half places", k]
    return found


def _joined(parts: list[tuple[Ints, Places]], start: int) -> Halves:
    """The rows, counted from `start`, and the places of every half."""
    draw = np.repeat(np.arange(DRAWS), [len(rows) for rows, _ in parts])
    names = [field.name for field in fields(Places)]
    own, near, count = (np.concatenate([getattr(places, name) for _, places in parts]) for name in names)
    width = max(int(count.max(initial=0)), 1)
    return Halves(draw, start + np.concatenate([rows for rows, _ in parts]), Places(own, near[:, :width], count))


def _within(table: Neighbors, rows: Ints, keep: Array) -> tuple[Ints, Places]:
    """Those of `rows` of a table that are kept, and of each the neighbours that are, in order, padded with itself.

    keep: a mask of the points that the table's numbers name.
    """
    own, index = table.numbers, table.index
    rows = rows[keep[own[rows]]]
    inside = keep[index[rows]]
    count = inside.sum(axis=1)
    order = np.argsort(~inside, axis=1, kind="stable")
    near = np.take_along_axis(index[rows], order, axis=1)
    near = np.where(np.arange(order.shape[1]) < count[:, None], near, own[rows][:, None])
    return rows, Places(own[rows], near, count)
