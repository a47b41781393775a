"""The local view: seeded, quiet, one frame for all generations, classes kept together."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from geometry.projection import project, project_with_null


def clusters(n, seed):
    rng = np.random.default_rng(seed)
    centres = 6 * np.random.default_rng(0).standard_normal((4, 16))
    return centres[np.arange(n) % 4] + rng.standard_normal((n, 16))


@pytest.fixture(scope="module")
def shown():
    return project([clusters(120, 1), clusters(80, 2)], "umap", seed=3)


def test_every_generation_has_its_layout(shown):
    assert [view.shape for view in shown.coordinates] == [(120, 2), (80, 2)]


def test_the_same_class_lies_in_the_same_place_in_both(shown):
    first, second = shown.coordinates
    centres = np.stack([first[c::4].mean(axis=0) for c in range(4)])
    nearest = np.linalg.norm(second[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == np.arange(80) % 4).all()


def test_the_seed_decides(shown):
    sets = [clusters(120, 1), clusters(80, 2)]
    np.testing.assert_array_equal(project(sets, "umap", seed=3).coordinates[0], shown.coordinates[0])
    assert not np.array_equal(project(sets, "umap", seed=4).coordinates[0], shown.coordinates[0])


def test_neighbourhoods_are_kept(shown):
    assert min(shown.quality["trustworthiness"]) > 0.8


def test_copies_of_two_points_are_laid_out():
    points = np.repeat(np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0]]), 10, axis=0)
    assert np.isfinite(project([points], "umap").coordinates[0]).all()


def test_clusters_fall_apart_and_their_null_does_not():
    data, null = project_with_null([clusters(160, 1)], "umap", seed=1)

    def gap(places):
        parts = [places[c::4] for c in range(4)]
        inside = np.mean([np.linalg.norm(part - part.mean(axis=0), axis=1).mean() for part in parts])
        return pdist(np.stack([part.mean(axis=0) for part in parts])).max() / inside

    assert gap(data.coordinates[0]) > 5 > 2 > gap(null.coordinates[0])
    assert null.quality["trustworthiness"][0] > 0.6
