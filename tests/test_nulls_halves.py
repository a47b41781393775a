"""The pool of two sets and its random halves: sizes, neighbours inside a half, and differences by chance alone."""

from __future__ import annotations

from functools import partial

import clouds
import numpy as np
import pytest

from geometry.nulls.gauge_halves import gauge_errors
from geometry.nulls.gauges import profile_of
from geometry.nulls.halves import DRAWS, ROWS, Mask, Pool, pool
from geometry.pairs import Scan, executor
from geometry.pairs.subsample import halves

ENGINE = executor("cpu")


def pooled(n: int, m: int, d: int = 4) -> Pool:
    return pool(Scan(clouds.gaussian(n, d, 1), ENGINE), Scan(clouds.gaussian(m, d, 2), ENGINE))


@pytest.mark.parametrize(("n", "m", "rows"), [(200, 200, 200), (300, 120, 120), (1500, 1400, ROWS)])
def test_a_pool_takes_as_many_rows_of_each(n: int, m: int, rows: int) -> None:
    made = pooled(n, m)
    assert (made.rows, made.of_rows, made.scan.n) == (rows, min(n, m), 2 * rows)


def test_a_pool_holds_the_rows_of_both_sets() -> None:
    made = pooled(50, 50)
    assert np.array_equal(made.scan.points, np.vstack([clouds.gaussian(50, 4, 1), clouds.gaussian(50, 4, 2)]))


def test_neighbours_of_a_half_lie_in_it() -> None:
    made = pooled(120, 120)
    half = next(halves(240, 1, 0))
    table = made.within(half, half, 5)
    assert table is not None
    assert half[table.index].all()
    inside = made.scan.points[half]
    dist = np.sort(np.linalg.norm(inside[:, None] - inside[None], axis=2), axis=1)[:, 1:6]
    assert np.allclose(table.exact_dist(5), dist)


def test_a_small_pool_has_no_table() -> None:
    made = pooled(20, 20)
    assert made.table is None
    assert made.within(np.ones(40, np.bool_), np.ones(40, np.bool_), 5) is None


def test_the_spread_of_a_mean_is_its_standard_error() -> None:
    """Means of two halves of 2,000 rows of variance 1 differ by sqrt(2 / 1000), whatever the sets are."""
    made = pooled(1000, 1000, d=60)

    def difference(column: int, half: Mask) -> float:
        return float(made.scan.points[half, column].mean() - made.scan.points[~half, column].mean())

    spreads = [made.spread(lambda half, j=j: difference(j, half)) for j in range(60)]  # type: ignore[misc]
    assert np.sqrt(np.mean(np.square(spreads))) == pytest.approx(np.sqrt(2 / 1000), rel=0.1)
    means = [difference(0, half) for half in halves(2000, 200, 3)]
    assert abs(np.mean(means)) < 3 * np.std(means) / np.sqrt(200)


def test_the_spread_is_brought_to_the_size_of_the_sets() -> None:
    made = pooled(4 * ROWS, 4 * ROWS)
    assert made.of_rows == 4 * ROWS
    assert made.spread(lambda half: 1.0) == pytest.approx(0.5)


def test_a_difference_that_is_not_there_leaves_no_spread() -> None:
    made = pooled(50, 50)
    seen: list[Mask] = []

    def difference(half: Mask) -> float:
        seen.append(half)
        return float("nan") if len(seen) == 3 else 1.0

    assert np.isnan(made.spread(difference))
    assert len(seen) == DRAWS
    assert all(half.sum() == 50 for half in seen)


def test_halves_of_a_torus_differ_in_gain_by_what_two_sets_do() -> None:
    """Six pairs of sets of one law: their gains at m = 4 differ as the halves say, within a factor of two."""
    m, differences, errors = (4, 4), [], []
    for seed in range(6):
        sets = [Scan(points, ENGINE) for points in clouds.draws_of(partial(clouds.torus, order=2), 2, 300, 4, seed)]
        made = [profile_of(one) for one in sets]
        gains = [float(one.gain[list(one.m).index(4)]) for one in made if one is not None]
        differences.append(gains[0] - gains[1])
        errors.append(gauge_errors(pool(*sets), m, ROWS)[0])
    assert 0.3 < np.sqrt(np.mean(np.square(differences))) / np.sqrt(np.mean(np.square(errors))) < 2


def test_gauges_of_few_rows_have_no_error() -> None:
    assert np.isnan(gauge_errors(pooled(40, 40), (2, 2), ROWS)).all()
    assert np.isfinite(gauge_errors(pooled(60, 60), (2, 2), ROWS)).all()


def test_gauges_that_look_at_fewer_rows_have_larger_errors() -> None:
    """A quarter of the rows, twice the error; rows that a set does not have count for nothing."""
    both = pooled(400, 400)
    few, all_, more = (gauge_errors(both, (2, 3), rows) for rows in (100, 400, 5000))
    assert few == pytest.approx(2 * all_)
    assert more == pytest.approx(all_)
