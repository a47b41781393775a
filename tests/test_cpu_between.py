"""Two sets looked up in one another at once: joined to what each has of its own they are the table of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cpu_units import adversarial, full_precision, sequences
from pair_clouds import CLOUDS, Maker, draw, gaussian, tight_clusters

from geometry.pairs.cpu import between as module
from geometry.pairs.cpu.between import between, rounds
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cpu.units import available
from geometry.pairs.merging import NOBODY, Ranked, joined_to
from geometry.types import Array, Floats

WAYS = {name: way for name, way in sequences().items() if "emulated" not in name}
BEST = WAYS[available()[0]]
FIRST = 300  # rows of the first set: blocks of 384 would be one, so the second has more
K = 4


def both(first: Array, second: Array, known: tuple[Floats, Floats], **more: Any) -> tuple[Ranked, Ranked]:
    options = {"units": BEST, "means": (1, None)} | more
    return between(first, second, K, known, **options)


def whole(points: Array, *, told: bool, **more: Any) -> tuple[Ranked, Ranked]:
    """The table of all rows from those of two parts and what `between` finds across them; and that of one pass."""
    engine, start, parts = CpuExecutor(), 0, (points[:FIRST], points[FIRST:])
    alone = [engine.neighbors(part, part, K, exclude_self=True) for part in parts]
    known = [one.sq_dist[:, -1] if told else np.full(len(one.dist), np.inf) for one in alone]
    across = both(*parts, (known[0], known[1]), **more)
    tables = []
    for one, (sq_dist, index), other in zip(alone, across, (FIRST, 0), strict=True):
        found = sq_dist, np.where(index == NOBODY, NOBODY, index + other)
        tables.append(joined_to((one.sq_dist.copy(), one.index + start), found, K))
        start = FIRST
    sq_dist, index = (np.vstack(pair) for pair in zip(*tables, strict=True))
    truth = engine.neighbors(points, points, K, exclude_self=True)
    return (sq_dist, index), (truth.sq_dist, truth.index)


def alike(tables: tuple[Ranked, Ranked]) -> bool:
    found, truth = tables
    return all(a.tobytes() == b.tobytes() for a, b in zip(found, truth, strict=True))


@pytest.mark.parametrize("maker", CLOUDS)
def test_parts_and_what_lies_across_them_are_the_whole(maker: Maker) -> None:
    engine = CpuExecutor()
    for n, d, dtype in ((760, 5, np.float32), (1100, 40, np.float64)):
        points = draw(maker, n, d, dtype)
        for told in (True, False):
            with pytest.MonkeyPatch.context() as patch:  # copies are the executor's matter
                patch.setattr("test_cpu_between.between", lambda *given, **_: engine.between(*given))
                assert alike(whole(points, told=told)), (n, told)


@pytest.mark.parametrize("way", WAYS)
def test_every_unit_and_number_of_threads_gives_one_answer(way: str) -> None:
    points = draw(tight_clusters, 1100, 40, np.float32)
    for threads in (1, 3):
        assert alike(whole(points, told=True, units=WAYS[way], means=(threads, None)))


def test_products_moved_by_their_claimed_error_change_nothing() -> None:
    points = draw(gaussian, 1100, 40, np.float32)
    for seed in range(3):
        assert alike(whole(points, told=True, units=(adversarial(BEST[0], seed), full_precision())))


def test_who_is_farther_than_what_is_known_is_left_out() -> None:
    points = draw(gaussian, 1100, 40, np.float32)
    first, second = points[:FIRST], points[FIRST:]
    free = [np.full(len(one), np.inf) for one in (first, second)]
    open_ended = both(first, second, (free[0], free[1]))
    assert all((index != NOBODY).all() and np.isfinite(sq_dist).all() for sq_dist, index in open_ended)
    limits = [table[0][:, 1] for table in open_ended]  # each row has two that are so near
    closed = both(first, second, (limits[0], limits[1]))
    for (sq_dist, index), (all_sq, all_index) in zip(closed, open_ended, strict=True):
        assert (sq_dist[:, :2] == all_sq[:, :2]).all() and (index[:, :2] == all_index[:, :2]).all()
        left_out = index == NOBODY
        assert left_out[:, 2:].mean() > 0.9 and (sq_dist[left_out] == np.inf).all()


@pytest.mark.parametrize("spoiled", ["few", "most"])
def test_rows_that_queues_cannot_hold_are_done_one_by_one(spoiled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    points = draw(gaussian, 1100, 40, np.float32)
    plain, closed = module._side, 20 if spoiled == "few" else 200
    finished: list[int] = []

    def side(*given: Any) -> Any:
        packed, queues = plain(*given)
        queues.spoiled[:closed], queues.cut[:closed] = 1, np.inf
        return packed, queues

    def finish(ask: Any, units: Any, todo: Any, out: Any) -> None:
        finished.append(len(todo))
        after(ask, units, todo, out)

    after = module.finish
    monkeypatch.setattr(module, "_side", side)
    monkeypatch.setattr(module, "finish", finish)
    assert alike(whole(points, told=True))
    assert finished == ([20, 20] if spoiled == "few" else [FIRST, 1100 - FIRST])


def test_a_budget_too_small_for_both_sets_looks_one_up_in_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    points, seen = draw(gaussian, 1100, 40, np.float32), []
    plain = module._both_ways
    monkeypatch.setattr(module, "_both_ways", lambda *given: seen.append(1) or plain(*given))
    assert alike(whole(points, told=True, means=(1, 4 << 20))) and seen == [1]
    assert alike(whole(points, told=True, means=(1, 1 << 20))) and seen == [1]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (5, 3), (4, 4)])
def test_every_block_meets_every_other_once_and_no_two_at_a_time(rows: int, columns: int) -> None:
    turns = list(rounds(rows, columns))
    pairs = [pair for turn in turns for pair in turn]
    assert sorted(pairs) == [(i, j) for i in range(rows) for j in range(columns)]
    for turn in turns:
        assert len({i for i, _ in turn}) == len(turn) == len({j for _, j in turn})
