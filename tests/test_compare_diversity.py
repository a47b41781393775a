"""vendi_ratio and magnitude_ratio: known numbers of different rows, equal rows, intervals by simulation."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.pairs.magnitude import distinct_distances, log_magnitude


def test_vendi_of_orthogonal_clusters() -> None:
    """3 of 12 orthogonal directions: 1/4."""
    reference, few = (np.repeat(np.eye(12)[:count], 120 // count, axis=0) for count in (12, 3))
    made = compute("vendi_ratio", few, reference)
    assert made.value == pytest.approx(0.25)
    assert made.null == 1
    assert compute("vendi_ratio", reference, reference).value == pytest.approx(1)


def test_options_reach_vendi() -> None:
    x, y = clouds.power_law(200, 6), clouds.gaussian(200, 6)
    values = {compute("vendi_ratio", x, y, **options).value for options in ({}, {"q": 2.0}, {"kernel": "rbf"})}
    assert len(values) == 3
    separate = float(compute("vendi", x, q=2.0)) / float(compute("vendi", y, q=2.0))
    assert compute("vendi_ratio", x, y, q=2.0).value == pytest.approx(separate)


def test_two_points_have_a_closed_magnitude() -> None:
    """2 / (1 + exp(-t r)) for two points r apart; 1 for one."""
    dist, unit = distinct_distances(np.array([[0.0], [3.0], [3.0]]))
    assert unit == 2.0 and dist.shape == (2, 2)
    t = 0.7
    assert np.exp(log_magnitude(dist, t)) == pytest.approx(2 / (1 + np.exp(-t * 1.5)))
    assert log_magnitude(np.zeros((1, 1)), t) == 0


def test_magnitude_of_a_point_is_1_and_the_reference_half_its_rows() -> None:
    reference = clouds.gaussian(200, 4)
    assert compute("magnitude_ratio", np.ones((200, 4)), reference).value == pytest.approx(1 / 100, rel=1e-6)
    assert compute("magnitude_ratio", reference, reference).value == pytest.approx(1, rel=1e-9)
    shrunk = compute("magnitude_ratio", 0.5 * reference, reference)
    assert 0.2 < shrunk.value < 0.9 and shrunk.z < -3
    scale = float(shrunk.profile["t"][0])
    dist, unit = distinct_distances(reference)
    assert np.exp(log_magnitude(dist, scale * unit)) == pytest.approx(100, rel=1e-6)


def test_sets_are_compared_at_equal_rows() -> None:
    x, y = clouds.gaussian(150, 4), clouds.gaussian(300, 4, 1)
    for name in ("vendi_ratio", "magnitude_ratio"):
        made = compute(name, x, y)
        assert made.n == 150 and not made.exact
        assert made.value == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("name", ["vendi_ratio", "magnitude_ratio"])
def test_intervals_of_one_law(name: str) -> None:
    found = [compute(name, clouds.power_law(120, 5, s), clouds.power_law(120, 5, 77 + s)) for s in range(24)]
    logs = np.log([one.value for one in found])
    assert abs(logs.mean()) < 4 * logs.std() / np.sqrt(24)
    assert 0.5 < np.mean([one.stderr / one.value for one in found]) / logs.std() < 2
    assert all(one.low < one.value < one.high for one in found)


def test_reasons() -> None:
    assert compute("vendi_ratio", np.zeros((20, 3)), clouds.gaussian(20, 3)).reason == "zero-rows"
    assert compute("magnitude_ratio", clouds.gaussian(20, 3), np.ones((20, 3))).reason == "few-distinct-rows"
