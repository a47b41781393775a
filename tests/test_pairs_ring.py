"""Processes over gloo give the tables and counts of one to the byte; errors and losses of a rank reach the leader."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pair_clouds
import pytest
import ring_world
from ring_world import World

from geometry.errors import InputError, OutOfMemoryError, UsageError
from geometry.pairs import executor, own_executor, ring
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.ring import Link, RingExecutor, link
from geometry.pairs.ring.link import Exchange, Line
from geometry.pairs.ring.task import STOP, Task, deal
from geometry.types import Array, Neighbors

CASES = (
    (pair_clouds.gaussian, 257, 63, np.float32),
    (pair_clouds.duplicates, 257, 63, np.float64),
    (pair_clouds.lattice, 257, 3, np.float32),
    (pair_clouds.one_hot, 63, 9, np.float16),
    (pair_clouds.all_equal, 63, 5, np.float32),
    (pair_clouds.tight_clusters, 257, 63, np.float64),
    (pair_clouds.one_outlier, 257, 7, np.float32),
    (pair_clouds.subnormals, 63, 5, np.float32),
    (pair_clouds.gaussian, 3, 2, np.float32),
    (pair_clouds.gaussian, 2, 1, np.float64),
)
LARGE = ((pair_clouds.gaussian, 1100, 12, np.float32), (pair_clouds.lattice, 1100, 3, np.float32))
COUNT = 2 + (8 * 3 + 2 + 1) + 10 * 2 + 10 * 2  # tables of one set, of two sets, counts
FAILS, DIES, SLEEPS, REFUSES = 11, 12, 13, 14  # numbers of neighbours at which the engines below misbehave
ODD = 1 << 22  # the budget that asks for them


class NoRowError(InputError):
    """An error that the package's own list does not have."""


@dataclass(frozen=True)
class Odd:
    """An engine that fails in some way where a number of neighbours tells it to."""

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        if k == FAILS:
            raise OutOfMemoryError("there is no room")
        if k == REFUSES:
            raise NoRowError("no row")
        if k == DIES and os.environ["RANK"] == "2":
            os.kill(os.getpid(), signal.SIGKILL)
        if k == SLEEPS:
            time.sleep(4)
        return own_executor("cpu").neighbors(queries, base, k, exclude_self=exclude_self)

    def radius_counts(self, queries: Array, base: Array, sq_radii: Array) -> Any:
        raise ZeroDivisionError("a defect")


def engines(device: str, budget: int | None) -> Any:
    """Of the other ranks: which one, and whether any, follows from what the leader said of its own."""
    if budget not in (None, ODD):
        raise InputError(f"asked for {device} within {budget}")
    return own_executor(device) if budget is None else Odd()


def alike(link: Link, some: Sequence[Any] = CASES) -> list[str]:
    """The cases in which the ring's answer is not the engine's, and how many there were."""
    alone = own_executor("cpu")
    together = RingExecutor(alone, link, least=0)
    wrong, cases = [], 0
    for maker, n, d, dtype in some:
        points = pair_clouds.draw(maker, n, d, dtype)
        others = pair_clouds.draw(maker, max(n // 3, 1), d, np.float32, seed=1)
        asked = [(points, points, k, True) for k in {1, min(9, n - 1), n - 1}]
        asked += [(others, points, min(4, n), False), (points, others, len(others), False)]
        for queries, base, k, own in asked:
            mine, theirs = (one.neighbors(queries, base, k, exclude_self=own) for one in (together, alone))
            wrong += (
                []
                if _tables(mine) == _tables(theirs)
                else [f"{maker.__name__} {n} x {d}, {len(queries)} queries, k = {k}"]
            )
        sq_radii = alone.neighbors(points, points, min(3, n - 1), exclude_self=True).sq_dist[:, -1].copy()
        sq_radii[0] = -1.0
        for queries in (points, others):
            mine, theirs = (one.radius_counts(queries, points, sq_radii) for one in (together, alone))
            same = all(
                _bytes(getattr(mine, part)) == _bytes(getattr(theirs, part)) for part in ("per_query", "per_base")
            )
            wrong += [] if same else [f"{maker.__name__} {n} x {d}, counts of {len(queries)}"]
        cases += len(asked) + 2
    for maker, n, d, dtype in LARGE:  # blocks that are worth looking at from both sides
        points = pair_clouds.draw(maker, n, d, dtype)
        mine, theirs = (one.neighbors(points, points, 3, exclude_self=True) for one in (together, alone))
        wrong += [] if _tables(mine) == _tables(theirs) else [f"{maker.__name__} {n} x {d}"]
        cases += 1
    return [*wrong, f"{cases} cases"]


def _tables(found: Neighbors) -> list[tuple[Any, ...]]:
    return [_bytes(getattr(found, part)) for part in ("dist", "index", "certified", "sq_dist")]


def _bytes(array: Array) -> tuple[Any, ...]:
    return array.shape, array.dtype.str, array.tobytes()


def error_of(call: Callable[[], Any]) -> tuple[str, str]:
    """Class and message of the error of a call."""
    try:
        call()
    except Exception as error:
        return type(error).__name__, str(error)
    return "", ""


def errors(link: Link) -> dict[str, Any]:
    """What the leader meets when engines of other ranks fail, and whether the ranks are in step afterwards."""
    points = pair_clouds.draw(pair_clouds.gaussian, 200, 3, np.float32)
    alone = own_executor("cpu")
    strange, strict = (RingExecutor(alone, link, "cpu", budget, least=0) for budget in (ODD, ODD + 1))
    found: dict[str, Any] = {
        "memory": error_of(lambda: strange.neighbors(points, points, FAILS, exclude_self=True)),
        "special": error_of(lambda: strange.neighbors(points, points, REFUSES, exclude_self=True)),
        "defect": error_of(lambda: strange.radius_counts(points, points, np.ones(200))),
        "budget": error_of(lambda: strict.neighbors(points, points, 3, exclude_self=True)),
        "leader": error_of(
            lambda: RingExecutor(Odd(), link, least=0).neighbors(points, points, FAILS, exclude_self=True)
        ),
        "least": [
            error_of(partial(one.neighbors, points, points, 3, exclude_self=True))[0]
            for one in (replace(strict, least=200**2 + 1), strict, replace(strict, least=None))
        ],
    }
    with ring.leading(link):
        found["engine"] = executor("cpu", ODD).name, ring.ranks()
    table = strange.neighbors(points, points, 3, exclude_self=True)
    found["after"] = bool((table.index == alone.neighbors(points, points, 3, exclude_self=True).index).all())
    return found


@dataclass(frozen=True)
class Counting:
    """An engine that counts the pairs of rows it is asked for, and says how far the others' neighbours were known."""

    pairs: list[int]
    known: list[bool]

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        self.pairs.append(len(queries) * (len(queries) - 1) // 2)
        return own_executor("cpu").neighbors(queries, base, k, exclude_self=exclude_self)

    def between(self, first: Array, second: Array, k: int, known: tuple[Array, Array]) -> Any:
        self.pairs.append(len(first) * len(second))
        self.known.append(all(bool(np.isfinite(one).all()) for one in known))
        return CpuExecutor().between(first, second, k, known)


def shared(link: Link) -> tuple[int, bool]:
    """How many pairs the leader looks at of a set of 400 rows, and whether all rows were known to have neighbours."""
    engine = Counting([], [])
    points = pair_clouds.draw(pair_clouds.gaussian, 400, 12, np.float32)
    RingExecutor(engine, link, least=0).neighbors(points, points, 3, exclude_self=True)  # type: ignore[arg-type]
    return sum(engine.pairs), all(engine.known)


@dataclass(frozen=True)
class Looking:
    """An engine that takes its time, and then looks whether the next block has come while it worked."""

    coming: list[Exchange]
    expected: Array
    seen: list[bool]

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        time.sleep(0.5)
        self.seen.append(np.array_equal(self.coming[-1].tensors[1].numpy(), self.expected))
        return own_executor("cpu").neighbors(queries, base, k, exclude_self=exclude_self)


def overlap(link: Link) -> list[bool]:
    """Whether the block of the other rank was there before it was asked for."""
    points = pair_clouds.draw(pair_clouds.gaussian, 200, 3, np.float32)
    coming: list[Exchange] = []
    plain = Line.exchange

    def exchange(line: Line, *arguments: Any) -> Exchange:
        coming.append(plain(line, *arguments))
        return coming[-1]

    engine = Looking(coming, points[100:], [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Line, "exchange", exchange)
        together = RingExecutor(engine, link, least=0)  # type: ignore[arg-type]
        together.neighbors(points, points, 3, exclude_self=True)
        of_one_set = engine.seen[:1]  # what is looked up later has been waited for
        together.neighbors(points[:50], points, 3, exclude_self=False)
    return of_one_set + engine.seen[-2:]


def two(link: Link) -> Any:
    return alike(link), errors(link), overlap(link), shared(link)


def three(link: Link) -> Any:
    return alike(link, CASES[-2:]), shared(link)


def lost(link: Link, k: int) -> list[tuple[str, str]]:
    """What the leader meets when a rank dies or sleeps in a task, and when it then asks for another one."""
    points = pair_clouds.draw(pair_clouds.gaussian, 200, 3, np.float32)
    together = RingExecutor(own_executor("cpu"), link, "cpu", ODD, least=0)
    return [error_of(lambda: together.neighbors(points, points, k, exclude_self=True)) for _ in range(2)]


def four(link: Link) -> Any:
    return alike(link), shared(link), lost(link, DIES)


def silent(link: Link) -> Any:
    return lost(link, SLEEPS)


@pytest.fixture(scope="module")
def of_two() -> Any:
    return ring_world.run(2, World(two, engines, code=5))


@pytest.fixture(scope="module")
def of_four() -> Any:
    return ring_world.run(4, World(four, engines))


def test_two_ranks_give_what_one_gives(of_two: Any) -> None:
    assert of_two[0][0] == [f"{COUNT} cases"]


def test_four_ranks_give_what_one_gives(of_four: Any) -> None:
    assert of_four[0][0] == [f"{COUNT} cases"]


@pytest.mark.parametrize("world", [3, 5])
def test_odd_numbers_of_ranks_give_what_one_gives(world: int) -> None:
    found, pairs = ring_world.run(world, World(three, engines))[0]
    assert found == [f"{2 + (2 + 4) + (1 + 4)} cases"]
    assert 0.99 < pairs[0] * world / (400 * 399 / 2) < 1.01 and pairs[1]


def test_every_pair_is_looked_at_once(of_two: Any, of_four: Any) -> None:
    assert of_two[0][3] == (200 * 199 // 2 + 100 * 200, True)
    assert of_four[0][1] == (100 * 99 // 2 + 100 * 100 + 50 * 100, True)


def test_errors_of_a_rank_are_the_leaders_by_class_and_name_the_rank(of_two: Any) -> None:
    found = of_two[0][1]
    assert found["memory"] == ("OutOfMemoryError", "rank 1: there is no room")
    assert found["special"] == ("InputError", "rank 1: no row")
    assert found["budget"] == ("InputError", f"rank 1: asked for cpu within {ODD + 1}")
    assert found["defect"][0] == "RuntimeError" and found["defect"][1].startswith("rank 1: Traceback")
    assert "ZeroDivisionError: a defect" in found["defect"][1]
    assert found["leader"] == ("OutOfMemoryError", "there is no room")
    assert found["after"]


def test_the_next_block_is_on_its_way_while_an_engine_works(of_two: Any) -> None:
    assert of_two[0][2] == [True] * 3


@pytest.mark.parametrize(("nccl", "cuda"), [(True, False), (False, True), (False, False)])
def test_rows_go_over_gloo_where_torch_cannot_send_from_a_gpu(
    nccl: bool, cuda: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernels run beside a torch without CUDA too, and then a rank computes on a GPU all the same."""
    monkeypatch.setattr(link.dist, "is_nccl_available", lambda: nccl)
    monkeypatch.setattr(link.torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(link.dist, "all_reduce", lambda *_, **__: None)
    words = Line(None, "cpu", timedelta(1), None)
    assert link._rows(words, True) is words


def test_few_pairs_bother_nobody(of_two: Any) -> None:
    assert of_two[0][1]["least"] == ["", "InputError", ""]


def test_the_engine_handed_out_says_how_many_ranks_it_has(of_two: Any) -> None:
    name, told = of_two[0][1]["engine"]
    assert name == f"{own_executor('cpu').name}, 2 ranks over gloo"
    assert told == {"count": 2, "backend": "gloo"} and ring.ranks() is None
    assert not isinstance(executor("cpu"), RingExecutor)


def test_all_ranks_end_with_one_code(of_two: Any) -> None:
    assert of_two[1] == [5, 5]


def test_a_killed_rank_is_named_and_ends_the_others(of_four: Any) -> None:
    (kind, said), again = of_four[0][2]
    assert kind == "LostRankError" and said.startswith("rank 2 is gone"), said
    assert again == ("LostRankError", "the ranks are out of step: an earlier task was left in its middle")
    assert of_four[1][2] == -signal.SIGKILL and [of_four[1][rank] for rank in (0, 1, 3)] == [0, 1, 1]


def test_a_silent_rank_is_given_up() -> None:
    ((kind, said), _), codes = ring_world.run(2, World(silent, engines, patience=1.5))
    assert kind == "LostRankError" and said.startswith("rank 1 is gone")
    assert codes[0] == 0


def test_ranks_that_do_not_come_are_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ring_world.place(0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("geometry.pairs.ring.link.JOIN", timedelta(seconds=1))
    monkeypatch.setattr("geometry.pairs.ring.link.SOON", 0.2)
    said: list[str] = []
    told = r"rank 0 of 2 did not find all others.*env -u WORLD_SIZE"
    with pytest.raises(UsageError, match=told), ring.joined(0, 2, gpu=False, tell=said.append):
        pass
    assert len(said) == 1 and said[0].startswith("rank 0 waits for others of 2; start all") and "env -u" in said[0]


@pytest.mark.parametrize("rank", [0, 1])
def test_ctrl_c_is_heeded_while_a_rank_waits(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the others, and for a rank 0 that keeps the store."""
    for name, value in ring_world.place(rank).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("geometry.pairs.ring.link.TRY", timedelta(seconds=0.5))
    monkeypatch.setattr("geometry.pairs.ring.link.JOIN", timedelta(seconds=15))
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), ring.joined(rank, 2, gpu=False):
        pass
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("rows", "world"), [(0, 3), (1, 4), (10, 4), (257, 2)])
def test_rows_are_dealt_in_order_and_evenly(rows: int, world: int) -> None:
    blocks = deal(rows, world)
    sizes = [block.stop - block.start for block in blocks]
    assert len(blocks) == world and sum(sizes) == rows and max(sizes) - min(sizes) <= 1
    assert [row for block in blocks for row in range(rows)[block]] == list(range(rows))


def test_a_header_comes_back_as_the_task_it_was() -> None:
    task = Task(STOP, 5, 7, 3, 1, 2, 9, 1, 2, 1 << 40)
    assert Task.of(task.words) == task and task.engine == ("cuda", 1 << 40)
    assert Task(STOP).engine == ("auto", None)
