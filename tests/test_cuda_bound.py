"""What coarse values claim, against rational arithmetic: whatever the product lost, a near pair stays below the cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from geometry.pairs.cuda.bound import KEEP, SPREAD, UNIT, bounds_of, certificate, rounded_down
from geometry.pairs.kernel_reference import prepare_rows


def coarse(lower: np.ndarray, product: float, i: int, j: int) -> np.float32:
    total = np.float64(np.float32(lower[i] + lower[j]))
    return np.float32(total - 2 * np.float64(np.float32(product)))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("d", [1, 3, 63, 200])
def test_a_pair_within_t_is_within_the_cut_of_t(d: int, sign: int) -> None:
    rng = np.random.default_rng(d)
    points = rng.standard_normal((12, d)) * 1000 + rng.standard_normal(d) * 300
    stride = -(-d // 64) * 64
    prepared = prepare_rows(points, np.zeros(d), 1.0, stride)
    bounds = bounds_of(prepared.sq_norms, prepared.deltas, stride)
    h = prepared.rows.astype(np.float64)
    norms = np.sqrt(prepared.sq_norms)
    for i in range(12):
        for j in range(i):
            moved = h[i] @ h[j] + sign * (UNIT + (stride // 64) * 2.0**-24) * norms[i] * norms[j]
            w = Fraction(float(coarse(bounds.lower, moved, i, j)))
            exact = sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(points[i], points[j], strict=True))
            rounded = sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(h[i], h[j], strict=True))
            assert w <= Fraction(KEEP) * exact
            assert w <= rounded <= w + 2 * (Fraction(bounds.slack[i]) + Fraction(bounds.slack[j]))


def test_slack_and_lower_make_up_the_norm() -> None:
    norms, deltas = np.array([1.0, 1e6, 0.0, 3e9]), np.array([0.0, 1e-1, 1e-7, 2.0])
    bounds = bounds_of(norms, deltas, 64)
    assert np.all(bounds.lower + bounds.slack >= norms)
    assert np.all(norms - bounds.lower >= 68 * 2.0**-23 * norms + SPREAD * deltas**2)
    assert not bounds.extreme.any()
    assert np.all(bounds.reach >= np.sqrt(norms) + deltas)


def test_rows_that_float16_cannot_hold_take_no_part_and_stand_far_off() -> None:
    prepared = prepare_rows(np.array([[1e9, 1.0], [2.0, 3.0]]), np.zeros(2), 1.0, 64)
    bounds = bounds_of(prepared.sq_norms, prepared.deltas, 64)
    assert bounds.extreme.tolist() == [True, False]
    assert np.isposinf(bounds.lower[0])
    assert 0.99e9 < bounds.far <= 1e9
    near, far = certificate(np.array([100.0, 1e30], np.float32), bounds.reach[[1, 1]], bounds.far)
    assert 0.98 * 100 < near <= 100 / KEEP
    assert 0.98e18 < far < 1e18


def test_no_cut_leaves_nothing_out_and_no_queue_certifies_nothing() -> None:
    bound = certificate(np.array([np.inf, -np.inf], np.float32), np.zeros(2), np.inf)
    assert bound.tolist() == [np.inf, -np.inf]


def test_rounding_down_is_down() -> None:
    values = np.random.default_rng(0).standard_normal(1000)
    lower = rounded_down(values)
    assert np.all(lower <= values)
    assert np.all(np.nextafter(lower, np.float32(np.inf)) > values)
