"""Neighbours of the CPU engine: every unit, every cloud, one answer to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cpu_units import adversarial, amx_emulated, full_precision, sequences
from pair_clouds import CLOUDS, DTYPES, Maker, draw, gaussian, tight_clusters

from geometry.errors import UsageError
from geometry.pairs import reference
from geometry.pairs.copies import find_copies
from geometry.pairs.cpu import nearest
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cpu.queues import Queues, Rule, empty_queues, sort_out
from geometry.pairs.cpu.rows import Frame, Packed, pack
from geometry.pairs.cpu.units import Unit, available, unit
from geometry.pairs.torch_engine import TorchExecutor

SHAPES = ((2, 1), (3, 5), (63, 768), (257, 3), (500, 63))
BUDGET = 256 << 20
WAYS = sequences()
QUICK = [name for name in WAYS if "emulated" not in name]


def distinct(maker: Maker, n: int, d: int, dtype: type) -> np.ndarray:
    points = draw(maker, n, d, dtype)
    return points[find_copies(points).first]


def search(points: np.ndarray, k: int, units: tuple[Unit, ...], threads: int = 1, budget: int = BUDGET) -> tuple:
    return nearest.neighbors(points, points, k, exclude_self=True, units=units, means=(threads, budget))


def assert_exact(found: tuple, queries: np.ndarray, base: np.ndarray, k: int, *, exclude_self: bool) -> None:
    sq_dist, index = found
    truth = reference.sq_dists(queries, base)
    want, _ = reference.neighbors(queries, base, k, exclude_self=exclude_self)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(sq_dist, want, rtol=1e-13)
        np.testing.assert_allclose(sq_dist, np.take_along_axis(truth, index, axis=1), rtol=1e-13)
    steps = np.diff(sq_dist, axis=1)
    assert np.all((steps > 0) | ((steps == 0) & (np.diff(index, axis=1) > 0)))
    assert not exclude_self or not np.any(index == np.arange(len(queries))[:, None])


@pytest.mark.parametrize("maker", CLOUDS)
def test_neighbors_of_every_row(maker: Maker) -> None:
    for dtype in DTYPES:
        for n, d in SHAPES:
            points = distinct(maker, n, d, dtype)
            k = min(5, len(points) - 1)
            if k:
                found = search(points, k, WAYS[available()[0]])
                assert_exact(found, points, points, k, exclude_self=True)


@pytest.mark.parametrize("way", WAYS)
def test_every_unit_gives_the_bytes_of_the_torch_engine(way: str) -> None:
    shapes = ((130, 63),) if "emulated" in way else ((130, 63), (900, 20))
    for maker in CLOUDS:
        for n, d in shapes:
            points = distinct(maker, n, d, np.float32)
            k = min(7, len(points) - 1)
            if k:
                table = TorchExecutor().neighbors(points, points, k, exclude_self=True)
                sq_dist, index = search(points, k, WAYS[way])
                np.testing.assert_array_equal(sq_dist, table.sq_dist, err_msg=maker.__name__)
                np.testing.assert_array_equal(index, table.index, err_msg=maker.__name__)


@pytest.mark.parametrize("way", QUICK)
@pytest.mark.parametrize("maker", CLOUDS)
def test_neighbors_of_queries(maker: Maker, way: str) -> None:
    base = distinct(maker, 500, 30, np.float32)
    queries = np.concatenate([draw(maker, 40, 30, np.float32, seed=1), base[::3]])
    k = min(6, len(base))
    found = nearest.neighbors(queries, base, k, exclude_self=False, units=WAYS[way], means=(2, BUDGET))
    assert_exact(found, queries, base, k, exclude_self=False)


@pytest.mark.parametrize("maker", CLOUDS)
def test_engine_collapses_copies_and_certifies_every_row(maker: Maker) -> None:
    points = draw(maker, 300, 20, np.float32)
    table, other = (
        engine.neighbors(points, points, 9, exclude_self=True) for engine in (CpuExecutor(), TorchExecutor())
    )
    assert table.certified.all()
    for field in ("sq_dist", "index", "dist"):
        assert getattr(table, field).tobytes() == getattr(other, field).tobytes(), field


@pytest.mark.parametrize("maker", CLOUDS)
def test_threads_and_budget_change_no_byte(maker: Maker) -> None:
    points = distinct(maker, 1300, 20, np.float32)
    k = min(6, len(points) - 1)
    if k == 0:
        return
    first = search(points, k, WAYS[available()[0]])
    for threads, budget in ((2, BUDGET), (8, BUDGET), (1, 1 << 10), (2, 1 << 20)):
        other = search(points, k, WAYS[available()[0]], threads, budget)
        assert [part.tobytes() for part in other] == [part.tobytes() for part in first], (threads, budget)


def test_threads_are_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = nearest.neighbors

    def spy(*rows: np.ndarray, means: tuple[int, int], **options: object) -> tuple:
        asked.append(means)
        return real(*rows, means=means, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(nearest, "neighbors", spy)
    points = draw(gaussian, 50, 4, np.float32)
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            CpuExecutor(budget=12345).neighbors(points, points, 3, exclude_self=True)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert asked == [(1, 12345), (3, 12345)]


@pytest.mark.parametrize("maker", CLOUDS)
def test_products_moved_by_their_whole_error_change_no_byte(maker: Maker) -> None:
    for name in QUICK:
        points = distinct(maker, 700, 33, np.float32)
        k = min(5, len(points) - 1)
        if k:
            honest = search(points, k, WAYS[name])
            moved = search(points, k, tuple(adversarial(one) for one in WAYS[name]))
            assert [part.tobytes() for part in moved] == [part.tobytes() for part in honest], name


@pytest.mark.parametrize("k", [1, 40, 200, 399])
def test_any_number_of_neighbors(k: int) -> None:
    points = draw(gaussian, 400, 10, np.float32)
    assert_exact(search(points, k, WAYS[available()[0]]), points, points, k, exclude_self=True)


def test_every_pair_of_blocks_meets_once_and_no_block_twice_in_a_round() -> None:
    for players in (1, 2, 3, 4, 7, 10):
        rounds = list(nearest.tournament(players))
        met = [tuple(sorted(pair)) for pairs in rounds for pair in pairs]
        assert sorted(met) == [(i, j) for i in range(players) for j in range(i, players)]
        for pairs in rounds[1:]:
            seats = [seat for pair in pairs for seat in pair]
            assert len(seats) == len(set(seats))


def test_a_unit_that_blurs_most_rows_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters of 400 rows within one step of bfloat16: queues of 16-bit candidates cannot hold them."""
    asked: list[str] = []
    real = nearest._pass

    def spy(ask: nearest.Search, one: Unit, todo: np.ndarray, out: tuple) -> np.ndarray:
        left = real(ask, one, todo, out)
        asked.append(f"{one.kind} {len(todo)} {len(left)}")
        return left

    monkeypatch.setattr(nearest, "_pass", spy)
    points = distinct(lambda rng, n, d: tight_clusters(rng, n, d) * [1, *[1e3] * (d - 1)], 3000, 8, np.float32)
    blurred = amx_emulated("bf16")
    found = search(points, 5, (blurred, full_precision()))
    assert asked[0] == f"bf16 {len(points)} {len(points)}"
    rows = np.arange(0, len(points), 37)
    truth, _ = reference.neighbors(points[rows], points, 6, exclude_self=False)
    np.testing.assert_allclose(found[0][rows], truth[:, 1:], rtol=1e-13)


def two_candidates() -> np.ndarray:
    """The origin, a at 1 + 1.51u and b at 1 + 1.75u, u a step of bfloat16: rounded they are at 1 + 2u and 1 + 1.4u."""
    b = 183.49 / 256
    return np.array([[0, 0], [1 + 1.51 * 2.0**-7, 0], [b, b]], np.float32)


def kept(points: np.ndarray, packed: Packed, error: float) -> list[int]:
    """Rows that the bounds leave in the queue of row 0, as its single nearest neighbour is asked for."""
    queues: Queues = empty_queues(len(packed.words), 16, 16, np.arange(len(points)))
    rounded = (packed.words.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    queues.indices[0, :2], queues.counts[0] = (1, 2), 2
    queues.scores[0, :2] = rounded[1:3] @ rounded[0]
    sort_out(queues, packed.terms, 0, packed.terms, Rule(1, error, False), np.empty(16, np.float32))
    return queues.indices[0, : queues.counts[0]].tolist()


def test_bounds_keep_a_neighbor_that_rounding_puts_behind_and_half_of_them_would_not() -> None:
    points = two_candidates()
    packed = pack(points, np.arange(3), Frame(np.zeros(2), 1.0), ("bf16", 48, 1), 1)
    assert kept(points, packed, 2.0**-20) == [1, 2]
    halved = packed.terms._replace(delta=packed.terms.delta / 2)
    assert kept(points, Packed(3, packed.order, packed.words, packed.panels, halved), 2.0**-20) == [2]


def test_a_product_beyond_its_bound_is_found_out_and_costs_no_row() -> None:
    """Products wrong by a tenth: measured distances contradict them, and float32 does the rows again."""

    def wrong(left: np.ndarray, panels: np.ndarray, out: np.ndarray) -> None:
        honest.product(left, panels, out)
        out *= 0.9

    honest = amx_emulated("bf16")
    broken = Unit("wrong", "bf16", honest.columns, honest.multiple, honest.chunk, honest.roundoff, wrong)
    points = draw(gaussian, 300, 40, np.float32)
    assert_exact(search(points, 4, (broken, full_precision())), points, points, 4, exclude_self=True)


def test_units_have_names_and_missing_ones_say_so() -> None:
    assert CpuExecutor().name == f"cpu-{available()[0]}"
    assert CpuExecutor(unit="blas").name == "cpu-blas"
    with pytest.raises(UsageError, match="unit 'abacus' is unknown"):
        unit("abacus")
    missing = [name for name in ("amx-fp16", "amx-bf16", "avx512-bf16", "avx512-f32") if name not in available()]
    for name in missing:
        with pytest.raises(UsageError, match=f"this processor has no {name}"):
            unit(name)


def test_mapped_files_are_read_as_they_are(tmp_path: object) -> None:
    points = draw(gaussian, 200, 12, np.float32)
    np.save(f"{tmp_path}/points.npy", points)
    mapped = np.load(f"{tmp_path}/points.npy", mmap_mode="r")
    table, same = (CpuExecutor().neighbors(rows, rows, 4, exclude_self=True) for rows in (mapped, points))
    assert table.sq_dist.tobytes() == same.sq_dist.tobytes()
    assert not mapped.flags.writeable
