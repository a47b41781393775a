"""Scratch of the CPU engine: a budget is kept, and neither it nor threads nor tiles change a byte of a result."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from cpu_units import full_precision, sequences
from pair_clouds import draw, gaussian, lattice
from parity_cases import truth

from geometry.pairs.cpu import balls, nearest, room, rows, rowwise, tiles, units
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cpu.room import Share, default_room, shared_out
from geometry.pairs.cpu.rows import BLOCK
from geometry.pairs.cpu.units import Unit
from geometry.types import Array

WAYS = sequences()
BESIDE = 250  # bytes a row that are not counted: orders, digests, terms, copies, and the float64 of a table's width


def peak(call: Callable[[], object]) -> int:
    """The most bytes that NumPy holds at a time during the second call."""
    call()
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def result_bytes(n: int, k: int) -> int:
    """Of a table: three arrays, and the two that they are made from."""
    return n * k * (8 + 8 + 4 + 8)


@pytest.mark.parametrize("budget", [3 << 20, 5 << 20])
def test_neighbors_of_one_set_stay_within_the_budget(budget: int) -> None:
    points, k = draw(gaussian, 6000, 64, np.float32), 15
    needed = peak(lambda: CpuExecutor().neighbors(points, points, k, exclude_self=True))
    taken = peak(lambda: CpuExecutor(budget).neighbors(points, points, k, exclude_self=True))
    assert needed > 10 << 20
    assert taken <= budget + result_bytes(6000, k) + BESIDE * 6000


def test_counts_stay_within_the_budget_and_are_the_same() -> None:
    points = draw(gaussian, 6000, 64, np.float32)
    sq_radii = np.full(6000, 100.0)
    small, large = CpuExecutor(2 << 20), CpuExecutor()
    assert peak(lambda: small.radius_counts(points, points, sq_radii)) <= (2 << 20) + BESIDE * 6000
    counts, same = (engine.radius_counts(points, points, sq_radii) for engine in (small, large))
    assert np.array_equal(counts.per_query, same.per_query)
    assert np.array_equal(counts.per_base, same.per_base)


def test_the_last_resort_takes_no_room_for_ties() -> None:
    """1,200 rows at one distance from each other: all of them are candidates of all."""
    points = np.eye(1200, dtype=np.float32)
    budget = 8 << 20
    assert peak(lambda: CpuExecutor(budget).neighbors(points, points, 3, exclude_self=True)) <= budget + (1 << 20)


def test_rows_and_columns_share_the_room() -> None:
    assert shared_out(1 << 30, (1000, 100), (5000, 100)) == Share(1000, 14 * BLOCK)
    part = shared_out(250_000, (9000, 100), (5000, 100))
    assert part == Share((250_000 - 3 * BLOCK * 100) // 100 // 32 * 32, 3 * BLOCK)
    assert shared_out(0, (1000, 100), (5000, 100)) == Share(32, BLOCK)
    assert default_room(np.zeros((4, 2)), np.zeros((4, 2))) == 8 * 64 + room.SPARE


@pytest.mark.parametrize("block", [96, 192, 768])
def test_the_size_of_a_tile_changes_no_byte(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds = [draw(gaussian, 900, 20, np.float32), np.unique(draw(lattice, 900, 5, np.float32), axis=0)]
    expected = [CpuExecutor().neighbors(points, points, 6, exclude_self=True) for points in clouds]
    radii = [table.sq_dist[:, 5] for table in expected]
    counted = [CpuExecutor().radius_counts(*[points] * 2, sq) for points, sq in zip(clouds, radii, strict=True)]
    for module in (balls, nearest, room, rows, rowwise, tiles, units):
        monkeypatch.setattr(module, "BLOCK", block)
    units.unit.cache_clear()
    try:
        for name in units.available():
            for at, points in enumerate(clouds):
                table = CpuExecutor(unit=name).neighbors(points, points, 6, exclude_self=True)
                assert table.sq_dist.tobytes() == expected[at].sq_dist.tobytes()
                assert table.index.tobytes() == expected[at].index.tobytes()
                found = CpuExecutor(unit=name).radius_counts(points, points, radii[at])
                assert np.array_equal(found.per_base, counted[at].per_base)
    finally:
        units.unit.cache_clear()


@pytest.mark.parametrize("way", [name for name in WAYS if "emulated" not in name])
def test_threads_and_budgets_change_no_byte_of_any_unit(way: str) -> None:
    points = draw(gaussian, 1300, 20, np.float32)
    queries = draw(gaussian, 450, 20, np.float32, seed=1)
    for asked, exclude_self in ((points, True), (queries, False)):
        sq_dist, index = truth(asked, points, 6, exclude_self=exclude_self)
        for means in ((1, None), (2, None), (8, None), (8, 1), (2, 3 << 20)):
            found = nearest.neighbors(asked, points, 6, exclude_self=exclude_self, units=WAYS[way], means=means)
            assert found[0].tobytes() == sq_dist.tobytes(), means
            assert found[1].tobytes() == index.tobytes(), means


def test_measuring_that_finds_its_products_wrong_does_without_them() -> None:
    """Products wrong by a tenth in the last unit there is: every row is doubted, and measured against all."""

    def wrong(left: Array, panels: Array, out: Array) -> None:
        honest.product(left, panels, out)
        out *= 0.9

    honest = full_precision()
    broken = Unit("wrong", "f32", honest.columns, honest.multiple, honest.chunk, honest.roundoff, wrong)
    points = draw(gaussian, 300, 20, np.float32)
    found = nearest.neighbors(points, points, 4, exclude_self=True, units=(broken,), means=(2, None))
    sq_dist, index = truth(points, points, 4, exclude_self=True)
    assert found[0].tobytes() == sq_dist.tobytes()
    assert found[1].tobytes() == index.tobytes()
