"""Exact neighbours on a device: scan for candidates phase by phase, measure them again, and a last resort that ends.

Candidates come from 16-bit products under outward bounds (`bound`), are measured in float64 from the original rows and
ranked by (squared distance, index). A row is certified if its k-th distance is below all that was left out. Rows that
are not (queue overrun, extreme norm, too many candidates) are measured against every base row. So every row is exact;
`Found.streamed` says how many took the last way. A measured distance outside what its coarse value allows means that
the device breaks the bound: BoundViolated, and no result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.errors import GeometryError, OutOfMemoryError
from geometry.pairs.cuda.bound import certificate
from geometry.pairs.cuda.device import Device
from geometry.pairs.cuda.phases import diagonals, panels
from geometry.pairs.cuda.rows import Placed, frame_of, place, source_of, stride_of
from geometry.pairs.cuda.scans import MMA, Queues, Scan, dealt, lay, prune_bytes, scan_one, scan_two, without
from geometry.pairs.cuda.stream import stream
from geometry.pairs.cuda.task import Results, Task, batches, in_halves, slots_for, sorted_slots
from geometry.types import Array, Floats, Ints

THREADS = 128  # kernels/rescore.cu, and list_candidates of kernels/prune_queues.cu
MOST_CANDIDATES = 8192
NOBODY = -(1 << 62)
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
class _Closed:
    """Queues after the last phase; filled (n,), and bound (n,): what every row left out exceeds, squared."""

    queues: Queues
    filled: Ints
    bound: Floats


def neighbors(
    device: Device, sides: tuple[Array, Array], k: int, *, exclude_self: bool, budget: int, scan: Scan = MMA
) -> Found:
    """The k nearest rows of the second side for each of the first; with exclude_self they are the same rows."""
    queries, base = sides
    frame = frame_of(queries, base)
    b = source_of(device, base)
    q = b if exclude_self or queries is base else source_of(device, queries)
    task = Task(device, scan, q, b, frame, k, exclude_self, budget)
    results = Results(np.full((q.n, k), np.inf), np.full((q.n, k), -1, np.int64), np.ones(q.n, np.bool_))
    if _worth_scanning(task):
        _scan(task, results)
    left = np.flatnonzero(results.open)
    stream(task, left, results)
    for _ in range(2):  # the square of the scale may leave float64
        np.divide(results.sq_dist, frame.scale, out=results.sq_dist)
    return Found(results.sq_dist, results.index, len(left))


def _worth_scanning(task: Task) -> bool:
    """Whether thresholds filter anything and a queue can be sorted out between phases."""
    longest = max(diagonals(task.base.n, task.k).capacity, panels(task.base.n, task.k, whole=True).capacity)
    return task.k <= task.base.n // SHARE and prune_bytes(longest) <= task.device.block_bytes


def _scan(task: Task, results: Results) -> None:
    """Answers the rows that a scan can certify."""
    order = np.random.default_rng(SEED).permutation(task.base.n).astype(np.int64)
    if not (task.exclude_self and _scan_one_set(task, order, results)):
        _scan_batches(task, order, results)


def _scan_one_set(task: Task, order: Ints, results: Results) -> bool:
    """Every pair once, where all queues fit at a time; False where they do not, and row batches need less."""
    phases = diagonals(task.base.n, task.k)
    if task.base.n * _queue_bytes(phases.capacity) > task.budget:
        return False
    try:
        columns = _one_set(task, order)
        queues = scan_one(task.device, task.scan, columns, phases, task.k)
    except OutOfMemoryError:
        return False
    _rescore(task, columns, queues, results)
    return True


def _one_set(task: Task, order: Ints) -> Placed:
    if not task.scan.whole:
        return place(task.device, task.base, order, task.frame)
    spread, absent = dealt(order)
    return lay(task.device, task.scan, without(place(task.device, task.base, spread, task.frame), absent))


def _scan_batches(task: Task, order: Ints, results: Results) -> None:
    columns = lay(task.device, task.scan, place(task.device, task.base, order, task.frame))
    everyone = order if task.exclude_self else np.arange(task.queries.n)
    phases = panels(task.base.n, task.k, whole=task.scan.whole)

    def scan(places: Ints) -> None:
        rows = lay(task.device, task.scan, place(task.device, task.queries, everyone[places], task.frame))
        shift = int(places[0]) if task.exclude_self else NOBODY
        queues = scan_two(task.device, task.scan, (rows, columns), phases, (task.k, shift))
        _rescore(task, columns, queues, results)

    width = _queue_bytes(phases.capacity) + 2 * stride_of(task.base.d) * task.scan.layers
    for places in batches(np.arange(len(everyone)), width, task.budget):
        in_halves(scan, places)


def _queue_bytes(capacity: int) -> int:
    return 8 * capacity + 8


def _rescore(task: Task, columns: Placed, queues: Queues, results: Results) -> None:
    """Measures the candidates of every row that lost none; rows of like number together, since they share a width."""
    n = queues.rows.n
    filled, cut = task.device.get(queues.filled).astype(np.int64), task.device.get(queues.cut)[:n]
    most = min(queues.capacity, sorted_slots(task.device, MOST_CANDIDATES))
    bound = certificate(cut, queues.rows.bounds.reach, columns.bounds.far)
    rows = np.flatnonzero((filled >= task.k) & (filled <= most))
    rows = rows[np.argsort(filled[rows], kind="stable")]
    closed = _Closed(queues, filled, bound)
    while len(rows):
        width = int(filled[rows[-1]])
        size = max(task.budget // _rescore_bytes(width, task.k), 1)
        in_halves(lambda part: _rescore_part(task, columns, closed, part, results), rows[-size:])
        rows = rows[:-size]


def _rescore_bytes(width: int, k: int) -> int:
    return 24 * width + 16 * k + 32


def _rescore_part(task: Task, columns: Placed, closed: _Closed, part: Ints, results: Results) -> None:
    device, count, k, width = task.device, len(part), task.k, int(closed.filled[part].max())
    queues, rows = closed.queues, closed.queues.rows
    candidate, least, most = (device.empty((count, width), t) for t in (np.int64, np.float64, np.float64))
    arguments = [rows.slack, rows.delta, columns.slack, columns.delta, queues.entries, queues.filled]
    arguments += [np.int32(queues.capacity), device.put(part), np.int64(count), np.int32(width)]
    arguments += [columns.order_buffer, candidate, least, most]
    device.launch("prune_queues.cu", "list_candidates", -(-count * width // THREADS), THREADS, arguments)
    sq_dist, index = device.empty((count, k), np.float64), device.empty((count, k), np.int64)
    certified, violations = device.empty((count,), np.uint8), device.put(np.zeros(1, np.uint32))
    query_row = rows.order[part]
    arguments = [task.queries.buffer, task.base.buffer, device.put(query_row), candidate, least, most]
    arguments += [device.put(closed.bound[part]), np.float64(task.frame.scale), np.int32(task.base.d), np.int32(width)]
    arguments += [np.int32(k), sq_dist, index, certified, violations]
    device.launch("rescore.cu", f"rescore_{task.base.suffix}", count, THREADS, arguments, 16 * slots_for(width))
    if device.get(violations)[0]:
        where = f"{device.name} ({device.arch}, {task.scan.name})"
        raise BoundViolated(f"{where}: coarse and measured distances differ by more than allowed")
    certain = device.get(certified).astype(np.bool_)
    good = slice(None) if certain.all() else certain  # a slice copies nothing
    results.sq_dist[query_row[good]] = device.get(sq_dist)[good]
    results.index[query_row[good]] = device.get(index)[good]
    results.open[query_row[good]] = False
