"""One pass over the rows of a set in blocks: what a check of hygiene needs of every row, and of every column.

Kept per row: its norm (NaN where a value is not finite), a digest of its bytes, and its coordinates along up to eight
seeded random directions about the mean of the first block: 48 bytes, whatever the number of dimensions. A fixed
difference of two rows shows along such a direction as a normal deviate of size |difference| / sqrt(d), which is what
`geometry.sources.near_copies` searches by. Kept per column: range, sum and sum of squares over the finite rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.sources.checks import row_blocks
from geometry.types import Array, Floats

DIRECTIONS = 8
SEED = 0


@dataclass(frozen=True)
class Sweep:
    """Of rows: norms (n,) float64, digests (n,) uint64, nan and infinite (n,) bool, shadows (n, up to 8) float32.

    Of columns, over finite rows: low, high (d,); variance (d,) with ddof 0; square (d,) mean square about zero. Of
    values: how many are saturated and subnormal, and the largest magnitude.
    """

    norms: Floats
    digests: Array
    nan: NDArray[np.bool_]
    infinite: NDArray[np.bool_]
    shadows: Array
    low: Floats
    high: Floats
    variance: Floats
    square: Floats
    saturated: int
    subnormal: int
    largest: float


@dataclass(frozen=True)
class _Part:
    """A block's share of the sweep; sums are about the shift."""

    rows: tuple[Array, ...]  # norms, digests, nan, infinite, shadows
    low: Floats
    high: Floats
    first: Floats
    second: Floats
    saturated: int
    subnormal: int
    largest: float


def sweep(rows: Array) -> Sweep:
    """The pass over rows (n, d) of a float dtype, n and d at least 1."""
    d = rows.shape[1]
    shift = _shift(rows)
    directions = np.linalg.qr(np.random.default_rng(SEED).standard_normal((d, min(d, DIRECTIONS))))[0]
    parts = [_part(np.asarray(rows[block]), shift, directions) for block in row_blocks(rows)]
    norms, digests, nan, infinite, shadows = (np.concatenate(one) for one in zip(*(p.rows for p in parts), strict=True))
    good = max(int(np.sum(~np.isnan(norms))), 1)
    with np.errstate(over="ignore", invalid="ignore"):  # squares of 1e300: what is not finite dominates nothing
        mean = np.sum([part.first for part in parts], axis=0) / good
        second = np.sum([part.second for part in parts], axis=0) / good
        variance, square = np.maximum(second - mean**2, 0), second + 2 * mean * shift + shift**2
    return Sweep(
        norms, digests, nan, infinite, shadows,
        low=np.min([part.low for part in parts], axis=0),
        high=np.max([part.high for part in parts], axis=0),
        variance=variance,
        square=square,
        saturated=sum(part.saturated for part in parts),
        subnormal=sum(part.subnormal for part in parts),
        largest=max(part.largest for part in parts),
    )  # fmt: skip


def row_norms(values: Floats) -> Floats:
    """(n,) lengths of rows; no square overflows."""
    scale = np.abs(values).max(axis=1, keepdims=True, initial=0)
    norms: Floats = np.linalg.norm(values / np.where(scale > 0, scale, 1), axis=1) * scale[:, 0]
    return norms


def _shift(rows: Array) -> Floats:
    """Mean of the finite rows of the first block: near enough to the mean for sums not to cancel."""
    first = np.asarray(rows[next(row_blocks(rows))], np.float64)
    good = first[np.isfinite(first).all(axis=1)]
    with np.errstate(over="ignore"):
        mean: Floats = good.mean(axis=0) if len(good) else np.zeros(rows.shape[1])
    return np.where(np.isfinite(mean), mean, 0.0)


def _part(block: Array, shift: Floats, directions: Floats) -> _Part:
    from geometry.pairs.cpu.digests import row_digests

    values = block.astype(np.float64)
    nan, infinite = (np.asarray(odd.any(axis=1)) for odd in (np.isnan(values), np.isinf(values)))
    good = ~(nan | infinite)
    finite = values[good]
    norms, shadows = np.full(len(values), np.nan), np.full((len(values), directions.shape[1]), np.nan, np.float32)
    norms[good] = row_norms(finite)
    magnitude, limit = np.abs(block[good]), np.finfo(block.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        centred = finite - shift
        shadows[good] = centred @ directions
        second = np.sum(centred**2, axis=0)
    return _Part(
        rows=(norms, row_digests(block), nan, infinite, shadows),
        low=finite.min(axis=0, initial=np.inf),
        high=finite.max(axis=0, initial=-np.inf),
        first=centred.sum(axis=0),
        second=second,
        saturated=int(np.sum(magnitude >= limit.max)),
        subnormal=int(np.sum((magnitude > 0) & (magnitude < limit.tiny))),
        largest=float(magnitude.max(initial=0)),
    )
