"""Persistent homology of small pieces of a view: Vietoris-Rips, by ripser (Bauer 2021).

A class of degree h (1 a loop, 2 an empty inside) is born at one distance between rows and dies at a larger one; its
persistence is the difference. Values are means over pieces that share no row, and their error is that between pieces:
persistence is not root-n, and grows with the rows of a piece, whose number is therefore fixed. Null: pieces of as many
rows of an isotropic Gaussian of the view's dimension, which is filled and has no loop; of one piece alone z is the
distance from its draws in their standard deviations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from geometry.estimates import measured, undefined
from geometry.pairs.scan import Scan
from geometry.pairs.spread import has_spread
from geometry.types import Array, Estimate, Floats, Ints

PIECES = 4
NULL_PIECES = 8
PRIME = 47  # coefficients of cohomology: a cocycle over a small prime lifts to whole numbers


@dataclass(frozen=True)
class Bars:
    """Births and deaths (b, 2) of one degree, longest first; edges (e, 3) row, row, value of the first's cocycle."""

    intervals: Floats
    cocycle: Ints

    @property
    def longest(self) -> float:
        return float(self.intervals[0, 1] - self.intervals[0, 0]) if len(self.intervals) else 0.0


@dataclass(frozen=True)
class Filled:
    """Longest persistence of a filled piece: mean and standard deviation over draws."""

    mean: float
    spread: float


def installed() -> bool:
    """Whether ripser can be imported."""
    from importlib.util import find_spec

    return find_spec("ripser") is not None


def reason(scan: Scan, most: int) -> str:
    """Why there is no homology of a scan, or nothing; `most` is the highest degree asked."""
    if scan.n < most + 3:  # the least rows whose Rips complex has a class of that degree is more, but none is no error
        return "few-rows"
    if not has_spread(scan):
        return "no-spread"
    return "" if installed() else "needs-ripser"


def pieces(n: int, rows: int, seed: int) -> list[Ints]:
    """Row numbers of up to PIECES seeded pieces of `rows` rows without overlap, or of one piece of all rows."""
    order = np.random.default_rng(seed).permutation(n)
    count = min(max(n // rows, 1), PIECES)
    return [np.sort(order[i * rows : (i + 1) * rows]) for i in range(count)]


def bars(points: Floats, degree: int, *, cocycles: bool = False) -> list[Bars]:
    """Finite bars of degrees 1 to `degree` of rows (m, a), in their unit."""
    from ripser import ripser

    gap = points[:, None] - points[None]
    made = ripser(np.sqrt((gap**2).sum(axis=2)), distance_matrix=True, maxdim=degree, coeff=PRIME, do_cocycles=cocycles)
    out = []
    for h in range(1, degree + 1):
        intervals = np.asarray(made["dgms"][h], np.float64).reshape(-1, 2)
        finite = np.flatnonzero(np.isfinite(intervals).all(axis=1))
        order = finite[np.argsort(intervals[finite, 0] - intervals[finite, 1], kind="stable")]
        first = made["cocycles"][h][order[0]] if cocycles and len(order) else np.empty((0, 3))
        out.append(Bars(intervals[order], np.asarray(first, np.int64)))
    return out


@cache
def filled(rows: int, axes: int, degree: int) -> tuple[Filled, ...]:
    """Longest persistence per degree of Gaussian pieces in `axes` dimensions, in units of their rms radius."""
    values = []
    for number in range(NULL_PIECES):
        points = np.random.default_rng((number, rows, axes)).standard_normal((rows, axes))
        points /= np.sqrt((points**2).sum(axis=1).mean())
        values.append([one.longest for one in bars(points, degree)])
    return tuple(Filled(float(np.mean(of)), float(np.std(of, ddof=1))) for of in np.transpose(values))


def estimate(name: str, variant: str, found: list[Bars], null: Filled, scan: Scan, **fields: Any) -> Estimate:
    """Mean longest persistence over the pieces, with the diagram of the first in the profile."""
    values = np.array([one.longest for one in found])
    stderr = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    if stderr is None and null.spread > 0:
        fields["z"] = (float(values.mean()) - null.mean) / null.spread
    profile: dict[str, Array] = {"birth": found[0].intervals[:, 0], "death": found[0].intervals[:, 1]}
    return measured(
        name,
        float(values.mean()),
        variant=variant,
        stderr=stderr,
        method="pieces without overlap" if stderr is not None else "",
        null=null.mean,
        n=scan.n,
        d=scan.d,
        profile=profile,
        **fields,
    )


def nothing(name: str, variant: str, why: str, scan: Scan) -> Estimate:
    return undefined(name, why, variant=variant, n=scan.n, d=scan.d)
