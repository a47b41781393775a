"""lpca: every rule on one spectrum, rank, noise, and the outlier."""

from __future__ import annotations

from dataclasses import replace

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.dimension.lpca import RULES
from geometry.errors import InputError, UsageError
from geometry.types import Moments

SPECTRUM = np.array([10, 8, 6, 0.6, 0.4, 0.2, 0.1, 0.05])
CLOSED = {"fo": 4, "kaiser": 3, "maxgap": 3, "participation": 3.203941218, "ratio": 4, "broken_stick": 3}


def of_spectrum(values: np.ndarray, n: int = 1000) -> Moments:
    return Moments(n, np.zeros(len(values)), np.diag(values))


@pytest.mark.parametrize("rule", CLOSED)
def test_closed_answers(rule: str) -> None:
    made = compute("lpca", of_spectrum(SPECTRUM), rule=rule)
    assert made.value == pytest.approx(CLOSED[rule], abs=1e-9)
    assert made == compute("lpca", of_spectrum(SPECTRUM))[rule]


def test_ratio_leaves_out_a_twentieth() -> None:
    """24.6 of 25.35 in four directions: 97 %; 24 in three: 94.7 %."""
    assert compute("lpca", of_spectrum(np.array([95.1, 4.9])), rule="ratio").value == 1
    assert compute("lpca", of_spectrum(np.array([94.9, 5.1])), rule="ratio").value == 2


def test_broken_stick_stops_at_the_first_that_is_too_short() -> None:
    """Shares .60 .27 .13 against sticks .611 .278 .111: the third is long enough, but comes after two that are not."""
    assert compute("lpca", of_spectrum(np.array([60.0, 27.0, 13.0])), rule="broken_stick").value == 0


@pytest.mark.parametrize("rule", RULES)
def test_rank_three_without_noise(rule: str) -> None:
    assert compute("lpca", clouds.low_rank(500, 64), rule=rule).value == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(("n", "d"), [(1000, 50), (80, 200)])
def test_noise_edge_finds_the_signal_and_nothing_in_noise(n: int, d: int) -> None:
    noise = clouds.gaussian(n, d, 1)
    signal = 10 * clouds.low_rank(n, d, 2, rank=5)
    assert compute("lpca", noise, rule="marchenko_pastur").value <= 1
    assert compute("lpca", noise + signal, rule="marchenko_pastur").value == 5


def test_one_outlier_hides_all_other_directions_unless_robust() -> None:
    points = clouds.outlier(500, 5)
    assert compute("lpca", points, rule="fo").value == 1
    assert compute("lpca", points, rule="fo", robust=True).value == 5
    assert compute("lpca", clouds.gaussian(500, 5), rule="fo", robust=True).value == 5


def test_robust_needs_the_points() -> None:
    with pytest.raises(InputError, match="needs the points"):
        compute("lpca", of_spectrum(SPECTRUM), robust=True)


def test_participation_has_an_interval() -> None:
    made = compute("lpca", clouds.power_law(400, 10), rule="participation")
    assert made.low < made.value < made.high
    assert replace(made, name="participation_ratio", variant="") == replace(
        compute("participation_ratio", clouds.power_law(400, 10)), null=None, z=None
    )


def test_unknown_rule_is_named() -> None:
    with pytest.raises(UsageError, match="minka"):
        compute("lpca", clouds.gaussian(50, 3), rule="minka")
