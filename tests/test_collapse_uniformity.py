"""uniformity: the closed value of the sphere in any dimension, sums by hand, and what each option changes."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.special import hyp0f1

from geometry.catalog import compute
from geometry.collapse.uniformity import uniform_sphere
from geometry.errors import UsageError


def units(points: clouds.Cloud) -> clouds.Cloud:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def potential(directions: clouds.Cloud, t: float = 2.0) -> float:
    return float(np.log(np.exp(-t * pdist(directions) ** 2).mean()))


@pytest.mark.parametrize(("d", "value"), [(3, -2.079777), (16, -3.513036)])
def test_uniform_sphere(d: int, value: float) -> None:
    assert uniform_sphere(d) == pytest.approx(value, abs=5e-7)
    made = compute("uniformity", clouds.shell(3000, d))
    assert made.null == uniform_sphere(d)
    assert made.value == pytest.approx(value, abs=4 * made.stderr)


@pytest.mark.parametrize("d", [1, 2, 5, 64])
@pytest.mark.parametrize("t", [0.1, 2.0, 30.0])
def test_uniform_sphere_is_the_hypergeometric_function(d: int, t: float) -> None:
    assert uniform_sphere(d, t) == pytest.approx(-2 * t + np.log(hyp0f1(d / 2, t * t)), rel=1e-10)


def test_uniform_sphere_of_many_dimensions_and_large_t() -> None:
    assert uniform_sphere(10**7) == pytest.approx(-4 + 8e-7, rel=1e-12)
    assert uniform_sphere(1, 1000.0) == pytest.approx(np.log(0.5), abs=1e-10)
    assert -2000 < uniform_sphere(4096, 1000.0) < 0


def test_uniformity_of_raw_and_centred_rows() -> None:
    points = clouds.power_law(300, 6) + 0.4
    assert float(compute("uniformity", points)) == pytest.approx(potential(units(points)), rel=1e-5)
    centred = potential(units(points - points.mean(0)))
    made = compute("uniformity", points, center=True)
    assert made.value == pytest.approx(centred, rel=1e-5)
    assert made.variant == "centred"
    assert compute("uniformity", points, t=0.5).value == pytest.approx(potential(units(points), 0.5), rel=1e-5)
    with pytest.raises(UsageError, match="t = 0"):
        compute("uniformity", points, t=0)


def test_parallel_rows_are_as_far_from_uniform_as_can_be() -> None:
    assert compute("uniformity", np.outer(np.arange(1, 31), np.ones(4))).value == pytest.approx(0, abs=1e-6)


def test_error_is_that_of_repeated_draws() -> None:
    made = [compute("uniformity", clouds.power_law(200, 8, seed) + 0.3) for seed in range(50)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.35)
