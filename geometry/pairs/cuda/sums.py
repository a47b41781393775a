"""Cosine moments, exponential sums and histograms on a device, by kernels/pair_sums.cu on rows split into two float16.

The formulas and what takes part are those of `geometry.pairs.sums`. Sums are whole numbers of 2^-40, so no batch, tile
or schedule changes a digit of them. Two scans: centred unit rows (all of it), raw unit rows (the exponential sum).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import OutOfMemoryError
from geometry.pairs.cuda.column_mean import SUFFIXES, column_mean
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.phases import tiles_of
from geometry.pairs.cuda.rows import Source, source_of, stride_of
from geometry.pairs.cuda.scans import SCAN_BYTES, SCAN_THREADS
from geometry.types import Array, Floats, Ints, PairSums

COSINE_EDGES = np.linspace(-1.0, 1.0, 201)
LOG2_BINS, LOG2_LOW, LOG2_HIGH = 1024, -48.0, 16.0
MORE_BYTES = 4 * (len(COSINE_EDGES) - 1 + LOG2_BINS)  # beyond those of a scan
FIXED = 2.0**40
WARPS, THREADS = 4, 128


@dataclass(frozen=True)
class _Units:
    """Split unit rows of one side: units (n, 3 stride), squared norms and directions (n,) on the device."""

    n: int
    rows: Any
    sq_norms: Any
    directions: Any


_Side = tuple[Floats, _Units, bool]  # shift, right side, whether histograms are counted


@dataclass(frozen=True)
class _Task:
    device: Device
    source: Source
    scale: float
    t: float
    budget: int


@dataclass(frozen=True)
class _Totals:
    """Sums (3, s) of cos^2, cos^4, exp over the other rows with a direction, how many these are, and histograms."""

    sums: Floats
    others: int
    cosine_counts: Ints
    log2_counts: Ints


def pair_sums(device: Device, points: Array, rows: Ints, t: float, budget: int) -> PairSums:
    """Means over the pairs (row of `rows`, any other row); see `geometry.types.PairSums`. Raises OutOfMemoryError."""
    n, d = points.shape
    source = source_of(device, points)
    mean = column_mean(device, source.buffer, n, d, points.dtype)
    task = _Task(device, source, _scale(points, mean), t, budget)
    sides = [(shift, _units(task, np.arange(n), shift, right=True)) for shift in (mean, np.zeros(d))]
    directed = [device.get(side.directions) > 0 for _, side in sides]
    used = np.asarray(rows, np.int64)
    used = used[directed[0][used] & directed[1][used]]
    centred, raw = (
        _scan(task, (shift, side, first), used, int(has.sum()) - 1)
        for (shift, side), has, first in zip(sides, directed, (True, False), strict=True)
    )
    cos2, cos4, exp_centred = centred.sums / max(centred.others, 1)
    exp = raw.sums[2] / max(raw.others, 1)
    edges = np.linspace(LOG2_LOW, LOG2_HIGH, LOG2_BINS + 1) - 2 * float(np.log2(task.scale))
    return PairSums(
        n, used, cos2, cos4, t, exp, exp_centred, COSINE_EDGES, centred.cosine_counts, edges, centred.log2_counts
    )


def _scale(points: Array, mean: Floats) -> float:
    """The power of two that brings the largest centred coordinate near 1."""
    ends = points.max(axis=0).astype(np.float64) - mean, mean - points.min(axis=0).astype(np.float64)
    largest = float(np.max(ends, initial=0.0))
    return float(np.ldexp(1.0, int(np.clip(-np.frexp(largest)[1], -1000, 1000)))) if largest > 0 else 1.0


def _units(task: _Task, rows: Ints, shift: Floats, *, right: bool) -> _Units:
    device, n, d, stride = task.device, len(rows), task.source.d, stride_of(task.source.d)
    units = device.empty((n, 3 * stride), np.float16)
    sq_norms, directions = device.empty((n,), np.float32), device.empty((n,), np.float32)
    arguments = [task.source.buffer, device.put(np.ascontiguousarray(rows, np.int64)), device.put(shift)]
    arguments += [np.float64(task.scale), np.int64(n), np.int32(d), np.int32(stride), np.int32(right)]
    kernel = f"unit_rows_{SUFFIXES[task.source.dtype]}"
    device.launch("pair_sums.cu", kernel, -(-n // WARPS), THREADS, [*arguments, units, sq_norms, directions])
    return _Units(n, units, sq_norms, directions)


def _scan(task: _Task, side: _Side, rows: Ints, others: int) -> _Totals:
    """All batches of the rows, in halves where memory runs out."""
    sums = np.zeros((3, len(rows)))
    cosine_counts, log2_counts = np.zeros(len(COSINE_EDGES) - 1, np.int64), np.zeros(LOG2_BINS, np.int64)
    size = max(task.budget // (6 * stride_of(task.source.d) + 64), 1)
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
            sums[:, part] = found[0] / FIXED
            cosine_counts += found[1].astype(np.int64)
            log2_counts += found[2].astype(np.int64)
    return _Totals(sums, others, cosine_counts, log2_counts)


def _scan_part(task: _Task, of: _Side, rows: Ints) -> tuple[Array, Array, Array]:
    device, m, (shift, side, counted) = task.device, len(rows), of
    left = _units(task, rows, shift, right=False)
    sums = device.put(np.zeros((3, m), np.int64))
    bins = device.put(np.zeros(len(COSINE_EDGES) - 1, np.uint64)), device.put(np.zeros(LOG2_BINS, np.uint64))
    tiles = tiles_of(m), tiles_of(side.n)
    arguments = [left.rows, left.sq_norms, left.directions, device.put(np.ascontiguousarray(rows, np.int64))]
    arguments += [np.int64(m), np.int32(tiles[0]), side.rows, side.sq_norms, side.directions, np.int64(side.n)]
    arguments += [np.int32(tiles[1]), np.int32(3 * stride_of(task.source.d)), np.float32(2 * task.t / np.log(2))]
    arguments += [np.int32(counted), sums, *bins]
    device.launch("pair_sums.cu", "pair_sums", tiles[0] * tiles[1], SCAN_THREADS, arguments, SCAN_BYTES + MORE_BYTES)
    return device.get(sums), device.get(bins[0]), device.get(bins[1])
