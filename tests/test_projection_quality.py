"""Quality of views with known answers, against scikit-learn's trustworthiness where it computes the same."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.manifold import trustworthiness

from geometry.projection import project
from geometry.projection.quality import K, quality


def cloud(n=300, d=20, seed=0):
    points = np.random.default_rng(seed).standard_normal((n, d))
    return points - points.mean(axis=0)


def test_the_data_themselves_are_a_perfect_view():
    found = quality([cloud()], [5 * cloud()])
    assert found["trustworthiness"] == found["continuity"] == [1.0]
    assert found["stress"][0] < 1e-6
    assert found["radius_fidelity"][0] == pytest.approx(1)


def test_neighbourhood_measures_agree_with_scikit_learn():
    points = cloud()
    found = quality([points], [points[:, :2]])
    assert found["trustworthiness"][0] == pytest.approx(trustworthiness(points, points[:, :2], n_neighbors=K))
    assert found["continuity"][0] == pytest.approx(trustworthiness(points[:, :2], points, n_neighbors=K))


def test_stress_of_a_square_flattened_to_a_line():
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    flat = square[:, :1]
    true = np.array([2, 2, 2, 2, 8**0.5, 8**0.5])
    drawn = np.array([0, 2, 2, 0, 2, 2])
    expected = np.sqrt(1 - (true @ drawn) ** 2 / ((true @ true) * (drawn @ drawn)))
    assert quality([square], [flat])["stress"][0] == pytest.approx(expected)


def test_shepard_is_the_rank_correlation_of_distances():
    points = cloud()
    true, drawn = pdist(points), pdist(points[:, :2])
    assert quality([points], [points[:, :2]])["shepard"][0] == pytest.approx(spearmanr(true, drawn).statistic)
    stretched = np.array([[0.0], [1], [3], [7]])
    assert quality([stretched], [np.exp(stretched)])["shepard"] == [1.0]


def test_radius_fidelity_uses_one_scale_for_all_generations():
    points = cloud()
    hidden = quality([points, 0.4 * points], [points, points])["radius_fidelity"]
    assert hidden[1] < 0.5
    assert quality([points, 0.4 * points], [3 * points, 1.2 * points])["radius_fidelity"] == pytest.approx([1, 1])


def test_the_main_view_is_true_about_radii_where_pca_is_not():
    directions = cloud(n=600, d=64)
    shell = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    radial, pca = (project([shell], view).quality["radius_fidelity"][0] for view in ("radial", "pca"))
    assert radial == pytest.approx(1, abs=1e-9)
    assert pca < 0.8


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows_lose_nothing(n):
    found = quality([cloud(n)], [cloud(n)[:, :3]])
    assert found["trustworthiness"] == [1.0] and found["continuity"] == [1.0]
    assert all(np.isfinite(values).all() for values in found.values())


def test_spread_that_was_drawn_as_a_point_is_worth_nothing():
    found = quality([cloud()], [np.zeros((300, 3))])
    assert found["stress"] == [1.0] and found["radius_fidelity"] == [0.0] and found["shepard"] == [0.0]
