"""The null beside a view: the covariance and radii of the data, in the frame of the data, and no structure."""

import clouds
import numpy as np
import pytest

from geometry.errors import UsageError
from geometry.projection import project, project_with_null

N, D = 400, 12


@pytest.fixture(scope="module")
def shown():
    return project_with_null([clouds.clusters(N, D) + 5.0, 0.5 * clouds.shell(N, D)], "radial")


def test_the_view_itself_is_that_of_project(shown):
    alone = project([clouds.clusters(N, D) + 5.0, 0.5 * clouds.shell(N, D)])
    np.testing.assert_array_equal(shown[0].coordinates[0], alone.coordinates[0])
    assert shown[0].quality == alone.quality


def test_the_null_has_the_size_and_the_spread_of_the_data_along_the_axes():
    points = clouds.clusters(N, D) @ np.diag(np.linspace(4, 1, D))
    data, null = project_with_null([points], "pca")
    np.testing.assert_allclose(np.cov(null.coordinates[0].T), np.cov(data.coordinates[0].T), atol=1e-9)
    np.testing.assert_allclose(null.coordinates[0].mean(axis=0), 0, atol=1e-9)


def test_radii_of_a_shell_are_those_of_its_null(shown):
    radii = [np.linalg.norm(view.coordinates[1], axis=1) for view in shown]
    assert abs(radii[0].mean() - radii[1].mean()) < 0.01 * radii[0].mean()
    assert radii[1].std() < 0.1 * radii[1].mean()


def test_the_seed_draws_the_null():
    points = clouds.gaussian(60, 4)
    first, again, other = (project_with_null([points], seed=s)[1].coordinates[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fewer_rows_than_dimensions_have_a_null():
    data, null = project_with_null([clouds.gaussian(6, 9)], "pca")
    np.testing.assert_allclose(np.cov(null.coordinates[0].T), np.cov(data.coordinates[0].T), atol=1e-9)


@pytest.mark.parametrize("view", ["radial", "umap"])
def test_where_there_is_no_null_nothing_is_drawn(view):
    for points in (np.ones((30, 4)), clouds.gaussian(1, 3)):
        data, null = project_with_null([points], view)
        assert len(data.coordinates[0]) == len(points) and len(null.coordinates[0]) == 0
        assert all(np.isfinite(values).all() for values in null.quality.values())


def test_rows_asked_for_have_their_null():
    data, null = project_with_null([clouds.gaussian(80, 4)], rows=[np.arange(20)])
    assert len(data.coordinates[0]) == len(null.coordinates[0]) == 20
    assert len(project_with_null([clouds.gaussian(80, 4)], most=30)[1].coordinates[0]) == 30


def test_an_unknown_view_is_refused():
    with pytest.raises(UsageError, match="tsne"):
        project_with_null([np.eye(4)], "tsne")
