"""Unit rows and their cosine matrix, in the smaller of its two forms: V'V/n (d, d) or V V'/n (n, n).

Both have the same non-zero eigenvalues, which sum to 1. V holds the raw rows v_i = x_i / |x_i|, or with center=True the
directions u_i from the mean. Rows of zero length have no direction and are left out. Float64 in blocks; beyond
MOST_COVARIANCE dimensions at most so many rows, a seeded sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.pairs.frame import ROWS
from geometry.pairs.plan import blocks
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.types import Array, Floats

ERROR_ROWS = 500  # rows whose influence is measured: the error is then good to a few per cent


def units(block: Floats, lengths: Floats) -> Floats:
    """Rows (b, d) over their lengths (b,); a row of zero length stays zero."""
    return np.divide(block, lengths[:, None], out=np.zeros_like(block), where=lengths[:, None] > 0)


def unit_blocks(points: Array, centre: Floats | None = None) -> Iterator[Floats]:
    """The unit rows, block by block, those without direction left out; about `centre` (d,) where it is given.

    A row nearer to the centre than the rounding of a mean has no direction from it.
    """
    floor = 0.0 if centre is None else _rounding(centre)
    for where in blocks(len(points), ROWS):
        block = points[where].astype(np.float64)
        if centre is not None:
            block -= centre
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        seen = lengths > floor
        if not seen.all():
            block, lengths = block[seen], lengths[seen]
        block /= lengths[:, None]
        yield block


def _rounding(centre: Floats) -> float:
    """Length below which a row about a mean is rounding of that mean."""
    return ROWS * float(np.finfo(np.float64).eps * np.linalg.norm(centre))


@dataclass(frozen=True)
class Cosines:
    """n rows with a direction, all or sampled. matrix: V'V/n where `dual`, else V V'/n; mean (d,) of the unit rows."""

    points: Array
    centre: Floats | None
    n: int
    exact: bool
    dual: bool
    matrix: Floats
    mean: Floats

    @property
    def square(self) -> float:
        """Mean squared cosine over all n^2 pairs, |K/n|_F^2."""
        return float((self.matrix**2).sum())

    def squares(self) -> Floats:
        """(q,) mean squared cosine of each of `some` rows with all rows, itself among them."""
        if not self.dual:
            made: Floats = self.n * (self.matrix**2).sum(axis=1)
            return made
        rows = self.some()
        product: Floats = ((rows @ self.matrix) * rows).sum(axis=1)
        return product

    def some(self) -> Floats:
        """(q, d) unit rows for errors: evenly spaced, at most ERROR_ROWS of the set's."""
        return np.concatenate(list(unit_blocks(self.points[:: -(-len(self.points) // ERROR_ROWS)], self.centre)))


def cosines(scan: Scan, *, center: bool = False) -> Cosines:
    """The cosine matrix of a scan, made once."""
    if ("cosines", center) not in scan.memo:
        scan.memo["cosines", center] = _cosines(scan, center)
    made: Cosines = scan.memo["cosines", center]
    return made


def _cosines(scan: Scan, center: bool) -> Cosines:
    from geometry.pairs.cpu.self_product import self_product

    part = scan if scan.d <= MOST_COVARIANCE else scan.at_most(MOST_COVARIANCE)
    points, d = part.rows, part.d
    centre = part.spectrum.mean if center else None
    total, dual = np.zeros(d), len(points) > d
    matrix, kept = np.zeros((d, d)) if dual else np.empty((0, 0)), [np.empty((0, d))]
    n = 0
    for rows in unit_blocks(points, centre):
        n += len(rows)
        total += rows.sum(axis=0)
        if dual:
            matrix += self_product(rows)
        else:
            kept.append(rows)
    if not dual:
        whole = np.concatenate(kept)
        matrix = whole @ whole.T
    return Cosines(points, centre, n, part.n == scan.n, dual, matrix / max(n, 1), total / max(n, 1))


def directions(scan: Scan, *, center: bool) -> tuple[Floats, NDArray[np.bool_]]:
    """(n, d) unit rows, zero where a row has no direction, and (n,) whether it has one."""
    centre = scan.spectrum.mean if center else np.zeros(scan.d)
    rows = scan.rows.astype(np.float64) - centre
    lengths = np.linalg.norm(rows, axis=1)
    seen = lengths > (_rounding(centre) if center else 0.0)
    return units(rows, np.where(seen, lengths, 0.0)), seen
