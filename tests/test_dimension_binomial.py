"""binomial: counts by hand, lattice volumes, posterior, the fit, options."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist, squareform

from geometry.catalog import compute
from geometry.dimension.binomial import _lattice_root, lattice_log_ratio
from geometry.errors import UsageError


def test_value_by_hand() -> None:
    points = clouds.torus(300, 6)
    square = np.sort(squareform(pdist(points)), axis=1)
    near, far = np.median(square[:, [8, 40]], axis=0) * (1 + 1e-12)
    inner, outer = ((square <= radius).sum() - 300 for radius in (near, far))
    want = np.log(inner / outer) / np.log(near / far)
    made = compute("binomial", points)
    assert made["mle"].value == pytest.approx(want, rel=1e-9)
    assert made["bayes"].value == pytest.approx(want, rel=1e-3)
    bound = ((far / near) ** want - 1) / (outer * np.log(near / far) ** 2)
    assert made["bayes"].stderr == pytest.approx(np.sqrt(bound), rel=0.02)
    assert made["mle"].stderr > made["bayes"].stderr


@pytest.mark.parametrize(("t", "dim", "volume"), [(1, 1, 3), (2, 2, 13), (3, 3, 63)])
def test_lattice_volumes(t: int, dim: int, volume: int) -> None:
    assert np.exp(-lattice_log_ratio(dim, 0, t)) == pytest.approx(volume)
    grid = np.stack(np.meshgrid(*[np.arange(-t, t + 1)] * dim), -1).reshape(-1, dim)
    assert (np.abs(grid).sum(axis=1) <= t).sum() == volume


def test_lattice_root_inverts_real_dimensions() -> None:
    for dim in (0.7, 2.5, 12.0):
        assert _lattice_root(lattice_log_ratio(dim, 3, 9), 3, 9) == pytest.approx(dim, rel=1e-8)
        assert lattice_log_ratio(dim, 2500, 5000) == pytest.approx(dim * np.log(2500.5 / 5000.5))
    assert _lattice_root(0.0, 1, 2) == 0


def test_lattice_counts_by_hand() -> None:
    points = np.random.default_rng(0).integers(0, 30, (400, 3)).astype(float)
    square = cdist(points, points, "cityblock")
    t1, t2 = (int(np.median(np.sort(square, axis=1)[:, order])) for order in (8, 40))
    inner, outer = ((square <= t).sum() - 400 for t in (t1, t2))
    made = compute("binomial", points, metric="lattice", fit="mle")
    assert lattice_log_ratio(made.value, t1, t2) == pytest.approx(np.log(inner / outer), rel=1e-9)
    assert compute("binomial", points + 0.5, metric="lattice", fit="mle").reason == "not-integer"


def test_lattice_torus_is_the_dimension() -> None:
    """Every site of a small grid, far from its edge: counts are the volumes themselves."""
    grid = np.stack(np.meshgrid(*[np.arange(-12, 13)] * 2), -1).reshape(-1, 2).astype(float)
    made = compute("binomial", grid, metric="lattice", fit="mle")
    assert made.value == pytest.approx(2, rel=0.08)


def test_fit_is_good_where_density_is_even_and_bad_on_clumps() -> None:
    surface = clouds.torus(800, 4, noise=0.0, order=2)
    even, clumped = (compute("binomial", x, fit="ks") for x in (surface, clouds.clusters(800, 2, spread=0.02)))
    assert even.profile["p_value"][0] > 0.05
    assert even.value < 0.05 < clumped.value
    assert np.abs(even.profile["model"] - even.profile["empirical"]).max() == pytest.approx(even.value)


def test_options_are_used() -> None:
    points = clouds.gaussian(400, 4)
    assert compute("binomial", points, fit="mle") == compute("binomial", points)["mle"]
    assert compute("binomial", points, fit="mle", k=10).value != compute("binomial", points, fit="mle").value
    for options in ({"metric": "l1"}, {"fit": "map"}, {"k": 1}):
        with pytest.raises(UsageError, match="binomial"):
            compute("binomial", points, **options)
