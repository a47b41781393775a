"""vendi and rke: orthogonal rows, equal clusters, every order, both kernels, nulls of isotropic rows, errors."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from geometry.catalog import compute
from geometry.collapse import vendi as module
from geometry.errors import UsageError

ORDERS = (0.0, 0.5, 1.0, 2.0, 3.0, np.inf)


def renyi(values: np.ndarray, q: float) -> float:
    values = values[values > 1e-12]
    if q == 1:
        return float(np.exp(-(values * np.log(values)).sum()))
    return float(1 / values.max() if np.isinf(q) else (values**q).sum() ** (1 / (1 - q)))


@pytest.mark.parametrize("q", ORDERS)
def test_orthogonal_rows_and_equal_clusters(q: float) -> None:
    assert compute("vendi", 3 * np.eye(20), q=q).value == pytest.approx(20)
    assert compute("vendi", np.repeat(np.eye(7), 30, axis=0), q=q).value == pytest.approx(7)
    assert compute("vendi", np.ones((30, 4)), q=q).value == pytest.approx(1)


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize(("n", "d"), [(90, 10), (10, 90)])
def test_orders_follow_the_eigenvalues(n: int, d: int, q: float) -> None:
    points = clouds.power_law(n, d) + 0.2
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    want = renyi(np.linalg.eigvalsh(unit @ unit.T / n), q)
    assert compute("vendi", points, q=q).value == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
def test_rke_is_order_two(kernel: str) -> None:
    points = clouds.clusters(200, 12)
    two, rke = compute("vendi", points, q=2, kernel=kernel), compute("rke", points, kernel=kernel)
    assert rke.value == pytest.approx(two.value, rel=1e-9)
    assert rke.stderr == pytest.approx(two.stderr, rel=1e-6)


@pytest.mark.parametrize("bandwidth", [None, 0.7])
def test_rbf_kernel(bandwidth: float | None) -> None:
    points = clouds.clusters(120, 6) + 5
    width = bandwidth or np.median(pdist(points))
    kernel = np.exp(-(squareform(pdist(points)) ** 2) / (2 * width**2))
    made = compute("vendi", points, kernel="rbf", bandwidth=bandwidth)
    assert made.value == pytest.approx(renyi(np.linalg.eigvalsh(kernel / 120), 1.0), rel=1e-6)
    assert made.exact


def test_rbf_of_far_points_counts_them() -> None:
    points = np.repeat(100 * np.eye(7), 20, axis=0) + 1e-6 * clouds.gaussian(140, 7)
    assert compute("vendi", points, kernel="rbf", bandwidth=1.0).value == pytest.approx(7, rel=1e-6)
    assert compute("rke", points, kernel="rbf", bandwidth=1.0).value == pytest.approx(7, rel=1e-6)


def test_rbf_of_many_rows_is_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RBF_ROWS", 50)
    made = compute("vendi", clouds.gaussian(200, 4), kernel="rbf")
    assert (made.n, made.exact) == (50, False)


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize(("n", "d"), [(1000, 40), (300, 600)])
def test_null_is_what_isotropic_rows_give(n: int, d: int, q: float) -> None:
    made = compute("vendi", clouds.gaussian(n, d), q=q)
    assert made.value == pytest.approx(made.null, rel=0.08 if np.isinf(q) else 0.02)  # the edge is met from below
    assert compute("vendi", clouds.gaussian(1000, 40)).null == pytest.approx(40 * np.exp(-0.02), rel=1e-9)


def test_zero_rows_are_left_out() -> None:
    points = clouds.gaussian(60, 5)
    with_zeros = np.vstack([points, np.zeros((9, 5))])
    made = compute("vendi", with_zeros)
    assert made.n == 60
    assert made.value == pytest.approx(compute("vendi", points).value)
    assert compute("vendi", np.zeros((9, 5))).reason == "zero-rows"


@pytest.mark.parametrize(
    "options", [{"q": 0.5}, {"q": 1.0}, {"q": 3.0}, {"q": np.inf}, {"kernel": "rbf", "bandwidth": 3.0}]
)
def test_error_is_that_of_repeated_draws(options: dict) -> None:
    made = [compute("vendi", clouds.power_law(150, 6, seed) + 0.3, **options) for seed in range(40)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert np.mean([estimate.stderr for estimate in made]) == pytest.approx(spread, rel=0.35)


def test_without_interval_the_value_is_the_same() -> None:
    points = clouds.clusters(300, 12)
    whole, bare = compute("vendi", points), compute("vendi", points, interval=False)
    assert bare.value == pytest.approx(whole.value, rel=1e-12)
    assert whole.low < whole.value < whole.high
    assert bare.low is None


@pytest.mark.parametrize(
    "options", [{"q": -1}, {"kernel": "linear"}, {"bandwidth": 1.0}, {"kernel": "rbf", "bandwidth": 0.0}]
)
def test_options_that_make_no_sense(options: dict) -> None:
    with pytest.raises(UsageError, match="vendi"):
        compute("vendi", clouds.gaussian(20, 3), **options)
