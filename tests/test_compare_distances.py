"""kernel_distance, sliced_wasserstein, frechet_inf: closed answers, definitions, nulls and errors by simulation."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from geometry.catalog import compute
from geometry.compare.sliced_wasserstein import sq_wasserstein
from geometry.errors import UsageError


def unbiased(kernel: np.ndarray, n: int) -> float:
    """Squared discrepancy of the first n rows against the others, as defined."""
    m = len(kernel) - n
    xx, yy, xy = kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
    own = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(own - 2 * xy.mean())


def test_kernels_are_their_definitions() -> None:
    x, y = clouds.gaussian(70, 5) + 0.3, 1.2 * clouds.gaussian(50, 5, 1) + 0.5
    rows = np.vstack([x, y])
    made = compute("kernel_distance", x, y)
    assert made["kid"].value == pytest.approx(unbiased((rows @ rows.T / 5 + 1) ** 3, 70), rel=1e-9)
    dist = np.linalg.norm(rows[:, None] - rows, axis=2)
    assert made["energy"].value == pytest.approx(unbiased(-dist, 70), rel=1e-9)
    middle = np.median(dist[np.triu_indices(120, 1)] ** 2)
    each = [unbiased(np.exp(-(dist**2) / (2 * s * middle)), 70) for s in (4, 2, 1, 0.5, 0.25)]
    assert made["rbf"].value == pytest.approx(np.mean(each), rel=1e-9)
    np.testing.assert_allclose(made["rbf"].profile["distance"], each, rtol=1e-9)
    np.testing.assert_allclose(made["rbf"].profile["bandwidth"], np.sqrt(middle * np.array([4, 2, 1, 0.5, 0.25])))


def test_energy_distance_of_two_gaussians() -> None:
    """N(0, 1), N(1, 1): .541807."""
    made = [
        compute("kernel_distance", clouds.gaussian(1000, 1, s) + 1, clouds.gaussian(1000, 1, 50 + s)) for s in (1, 2, 3)
    ]
    values = [one["energy"] for one in made]
    mean, error = np.mean([one.value for one in values]), values[0].stderr / np.sqrt(3)
    assert mean == pytest.approx(0.541807, abs=3 * error)
    assert error < 0.03


def test_kid_of_a_shift_in_one_dimension() -> None:
    """(xy + 1)^3 depends on three moments: sum_k C(3, k) (E x^k - E y^k)^2; N(0, 1), N(1, 1): 3 + 3 + 16 = 22."""
    made = compute("kernel_distance", clouds.gaussian(1500, 1) + 1, clouds.gaussian(1500, 1, 1))["kid"]
    assert made.value == pytest.approx(3 * 1 + 3 * 1 + 16, abs=4 * made.stderr)
    assert made.stderr < 2.5


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_kernel_errors_and_z_by_simulation(shift: float) -> None:
    found = [
        compute("kernel_distance", clouds.gaussian(150, 4, s) + shift, clouds.gaussian(120, 4, 500 + s))
        for s in range(60)
    ]
    for name in ("kid", "rbf", "energy"):
        values = np.array([one[name].value for one in found])
        assert 0.6 < np.mean([one[name].stderr for one in found]) / values.std() < 1.6, name
        z = np.array([one[name].z for one in found])
        assert (abs(z.mean()) < 0.5 and 0.6 < z.std() < 1.5) if shift == 0 else z.mean() > 3


def test_at_most_so_many_rows() -> None:
    x, y = clouds.gaussian(300, 3), clouds.gaussian(300, 3, 1)
    whole, part = (compute("kernel_distance", x, y, **options)["kid"] for options in ({}, {"most": 100}))
    assert whole.exact and not part.exact
    assert part.n == 100 and part.value != whole.value


def test_equal_rows_have_no_bandwidth() -> None:
    made = compute("kernel_distance", np.ones((10, 3)), np.ones((10, 3)))
    assert made["rbf"].reason == "equal-rows"
    assert made["energy"].value == 0 == made["kid"].value


def test_one_dimensional_wasserstein_of_unequal_sizes() -> None:
    x, y = np.sort(clouds.gaussian(30, 1), axis=0), np.sort(clouds.gaussian(42, 1, 1) + 0.3, axis=0)
    same = np.sort(np.repeat(x, 7, axis=0), axis=0), np.sort(np.repeat(y, 5, axis=0), axis=0)
    assert sq_wasserstein(x, y) == pytest.approx(((same[0] - same[1]) ** 2).mean(), rel=1e-12)
    far = np.sort(y + 10, axis=0)
    assert np.sqrt(sq_wasserstein(x, far)) == pytest.approx(wasserstein_distance(x[:, 0], far[:, 0]), rel=0.01)


@pytest.mark.parametrize("d", [1, 5])
def test_a_shift_and_a_scale_have_closed_distances(d: int) -> None:
    """Shift m: |m| / sqrt d on average over directions. Scale a of a Gaussian: |a - 1|."""
    x = clouds.gaussian(1000, d)
    move = np.arange(1.0, d + 1)
    made = compute("sliced_wasserstein", x + move, x, directions=500)
    assert made.value == pytest.approx(np.linalg.norm(move) / np.sqrt(d), rel=0.08)
    assert compute("sliced_wasserstein", 1.5 * x, x).value == pytest.approx(0.5, rel=0.08)


def test_sliced_null_error_and_options() -> None:
    found = [
        compute("sliced_wasserstein", clouds.gaussian(150, 4, s), clouds.gaussian(100, 4, 90 + s)) for s in range(24)
    ]
    values = [one.value for one in found]
    assert np.mean([one.null for one in found]) == pytest.approx(np.mean(values), rel=0.12)
    assert abs(np.mean([one.z for one in found])) < 0.7
    x, y = clouds.gaussian(200, 4) + 0.5, clouds.gaussian(200, 4, 1)
    few, other = compute("sliced_wasserstein", x, y, directions=8), compute("sliced_wasserstein", x, y, seed=1)
    assert compute("sliced_wasserstein", x, y).z > 8
    assert len({few.value, other.value, compute("sliced_wasserstein", x, y).value}) == 3
    assert few.stderr > 1.5 * compute("sliced_wasserstein", x, y).stderr
    with pytest.raises(UsageError, match="directions"):
        compute("sliced_wasserstein", x, y, directions=1)


def test_the_error_of_a_shifted_set() -> None:
    found = [
        compute("sliced_wasserstein", clouds.gaussian(200, 2, s) + 1, clouds.gaussian(200, 2, 90 + s))
        for s in range(30)
    ]
    assert 0.5 < np.mean([one.stderr for one in found]) / np.std([one.value for one in found]) < 2


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_frechet_inf_has_no_bias_where_frechet_has(shift: float) -> None:
    d, found, plain = 10, [], []
    for s in range(40):
        x, y = clouds.gaussian(400, d, s) + shift, clouds.gaussian(400, d, 700 + s)
        found.append(compute("frechet_inf", x, y))
        plain.append(float(compute("frechet", x, y)))
    values, true = np.array([one.value for one in found]), d * shift**2
    error = values.std() / np.sqrt(40)
    assert abs(values.mean() - true) < 3.5 * error + 0.005
    assert np.mean(plain) - true > 5 * error
    assert 0.6 < np.mean([one.stderr for one in found]) / values.std() < 1.6


def test_frechet_inf_lies_on_the_line_of_its_profile() -> None:
    made = compute("frechet_inf", clouds.gaussian(200, 3), clouds.gaussian(300, 3, 1) + 1)
    slope, intercept = np.polyfit(made.profile["parts"], made.profile["distance"], 1)
    assert made.value == pytest.approx(intercept, rel=1e-9)
    assert slope > 0
    assert compute("frechet_inf", clouds.gaussian(63, 3), clouds.gaussian(200, 3)).reason == "few-rows"
