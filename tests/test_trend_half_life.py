"""Half-life: exact on exponentials, its interval covers, weights count, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.trend import half_life

T = np.arange(8.0)


@pytest.mark.parametrize("half", [0.5, 3.0, 40.0, -6.0])
def test_an_exponential_gives_its_half_life(half: float) -> None:
    found = half_life(T, 5 * 2 ** (-T / half))
    assert float(found) == pytest.approx(half, rel=1e-9)
    assert found.n == 8 and found.low == pytest.approx(half) and found.high == pytest.approx(half)


def test_a_recursive_fit_doubles_its_half_life_with_n() -> None:
    few, many = (float(half_life(T, (1 - 1 / n) ** T)) for n in (100, 200))
    assert few == pytest.approx(-np.log(2) / np.log1p(-1 / 100))
    assert many / few == pytest.approx(2, rel=0.01)


def test_generations_need_not_be_even() -> None:
    t = np.array([0.0, 1, 5, 20])
    assert float(half_life(t, 2 ** (-t / 4))) == pytest.approx(4)


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(30.0)
    found = [half_life(t, np.exp(-t * np.log(2) / 10 + 0.1 * rng.standard_normal(30))) for _ in range(400)]
    inside = [one.low is not None and one.high is not None and one.low <= 10 <= one.high for one in found]
    assert 0.91 < np.mean(inside) < 0.98


def test_so_does_that_of_few_generations() -> None:
    rng = np.random.default_rng(1)
    found = [half_life(T[:4], np.exp(-T[:4] + 0.05 * rng.standard_normal(4))) for _ in range(400)]
    inside = [one.low is None or one.high is None or one.low <= np.log(2) <= one.high for one in found]
    assert 0.92 < np.mean(inside) < 0.98


def test_an_interval_that_would_cross_no_decay_is_left_out() -> None:
    found = half_life(T, np.exp(np.array([0, 1, -1, 1, -1, 1, -1, -0.5])))
    assert found.status == "ok" and found.low is None and found.high is None


def test_standard_errors_weigh_the_generations() -> None:
    values = 2 ** (-T / 3)
    values[-1] = 1.0
    stderr = [0.01 * value for value in values[:-1]] + [1e6]
    assert float(half_life(T, values, stderr)) == pytest.approx(3, rel=1e-4)
    assert abs(float(half_life(T, values)) - 3) > 0.5
    assert float(half_life(T, values, [*stderr[:-1], None])) == float(half_life(T, values))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "few-generations"),
        ([2, 1], "few-generations"),
        ([2, 1, 0], "not-positive"),
        ([2, 1, -1], "not-positive"),
        ([2, 1, float("nan")], "not-positive"),
        ([1, 1, 1], "no-slope"),
    ],
)
def test_where_there_is_none_it_says_why(values: list[float], reason: str) -> None:
    found = half_life(range(len(values)), values)
    assert (found.value, found.status, found.reason) == (None, "undefined", reason)


def test_one_generation_three_times_has_no_slope() -> None:
    assert half_life([4, 4, 4], [3, 2, 1]).reason == "no-slope"
