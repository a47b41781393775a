"""Cosine moments, exponential sums and histograms on a device, by kernels/pair_sums.cu on rows split into two float16.

The formulas and what takes part are those of `geometry.pairs.sums`. Sums are whole numbers of a power of two, so no
batch, tile or schedule changes a digit of them. Two scans: rows about their mean (all of it), raw unit rows about the
mean of some of them (the exponential sum, whose terms do not depend on it but for the digits they keep).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import OutOfMemoryError
from geometry.pairs.cuda.column_mean import SUFFIXES, column_mean
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.phases import rows_at_once, tiles_of
from geometry.pairs.cuda.rows import Source, source_of, stride_of
from geometry.pairs.cuda.scans import SCAN_BYTES, SCAN_THREADS
from geometry.types import Array, Floats, Ints, PairSums

COSINE_EDGES = np.linspace(-1.0, 1.0, 201)
LOG2_BINS, LOG2_LOW, LOG2_HIGH = 1024, -48.0, 16.0
MORE_BYTES = 4 * (len(COSINE_EDGES) - 1 + LOG2_BINS)  # beyond those of a scan
BITS, MORE_BITS = 40, 22  # sums are whole numbers of 2^-BITS, or less by so much where terms are that small
MEAN_ROWS = 4096  # unit rows that the point raw unit rows stand about is the mean of
WARPS, THREADS = 4, 128


@dataclass(frozen=True)
class _Units:
    """Split unit rows of one side: units (n, 3 stride), squared norms and directions (n,) on the device."""

    n: int
    rows: Any
    sq_norms: Any
    directions: Any


@dataclass(frozen=True)
class _Centre:
    """What rows stand about: the mean of rows, or of raw unit rows; `scale` brings their largest number near 1."""

    at: Floats
    scale: float
    raw: bool


@dataclass(frozen=True)
class _Task:
    device: Device
    source: Source
    t: float
    budget: int


@dataclass(frozen=True)
class _Side:
    """All rows as columns, and the whole numbers that sums come in: of 2^-bits."""

    centre: _Centre
    units: _Units
    bits: int


@dataclass(frozen=True)
class _Totals:
    """Sums (3, s) of cos^2, cos^4, exp - 1 over the others with a direction, how many these are, and histograms."""

    sums: Floats
    others: int
    cosine_counts: Ints
    log2_counts: Ints


def pair_sums(device: Device, points: Array, rows: Ints, t: float, budget: int) -> PairSums:
    """Means over the pairs (row of `rows`, any other row); see `geometry.types.PairSums`. Raises OutOfMemoryError."""
    n, d = points.shape
    source = source_of(device, points)
    task = _Task(device, source, t, budget)
    mean = column_mean(device, source.buffer, n, d, points.dtype)
    scale = _scale(points, mean)
    sides = _side(task, _Centre(mean, scale, False)), _side(task, _raw_centre(points))
    directed = [device.get(side.units.directions) > 0 for side in sides]
    used = np.asarray(rows, np.int64)
    used = used[directed[0][used] & directed[1][used]]
    centred, raw = (
        _scan(task, side, used, max(int(has.sum()) - 1, 1)) for side, has in zip(sides, directed, strict=True)
    )
    means = [*(centred.sums[:2] / centred.others), *(1 + part.sums[2] / part.others for part in (raw, centred))]
    edges = np.linspace(LOG2_LOW, LOG2_HIGH, LOG2_BINS + 1) - 2 * float(np.log2(scale))
    histograms = COSINE_EDGES, centred.cosine_counts, edges, centred.log2_counts
    return PairSums(n, used, means[0], means[1], t, means[2], means[3], *histograms)


def _scale(points: Array, centre: Floats) -> float:
    """The power of two that brings the largest coordinate about `centre` near 1."""
    ends = points.max(axis=0).astype(np.float64) - centre, centre - points.min(axis=0).astype(np.float64)
    largest = float(np.max(ends, initial=0.0))
    return float(np.ldexp(1.0, int(np.clip(-np.frexp(largest)[1], -1000, 1000)))) if largest > 0 else 1.0


def _raw_centre(points: Array) -> _Centre:
    """The mean of the unit rows among at most MEAN_ROWS, evenly spaced."""
    scale = _scale(points, np.zeros(points.shape[1]))
    some = points[:: -(-len(points) // MEAN_ROWS)].astype(np.float64) * scale
    lengths = np.linalg.norm(some, axis=1, keepdims=True)
    units = np.divide(some, lengths, out=np.zeros_like(some), where=lengths > 0)
    return _Centre(units.sum(axis=0) / max(int((lengths > 0).sum()), 1), scale, True)


def _side(task: _Task, centre: _Centre) -> _Side:
    units = _units(task, np.arange(task.source.n), centre, right=True)
    bits = min(BITS, 62 - task.source.n.bit_length())  # so many terms of 1 still fit int64
    if not centre.raw:
        return _Side(centre, units, bits)
    most = 4 * task.t * float(task.device.get(units.sq_norms).max())  # no term is larger
    return _Side(centre, units, bits + int(np.clip(-np.log2(max(most, 1e-9)), 0, MORE_BITS)))


def _units(task: _Task, rows: Ints, centre: _Centre, *, right: bool) -> _Units:
    device, n, d, stride = task.device, len(rows), task.source.d, stride_of(task.source.d)
    units = device.empty((n, 3 * stride), np.float16)
    sq_norms, directions = device.empty((n,), np.float32), device.empty((n,), np.float32)
    arguments = [task.source.buffer, device.put(np.ascontiguousarray(rows, np.int64)), device.put(centre.at)]
    arguments += [np.float64(centre.scale), np.int32(centre.raw), np.int64(n), np.int32(d), np.int32(stride)]
    arguments += [np.int32(right), units, sq_norms, directions]
    device.launch("pair_sums.cu", f"unit_rows_{SUFFIXES[task.source.dtype]}", -(-n // WARPS), THREADS, arguments)
    return _Units(n, units, sq_norms, directions)


def _scan(task: _Task, side: _Side, rows: Ints, others: int) -> _Totals:
    """All batches of the rows, in halves where memory runs out."""
    sums = np.zeros((3, len(rows)))
    cosine_counts, log2_counts = np.zeros(len(COSINE_EDGES) - 1, np.int64), np.zeros(LOG2_BINS, np.int64)
    size = min(max(task.budget // (6 * stride_of(task.source.d) + 64), 1), rows_at_once(task.source.n))
    parts = [np.arange(len(rows))[first : first + size] for first in range(0, len(rows), size)]
    while parts:
        part = parts.pop(0)
        try:
            found = _scan_part(task, side, rows[part])
        except OutOfMemoryError:
            if len(part) == 1:
                raise
            parts[:0] = np.array_split(part, 2)
        else:
            sums[:, part] = np.ldexp(found[0].astype(np.float64), -side.bits)
            cosine_counts += found[1].astype(np.int64)
            log2_counts += found[2].astype(np.int64)
    return _Totals(sums, others, cosine_counts, log2_counts)


def _scan_part(task: _Task, side: _Side, rows: Ints) -> tuple[Array, Array, Array]:
    device, m, base = task.device, len(rows), side.units
    left = _units(task, rows, side.centre, right=False)
    sums = device.put(np.zeros((3, m), np.int64))
    bins = device.put(np.zeros(len(COSINE_EDGES) - 1, np.uint64)), device.put(np.zeros(LOG2_BINS, np.uint64))
    tiles = tiles_of(m), tiles_of(base.n)
    arguments = [left.rows, left.sq_norms, left.directions, device.put(np.ascontiguousarray(rows, np.int64))]
    arguments += [np.int64(m), np.int32(tiles[0]), base.rows, base.sq_norms, base.directions, np.int64(base.n)]
    arguments += [np.int32(tiles[1]), np.int32(3 * stride_of(task.source.d)), np.float32(task.t), np.int32(side.bits)]
    arguments += [np.int32(side.centre.raw), sums, *bins]
    device.launch("pair_sums.cu", "pair_sums", tiles[0] * tiles[1], SCAN_THREADS, arguments, SCAN_BYTES + MORE_BYTES)
    return device.get(sums), device.get(bins[0]), device.get(bins[1])
