"""What each CUDA kernel must return, bit for bit: the same steps in NumPy, rounded where the kernel rounds.

NumPy has no fused multiply-add, so it is made from error-free sums and products with one rounding to odd (Boldo and
Melquiond 2008, "Emulation of a FMA and correctly rounded sums", algorithm Fma; Dekker 1971 and Knuth 1997 for the
error-free parts). That holds while products are 0 or in 2^-960 .. 2^1000, which rows in a frame's scale keep.
Decides nothing: tests and an engine's own proof on a device compare with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.types import Array, Floats, Ints

LANES = 32
BLOCK_ROWS = 256
LARGEST_HALF = 65504.0
SPLITTER = 2.0**27 + 1


@dataclass(frozen=True)
class Prepared:
    """Rows (n, stride) float16, squared norms (n,) and outward residual norms (n,) in float64."""

    rows: Array
    sq_norms: Floats
    deltas: Floats


@dataclass(frozen=True)
class Candidates:
    """Query rows (n,) int64, candidate rows (n, c) int64 with -1 for empty, bound (n,) on the squared distances."""

    query_row: Ints
    candidate: Ints
    bound: Floats


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Rounded sum and what it lost."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Rounded product and what it lost."""
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    product = a * b
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _split(a: Floats) -> tuple[Floats, Floats]:
    wide = SPLITTER * a
    high = wide - (wide - a)
    return high, a - high


def add_up(a: Floats, b: Floats) -> Floats:
    """a + b rounded toward +infinity."""
    total, lost = two_sum(a, b)
    return np.where(lost > 0, np.nextafter(total, np.inf), total)


def fma(a: Floats, b: Floats, c: Floats, *, up: bool = False) -> Floats:
    """a b + c rounded once, to nearest or toward +infinity."""
    high, low = two_product(a, b)
    rest, rest_low = two_sum(c, low)
    top, top_low = two_sum(high, rest)
    odd = _sum_to_odd(rest_low, top_low)
    return add_up(top, odd) if up else top + odd


def _sum_to_odd(a: Floats, b: Floats) -> Floats:
    total, lost = two_sum(a, b)
    total, lost = np.broadcast_arrays(np.asarray(total, np.float64), lost)
    even = (np.ascontiguousarray(total).view(np.int64) & 1) == 0
    return np.where((lost != 0) & even, np.nextafter(total, np.copysign(np.inf, lost)), total)


def sum_of_squares(values: Floats, *, up: bool = False) -> Floats:
    """(...,) sums over the last axis of `values` (..., d) in the kernels' order: 32 strided lanes, folded in halves."""
    *rows, d = values.shape
    steps = -(-d // LANES)
    padded = np.zeros((*rows, steps * LANES))
    padded[..., :d] = values
    lanes = np.zeros((*rows, LANES))
    for step in range(steps):
        term = padded[..., step * LANES : (step + 1) * LANES]
        lanes = fma(term, term, lanes, up=up)
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = add_up(lanes[..., :half], lanes[..., half:]) if up else lanes[..., :half] + lanes[..., half:]
    return lanes[..., 0]


def rescore(
    queries: Array, base: Array, candidates: Candidates, scale: float, k: int
) -> tuple[Floats, Ints, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """Squared distances (n, k), indices (n, k) and certificates (n,) of kernels/rescore.cu."""
    candidate = candidates.candidate
    empty = candidate < 0
    index = np.where(empty, np.iinfo(np.int64).max, candidate)
    rows = queries[candidates.query_row].astype(np.float64)
    gap = (rows[:, None, :] - base[np.where(empty, 0, candidate)].astype(np.float64)) * scale
    sq_dist = np.where(empty, np.inf, sum_of_squares(gap))
    order = np.lexsort((index, sq_dist), axis=1)[:, :k]
    sq_dist, index = np.take_along_axis(sq_dist, order, 1), np.take_along_axis(index, order, 1)
    missing = index == np.iinfo(np.int64).max
    last = np.where(missing[:, -1], 0.0, sq_dist[:, -1])
    certified = ~missing[:, -1] & (upper(last, base.shape[1]) <= candidates.bound)
    return sq_dist, np.where(missing, -1, index), certified.astype(np.uint8)


def upper(sq_dist: Floats, d: int) -> Floats:
    """What the true squared distance cannot exceed, given the computed one."""
    steps = -(-d // LANES) + 7
    return fma(sq_dist, np.asarray(1 + steps * 2.0**-52), np.asarray(d * 2.0**-1074), up=True)


def prepare_rows(points: Array, shift: Floats, scale: float, stride: int) -> Prepared:
    """Rounded rows, their squared norms and residual norms of kernels/prepare_rows.cu."""
    x, factor = points.astype(np.float64), np.asarray(scale)
    centred, lost = two_sum(x, np.broadcast_to(-shift, x.shape))
    kept = np.clip(centred * scale, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
    h = kept.astype(np.float64)
    gap = np.maximum(fma(centred, factor, -h, up=True), fma(-centred, factor, h, up=True))
    gap = fma(np.abs(lost), factor, gap, up=True)
    rows = np.zeros((len(points), stride), np.float16)
    rows[:, : points.shape[1]] = kept
    sq_gap = sum_of_squares(gap, up=True)
    root = np.sqrt(sq_gap)
    below = fma(root, root, -sq_gap) < 0
    return Prepared(rows, sum_of_squares(h), np.where(below, np.nextafter(root, np.inf), root))


def column_sums(points: Array) -> Floats:
    """(ceil(n / 256), d) sums over blocks of rows of kernels/column_sums.cu."""
    n, d = points.shape
    padded = np.zeros((-(-n // BLOCK_ROWS), BLOCK_ROWS, d))
    padded.reshape(-1, d)[:n] = points
    sums = np.zeros((len(padded), d))
    for row in range(BLOCK_ROWS):
        sums = sums + padded[:, row]
    return sums


def next_cut(coarse: Array, within: tuple[Floats, Floats], k: int, cut: float, keep: float) -> np.float32:
    """A row's next threshold by kernels/prune_queues.cu: coarse (c,) float32, within the (c,) slacks and deltas."""
    slack, delta = within
    most = np.maximum(fma(np.full(len(slack), 2.0), slack, coarse.astype(np.float64), up=True), 0.0)
    root = np.sqrt(most)
    root = np.where(fma(root, root, -most) < 0, np.nextafter(root, np.inf), root)
    dist = np.sort(_float32_up(add_up(root, delta)))[k - 1 : k].astype(np.float64)
    squared = fma(dist, dist, np.zeros(1), up=True)
    made: np.float32 = np.minimum(np.float32(cut), _float32_up(fma(squared, np.full(1, keep), np.zeros(1), up=True)))[0]
    return made


def covariance_sums(points: Array, mean: Floats) -> Floats:
    """(d, d) sums of products of centred columns of kernels/covariance.cu."""
    centred = points.astype(np.float64) - mean
    total = np.zeros((len(mean), len(mean)))
    for first in range(0, len(points), LANES):
        part = np.zeros_like(total)
        for row in centred[first : first + LANES]:
            part = fma(row[:, None], row[None, :], part)
        total = total + part
    return total


def _float32_up(values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    nearest = values.astype(np.float32)
    return np.where(nearest < values, np.nextafter(nearest, np.float32(np.inf)), nearest)
