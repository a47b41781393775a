"""The main view is true: radii, hollowness and size of known shapes in 256 dimensions, as they are drawn."""

import clouds
import numpy as np
import pytest

from geometry.projection import project

N, D = 1500, 256
SIZES = (1.0, 0.88, 0.76, 0.64, 0.53, 0.41)
CLOUDS = {
    "shell": clouds.shell(N, D),
    "gaussian": clouds.gaussian(N, D),
    "20 clusters": clouds.clusters(N, D, count=20),
    "tree 4x4x4": clouds.tree(N, D, depth=3, branches=4),
    "swiss roll": clouds.swiss_roll(N, D),
    "torus": clouds.torus(N, D),
    "2-sphere": clouds.sphere(N, D),
    "power law": clouds.power_law(N, D),
    "realistic": clouds.realistic(N, D),
    "rank 3": clouds.low_rank(N, D, rank=3),
}


def fading():
    """Six generations from clusters to a shell, scaled to a total standard deviation of SIZES."""
    made, rich = [], centred(CLOUDS["20 clusters"])
    for step, size in enumerate(SIZES):
        share = step / (len(SIZES) - 1)
        points = np.sqrt(1 - share) * rich / spread(rich) + np.sqrt(share) * clouds.shell(N, D, step)
        made.append(size * points / spread(points))
    return made


def centred(points):
    return points - points.mean(axis=0)


def spread(points):
    return np.sqrt((centred(points) ** 2).sum(axis=1).mean())


def drawn_sizes(**options):
    return np.array([np.sqrt((view**2).sum(axis=1).mean()) for view in project(fading(), **options).coordinates])


def slab(view):
    """In-plane radii, over the rms radius, of the rows with |z| < .25 R."""
    size = np.sqrt((view**2).sum(axis=1).mean())
    return np.linalg.norm(view[np.abs(view[:, 2]) < 0.25 * size, :2], axis=1) / size


@pytest.mark.parametrize("name", CLOUDS)
def test_radial_spread_is_the_true_one(name):
    points = CLOUDS[name] + 3.0
    shown = project([points])
    radii, true = np.linalg.norm(shown.coordinates[0], axis=1), np.linalg.norm(centred(points), axis=1)
    assert abs(radii.std() / radii.mean() - true.std() / true.mean()) < 1e-9
    np.testing.assert_allclose(radii, true, rtol=1e-9)
    assert shown.quality["radius_fidelity"][0] > 1 - 1e-9


@pytest.mark.parametrize("view", ["radial", "pca"])
@pytest.mark.parametrize("name", CLOUDS)
def test_unchanged_data_stay_where_they_are(name, view):
    order = np.random.default_rng(1).permutation(N)
    points = CLOUDS[name]
    other = CLOUDS["gaussian" if name == "shell" else "shell"] + 1.0
    first, _, again = project([points, other, points[order].astype(np.float32)], view).coordinates
    assert np.linalg.norm(again - first[order], axis=1).max() < 0.01 * spread(points)


def test_slab_of_a_shell_is_an_empty_ring():
    radii = slab(project([CLOUDS["shell"]]).coordinates[0])
    assert len(radii) > 100 and radii.min() > 0.9


def test_slab_of_a_rank_three_gaussian_is_a_filled_disc():
    radii = slab(project([CLOUDS["rank 3"]]).coordinates[0])
    assert (radii < 0.5).mean() > 0.2 and radii.max() > 1.2


def test_fading_generations_show_their_true_size():
    sizes = drawn_sizes()
    np.testing.assert_allclose(sizes / sizes[0], SIZES, rtol=0.01)


def test_sampled_rows_show_the_true_size():
    sizes = drawn_sizes(most=300)
    np.testing.assert_allclose(sizes / sizes[0], SIZES, rtol=0.01)


def test_a_shared_pca_hides_what_the_main_view_shows():
    shell, filled = (project([CLOUDS["shell"]], view).coordinates[0] for view in ("radial", "pca"))
    assert (slab(filled) < 0.5).mean() > 0.1 > (slab(shell) < 0.5).mean()
