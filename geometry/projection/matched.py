"""Rotations of sets that do not fit into memory: sums over matched rows, block by block, and nothing else of them.

The rotation and what it leaves (`geometry.projection.alignment`) depend on matched rows x, y through n, their means,
sum x'y and the sums of squares: found in one pass over both sets, in float64 about the mean of the first block, for
each of two seeded random halves of the pairs, so that the residual is that of rows a rotation was not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.compare.pairing import common
from geometry.errors import UnpairedError
from geometry.pairs.plan import blocks
from geometry.pairs.scan import Scan
from geometry.types import Array, Floats, Ints

BLOCK_BYTES = 8 << 20  # of the matched rows of one set looked at together, in float64


@dataclass(frozen=True)
class Matched:
    """Sums over n matched rows about a shift: x, y (d,), cross (d, d) of x'y, and squares of x and of y."""

    n: int
    x: Floats
    y: Floats
    cross: Floats
    sq_x: float
    sq_y: float

    def plus(self, other: Matched) -> Matched:
        """Of both."""
        return Matched(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def centred(self) -> tuple[Floats, float, float]:
        """x'y (d, d), x'x and y'y of the centred rows."""
        n = max(self.n, 1)
        sq_x, sq_y = self.sq_x - float(self.x @ self.x) / n, self.sq_y - float(self.y @ self.y) / n
        return self.cross - np.outer(self.x, self.y) / n, max(sq_x, 0.0), max(sq_y, 0.0)


def halves_of(scan: Scan, fixed: Scan, align: str, what: str) -> tuple[Matched, Matched]:
    """The sums over each half of the rows that two sets share, by ids or by position, in files or not.

    Raises UnpairedError where rows cannot be matched.
    """
    mine, theirs = _numbers(scan, fixed, align, what)
    first, second = _rows(scan), _rows(fixed)
    size, rng = max(BLOCK_BYTES // (8 * scan.d), 1), np.random.default_rng(scan.seed)
    found: list[Matched] = []
    shift: tuple[Floats, Floats] | None = None
    for part in blocks(len(mine), size):
        x, y = (rows[numbers[part]].astype(np.float64) for rows, numbers in ((first, mine), (second, theirs)))
        shift = (x.mean(axis=0), y.mean(axis=0)) if shift is None else shift
        x, y = x - shift[0], y - shift[1]
        in_first = rng.random(len(x)) < 0.5
        parts = [_sums(x[half], y[half]) for half in (in_first, ~in_first)]
        found = parts if not found else [one.plus(more) for one, more in zip(found, parts, strict=True)]
    return found[0], found[1]


def _sums(x: Floats, y: Floats) -> Matched:
    return Matched(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ y, float((x**2).sum()), float((y**2).sum()))


def _rows(scan: Scan) -> Array:
    """All rows of a set; those in files are read as they are asked for."""
    return scan.points if scan.whole is None else scan.whole.stored  # type: ignore[return-value]


def _numbers(scan: Scan, fixed: Scan, align: str, what: str) -> tuple[Ints, Ints]:
    """Row numbers in both sets of the rows that belong together."""
    if align == "rows":
        sizes = [len(_rows(one)) for one in (scan, fixed)]
        if sizes[0] != sizes[1]:
            raise UnpairedError(f"{what} has {sizes[0]} rows, the one it is aligned to {sizes[1]}")
        return np.arange(sizes[0]), np.arange(sizes[0])
    ids, others = (np.asarray(one.ids if one.whole is None else one.whole.ids) for one in (scan, fixed))
    return common(ids, others, "alignment")
