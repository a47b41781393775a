"""Rows made ready on a device: a frame chosen from a sample, float16 rows in it, and the bounds that go with them.

Any shift and any scale are right, since what rounding costs is measured row by row; good ones keep candidates few. The
shift is the coordinate-wise median of a seeded sample, which a few far rows do not move. The scale brings the sample's
largest coordinate near 2^12, sixteen times below what float16 holds; where that coordinate is an outlier's, the bulk
is kept in float16's normal range instead and the outliers' rows go apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.pairs.cuda.bound import KEEP, STEP, Bounds, bounds_of
from geometry.pairs.cuda.column_mean import SUFFIXES
from geometry.pairs.cuda.device import Device
from geometry.types import Array, Floats, Ints

SAMPLE, SEED = 1024, 7
LARGEST, LEAST_BULK = 12, -2  # binary exponents wanted of the largest coordinate, and of a typical row's largest
ROWS_PER_BLOCK, THREADS = 4, 128  # those of kernels/prepare_rows.cu


@dataclass(frozen=True)
class Frame:
    """Shift (d,) float64 and a power of two."""

    shift: Floats
    scale: float


@dataclass(frozen=True)
class Source:
    """Original rows on a device: points (n, d) of a storage type."""

    buffer: Any
    n: int
    d: int
    dtype: np.dtype[Any]

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.dtype]


@dataclass(frozen=True)
class Placed:
    """Rows of a source in the order of `order`: float16 rows and bounds, on the device and (bounds) on the host."""

    order: Ints
    stride: int
    bounds: Bounds
    order_buffer: Any
    rows: Any
    lower: Any
    slack: Any
    delta: Any

    @property
    def n(self) -> int:
        return len(self.order)


def source_of(device: Device, points: Array) -> Source:
    """`points` on the device."""
    return Source(device.put(points), points.shape[0], points.shape[1], points.dtype)


def frame_of(queries: Array, base: Array) -> Frame:
    """One frame for two sets, or for one set given twice."""
    sampled = _sample(base)
    shift = np.median(sampled, axis=0) if len(sampled) else np.zeros(base.shape[1])
    both = [sampled] if queries is base else [sampled, _sample(queries)]
    per_row = np.concatenate([np.abs(part - shift).max(axis=1, initial=0.0) for part in both])
    per_row = per_row[per_row > 0]
    if len(per_row) == 0:
        return Frame(shift, 1.0)
    largest, typical = (int(np.frexp(value)[1]) for value in (per_row.max(), np.median(per_row)))
    exponent = max(LARGEST - largest, LEAST_BULK - typical)
    return Frame(shift, float(np.ldexp(1.0, int(np.clip(exponent, -1000, 1000)))))


def _sample(points: Array) -> Floats:
    n = len(points)
    rows = np.arange(n) if n <= SAMPLE else np.sort(np.random.default_rng(SEED).choice(n, SAMPLE, replace=False))
    return points[rows].astype(np.float64)


def stride_of(d: int) -> int:
    """Columns of a float16 row: whole steps."""
    return -(-d // STEP) * STEP


def place(device: Device, source: Source, order: Ints, frame: Frame, keep: float = KEEP) -> Placed:
    """Rows `order` of a source; raises OutOfMemoryError."""
    n, stride = len(order), stride_of(source.d)
    order_buffer = device.put(np.ascontiguousarray(order, np.int64))
    rows = device.empty((n, stride), np.float16)
    sq_norms, deltas = device.empty((n,), np.float64), device.empty((n,), np.float64)
    arguments = [source.buffer, order_buffer, device.put(frame.shift), np.float64(frame.scale), np.int64(n)]
    arguments += [np.int32(source.d), np.int32(stride), rows, sq_norms, deltas]
    kernel = f"prepare_rows_{source.suffix}"
    device.launch("prepare_rows.cu", kernel, -(-n // ROWS_PER_BLOCK), THREADS, arguments)
    bounds = bounds_of(device.get(sq_norms), device.get(deltas), stride, keep)
    lower, slack = device.put(bounds.lower), device.put(bounds.slack)
    return Placed(order, stride, bounds, order_buffer, rows, lower, slack, deltas)
