"""The scans of kernels/: which there are, which architecture has which, and the queues that they fill phase by phase.

  mma.sync   pair_scan.cu, on every device from sm_80: reads rows as they lie, dealt to tiles evenly
  wgmma      pair_scan_warpgroup.cu, on sm_90a alone: reads tiles that pack_tiles.cu has laid whole, several columns a
             block; what a tile lacks of 128 rows has lower +inf and cut -inf, so that nobody is found there
Both push the same pairs by the same thresholds; between phases kernels/prune_queues.cu sets the next ones. One set is
dealt to tiles evenly by both, since a short tile would see too few others in the first phase; for wgmma that is an
order with gaps (`dealt`). Results do not depend on which of them ran.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geometry.pairs.cuda.bound import KEEP
from geometry.pairs.cuda.device import STATIC_SHARED, Device
from geometry.pairs.cuda.phases import TILE, Phases, launches, tiles_of
from geometry.pairs.cuda.rows import Placed
from geometry.types import Array, Ints

SCAN_THREADS, SCAN_BYTES = 256, 4 * TILE * 64 * 2 + 4 * TILE * 4  # kernels/pair_scan.cu
GROUP_THREADS, GROUP_BYTES = 384, 220 << 10  # kernels/pair_scan_warpgroup.cu
PACK_THREADS = 1024  # kernels/pack_tiles.cu
SPAN = 8  # column tiles of a block: its row tile is copied once for all of them
WARPS = 4


@dataclass(frozen=True)
class Scan:
    """One scan: its file, the one architecture that has its instructions, whether it copies whole tiles.

    layers: copies of the float16 rows that the device must hold at one time.
    """

    name: str
    source: str
    only: str | None
    whole: bool
    layers: int


MMA = Scan("mma.sync", "pair_scan.cu", None, whole=False, layers=1)
WGMMA = Scan("wgmma", "pair_scan_warpgroup.cu", "sm_90a", whole=True, layers=2)


def scans_of(arch: str) -> tuple[Scan, ...]:
    """The scans of an architecture, best first."""
    return tuple(scan for scan in (WGMMA, MMA) if scan.only in (None, arch))


@dataclass(frozen=True)
class Queues:
    """Candidates of `rows` on the device; filled and cut there too, cut padded as the scan wants it."""

    rows: Placed
    entries: Any
    filled: Any
    cut: Any
    capacity: int


def dealt(order: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Rows dealt to whole tiles evenly, (128 tiles,), and where nobody is: there the first row stands in."""
    n, tiles = len(order), tiles_of(len(order))
    first = np.arange(tiles) * n // tiles
    tile = np.searchsorted(first, np.arange(n), side="right") - 1
    at = tile * TILE + np.arange(n) - first[tile]
    spread, absent = np.full(tiles * TILE, order[0]), np.ones(tiles * TILE, np.bool_)
    spread[at], absent[at] = order, False
    return spread, absent


def without(placed: Placed, absent: NDArray[np.bool_]) -> Placed:
    """The same rows, of which some take no part; `lay` puts their bounds on the device."""
    lower = np.where(absent, np.float32(np.inf), placed.bounds.lower)
    return replace(placed, bounds=replace(placed.bounds, lower=lower))


def lay(device: Device, scan: Scan, placed: Placed) -> Placed:
    """Placed rows as the scan reads them; the caller keeps no other reference to what was placed."""
    if not scan.whole:
        return placed
    tiles, steps = tiles_of(placed.n), placed.stride // 64
    packed = device.empty((tiles, steps, TILE, 64), np.float16)
    arguments = [placed.rows, np.int64(placed.n), np.int32(placed.stride), packed]
    device.launch("pack_tiles.cu", "pack_tiles", tiles * steps, PACK_THREADS, arguments)
    return replace(placed, rows=packed, lower=device.put(_padded(placed.bounds.lower, np.inf)))


def _padded(values: NDArray[np.float32], fill: float) -> Array:
    return np.pad(values, (0, tiles_of(len(values)) * TILE - len(values)), constant_values=fill)


def open_queues(device: Device, scan: Scan, rows: Placed, capacity: int) -> Queues:
    """Empty queues; raises OutOfMemoryError."""
    cut = np.where(rows.bounds.lower == np.inf, -np.inf, np.inf).astype(np.float32)
    entries = device.empty((rows.n, capacity), np.uint64)
    filled = device.put(np.zeros(rows.n, np.uint32))
    return Queues(rows, entries, filled, device.put(_padded(cut, -np.inf) if scan.whole else cut), capacity)


def scan_one(device: Device, scan: Scan, rows: Placed, phases: Phases, k: int) -> Queues:
    """One set: every pair of tiles once, pushed to both rows."""
    queues = open_queues(device, scan, rows, phases.capacity)
    sizes = [np.int32(rows.stride), np.int32(phases.tiles)]
    ends = [queues.entries, queues.filled, np.int32(phases.capacity)]
    sides = [rows.rows, rows.lower, queues.cut]
    for step in phases.steps:
        for first, number in launches(phases.tiles, *step):
            walk = [np.int32(first), np.int32(number)]
            if scan.whole:
                _launch_whole(device, "pair_scan_warpgroup_one", (phases.tiles, number), [*sides, *sizes, *walk], ends)
            else:
                arguments = [*sides, np.int64(rows.n), *sizes, *walk, *ends]
                device.launch(scan.source, "pair_scan_one", phases.tiles * number, SCAN_THREADS, arguments, SCAN_BYTES)
        prune(device, rows, queues, k)
    return queues


def scan_two(device: Device, scan: Scan, sides: tuple[Placed, Placed], phases: Phases, want: tuple[int, int]) -> Queues:
    """Some rows against all columns; want: k, and the column of row i less i."""
    (rows, columns), (k, self_shift) = sides, want
    queues, tiles = open_queues(device, scan, rows, phases.capacity), tiles_of(rows.n)
    ends = [queues.entries, queues.filled, np.int32(phases.capacity)]
    left, right = [rows.rows, rows.lower, queues.cut], [columns.rows, columns.lower]
    sizes = [np.int32(phases.tiles), np.int32(rows.stride)]
    counts = [np.int64(rows.n), np.int32(tiles)], [np.int64(columns.n)]
    for step in phases.steps:
        for first, number in launches(tiles, *step):
            walk = [*sizes, np.int32(first), np.int32(number)]
            if scan.whole:
                whole, rest = [*left, np.int32(tiles), *right, *walk], [np.int64(self_shift), *ends]
                _launch_whole(device, "pair_scan_warpgroup_two", (tiles, number), whole, rest)
            else:
                arguments = [*left, *counts[0], *right, *counts[1], *walk, np.int64(self_shift), *ends]
                device.launch(scan.source, "pair_scan_two", tiles * number, SCAN_THREADS, arguments, SCAN_BYTES)
        prune(device, columns, queues, k)
    return queues


def _launch_whole(device: Device, kernel: str, walk: tuple[int, int], first: list[Any], last: list[Any]) -> None:
    """The span of a block stands between the phase and what its kernel has after it."""
    tiles, number = walk
    span = min(SPAN, number)
    grid = tiles * -(-number // span)
    device.launch(WGMMA.source, kernel, grid, GROUP_THREADS, [*first, np.int32(span), *last], GROUP_BYTES)


def prune_bytes(capacity: int) -> int:
    """Shared memory that a queue of this length takes between phases."""
    return 4 * capacity


def prune(device: Device, columns: Placed, queues: Queues, k: int) -> None:
    """The next thresholds, and the queues cut down to them."""
    rows = queues.rows
    warps = WARPS if WARPS * prune_bytes(queues.capacity) <= STATIC_SHARED else 1
    arguments = [rows.slack, rows.delta, columns.slack, columns.delta, np.int64(rows.n), np.int32(k)]
    arguments += [np.float64(KEEP), queues.entries, queues.filled, np.int32(queues.capacity), queues.cut]
    shared = warps * prune_bytes(queues.capacity)
    device.launch("prune_queues.cu", "prune_queues", -(-rows.n // warps), 32 * warps, arguments, shared)
