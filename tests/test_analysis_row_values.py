"""Density and rarity of rows: what they are on rows placed by hand, and where they are not known."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.plan import plan
from geometry.analysis.points import point_arrays
from geometry.analysis.row_values import K, density_of, rarity_of
from geometry.analysis.rows import outcomes_of
from geometry.pairs import Scan, executor


def scan(points: np.ndarray) -> Scan:
    return Scan(points, executor("cpu"))


def test_density_is_the_size_over_the_distance_to_the_tenth_neighbour() -> None:
    line = np.arange(101.0)[:, None]
    density = density_of(scan(line))
    assert density is not None
    size = np.sqrt((100 * 102) / 12)
    assert density[50] == pytest.approx(np.log10(size / 5)) and density[0] == pytest.approx(np.log10(size / 10))


def test_copies_have_no_density_and_few_rows_none_at_all() -> None:
    rows = np.concatenate([np.zeros((K + 1, 2)), clouds.gaussian(20, 2) + 5])
    density = density_of(scan(rows))
    assert density is not None and np.isnan(density[: K + 1]).all() and np.isfinite(density[K + 1 :]).all()
    assert density_of(scan(rows[:K])) is None
    assert density_of(scan(np.ones((50, 2)))) is None


def test_rarity_is_even_on_the_reference_and_high_far_out() -> None:
    inside, outside = clouds.gaussian(300, 3), clouds.gaussian(300, 3, 1) * 20
    made = plan([inside, outside], Options(statistics="tail_survival"))
    own, other = (rarity_of(made, g) for g in range(2))
    assert own is not None and other is not None
    assert np.sort(own[1]) == pytest.approx((np.arange(300) + 0.5) / 300, abs=0.01)  # two rows may tie
    assert np.median(other[1]) > 0.99


def test_sets_of_unequal_size_leave_rows_out_and_no_statistic_no_rarity() -> None:
    sets = [clouds.gaussian(60, 4), clouds.gaussian(90, 4, 1)]
    made = plan(sets, Options(statistics="tail_survival"))
    found = point_arrays(made, [outcomes_of(made, g) for g in range(2)])
    assert np.isfinite(found["point.rarity.0"]).all() and np.isfinite(found["point.density.1"]).all()
    assert np.isfinite(found["point.rarity.1"]).sum() == 60
    assert rarity_of(plan(sets, Options(statistics="cone")), 1) is None
