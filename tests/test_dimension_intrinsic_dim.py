"""intrinsic_dim: balls, the standard manifolds, shapes beside them, its members, copies, and its error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from manifolds import MANIFOLDS
from test_dimension_ball import uniform_ball

from geometry.catalog import compute
from geometry.dimension.intrinsic_dim import KEYS, WEIGHTS, _carried
from geometry.errors import UsageError

BEST_KNOWN = 0.113  # DANCo's published error on these manifolds at n = 2,500


@pytest.mark.parametrize("dim", [1, 2, 5, 15])
def test_balls_have_their_dimension(dim: int) -> None:
    made = compute("intrinsic_dim", np.pad(uniform_ball(800, dim, 1), ((0, 0), (0, 5))))
    assert abs(made["ensemble"].value - dim) < 2.5 * made["ensemble"].stderr
    assert made["ensemble"].stderr < 0.06 * dim
    assert made["disagreement"].value < 0.15


def error_at(n: int) -> float:
    drawn = {name: one.sample(n, 7) for name, one in MANIFOLDS.items()}
    values = {name: compute("intrinsic_dim", points, member="ensemble").value for name, (points, _) in drawn.items()}
    return float(np.mean([abs(values[name] - dim) / dim for name, (_, dim) in drawn.items()]))


def test_standard_manifolds_with_fewer_rows() -> None:
    assert error_at(1000) < BEST_KNOWN


@pytest.mark.long
def test_standard_manifolds() -> None:
    assert error_at(2500) < 0.08


def test_shapes_that_are_not_among_them() -> None:
    """A Dirichlet simplex, orthogonal matrices, a smooth map of a cube, heavy tails: nothing was chosen by these."""
    rng = np.random.default_rng(0)
    matrices = np.linalg.qr(rng.standard_normal((1000, 3, 3)))[0].reshape(1000, 9)
    layers = rng.standard_normal((5, 40)), rng.standard_normal((40, 30)) / 6
    mapped = np.tanh(rng.uniform(-1, 1, (1000, 5)) @ layers[0] * 0.5) @ layers[1]
    cases = [(rng.dirichlet(np.ones(8), 1000), 7), (matrices, 3), (mapped, 5), (clouds.student(1000, 8), 8)]
    for points, dim in cases:
        assert compute("intrinsic_dim", points)["ensemble"].value == pytest.approx(dim, rel=0.12)


def test_value_is_the_weighted_mean_of_its_members() -> None:
    made = compute("intrinsic_dim", clouds.torus(600, 8, noise=0.0))
    assert tuple(made) == KEYS
    members = np.array([made[key].value for key in WEIGHTS])
    want = np.exp(list(WEIGHTS.values()) @ np.log(members))
    assert made["ensemble"].value == pytest.approx(want, rel=1e-12)
    assert made["disagreement"].value == pytest.approx(np.log(members.max() / members.min()), rel=1e-12)
    assert sum(WEIGHTS.values()) == 1


def test_one_member_alone_is_the_same() -> None:
    points = clouds.gaussian(300, 6)
    every = compute("intrinsic_dim", points)
    assert all(compute("intrinsic_dim", points, member=key) == every[key] for key in KEYS)
    with pytest.raises(UsageError, match="no member 'median'"):
        compute("intrinsic_dim", points, member="median")


def test_disagreement_shows_a_mixture_of_scales() -> None:
    """A thin noisy curve: near pairs see the noise, wide neighbourhoods the curve."""
    calm = compute("intrinsic_dim", clouds.gaussian(800, 5), member="disagreement").value
    assert compute("intrinsic_dim", clouds.helix(800, 5, noise=0.02), member="disagreement").value > calm


def test_no_member_exceeds_the_rank() -> None:
    made = compute("intrinsic_dim", clouds.low_rank(400, 10, rank=3))
    assert max(made[key].value for key in WEIGHTS) <= 3


def test_copies_and_near_copies_are_merged() -> None:
    points = clouds.gaussian(400, 6)
    want = compute("intrinsic_dim", points, member="ensemble")
    doubled = compute("intrinsic_dim", np.repeat(points, 2, axis=0), member="ensemble")
    assert doubled.value == pytest.approx(want.value, rel=1e-9)
    assert doubled.n == 400
    near = np.vstack([points, points[:80] + 1e-9])
    assert compute("intrinsic_dim", near, member="ensemble").value == pytest.approx(want.value, rel=1e-5)


def test_error_is_that_of_repeated_draws_or_larger() -> None:
    made = [compute("intrinsic_dim", uniform_ball(400, 6, seed), member="ensemble") for seed in range(12)]
    spread = np.std([one.value for one in made], ddof=1)
    assert 0.8 < np.mean([one.stderr for one in made]) / spread < 4


def test_correction_within_its_error_is_none() -> None:
    assert _carried(1.05, 100) == 1
    assert _carried(1.0, 100) == 1
    assert _carried(0.8, 10**9) == pytest.approx(0.8)
    assert 0.8 < _carried(0.8, 100) < 1


def test_orthogonal_rows_have_none() -> None:
    assert {one.reason for one in compute("intrinsic_dim", np.eye(20)).values()} == {"no-distinct-distances"}
    assert compute("intrinsic_dim", np.zeros((50, 3)), member="angle").reason == "few-distinct-rows"
