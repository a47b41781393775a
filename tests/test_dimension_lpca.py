"""lpca: every rule on one spectrum, rank, noise, the outlier, and per neighbourhood."""

from __future__ import annotations

from dataclasses import replace

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.dimension.lpca_rules import NAMES, Spectra, by_rule, noise_shares
from geometry.errors import InputError, UsageError
from geometry.pairs import Scan, executor
from geometry.pairs.marchenko_pastur import law
from geometry.types import Moments

SPECTRUM = np.array([10, 8, 6, 0.6, 0.4, 0.2, 0.1, 0.05])
CLOSED = {
    "fo": 4, "kaiser": 3, "maxgap": 3, "participation": 3.203941218, "ratio": 4, "broken_stick": 3,
    "minka": 7, "parallel": 3,
}  # fmt: skip


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


@pytest.mark.parametrize("rule", NAMES)
def test_rank_three_without_noise(rule: str) -> None:
    assert compute("lpca", clouds.low_rank(500, 64), rule=rule).value == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(("n", "d"), [(1000, 50), (80, 200)])
def test_noise_edge_finds_the_signal_and_nothing_in_noise(n: int, d: int) -> None:
    noise = clouds.gaussian(n, d, 1)
    signal = 10 * clouds.low_rank(n, d, 2, rank=5)
    assert compute("lpca", noise, rule="marchenko_pastur").value <= 1
    assert compute("lpca", noise + signal, rule="marchenko_pastur").value == 5


@pytest.mark.parametrize("rule", ["marchenko_pastur", "gavish_donoho", "minka", "parallel"])
@pytest.mark.parametrize(("n", "d", "rank"), [(400, 40, 6), (1000, 20, 2)])
def test_rank_of_a_signal_in_noise(rule: str, n: int, d: int, rank: int) -> None:
    points = clouds.gaussian(n, d, 1) + 4 * clouds.low_rank(n, d, 2, rank=rank)
    assert compute("lpca", points, rule=rule).value == rank


def test_minka_is_the_published_evidence() -> None:
    """Against scikit-learn's automatic choice on spectra of its own making."""
    from sklearn.decomposition import PCA

    for seed in range(8):
        points = clouds.power_law(150, 9, seed, exponent=0.4 + 0.1 * seed)
        want = PCA("mle", svd_solver="full").fit(points).n_components_
        assert compute("lpca", points, rule="minka").value == want


@pytest.mark.parametrize(("n", "d", "edge"), [(201, 200, 16 / 3), (3_000_001, 3, 2.0)])
def test_gavish_donoho_at_both_ends(n: int, d: int, edge: float) -> None:
    """(4 / sqrt 3)^2 of the noise variance for a square matrix; for a narrow one sqrt 2, squared."""
    level = law(n - 1, d).median
    for factor, count in ((0.99, 0), (1.01, 1)):
        values = np.full((1, d), level)
        values[0, 0] = factor * edge
        assert by_rule(Spectra(values, np.array([n]), d), "gavish_donoho")[0] == count


def test_parallel_analysis_knows_the_spread_of_pure_noise() -> None:
    """The largest share of noise lies below its 95 % point in 19 of 20 sets, and near it."""
    largest = [(v := np.linalg.eigvalsh(np.cov(clouds.gaussian(80, 30, seed).T)))[-1] / v.sum() for seed in range(200)]
    assert np.mean(largest < noise_shares(80, 30)[0]) == pytest.approx(0.95, abs=0.05)


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


@pytest.mark.parametrize("rule", NAMES)
def test_many_spectra_at_once_are_each_as_alone(rule: str) -> None:
    rng = np.random.default_rng(0)
    n = np.array([9, 30, 30, 9, 200])
    values = np.sort(rng.gamma(1.0, size=(5, 12)), axis=1)[:, ::-1].copy()
    values[[0, 3], 8:] = 0
    values[4, 5:] = 0
    many = by_rule(Spectra(values, n, 12), rule)
    alone = [by_rule(Spectra(values[i : i + 1, : min(n[i] - 1, 12)], n[i : i + 1], 12), rule)[0] for i in range(5)]
    np.testing.assert_allclose(many, alone, rtol=1e-12)


def test_neighbourhoods_see_a_roll_as_flat() -> None:
    points = clouds.swiss_roll(1500, 6, noise=0.0)
    whole, near = compute("lpca", points, rule="fo"), compute("lpca", points, rule="fo", k=30)
    assert whole.value == 3
    assert near.value == pytest.approx(2, abs=0.05)
    assert near.per_point.shape == (1500,) and near.k == 30
    assert near.value == pytest.approx(near.per_point.mean(), rel=1e-12)
    assert near.low < near.value < near.high


@pytest.mark.parametrize("rule", NAMES)
def test_local_answers_are_the_rules_of_local_spectra(rule: str) -> None:
    points = clouds.power_law(150, 9)
    made = compute("lpca", points, k=40)[rule]
    scan = Scan(points, executor())
    for row in (0, 77):
        near = Scan(points[scan.neighbors(40).index[row]], executor())
        values = near.spectrum.eigenvalues[None]
        assert made.per_point[row] == pytest.approx(by_rule(Spectra(values, np.array([40]), 9), rule)[0], rel=1e-9)


def test_an_outlier_is_set_aside_in_neighbourhoods_too() -> None:
    points = clouds.outlier(300, 5)
    assert compute("lpca", points, k=40, robust=True, rule="fo").n == 299
    assert compute("lpca", points, k=40, rule="fo").n == 300


def test_parity_with_scikit_dimension() -> None:
    """All but its ratio, which keeps a twentieth of the variance where ours leaves one out."""
    skdim = pytest.importorskip("skdim")
    points = clouds.power_law(300, 12, exponent=0.9)
    names = {"FO": "fo", "Kaiser": "kaiser", "maxgap": "maxgap", "participation_ratio": "participation"}
    names |= {"MP": "marchenko_pastur", "GD": "gavish_donoho", "Minka": "minka", "broken_stick": "broken_stick"}
    for theirs, ours in names.items():
        want = skdim.id.lPCA(ver=theirs).fit(points).dimension_
        assert compute("lpca", points, rule=ours).value == pytest.approx(float(want), rel=1e-6), ours


@pytest.mark.parametrize("options", [{"k": 2}, {"rule": "knee"}])
def test_unknown_options_are_named(options: dict) -> None:
    with pytest.raises(UsageError, match="lpca"):
        compute("lpca", clouds.gaussian(50, 3), **options)


def test_unknown_rule_is_named() -> None:
    with pytest.raises(UsageError, match="elbow"):
        compute("lpca", clouds.gaussian(50, 3), rule="elbow")
