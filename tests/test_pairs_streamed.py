"""Sets in files: exact moments and exact neighbours of sampled rows, whatever the blocks; nothing larger is read."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from geometry.catalog import compute
from geometry.pairs import executor, streamed
from geometry.pairs.scan import Scan
from geometry.pairs.stored import Stored, stored_array
from geometry.pairs.streamed import Queries, Whole
from geometry.types import Array, Estimate

ROWS, D = 3000, 12


@pytest.fixture(scope="module")
def points() -> Array:
    """Rows with copies, ties on a lattice, and a far offset."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.standard_normal((2000, D)), rng.integers(0, 2, (ROWS - 2000, D))]) + 3
    rows[100:130] = rows[7]
    return rng.permutation(rows).astype(np.float32)


def sampled(points: Array, m: int, k: int = 40, block_bytes: int = 1 << 14) -> Scan:
    """A scan of m of the rows, that knows of all."""
    numbers = np.sort(np.random.default_rng(1).choice(len(points), m, replace=False))
    scan = Scan(points[numbers], executor("cpu"))
    scan.numbers = numbers
    scan.whole = Whole(stored_array(points), scan, k, block_bytes)
    return scan


def test_moments_are_those_in_memory(points: Array) -> None:
    found, known = streamed.moments(stored_array(points)), executor("cpu").moments(points)
    exact = points.astype(np.longdouble)
    covariance = np.cov(exact.astype(np.float64), rowvar=False, ddof=0)
    assert found.n == ROWS
    assert found.mean.tobytes() == known.mean.tobytes()
    assert found.covariance.tobytes() == known.covariance.tobytes()
    assert np.abs(found.mean - exact.mean(axis=0).astype(np.float64)).max() <= 1e-13 * 3
    assert np.abs(found.covariance - covariance).max() <= 1e-13 * np.abs(covariance).max()


@pytest.mark.parametrize("block_bytes", [1, D * 4 * 7, D * 4 * 1024, 1 << 30])
def test_neighbors_among_all_rows_are_the_rows_of_the_whole_table(points: Array, block_bytes: int) -> None:
    some = points if block_bytes > D * 4 * 7 else points[:120]
    numbers = np.arange(0, len(some), 11)
    engine = executor("cpu")
    table = streamed.neighbors(engine, Queries(some[numbers], numbers, 33), stored_array(some), block_bytes)
    whole = engine.neighbors(some, some, 33, exclude_self=True)
    for name in ("dist", "index", "certified", "sq_dist"):
        assert getattr(table, name).tobytes() == getattr(whole, name)[numbers].tobytes(), name
    assert table.base_rows == len(some)
    assert np.array_equal(table.numbers, numbers)


def test_few_rows_lower_k(points: Array) -> None:
    numbers = np.array([0, 4])
    table = streamed.neighbors(executor("cpu"), Queries(points[numbers], numbers, 9), stored_array(points[:5]), 48)
    assert table.index.tolist()[0] == np.argsort(((points[1:5] - points[0]) ** 2).sum(axis=1)).__add__(1).tolist()
    assert table.k == 4


def test_no_read_is_larger_than_a_block(points: Array) -> None:
    reads: list[int] = []

    def read(start: int, stop: int) -> Array:
        reads.append((stop - start) * D * 4)
        return points[start:stop]

    stored = replace(stored_array(points), read=read)
    numbers = np.arange(50)
    streamed.neighbors(executor("cpu"), Queries(points[:50], numbers, 5), stored, 4096)
    assert sum(reads) == points.nbytes
    assert max(reads) <= 4096


def test_a_pass_goes_on_where_it_stopped(points: Array) -> None:
    numbers = np.arange(20)
    asked, stored, engine = Queries(points[:20], numbers, 6), stored_array(points), executor("cpu")
    whole = streamed.neighbors(engine, asked, stored)
    kept: list[tuple[int, Any]] = []
    streamed.neighbors(engine, asked, stored, 20_000, keep=lambda done, found: kept.append((done, found)))
    assert [done for done, _ in kept][-1] == ROWS
    assert len(kept) > 3

    class Counting:
        def __init__(self) -> None:
            self.rows = 0

        def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Any:
            self.rows += len(base)
            return engine.neighbors(queries, base, k, exclude_self=exclude_self)

    counting: Any = Counting()
    again = streamed.neighbors(counting, asked, stored, 7_000, begun=kept[2])
    assert counting.rows == ROWS - kept[2][0]
    assert again.index.tobytes() == whole.index.tobytes()
    assert again.sq_dist.tobytes() == whole.sq_dist.tobytes()


MOMENTS = ("effective_rank", "participation_ratio", "stable_rank", "cone", "rankme", "scale", "lpca", "alpha_req")


def each(found: Any) -> Iterator[Estimate]:
    yield from found.values() if isinstance(found, dict) else [found]


@pytest.mark.parametrize("name", MOMENTS)
def test_statistics_of_moments_are_exact_and_have_errors(points: Array, name: str) -> None:
    whole = sampled(points, 800).whole
    assert whole is not None
    for a, b in zip(each(compute(name, whole.moments)), each(compute(name, points)), strict=True):
        assert (a.value, a.n, a.d, a.status) == (b.value, b.n, b.d, b.status)
        assert (a.stderr is None) == (b.stderr is None)
        if b.stderr:
            assert a.stderr is not None
            assert abs(np.log(a.stderr / b.stderr)) < 0.2  # a sample of rows judges the same error


@pytest.mark.parametrize("name", ["two_nn", "gride", "mle", "mom", "lid", "mada", "mind_ml", "duplicates"])
def test_a_sample_of_all_rows_is_the_whole_set(points: Array, name: str) -> None:
    """With every row sampled, the table among all rows gives what the points give, errors and all."""
    some = points[:400]
    scan = sampled(some, len(some), k=100)
    assert scan.whole is not None
    found, known = compute(name, scan.whole.neighbors), compute(name, Scan(some, executor("cpu")))
    for a, b in zip(each(found), each(known), strict=True):
        assert (a.value, a.stderr, a.n, a.d, a.k) == (b.value, b.stderr, b.n, b.d, b.k)


def test_errors_of_sampled_rows_are_those_of_so_many_rows() -> None:
    """The spread of mle over samples of the rows of one set, against the standard error that each claims."""
    rng = np.random.default_rng(3)
    claimed, values = [], []
    rows = rng.random((2400, 3), np.float32)
    whole = executor("cpu").neighbors(rows, rows, 60, exclude_self=True)
    for draw in range(12):
        numbers = np.sort(np.random.default_rng(draw).choice(len(rows), 240, replace=False))
        fields = {name: getattr(whole, name)[numbers] for name in ("dist", "index", "certified", "sq_dist")}
        found = compute("mle", replace(whole, own=numbers, among=len(rows), **fields))
        assert isinstance(found, Estimate)
        assert found.stderr is not None
        assert found.value is not None
        claimed.append(found.stderr)
        values.append(found.value)
    truth = compute("mle", rows)
    assert isinstance(truth, Estimate)
    assert truth.value is not None
    spread = float(np.sqrt(np.mean((np.array(values) - truth.value) ** 2)))
    assert 0.5 < spread / np.mean(claimed) < 1.6


def test_neighbours_among_all_are_never_guessed(points: Array) -> None:
    scan = sampled(points, 50)
    guessing: Any = SimpleNamespace(exact=scan.executor)
    scan.executor = guessing
    assert scan.whole is not None
    assert scan.whole.neighbors.neighbors(5).certified.all()


def test_faces(points: Array) -> None:
    scan = sampled(points, 100)
    assert scan.whole is not None
    assert scan.whole.face(None) is scan
    assert scan.whole.face("moments").n == ROWS
    assert scan.whole.face("neighbors").n == 100
    wide = Stored(lambda start, stop: np.zeros((stop - start, 5000), np.float32), 10, 5000, np.dtype(np.float32))
    assert Whole(wide, scan, 5).face("moments") is scan  # no covariance of 5,000 dimensions is formed


def test_two_sets_by_their_moments() -> None:
    """Distances of moments are exact; a shift of the spectrum is told by all rows along directions of few."""
    rng = np.random.default_rng(5)
    deviations = np.linspace(4, 1, D)
    before = (rng.standard_normal((ROWS, D)) * deviations).astype(np.float32)
    after = (rng.standard_normal((ROWS, D)) * deviations * np.linspace(1, 0.6, D)).astype(np.float32)
    a, b = (sampled(one, 600).whole for one in (after, before))
    assert a is not None
    assert b is not None
    found, known = compute("frechet", a.moments, b.moments), compute("frechet", after, before)
    assert isinstance(found, Estimate)
    assert isinstance(known, Estimate)
    assert (found.value, found.null, found.n) == (known.value, known.null, ROWS)
    assert found.stderr == pytest.approx(known.stderr, rel=0.2)
    shift, whole = compute("spectrum_shift", a.moments, b.moments), compute("spectrum_shift", after, before)
    assert isinstance(shift, dict)
    assert isinstance(whole, dict)
    assert shift["smallest"].value == pytest.approx(whole["smallest"].value, rel=0.15)
    assert shift["median"].value == pytest.approx(whole["median"].value, rel=0.15)
    assert shift["slope"].value == pytest.approx(whole["slope"].value, rel=0.15)
    errors = [found["slope"].stderr or np.nan for found in (shift, whole)]
    assert 0.5 < errors[0] / errors[1] < 1.1  # more rows of the reference are held out
    same = compute("spectrum_shift", sampled(before, 600).whole.moments, b.moments)  # type: ignore[union-attr]
    assert isinstance(same, dict)
    assert abs(same["median"].value or 0) < 0.02  # the same rows but for those that gave the directions
