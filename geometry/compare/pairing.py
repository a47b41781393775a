"""Which row belongs to which, and what a statistic of paired rows is worth: its error and its value by chance.

Rows are paired by ids where both sets have them, else by position where the caller says so (`paired=True`); nothing is
paired by guess. Errors come from subsamples of the pairs without replacement (Politis, Romano and Wolf 1999), the value
by chance from pairs shuffled at random: what two sets with these spectra and this many rows share when no row of one
knows its row of the other. Both sets may live in spaces of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from geometry.errors import InputError, UnpairedError
from geometry.estimates import measured, undefined
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.pairs.spread import has_spread
from geometry.types import Estimate, Floats, Ints

DRAWS = 16
SHUFFLES = 8
SUBSAMPLE = 2000  # most pairs of a subsample
Value = Callable[[Floats, Floats], float]  # of paired rows (n, p) and (n, q)


def pairs_of(scan: Scan, reference: Scan, by_position: bool, name: str) -> tuple[Scan, Scan]:
    """Scans of the rows that both sets have, in one order; the sets themselves where all rows are paired as they stand.

    Raises UnpairedError where nothing says which rows belong together, or ids repeat.
    """
    key = ("paired", id(reference), by_position)
    if key not in scan.memo:
        scan.memo[key] = (reference, _paired(scan, reference, by_position, name))
    sets: tuple[Scan, Scan] = scan.memo[key][1]
    return sets


def _paired(scan: Scan, reference: Scan, by_position: bool, name: str) -> tuple[Scan, Scan]:
    if scan.ids is not None and reference.ids is not None:
        mine, theirs = common(np.asarray(scan.ids), np.asarray(reference.ids), name)
        return _of_rows(scan, mine), _of_rows(reference, theirs)
    if not by_position:
        raise UnpairedError(
            f"{name} compares rows that belong together; give both sets ids (ids=, reference_ids=), or say paired=True "
            "where row i of both is the same item"
        )
    if scan.n != reference.n:
        raise UnpairedError(f"{name} with paired=True needs as many rows in both sets, not {scan.n} and {reference.n}")
    return scan, reference


def common(ids: Any, reference_ids: Any, name: str) -> tuple[Ints, Ints]:
    """Row numbers in both sets of the ids that both have, in the order of the first."""
    for which, values in (("ids", ids), ("reference_ids", reference_ids)):
        if len(np.unique(values)) < len(values):
            raise UnpairedError(f"{name}: {which} repeat, so that rows cannot be paired by them; make them unique")
    _, mine, theirs = np.intersect1d(ids, reference_ids, assume_unique=True, return_indices=True)
    if len(mine) == 0:
        raise UnpairedError(f"{name}: the two sets have no id in common; rows cannot be paired")
    order = np.argsort(mine)
    return mine[order], theirs[order]


def _of_rows(scan: Scan, rows: Ints) -> Scan:
    whole = len(rows) == scan.n and bool(np.array_equal(rows, np.arange(scan.n)))
    return scan if whole else scan.of_rows(rows)


def require_one_space(scan: Scan, reference: Scan, name: str) -> None:
    """InputError where rows of the two sets cannot be subtracted from each other."""
    if scan.d != reference.d:
        raise InputError(f"{name}: x has {scan.d} dimensions, y has {reference.d}; displacements need one space")


def similarity(name: str, sets: tuple[Scan, Scan], value: Value, *, seed: int, **fields: Any) -> Estimate:
    """A statistic of centred paired rows of any scale and rotation, with its error and its value by chance.

    fields: further fields of the estimate; `null` where it is known, else the mean over shuffled pairs. Undefined with
    fewer than 8 pairs, a set without spread, or more than 4096 dimensions and rows.
    """
    fields = {"n": sets[0].n, "d": sets[0].d, **fields}
    if sets[0].n < 8:
        return undefined(name, "few-rows", **_plain(fields))
    if not (has_spread(sets[0]) and has_spread(sets[1])):
        return undefined(name, "no-spread", **_plain(fields))
    if max(min(one.n, one.d) for one in sets) > MOST_COVARIANCE:
        return undefined(name, "too-many-dimensions", **_plain(fields))
    x, y = (coordinates(one) for one in sets)
    chance = [value(x, y[order]) for order in _shuffles(len(x), seed)]
    fields.setdefault("null", float(np.mean(chance)))
    made, spread = value(x, y), float(np.std(chance, ddof=1))
    if not np.isfinite([made, fields["null"]]).all():
        return undefined(name, "no-structure", **_plain(fields))
    fields["z"] = (made - fields["null"]) / spread if spread > 0 else None
    return measured(name, made, stderr=subsample_error(x, y, value, seed), method="subsampling", **fields)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: fields[key] for key in ("n", "d", "k", "variant") if key in fields}


def coordinates(scan: Scan) -> Floats:
    """(n, min(n, d)) centred rows of rms length 1 in orthonormal coordinates of their own span where n < d."""
    rows: Floats = scan.points.astype(np.float64)
    rows -= scan.spectrum.mean
    rows /= np.abs(rows).max()
    rows /= np.sqrt((rows**2).sum() / len(rows))
    return rows if rows.shape[1] <= len(rows) else rows @ np.linalg.qr(rows.T)[0]


def subsample_error(x: Floats, y: Floats, value: Value, seed: int) -> float:
    """Standard error: spread over subsamples of a fraction f of the pairs, times sqrt(f / (1 - f))."""
    fraction = min(0.5, SUBSAMPLE / len(x))
    size, rng = int(fraction * len(x)), np.random.default_rng(seed)
    chosen = [rng.permutation(len(x))[:size] for _ in range(DRAWS)]
    values = [value(centred(x[rows]), centred(y[rows])) for rows in chosen]
    return float(np.std(values, ddof=1) * np.sqrt(fraction / (1 - fraction)))


def centred(rows: Floats) -> Floats:
    """Rows less their mean."""
    moved: Floats = rows - rows.mean(axis=0)
    return moved


def _shuffles(n: int, seed: int) -> list[Ints]:
    rng = np.random.default_rng([seed, 1])
    return [rng.permutation(n) for _ in range(SHUFFLES)]
