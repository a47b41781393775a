"""Estimates: the normal interval, the distance from the null, and that no value is ever NaN or infinite."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from geometry.estimates import Z95, failed, measured, standard_error, undefined, wilson_interval
from geometry.types import Estimate


def test_the_interval_is_the_normal_one() -> None:
    assert pytest.approx(norm.ppf(0.975)) == Z95
    found = measured("x", 3.0, stderr=0.5, null=2.0, n=7, method="formula")
    assert (found.value, found.stderr, found.method, found.n) == (3.0, 0.5, "formula", 7)
    assert found.low == pytest.approx(3 - 0.5 * Z95) and found.high == pytest.approx(3 + 0.5 * Z95)
    assert found.z == pytest.approx(2.0)


def test_bounds_and_z_that_are_given_stand() -> None:
    found = measured("x", 3.0, stderr=0.5, null=2.0, low=1.0, high=9.0, z=0.1)
    assert (found.low, found.high, found.z) == (1.0, 9.0, 0.1)


@pytest.mark.parametrize("stderr", [None, float("nan"), float("inf")])
def test_without_an_error_there_is_no_interval(stderr: float | None) -> None:
    found = measured("x", 3.0, stderr=stderr, null=2.0)
    assert (found.value, found.stderr, found.low, found.high, found.z) == (3.0, None, None, None, None)


def test_an_error_of_zero_gives_no_z() -> None:
    assert measured("x", 3.0, stderr=0.0, null=2.0).z is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_undefined(value: float) -> None:
    found = measured("x", value, stderr=1.0, variant="v", n=5, d=2, k=3)
    assert found == Estimate("x", None, variant="v", n=5, d=2, k=3, status="undefined", reason="not-finite")


def test_undefined_and_failed_say_why_and_float_is_nan() -> None:
    assert undefined("x", "few-rows", n=2).reason == "few-rows"
    found = failed("x", ValueError("bad"))
    assert (found.status, found.reason) == ("failed", "ValueError: bad")
    assert np.isnan(float(found)) and float(measured("x", 2.0)) == 2.0


def test_standard_error_of_a_mean() -> None:
    rows = np.array([1.0, 2.0, 3.0, 4.0])
    assert standard_error(rows) == pytest.approx(np.std(rows, ddof=1) / 2)
    assert np.isnan(standard_error(rows[:1]))


@pytest.mark.parametrize("rows", [1, 7, 100, 1797, 10_000])
def test_the_interval_of_a_share_ends_exactly_at_nothing_and_at_all(rows: int) -> None:
    squared = Z95**2
    assert wilson_interval(0.0, rows) == (0.0, pytest.approx(squared / (rows + squared)))
    assert wilson_interval(1.0, rows) == (pytest.approx(rows / (rows + squared)), 1.0)


def test_the_interval_of_a_share_solves_its_equation() -> None:
    """Both ends p solve (share - p)^2 = z^2 p (1 - p) / rows."""
    for end in wilson_interval(0.3, 40):
        assert (0.3 - end) ** 2 == pytest.approx(Z95**2 * end * (1 - end) / 40)
