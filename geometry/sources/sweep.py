"""One pass over the rows of a set in blocks: what a check of hygiene needs of every row, and of every column.

Kept per row: its norm (NaN where a value is not finite), a digest of its bytes, and its coordinates along up to eight
seeded random directions about the mean of the first block: 48 bytes, whatever the number of dimensions. A fixed
difference of two rows shows along such a direction as a normal deviate of size |difference| / sqrt(d), which is what
`geometry.sources.near_copies` searches by. Kept per column: range, sum and sum of squares over the finite rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geometry.sources.checks import row_blocks
from geometry.types import Array, Floats

DIRECTIONS = 8
SEED = 0


@dataclass(frozen=True)
class End:
    """An extreme value, how often it stands there, and how many of these are not the first of their row."""

    value: float
    count: int = 0
    again: int = 0


@dataclass(frozen=True)
class Sweep:
    """Of rows: norms (n,) float64, digests (n,) uint64, nan and infinite (n,) bool, shadows (n, up to 8) float32.

    Of columns, over finite rows: low, high (d,); variance (d,) with ddof 0; square (d,) mean square about zero. Of
    values of finite rows: the ends of their range, how many are subnormal, the significant bits that they use, and
    whether all are whole numbers.
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
    bottom: End
    top: End
    subnormal: int
    bits: int
    whole: bool

    @property
    def largest(self) -> float:
        """The largest magnitude; 0 where no row is finite."""
        return max(-self.bottom.value, self.top.value, 0.0)


@dataclass(frozen=True)
class _Part:
    """A block's share of the sweep; sums are about the shift."""

    rows: tuple[Array, ...]  # norms, digests, nan, infinite, shadows
    low: Floats
    high: Floats
    first: Floats
    second: Floats
    bottom: End
    top: End
    subnormal: int
    used: int  # the bits of all values, or-ed
    whole: bool


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
        bottom=_joined(min, [part.bottom for part in parts]),
        top=_joined(max, [part.top for part in parts]),
        subnormal=sum(part.subnormal for part in parts),
        bits=_significant(rows.dtype, [part.used for part in parts]),
        whole=all(part.whole for part in parts),
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
    kept = block[good]
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
        bottom=_end(kept, kept.min(initial=np.inf)),
        top=_end(kept, kept.max(initial=-np.inf)),
        subnormal=int(np.sum((kept != 0) & (np.abs(kept) < np.finfo(kept.dtype).tiny))),
        used=int(np.bitwise_or.reduce(np.ascontiguousarray(kept).view(f"u{kept.itemsize}"), axis=None)),
        whole=bool(np.all(kept[:1] == np.rint(kept[:1]))) and bool(np.all(kept == np.rint(kept))),
    )


def _end(values: Array, value: Any) -> End:
    per_row = np.sum(values == value, axis=1)
    return End(float(value), int(per_row.sum()), int(np.sum(np.maximum(per_row - 1, 0))))


def _joined(extreme: Callable[..., float], ends: list[End]) -> End:
    value = extreme(end.value for end in ends)
    same = [end for end in ends if end.value == value]
    return End(value, sum(end.count for end in same), sum(end.again for end in same))


def _significant(dtype: Any, used: list[int]) -> int:
    """Bits of the significand, the leading one included, down to the last that any value uses."""
    fraction = int(np.finfo(dtype).nmant)
    bits = int(np.bitwise_or.reduce(np.array(used, np.uint64))) & ((1 << fraction) - 1)
    return 1 + fraction - ((bits & -bits).bit_length() - 1) if bits else 1
