"""Halves of neighbourhoods: who is in them, what is shared, and that their spread is the error of a mean."""

from __future__ import annotations

import clouds
import numpy as np

from geometry.pairs import Scan, executor
from geometry.pairs import local_halves as halves
from geometry.pairs.local import LocalSums, local_sums
from geometry.pairs.subsample import DRAWS
from geometry.types import Floats

K = 20


def shape(sums: LocalSums) -> Floats:
    return np.divide(sums.area, sums.edges, out=np.full(len(sums.edges), np.nan), where=sums.edges > 0)


def test_a_half_keeps_its_own_rows_and_neighbours_in_order() -> None:
    scan = Scan(clouds.gaussian(300, 4), executor())
    made = halves.half_places(scan, K)
    index = scan.neighbors(K).index
    assert set(made.draw) == set(range(DRAWS))
    for draw in (0, DRAWS - 1):
        mine = made.draw == draw
        kept = set(made.places.rows[mine].tolist())
        assert len(kept) == mine.sum() == 150
        for row, near, count in zip(*(part[mine] for part in parts(made)), strict=True):
            assert near[:count].tolist() == [one for one in index[row] if one in kept]
            assert (near[count:] == row).all()


def parts(made: halves.Halves) -> tuple[np.ndarray, ...]:
    return made.places.rows, made.places.index, made.places.count


def test_large_sets_are_represented_by_a_sample() -> None:
    scan = Scan(clouds.gaussian(3000, 2), executor())
    made = halves.half_places(scan, 300)
    assert len(np.unique(made.places.rows)) <= halves.ROWS
    assert len(np.unique(halves.half_places(scan, 10).places.rows)) > 2900


def test_the_spread_covers_the_error_of_the_mean() -> None:
    scans = [Scan(clouds.gaussian(600, 3, seed), executor()) for seed in range(16)]
    values = [shape(local_sums(scan, K)).mean() for scan in scans]
    errors = [halves.half_stderr(scan, K, "sums", shape) for scan in scans]
    assert 0.8 < np.mean(errors) / np.std(values, ddof=1) < 3


def test_weights_count() -> None:
    scan = Scan(clouds.gaussian(200, 3), executor())
    plain = halves.half_stderr(scan, K, "sums", shape)
    assert halves.half_stderr(scan, K, "sums", shape, lambda sums: np.full(len(sums.area), 3.0)) == plain
    assert halves.half_stderr(scan, K, "sums", shape, lambda sums: sums.radius) != plain


def test_values_that_are_not_there_take_no_part() -> None:
    scan = Scan(clouds.gaussian(200, 3), executor())
    first = halves.half_places(scan, K).places.rows < 100

    def some(sums: LocalSums) -> Floats:
        return np.where(first, shape(sums), np.nan)

    assert 0 < halves.half_stderr(scan, K, "sums", some) != halves.half_stderr(scan, K, "sums", shape)
    assert np.isnan(halves.half_stderr(scan, K, "sums", lambda sums: np.full(len(sums.area), np.nan)))


def test_few_rows_have_no_error() -> None:
    assert np.isnan(halves.half_stderr(Scan(clouds.gaussian(79, 3), executor()), K, "sums", shape))
    assert np.isfinite(halves.half_stderr(Scan(clouds.gaussian(80, 3), executor()), K, "sums", shape))
