"""Encoders that differ by a rotation: every set turned onto the first by orthogonal Procrustes on matched rows.

The orthogonal Q that brings the centred rows X Q closest to the first set's centred rows Y is U V', U S V' the singular
value decomposition of X'Y (Schonemann 1966); Q includes reflections. Rows are turned about the origin, x -> x Q, and
never scaled: norms, radii, spectra and all that is true of one set alone stay as they are, and a drift of the centroid
remains where there is one. The residual is the share of variance that rotation and scale leave unexplained, on rows
that Q was not fitted to (each half of the pairs by the rotation of the other): with fewer pairs than twice the
dimensions it is large even for congruent sets, since so few rows do not determine a rotation. A set that stays in its
files is matched in blocks (`geometry.projection.matched`) and turned row by row as it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from geometry.compare.pairing import centred, pairs_of
from geometry.errors import InputError, UnpairedError, UsageError
from geometry.pairs.scan import MOST_COVARIANCE, Scan
from geometry.pairs.stored import turn_rows
from geometry.projection.matched import halves_of
from geometry.types import Floats

Align = Literal["none", "ids", "rows"]
ALIGNMENTS: tuple[str, ...] = get_args(Align)
NO_IDS = (
    "set {position} or the one it is aligned to has no ids; give both ids, or match rows by position with align='rows' "
    "(--align rows)"
)
FEWEST = 4  # pairs below which no half is left to measure the residual on


def aligned(scans: Sequence[Scan], align: str, onto: int = 0) -> tuple[list[Scan], list[float]]:
    """Every set turned onto the one at position `onto`, and the residual of each: 0 congruent, 1 nothing agrees.

    align: "ids" matches rows by id, "rows" by position whatever ids they have, "none" leaves all as it is, without
    residuals. Raises UsageError for another word, UnpairedError where rows cannot be matched, InputError for unequal or
    more than 4,096 dimensions.
    """
    if align not in ALIGNMENTS:
        raise UsageError(f"align '{align}' is unknown; choose one of {', '.join(ALIGNMENTS)}")
    if align == "none":
        return list(scans), []
    made = [(scan, 0.0) if g == onto else _onto(scan, scans[onto], align, g) for g, scan in enumerate(scans)]
    return [scan for scan, _ in made], [left for _, left in made]


def _onto(scan: Scan, fixed: Scan, align: str, position: int) -> tuple[Scan, float]:
    if scan.d != fixed.d or fixed.d > MOST_COVARIANCE:
        raise InputError(
            f"set {position} has {scan.d} dimensions, the one it is aligned to {fixed.d}; alignment needs equal ones, "
            f"at most {MOST_COVARIANCE}"
        )
    if scan.whole is not None or fixed.whole is not None:
        return _onto_in_files(scan, fixed, align, position)
    x, y = (one.points.astype(np.float64) for one in _pairs(scan, fixed, align, position))
    return _turned(scan, rotation(x, y)), residual(x, y, scan.seed)


def _onto_in_files(scan: Scan, fixed: Scan, align: str, position: int) -> tuple[Scan, float]:
    """The same of sets of which one at least stays in its files: by sums over the matched rows of all of them."""
    if align == "ids" and (scan.ids is None or fixed.ids is None):
        raise UnpairedError(NO_IDS.format(position=position))
    first, second = halves_of(scan, fixed, align, f"set {position}")
    both = first.plus(second)
    parts = [(first, second), (second, first)] if both.n >= FEWEST and first.n and second.n else [(both, both)]
    crossed = sum(float((orthogonal(fitted.centred[0]) * held.centred[0]).sum()) for fitted, held in parts)
    size, other = (sum(sizes) for sizes in zip(*(held.centred[1:] for _, held in parts), strict=True))
    turn = orthogonal(both.centred[0])
    left = left_of(crossed, size, other)
    return (_turned(scan, turn) if scan.whole is None else scan.whole.turned(turn)), left


def _pairs(scan: Scan, fixed: Scan, align: str, position: int) -> tuple[Scan, Scan]:
    if align == "ids":
        if scan.ids is None or fixed.ids is None:
            raise UnpairedError(NO_IDS.format(position=position))
        return pairs_of(scan, fixed, False, "alignment")
    if scan.n != fixed.n:
        raise UnpairedError(
            f"set {position} has {scan.n} rows, the one it is aligned to {fixed.n}; rows matched by position must be "
            "as many rows, others are matched by ids with align='ids' (--align ids)"
        )
    return scan, fixed


def rotation(x: Floats, y: Floats) -> Floats:
    """(d, d) orthogonal matrix that brings rows x (n, d), once centred, closest to the centred rows y (n, d)."""
    return orthogonal(centred(x).T @ centred(y))


def orthogonal(
    cross: Floats,  # (d, d) x'y of centred rows
) -> Floats:
    """(d, d) orthogonal matrix that brings x closest to y."""
    left, _, right = np.linalg.svd(cross)
    turn: Floats = left @ right
    return turn


def residual(x: Floats, y: Floats, seed: int) -> float:
    """Share of variance left in matched rows x, y (n, d) by the rotation of other rows and the best scale, 0 to 1."""
    if len(x) < FEWEST:
        return _left(centred(x) @ rotation(x, y), centred(y))
    halves = np.array_split(np.random.default_rng(seed).permutation(len(x)), 2)
    turned = [centred(x[rows]) @ rotation(x[others], y[others]) for rows, others in (halves, halves[::-1])]
    return _left(np.concatenate(turned), np.concatenate([centred(y[rows]) for rows in halves]))


def _left(x: Floats, y: Floats) -> float:
    """1 - (tr x'y)^2 / (|x|^2 |y|^2): what the best scale of x leaves of y."""
    return left_of(float((x * y).sum()), float((x**2).sum()), float((y**2).sum()))


def left_of(crossed: float, size: float, other: float) -> float:
    """The same from tr x'y, |x|^2 and |y|^2."""
    if size == 0 or other == 0:
        return 0.0 if size == other else 1.0
    return float(np.clip(1 - max(crossed, 0.0) ** 2 / size / other, 0.0, 1.0))


def _turned(scan: Scan, turn: Floats) -> Scan:
    made = Scan(turn_rows(scan.points, turn), scan.executor, k=scan.k, seed=scan.seed, labels=scan.labels, ids=scan.ids)
    made.numbers = scan.numbers
    return made
