"""Exact neighbours on a device: scan for candidates phase by phase, measure them again, and a last resort that ends.

Candidates come from 16-bit products under outward bounds (`bound`), are measured in float64 from the original rows and
ranked by (squared distance, index). A row is certified if its k-th distance is below all that was left out. Rows that
are not (queue overrun, extreme norm, too many candidates) are measured against every base row. So every row is exact;
`Found.streamed` says how many took the last way. A measured distance outside what its coarse value allows means that
the device breaks the bound: BoundViolated, and no result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geometry.errors import GeometryError, OutOfMemoryError
from geometry.pairs.cuda.bound import KEEP, certificate
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.phases import TILE, Phases, diagonals, panels, tiles_of
from geometry.pairs.cuda.rows import Frame, Placed, Source, frame_of, place, source_of, stride_of
from geometry.types import Array, Floats, Ints

SCAN_THREADS, SCAN_BYTES = 256, 4 * TILE * 64 * 2 + 4 * TILE * 4  # kernels/pair_scan.cu
THREADS, WARPS = 128, 4
NOBODY = -(1 << 62)
MOST_CANDIDATES = 8192  # kernels/rescore.cu
MOST_AT_ONCE = 4096  # neighbours of one launch of kernels/stream_nearest.cu
SHARE = 8  # beyond n / SHARE neighbours a threshold filters nothing
SEED = 11


class BoundViolated(GeometryError):
    """A measured distance lies outside what the device's own coarse value allows: its results cannot be trusted."""


@dataclass(frozen=True)
class Found:
    """sq_dist (n, k) float64 in units of the input, index (n, k); streamed: rows that the last resort answered."""

    sq_dist: Floats
    index: Ints
    streamed: int


@dataclass(frozen=True)
class Task:
    """What is asked: original rows of both sides on the device, one frame, k, whether a row is its own neighbour."""

    device: Device
    queries: Source
    base: Source
    frame: Frame
    k: int
    exclude_self: bool
    budget: int


@dataclass(frozen=True)
class Queues:
    """Candidates of `rows` (placed query rows) after the last phase, on the device; filled and cut on the host too."""

    rows: Placed
    entries: Any
    filled_buffer: Any
    filled: NDArray[np.uint32]
    cut: NDArray[np.float32]
    capacity: int


@dataclass(frozen=True)
class Results:
    """Tables being filled, in the frame's scale; open (n,): rows without a certified answer."""

    sq_dist: Floats
    index: Ints
    open: NDArray[np.bool_]


def neighbors(device: Device, queries: Array, base: Array, k: int, *, exclude_self: bool, budget: int) -> Found:
    """The k nearest base rows of each query; with exclude_self queries and base are the same rows."""
    frame = frame_of(queries, base)
    b = source_of(device, base)
    q = b if exclude_self or queries is base else source_of(device, queries)
    task = Task(device, q, b, frame, k, exclude_self, budget)
    n = q.n
    results = Results(np.full((n, k), np.inf), np.full((n, k), -1, np.int64), np.ones(n, np.bool_))
    if k <= b.n // SHARE:
        _scan(task, results)
    left = np.flatnonzero(results.open)
    for rows in _batches(left, _stream_bytes(k), budget):
        _in_halves(lambda part: _stream(task, part, results), rows)
    return Found(results.sq_dist / frame.scale / frame.scale, results.index, len(left))


def _scan(task: Task, results: Results) -> None:
    """Answers the rows that a scan can certify."""
    order = np.random.default_rng(SEED).permutation(task.base.n).astype(np.int64)
    columns = place(task.device, task.base, order, task.frame)
    phases = diagonals(task.base.n, task.k)
    if task.exclude_self and task.base.n * _queue_bytes(phases.capacity) <= task.budget:
        try:
            queues = scan_one(task, columns, phases)
        except OutOfMemoryError:
            pass  # row batches need less
        else:
            _rescore(task, columns, queues, results)
            return
    everyone = order if task.exclude_self else np.arange(task.queries.n)
    width = _queue_bytes(panels(task.base.n, task.k).capacity) + 2 * stride_of(task.base.d)

    def scan(places: Ints) -> None:
        rows = place(task.device, task.queries, everyone[places], task.frame)
        shift = int(places[0]) if task.exclude_self else NOBODY
        queues = scan_two(task, rows, columns, panels(task.base.n, task.k), shift)
        _rescore(task, columns, queues, results)

    for places in _batches(np.arange(len(everyone)), width, task.budget):
        _in_halves(scan, places)


def _in_halves(work: Callable[[Ints], None], rows: Ints) -> None:
    """Work on some rows, in two halves where memory runs out; OutOfMemoryError where one row is too much."""
    try:
        work(rows)
    except OutOfMemoryError:
        if len(rows) <= 1:
            raise
        for half in np.array_split(rows, 2):
            _in_halves(work, half)


def _queue_bytes(capacity: int) -> int:
    return 8 * capacity + 8


def _batches(rows: Ints, bytes_per_row: int, budget: int) -> Iterator[Ints]:
    size = max(budget // bytes_per_row, 1)
    return (rows[first : first + size] for first in range(0, len(rows), size))


@dataclass(frozen=True)
class _Open:
    """Queues under way: entries, filled and cut on the device."""

    entries: Any
    filled: Any
    cut: Any
    capacity: int


def _open_queues(task: Task, rows: Placed, capacity: int) -> _Open:
    cut = np.where(rows.bounds.extreme, -np.inf, np.inf).astype(np.float32)
    entries = task.device.empty((rows.n, capacity), np.uint64)
    return _Open(entries, task.device.put(np.zeros(rows.n, np.uint32)), task.device.put(cut), capacity)


def scan_one(task: Task, rows: Placed, phases: Phases) -> Queues:
    """One set: every pair of tiles once, pushed to both rows."""
    queues = _open_queues(task, rows, phases.capacity)
    for first, number in phases.steps:
        sizes = [np.int64(rows.n), np.int32(rows.stride), np.int32(phases.tiles), np.int32(first), np.int32(number)]
        arguments = [rows.rows, rows.lower, queues.cut, *sizes, queues.entries, queues.filled]
        grid = phases.tiles * number
        task.device.launch(
            "pair_scan.cu", "pair_scan_one", grid, SCAN_THREADS, [*arguments, np.int32(phases.capacity)], SCAN_BYTES
        )
        _prune(task, rows, rows, queues)
    return _closed(task, rows, queues)


def scan_two(task: Task, rows: Placed, columns: Placed, phases: Phases, self_shift: int) -> Queues:
    """Some rows against all columns; row i is column i + self_shift."""
    queues, tiles = _open_queues(task, rows, phases.capacity), tiles_of(rows.n)
    left = [rows.rows, rows.lower, queues.cut, np.int64(rows.n), np.int32(tiles)]
    right = [columns.rows, columns.lower, np.int64(columns.n), np.int32(phases.tiles), np.int32(rows.stride)]
    for first, number in phases.steps:
        where = [np.int32(first), np.int32(number), np.int64(self_shift)]
        arguments = [*left, *right, *where, queues.entries, queues.filled, np.int32(phases.capacity)]
        task.device.launch("pair_scan.cu", "pair_scan_two", tiles * number, SCAN_THREADS, arguments, SCAN_BYTES)
        _prune(task, rows, columns, queues)
    return _closed(task, rows, queues)


def _prune(task: Task, rows: Placed, columns: Placed, queues: _Open) -> None:
    warps = WARPS if 4 * WARPS * queues.capacity <= 48 << 10 else 1
    arguments = [rows.slack, rows.delta, columns.slack, columns.delta, np.int64(rows.n), np.int32(task.k)]
    arguments += [np.float64(KEEP), queues.entries, queues.filled, np.int32(queues.capacity), queues.cut]
    shared = 4 * warps * queues.capacity
    task.device.launch("prune_queues.cu", "prune_queues", -(-rows.n // warps), 32 * warps, arguments, shared)


def _closed(task: Task, rows: Placed, queues: _Open) -> Queues:
    filled, cut = task.device.get(queues.filled), task.device.get(queues.cut)
    return Queues(rows, queues.entries, queues.filled, filled, cut, queues.capacity)


def _rescore(task: Task, columns: Placed, queues: Queues, results: Results) -> None:
    """Measures the candidates of every row that lost none; rows of like number together, since they share a width."""
    filled = queues.filled.astype(np.int64)
    whole = (filled >= task.k) & (filled <= min(queues.capacity, MOST_CANDIDATES))
    bound = certificate(queues.cut, queues.rows.bounds.reach, columns.bounds.far)
    rows = np.flatnonzero(whole)
    rows = rows[np.argsort(filled[rows], kind="stable")]
    while len(rows):
        width = int(filled[rows[-1]])
        size = max(task.budget // _rescore_bytes(width, task.k), 1)
        _in_halves(lambda part: _rescore_part(task, columns, queues, part, bound[part], results), rows[-size:])
        rows = rows[:-size]


def _rescore_bytes(width: int, k: int) -> int:
    return 24 * width + 16 * k + 32


def _rescore_part(task: Task, columns: Placed, queues: Queues, part: Ints, bound: Floats, results: Results) -> None:
    device, count, k, width = task.device, len(part), task.k, int(queues.filled[part].max())
    candidate, least, most = (device.empty((count, width), t) for t in (np.int64, np.float64, np.float64))
    arguments = [queues.rows.slack, queues.rows.delta, columns.slack, columns.delta, queues.entries]
    arguments += [queues.filled_buffer, np.int32(queues.capacity), device.put(part), np.int64(count), np.int32(width)]
    arguments += [columns.order_buffer, candidate, least, most]
    device.launch("prune_queues.cu", "list_candidates", -(-count * width // THREADS), THREADS, arguments)
    sq_dist, index = device.empty((count, k), np.float64), device.empty((count, k), np.int64)
    certified, violations = device.empty((count,), np.uint8), device.put(np.zeros(1, np.uint32))
    query_row = queues.rows.order[part]
    arguments = [task.queries.buffer, task.base.buffer, device.put(query_row), candidate, least, most]
    arguments += [device.put(bound), np.float64(task.frame.scale), np.int32(task.base.d), np.int32(width)]
    arguments += [np.int32(k), sq_dist, index, certified, violations]
    device.launch("rescore.cu", f"rescore_{task.base.suffix}", count, THREADS, arguments, 16 * _slots(width))
    if device.get(violations)[0]:
        raise BoundViolated(f"{device.name} ({device.arch}): coarse and measured distances differ by more than allowed")
    good = device.get(certified).astype(np.bool_)
    results.sq_dist[query_row[good]] = device.get(sq_dist)[good]
    results.index[query_row[good]] = device.get(index)[good]
    results.open[query_row[good]] = False


def _slots(entries: int) -> int:
    return 1 << max(entries - 1, 0).bit_length()


def _stream_bytes(k: int) -> int:
    return 16 * min(k, MOST_AT_ONCE) + 32


def _stream(task: Task, rows: Ints, results: Results) -> None:
    """The last resort for some rows: all columns measured, MOST_AT_ONCE neighbours a launch."""
    device, k = task.device, task.k
    query_row = device.put(np.ascontiguousarray(rows, np.int64))
    self_row = query_row if task.exclude_self else device.put(np.full(len(rows), -1, np.int64))
    after: tuple[Array, ...] = (np.full(len(rows), -1.0), np.full(len(rows), -1, np.int64))
    for first in range(0, k, MOST_AT_ONCE):
        number = min(MOST_AT_ONCE, k - first)
        slots = _slots(number + THREADS)
        sq_dist, index = device.empty((len(rows), number), np.float64), device.empty((len(rows), number), np.int64)
        arguments = [task.queries.buffer, task.base.buffer, query_row, self_row, *(device.put(a) for a in after)]
        arguments += [np.float64(task.frame.scale), np.int32(task.base.d), np.int64(task.base.n), np.int32(number)]
        arguments += [np.int32(slots), sq_dist, index]
        kernel = f"stream_nearest_{task.base.suffix}"
        device.launch("stream_nearest.cu", kernel, len(rows), THREADS, arguments, 16 * slots + 16)
        found = device.get(sq_dist), device.get(index)
        results.sq_dist[rows, first : first + number], results.index[rows, first : first + number] = found
        after = tuple(np.ascontiguousarray(part[:, -1]) for part in found)
    results.open[rows] = False
