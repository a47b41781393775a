"""Spectra with known ranks, tails with a known exponent, random matrices with nothing above their bulk."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.collapse.weight_spectrum import power_law_tail, weight_spectrum


def test_equal_singular_values_fill_every_rank() -> None:
    made = weight_spectrum(np.full(12, 3.0), (12, 20))
    assert (made.rank, made.largest) == (12, 3.0)
    assert made.norm == pytest.approx(3 * np.sqrt(12))
    assert made.effective_rank == pytest.approx(12)
    assert made.stable_rank == pytest.approx(12)
    assert made.alpha is None  # no spread, no tail


def test_a_geometric_spectrum_has_its_closed_ranks() -> None:
    made = weight_spectrum(0.5 ** np.arange(40.0), (40, 40))
    assert made.effective_rank == pytest.approx(4, rel=1e-4)
    assert made.stable_rank == pytest.approx(4 / 3)
    assert made.rank < 40  # the smallest are rounding of a float32 matrix


@pytest.mark.parametrize("alpha", [2.0, 3.5])
def test_the_exponent_of_a_power_law_is_found(alpha: float) -> None:
    quantiles = (np.arange(2000) + 0.5) / 2000
    found, stderr, distance, tail = power_law_tail((1 - quantiles) ** (-1 / (alpha - 1)))
    assert found is not None and stderr is not None and distance is not None
    assert found == pytest.approx(alpha, abs=2 * stderr)
    assert stderr == pytest.approx((found - 1) / np.sqrt(tail))
    assert distance < 0.03


def test_the_tail_begins_where_the_power_law_does() -> None:
    rng = np.random.default_rng(0)
    tail = 5 * (1 - rng.uniform(size=500)) ** (-1 / 1.5)
    found, _, _, size = power_law_tail(np.r_[rng.uniform(0.1, 5, 1500), tail])
    assert found == pytest.approx(2.5, abs=0.3)
    assert 300 < size < 700


def test_few_values_have_no_tail() -> None:
    assert power_law_tail(np.arange(1.0, 10.0)) == (None, None, None, 0)


def test_planted_directions_stand_above_the_bulk_of_noise() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(120, 300))
    left, right = np.linalg.qr(rng.normal(size=(120, 4)))[0], np.linalg.qr(rng.normal(size=(300, 4)))[0]
    values = [np.linalg.svd(matrix, compute_uv=False) for matrix in (noise, noise + 90 * left @ right.T)]
    plain, planted = (weight_spectrum(one, noise.shape) for one in values)
    assert plain.above_bulk is not None and plain.above_bulk <= 1
    assert planted.above_bulk in (4, 5)


def test_nothing_but_zeros_or_rounding_is_said_without_a_number() -> None:
    for made in (weight_spectrum(np.zeros(5), (5, 9)), weight_spectrum(np.full(5, 1e-9), (5, 9), floor=1e-8)):
        assert made.rank == 0
        assert made.effective_rank is None and made.stable_rank is None and made.alpha is None
