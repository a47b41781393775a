"""structure_gain and dimension_gap on clouds of known gain, their options, their seed, and where they are undefined."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.nulls.gauges import profile_of, projections
from geometry.pairs import Scan, executor
from geometry.types import Estimate

ENGINE = executor("cpu")


def both(points: clouds.Cloud, **options: int) -> tuple[Estimate, Estimate]:
    made = [compute(name, points, **options) for name in ("structure_gain", "dimension_gap")]
    assert all(isinstance(one, Estimate) for one in made)
    return made[0], made[1]  # type: ignore[return-value]


def test_projections_double_up_to_the_rank() -> None:
    assert projections(1) == [1]
    assert projections(2) == [2]
    assert projections(3) == [2, 3]
    assert projections(10) == [2, 3, 4, 10]  # 8 is nearly all of 10
    assert projections(96) == [2, 3, 4, 8, 16, 32, 64, 96]


@pytest.mark.parametrize("ratio", [0.01, 0.1])
def test_tight_clusters_gain_by_the_log_of_their_radius(ratio: float) -> None:
    """Ten times tighter balls are ten times nearer neighbours: the gain rises by log 10."""
    loose, tight = (both(clouds.clusters(600, 8, count=8, spread=s * ratio))[0] for s in (1.0, 0.1))
    assert float(tight) - float(loose) == pytest.approx(np.log(10), abs=0.1)


def test_clusters_that_their_marginals_explain_are_none() -> None:
    """Two balls lie along one principal direction, whose own marginal holds both; four corners need joint rows."""
    two = np.where(np.arange(600) % 2 == 0, 1.0, -1.0)[:, None] * np.eye(4)[0]
    assert float(both(two + 0.05 * clouds.gaussian(600, 4))[0]) < 0.1
    four = np.eye(4)[np.arange(600) % 4]
    assert float(both(four + 0.05 * clouds.gaussian(600, 4))[0]) > 0.6


def test_a_curve_is_thinner_than_its_spectrum() -> None:
    """A helix is a line, its nulls fill three dimensions: the gap is near log 3 less what so few rows blur."""
    gap = both(clouds.helix(1500, 3, noise=0.0))[1]
    assert 0.7 < float(gap) < np.log(3) + 0.1


def test_the_headlines_are_the_extremes_of_the_profile() -> None:
    gain, gap = both(clouds.torus(500, 16))
    for one, values in ((gain, "gain"), (gap, "gap")):
        assert one.profile is not None
        assert one.profile["m"].tolist() == [2, 3, 4, 8, 16]
        found = one.profile[values]
        assert float(one) == (found.max() if values == "gain" else found[np.argmax(np.abs(found))])


@pytest.mark.parametrize("maker", [clouds.gaussian, clouds.shell, clouds.power_law, clouds.student])
def test_nothing_there_gains_nothing(maker: clouds.Maker) -> None:
    gain, gap = both(maker(800, 48, 3))
    assert abs(float(gain)) < 0.05
    assert abs(float(gap)) < 0.08
    assert (gain.null, gap.null) == (0.0, 0.0)


@pytest.mark.parametrize("d", [2, 3])
def test_heavy_radii_in_few_dimensions_hold_nothing(d: int) -> None:
    """Pulled in to one radius their outer half would be a circle, finer than any null: gains of .3 to .5."""
    points = clouds.gaussian(1500, d) * np.exp(clouds.gaussian(1500, 1, 1))
    gain, gap = both(points)
    assert float(gain) < 0.05 and abs(float(gap)) < 0.1


def test_a_sphere_of_few_dimensions_is_smooth() -> None:
    """Against permuted radii alone a 2-sphere reads as a gap of .06 to .10, which is the thickness of the null."""
    gaps = [float(both(clouds.sphere(1500, 64, seed, offset=3.0))[1]) for seed in range(3)]
    assert max(map(abs, gaps)) < 0.04


def test_the_seed_decides_the_draws() -> None:
    points = clouds.clusters(300, 8)
    first, again = both(points, seed=1), both(points, seed=1)
    assert [one.value for one in first] == [one.value for one in again]
    assert first[0].value != both(points, seed=2)[0].value


def test_rows_and_draws_are_used() -> None:
    points = clouds.clusters(500, 8)
    few, all_of_them = both(points, rows=150), both(points)
    assert [one.n for one in few] == [150, 150]
    assert [one.n for one in all_of_them] == [500, 500]
    assert few[0].value != all_of_them[0].value
    more = both(points, draws=6)[0]
    assert more.value != all_of_them[0].value
    assert both(points, draws=1)[0].stderr is None


def test_more_draws_repeat_better() -> None:
    def spread(draws: int) -> float:
        points = clouds.gaussian(200, 3)
        return float(np.std([float(both(points, draws=draws, seed=seed)[0]) for seed in range(8)]))

    assert spread(16) < 0.7 * spread(1)


@pytest.mark.parametrize("rows", [1, 2, 20, 40])
def test_forty_rows_have_no_gauge(rows: int) -> None:
    for one in both(clouds.gaussian(rows, 5)):
        assert (one.status, one.reason, one.n) == ("undefined", "few-rows", rows)


def test_forty_one_rows_have_gauges_and_copies_do_not_count() -> None:
    assert both(clouds.gaussian(41, 5))[0].status == "ok"
    copied = both(np.repeat(clouds.gaussian(40, 5), 3, axis=0))[0]
    assert (copied.status, copied.n) == ("undefined", 40)
    assert both(np.ones((200, 5)))[0].status == "undefined"


def test_copies_and_one_far_row_change_nothing() -> None:
    points = clouds.gaussian(500, 16)
    plain = both(points)
    for spoiled in (np.vstack([points, points[:50]]), np.vstack([points, np.full((1, 16), 1e3)])):
        for before, after in zip(plain, both(spoiled), strict=True):
            assert float(after) == pytest.approx(float(before), abs=1e-6)


def test_a_profile_is_made_once() -> None:
    scan = Scan(clouds.gaussian(100, 4), ENGINE)
    assert profile_of(scan) is profile_of(scan)
    assert profile_of(scan) is not profile_of(scan, draws=2)


def test_normalised_rows_are_measured_against_normalised_draws() -> None:
    """A steep normalised power law: the first two nulls alone would call it structure."""
    gain, _ = both(clouds.normalised(clouds.power_law(700, 64, 0, 1.5)))
    assert float(gain) < 0.05
    same_rows_off_the_sphere = clouds.normalised(clouds.power_law(700, 64, 0, 1.5)) + 1
    assert float(both(same_rows_off_the_sphere)[0]) > float(gain) + 0.05
