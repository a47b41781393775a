"""The scan by warpgroups against the scan by warps: the same candidates from the same rows, however the block walks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda_on_cpu import SCHEDULES, Stuck, build
from cuda_on_cpu.harness_device import HarnessDevice

from geometry.pairs.cuda.builder import kernel_folder

Rows = np.ndarray[Any, Any]
TILE, CAPACITY, SHARED = 128, 192, 220 << 10
WARPGROUP = "pair_scan_warpgroup.cu"


def rows_of(n: int, stride: int, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).normal(size=(n, stride)).astype(np.float16)


def padded(values: Rows, fill: float) -> Rows:
    tiles = -(-len(values) // TILE)
    return np.concatenate([values, np.full(tiles * TILE - len(values), fill)]).astype(np.float32)


def sq_norms(rows: Rows) -> Rows:
    return (rows.astype(np.float64) ** 2).sum(axis=1).astype(np.float32)


def cuts(queries: Rows, base: Rows, share: float) -> Rows:
    """A threshold per row that about this share of the others passes; some rows want nobody."""
    gaps = ((queries[:, None].astype(np.float64) - base[None].astype(np.float64)) ** 2).sum(axis=2)
    wanted = np.quantile(gaps, share, axis=1).astype(np.float32)
    wanted[::17] = -np.inf
    return wanted


def packed(device: HarnessDevice, rows: Rows) -> Rows:
    tiles, steps = -(-len(rows) // TILE), rows.shape[1] // 64
    out: Rows = device.empty((tiles, steps, TILE, 64), np.float16)
    device.launch(
        "pack_tiles.cu", "pack_tiles", tiles * steps, 1024, (rows, np.int64(len(rows)), np.int32(rows.shape[1]), out)
    )
    return out


def queues(device: HarnessDevice, n: int) -> tuple[Rows, Rows]:
    return device.empty((n, CAPACITY), np.uint64), np.zeros(n, np.uint32)


def sets(entries: Rows, filled: Rows) -> list[set[int]]:
    assert filled.max(initial=0) <= CAPACITY
    return [set(row[:count].tolist()) for row, count in zip(entries, filled, strict=True)]


def by_warps(rows: Rows, lower: Rows, cut: Rows) -> list[set[int]]:
    device, n = HarnessDevice(), len(rows)
    tiles = -(-n // TILE)
    entries, filled = queues(device, n)
    arguments = (
        rows,
        lower,
        cut,
        np.int64(n),
        np.int32(rows.shape[1]),
        np.int32(tiles),
        np.int32(0),
        np.int32(tiles // 2 + 1),
    )
    whole = (*arguments, entries, filled, np.int32(CAPACITY))
    device.launch("pair_scan.cu", "pair_scan_one", tiles * (tiles // 2 + 1), 256, whole, 67_584)
    return sets(entries, filled)


def by_warpgroups(rows: Rows, lower: Rows, cut: Rows, span: int, device: HarnessDevice) -> list[set[int]]:
    n, stride = rows.shape
    tiles = -(-n // TILE)
    diagonals = tiles // 2 + 1
    entries, filled = queues(device, n)
    arguments = (packed(device, rows), padded(lower, np.inf), padded(cut, -np.inf), np.int32(stride), np.int32(tiles))
    walk = (np.int32(0), np.int32(diagonals), np.int32(span))
    whole = (*arguments, *walk, entries, filled, np.int32(CAPACITY))
    device.launch(WARPGROUP, "pair_scan_warpgroup_one", tiles * -(-diagonals // span), 384, whole, SHARED)
    return sets(entries, filled)


@pytest.mark.parametrize(
    ("n", "stride", "span"), [(300, 64, 1), (300, 128, 2), (400, 64, 3), (130, 448, 2), (5, 64, 4)]
)
def test_candidates_are_those_of_the_scan_by_warps(n: int, stride: int, span: int) -> None:
    rows = rows_of(n, stride)
    lower, cut = sq_norms(rows), cuts(rows, rows, 0.1 if n > 10 else 0.5)
    expected = by_warps(rows, lower, cut)
    assert sum(map(len, expected)) >= n
    assert by_warpgroups(rows, lower, cut, span, HarnessDevice()) == expected


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_candidates_do_not_depend_on_the_schedule(schedule: int) -> None:
    rows = rows_of(260, 512, 1)
    lower, cut = sq_norms(rows), cuts(rows, rows, 0.05)
    assert by_warpgroups(rows, lower, cut, 2, HarnessDevice(schedule)) == by_warps(rows, lower, cut)


@pytest.mark.parametrize("self_shift", [1 << 40, 3])
def test_two_sets_give_every_query_its_candidates(self_shift: int) -> None:
    queries, base = rows_of(140, 64, 2), rows_of(300, 64, 3)
    cut, device = cuts(queries, base, 0.1), HarnessDevice()
    entries, filled = queues(device, len(queries))
    left = (packed(device, queries), padded(sq_norms(queries), np.inf), padded(cut, -np.inf), np.int32(2))
    right = (packed(device, base), padded(sq_norms(base), np.inf), np.int32(3), np.int32(64))
    walk = (np.int32(0), np.int32(3), np.int32(2), np.int64(self_shift))
    arguments = (*left, *right, *walk, entries, filled, np.int32(CAPACITY))
    device.launch(WARPGROUP, "pair_scan_warpgroup_two", 2 * 2, 384, arguments, SHARED)
    gaps = ((queries[:, None].astype(np.float64) - base[None].astype(np.float64)) ** 2).sum(axis=2)
    for row, found in enumerate(sets(entries, filled)):
        columns = {entry & 0xFFFFFFFF for entry in found}
        sure, possible = (set(np.flatnonzero(gaps[row] <= cut[row] + slack)) for slack in (-1e-3, 1e-3))
        own = {row + self_shift} if np.isfinite(cut[row]) else set()
        assert sure - own <= columns <= possible - own


def test_pieces_of_a_packed_tile_lie_where_the_matrix_unit_looks() -> None:
    rows = rows_of(130, 128)
    tiles = packed(HarnessDevice(), rows).reshape(2, 2, TILE, 8, 8)
    assert (tiles[0, 1, 5, 3 ^ 5] == rows[5, 64 + 24 : 64 + 32]).all()
    assert (tiles[1, 0, 1, 2 ^ 1] == rows[129, 16:24]).all()
    assert (tiles[1, :, 2:] == 0).all()


MUTATIONS: dict[str, Callable[[str], str]] = {
    "a stage is given back before its products are filtered": lambda text: text.replace(
        "wait_for(at.full(turn.stage), turn.round & 1);",
        "wait_for(at.full(turn.stage), turn.round & 1); give_back(at.empty(turn.stage));",
    ),
    "nobody waits for the copies": lambda text: text.replace("wait_for(at.full(turn.stage), turn.round & 1);", ""),
    "the wrong half of the row tile": lambda text: text.replace("at.rows(slot) + half_tile", "at.rows(slot)"),
    "sums are read before the products are done": lambda text: text.replace("end_products();", ""),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_walk_is_caught(name: str) -> None:
    text = (kernel_folder() / WARPGROUP).read_text()
    broken = MUTATIONS[name](text)
    assert broken != text
    rows = rows_of(300, 448)
    lower, cut = sq_norms(rows), cuts(rows, rows, 0.1)
    try:
        found = by_warpgroups(rows, lower, cut, 2, HarnessDevice(1, texts={WARPGROUP: broken}))
    except (Stuck, AssertionError):
        return
    assert found != by_warps(rows, lower, cut)


def test_a_program_is_built_once() -> None:
    names = ("pair_scan_warpgroup_one",)
    assert build(WARPGROUP, names) is build(WARPGROUP, names)
