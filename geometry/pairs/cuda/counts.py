"""How many pairs lie within given radii, on a device: coarse answers where they are certain, float64 for the rest.

With the coarse value w_ij <= |h_i - h_j|^2 and the slacks of `bound`, for a ball of squared radius R_j:
  outside   w_ij > outer_j,                     outer_j = up(keep R_j)
  inside    up(w_ij + extra_i) <= inner_j,      extra_i = up(2 slack_i + (spread / keep) delta_i^2)
                                                inner_j = down(R_j / keep - 2 slack_j - (spread / keep) delta_j^2)
because d^2 <= keep |h_i - h_j|^2 + spread (delta_i^2 + delta_j^2) and |h_i - h_j|^2 <= w_ij + 2 slack_i + 2 slack_j.
keep = 1 + 2^-10: no queue depends on it, and a narrow band leaves little to measure. Pairs in the band, and all pairs
of rows that float16 cannot hold, are measured from the original rows in the same order of summation as neighbours are,
so a ball out to a row's k-th neighbour holds it. Copies are counted once, with their number as weight. Counts are whole
numbers: no batch, schedule or device changes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import OutOfMemoryError
from geometry.pairs.copies import counts_of_distinct
from geometry.pairs.cuda.bound import rounded_down, rounded_up, spread_of
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.phases import rows_at_once, tiles_of
from geometry.pairs.cuda.rows import Frame, Placed, Source, frame_of, place, source_of
from geometry.pairs.cuda.scans import SCAN_BYTES, SCAN_THREADS
from geometry.types import Array, Floats, Ints, RadiusCounts

KEEP = 1 + 2.0**-10
TILE_COUNTS = 128 * 4 * 2 + 128 * 8 * 2  # bytes beyond those of a scan: kernels/pair_counts.cu
WARPS, THREADS = 4, 128
FIRST_LIST = 1 << 20  # pairs that a first launch has room for
LISTED_AT_ONCE = 1 << 22  # pairs of one list made on the host


@dataclass(frozen=True)
class _Task:
    """Originals and weights of both sides on the device, squared radii in the frame's scale, counters being filled."""

    device: Device
    queries: Source
    base: Source
    frame: Frame
    sq_radii: Floats
    sq_radii_buffer: Any
    weights: tuple[Ints, Any]  # of the queries on the host, of the balls on the device
    per_query: Ints
    per_ball: Ints
    budget: int


def radius_counts(device: Device, queries: Array, base: Array, sq_radii: Floats, budget: int) -> RadiusCounts:
    """Counts per query and per base row; both sides of one storage type. Raises OutOfMemoryError."""

    def count(asked: Array, balls: Array, squared: Floats, weights: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
        return _weighted_counts(device, (asked, balls), squared, weights, budget)

    return counts_of_distinct(queries, base, sq_radii, count)


def _weighted_counts(
    device: Device, sides: tuple[Array, Array], sq_radii: Floats, weights: tuple[Ints, Ints], budget: int
) -> tuple[Ints, Ints]:
    """Per query the weight of the balls around it, per ball the weight of the queries in it; rows are distinct."""
    queries, balls = (np.ascontiguousarray(side) for side in sides)
    frame = frame_of(queries, balls)
    with np.errstate(over="ignore"):  # a radius beyond float64 holds everything
        squared = sq_radii * frame.scale * frame.scale
    counters = np.zeros(len(queries), np.int64), np.zeros(len(balls), np.int64)
    sources = source_of(device, queries), source_of(device, balls)
    held = weights[0].astype(np.int64), device.put(weights[1].astype(np.uint64))
    _count(_Task(device, *sources, frame, squared, device.put(squared), held, *counters, budget))
    return counters


def _count(task: _Task) -> None:
    if task.queries.n == 0 or task.base.n == 0:
        return
    columns = place(task.device, task.base, np.arange(task.base.n), task.frame, KEEP)
    size = min(max(task.budget // (2 * columns.stride + 64), 1), rows_at_once(columns.n))
    for first in range(0, task.queries.n, size):
        part = np.arange(first, min(first + size, task.queries.n))
        _count_part(task, columns, part)


def _count_part(task: _Task, columns: Placed, part: Ints) -> None:
    """Some queries against all balls, in halves where memory runs out."""
    try:
        rows = place(task.device, task.queries, part, task.frame, KEEP)
        per_query, per_ball = _coarse(task, rows, columns)
        for pairs in _apart(rows, columns):
            _measure(task, rows, task.device.put(pairs), len(pairs), (per_query, per_ball))
    except OutOfMemoryError:
        if len(part) == 1:
            raise
        for half in np.array_split(part, 2):
            _count_part(task, columns, half)
    else:
        task.per_query[part] += task.device.get(per_query).astype(np.int64)
        task.per_ball[:] += task.device.get(per_ball).astype(np.int64)


def _coarse(task: _Task, rows: Placed, columns: Placed) -> tuple[Any, Any]:
    """Counters after one scan and the measuring of its band; the scan is repeated once where the list overran."""
    device, room = task.device, FIRST_LIST
    while True:
        counters = tuple(device.put(np.zeros(placed.n, np.uint64)) for placed in (rows, columns))
        pairs, listed = device.empty((room,), np.uint64), device.put(np.zeros(1, np.uint64))
        arguments = [*_left(task, rows), *_right(task, columns), *counters, pairs, listed, np.int64(room)]
        grid = tiles_of(rows.n) * tiles_of(columns.n)
        device.launch("pair_counts.cu", "pair_counts", grid, SCAN_THREADS, arguments, SCAN_BYTES + TILE_COUNTS)
        number = int(device.get(listed)[0])
        if number <= room:
            break
        if 8 * number > task.budget and rows.n > 1:
            raise OutOfMemoryError(f"{number} pairs to measure do not fit {task.budget} bytes")
        room = number
    _measure(task, rows, pairs, number, (counters[0], counters[1]))
    return counters[0], counters[1]


def _left(task: _Task, rows: Placed) -> list[Any]:
    bounds, device = rows.bounds, task.device
    extra = (2 * bounds.slack + spread_of(KEEP) / KEEP * bounds.delta**2) * (1 + 2.0**-40)
    weight = device.put(task.weights[0][rows.order].astype(np.uint64))
    return [rows.rows, rows.lower, device.put(rounded_up(extra)), weight, np.int64(rows.n), np.int32(tiles_of(rows.n))]


def _right(task: _Task, columns: Placed) -> list[Any]:
    bounds, device = columns.bounds, task.device
    outer = rounded_up(np.minimum(task.sq_radii, 1e300) * KEEP * (1 + 2.0**-40))
    less = (2 * bounds.slack + spread_of(KEEP) / KEEP * bounds.delta**2) * (1 + 2.0**-40)
    inner = rounded_down(np.minimum(task.sq_radii, 2.0**120) * (1 - 2.0**-40) / KEEP - less)
    sides = [device.put(outer), device.put(inner), task.weights[1]]
    sizes = [np.int64(columns.n), np.int32(tiles_of(columns.n)), np.int32(columns.stride)]
    return [columns.rows, columns.lower, *sides, *sizes]


def _apart(rows: Placed, columns: Placed) -> Iterator[Array]:
    """Pairs that no coarse value stands for: an extreme row on either side."""
    odd_rows, odd_columns = np.flatnonzero(rows.bounds.extreme), np.flatnonzero(columns.bounds.extreme)
    plain = np.flatnonzero(~rows.bounds.extreme)
    for some_rows, some_columns in ((odd_rows, np.arange(columns.n)), (plain, odd_columns)):
        step = max(LISTED_AT_ONCE // max(len(some_columns), 1), 1)
        for first in range(0, len(some_rows) if len(some_columns) else 0, step):
            high = some_rows[first : first + step].astype(np.uint64) << np.uint64(32)
            yield (high[:, None] | some_columns.astype(np.uint64)).ravel()


def _measure(task: _Task, rows: Placed, pairs: Any, number: int, counters: tuple[Any, Any]) -> None:
    if number == 0:
        return
    weight = task.device.put(task.weights[0][rows.order].astype(np.uint64))
    arguments = [task.queries.buffer, rows.order_buffer, task.base.buffer, pairs, np.int64(number)]
    arguments += [task.sq_radii_buffer, np.float64(task.frame.scale), np.int32(task.base.d), weight, task.weights[1]]
    kernel = f"measure_pairs_{task.base.suffix}"
    task.device.launch("pair_counts.cu", kernel, -(-number // WARPS), THREADS, [*arguments, *counters])
