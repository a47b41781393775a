"""Modes: what is fitted, what is counted, what is lost, and that samples of one law lose none."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.compare import modes as of
from geometry.compare.holm import holm
from geometry.pairs import executor, scan
from geometry.pairs.scan import Scan


def reference_of(points: np.ndarray) -> Scan:
    return scan(points, executor())


def clusters(rng: np.random.Generator, shares: np.ndarray, n: int, d: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Rows about well separated centres, and which centre each is about."""
    centres = np.random.default_rng(99).standard_normal((len(shares), d)) * 20
    which = rng.choice(len(shares), n, p=shares)
    return centres[which] + rng.standard_normal((n, d)), which


@pytest.mark.parametrize(("n", "k"), [(100, 2), (600, 4), (3000, 20), (9000, 50)])
def test_the_number_of_clusters_is_a_scale(n: int, k: int) -> None:
    modes = of.fit(reference_of(np.random.default_rng(0).standard_normal((n, 4)).astype(np.float32)))
    assert modes is not None
    assert len(modes.counts) == k
    assert modes.total == n - n // 2
    share, error = modes.counts.sum() / modes.total, 0.3 / np.sqrt(modes.total)  # 90 % of the fitted rows are inside
    assert 0.9 - 4 * error - 0.05 < share < 0.9 + 4 * error


def test_shares_come_from_rows_held_out_and_clusters_are_found() -> None:
    points, which = clusters(np.random.default_rng(0), np.array([0.4, 0.3, 0.2, 0.1]), 600)
    modes = of.fit(reference_of(points))
    assert modes is not None
    assigned = modes.assign(points)
    inside = assigned >= 0
    assert len({(a, b) for a, b in zip(assigned[inside].tolist(), which[inside].tolist(), strict=True)}) == 4
    assert sorted(modes.counts.tolist()) != sorted((np.bincount(which) // 2).tolist())
    assert modes.count(assigned).sum() == inside.sum()
    assert 0.85 < inside.mean() < 0.95


def test_a_fog_of_the_same_mean_and_covariance_does_not_hold_the_modes() -> None:
    points, _ = clusters(np.random.default_rng(0), np.array([0.4, 0.3, 0.2, 0.1]), 600)
    modes = of.fit(reference_of(points))
    assert modes is not None
    fog = np.random.default_rng(1).multivariate_normal(points.mean(axis=0), np.cov(points.T), 600)
    held = modes.count(modes.assign(fog))
    assert (modes.nearest(fog)[0] >= 0).all() and held.sum() < 60
    assert of.lost(modes.counts, held, 600, modes.total).sum() >= 3


def test_a_fit_is_made_once_per_seed() -> None:
    reference = reference_of(np.random.default_rng(0).standard_normal((400, 5)))
    first, again, other = of.fit(reference), of.fit(reference), of.fit(reference, seed=1)
    assert first is again
    assert first is not None
    assert other is not None
    assert not np.allclose(np.abs(first.axes), np.abs(other.axes))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_and_offset_change_no_mode(scale: float) -> None:
    points = np.random.default_rng(0).standard_normal((500, 6))
    plain, moved = of.fit(reference_of(points)), of.fit(reference_of(points * scale + 5 * scale))
    assert plain is not None
    assert moved is not None
    np.testing.assert_array_equal(plain.assign(points), moved.assign(points * scale + 5 * scale))


def test_sets_without_spread_or_with_few_distinct_rows() -> None:
    assert of.fit(reference_of(np.ones((50, 3)))) is None
    two = of.fit(reference_of(np.repeat(np.eye(3)[:2], 500, axis=0)))
    assert two is not None
    assert len(two.counts) == 2


def test_labels() -> None:
    modes = of.of_labels(np.array(["b", "a", "b"]))
    assert modes.names.tolist() == ["a", "b"]
    np.testing.assert_array_equal(modes.counts, [1, 2])
    numbers = of.number_labels(modes, np.array(["b", "c", "a"]))
    np.testing.assert_array_equal(numbers, [1, -1, 0])
    np.testing.assert_array_equal(modes.count(numbers), [1, 1])
    with pytest.raises(ValueError, match="labels"):
        modes.assign(np.zeros((2, 2)))


def test_lost_needs_both_a_small_share_and_significance() -> None:
    reference = np.array([500, 500, 60, 3])
    np.testing.assert_array_equal(of.lost(reference, np.array([560, 503, 0, 0])), [False, False, True, False])
    np.testing.assert_array_equal(of.lost(reference, np.array([543, 500, 20, 0])), [False] * 4)  # a third is left
    np.testing.assert_array_equal(of.lost(np.array([5, 5]), np.array([10, 0])), [False, False])  # no evidence
    np.testing.assert_array_equal(of.lost(reference, np.array([0, 0, 0, 0]), rows=1063), [True, True, True, False])
    np.testing.assert_array_equal(of.lost(reference, np.array([0, 0, 0, 0])), [False] * 4)  # nothing was generated


def test_fisher_closed() -> None:
    """None of 3 generated rows against 2 of 3: C(4, 3) / C(6, 3) chances."""
    assert of.fisher(np.array([2]), np.array([0]), 3)[0] != of.fisher(np.array([2, 1]), np.array([0, 3]), 3)[0]
    assert of.fisher(np.array([2, 1]), np.array([0, 3]), 3)[0] == pytest.approx(4 / 20)


def test_holm_closed() -> None:
    np.testing.assert_array_equal(holm(np.array([0.02, 0.001, 0.04, 0.9]), 0.05), [False, True, False, False])
    np.testing.assert_array_equal(holm(np.array([0.01, 0.001, 0.02, 0.04]), 0.05), [True] * 4)


def test_katz_covers_the_ratio() -> None:
    rng = np.random.default_rng(0)
    share, inside = np.array([0.02, 0.08, 0.9]), []
    for _ in range(400):
        _, low, high = of.katz(rng.multinomial(1500, share), rng.multinomial(1000, share), 1000)
        inside.append((low <= 1) & (high >= 1))
    assert np.all(np.abs(np.mean(inside, axis=0) - 0.95) < 0.035)
    assert of.katz(np.array([50, 50]), np.array([0, 100]), 100)[1][0] == 0.0


def test_expected_least_is_one_for_many_rows_and_less_for_few() -> None:
    few, many = (of.expected_least(np.array([n // 4] * 4), n) for n in (100, 10**8))
    assert 0.5 < few < 0.95
    assert many == pytest.approx(1, abs=1e-3)
    assert of.expected_least(np.array([25] * 4), 100, seed=1) != few


LAWS = {
    "gaussian": lambda rng, n, d: rng.standard_normal((n, d)),
    "heavy tails": lambda rng, n, d: rng.standard_t(1.5, (n, d)),
    "clusters": lambda rng, n, d: clusters(rng, np.full(12, 1 / 12), n, d)[0],
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("n", "d", "draws"), [(100, 64, 40), (500, 4, 15), (3000, 4, 1)])
def test_draws_of_one_law_lose_no_mode(law: str, n: int, d: int, draws: int) -> None:
    """Six generations for each reference, rows fewer and more than dimensions."""
    for seed in range(draws):
        rng = np.random.default_rng([seed, n])
        modes = of.fit(reference_of(LAWS[law](rng, n, d)), seed)
        assert modes is not None
        for _ in range(6):
            generated = LAWS[law](rng, n, d)
            assert not of.lost(modes.counts, modes.count(modes.assign(generated))).any(), seed
