"""The contract of `project`: what leaves its views alone, what its options choose, what it refuses."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from geometry.errors import InputError, UsageError
from geometry.projection import project
from geometry.types import EmbeddingSet

N, D = 1500, 256


def shell(seed=0, n=N):
    directions = np.random.default_rng(seed).standard_normal((n, D))
    return 16 * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def clusters(seed=0, n=N):
    rng = np.random.default_rng(seed)
    centres = 3 * rng.standard_normal((12, D))
    return centres[np.arange(n) % 12] + rng.standard_normal((n, D))


@pytest.mark.parametrize("view", ["radial", "pca"])
def test_row_order_and_rotation_change_nothing(view):
    order = np.random.default_rng(1).permutation(N)
    turn = ortho_group.rvs(D, random_state=1)
    sets = [clusters(), shell()]
    plain = project(sets, view).coordinates
    turned = project([points[order] @ turn for points in sets], view).coordinates
    for before, after in zip(plain, turned, strict=True):
        np.testing.assert_allclose(after, before[order], atol=1e-6 * np.abs(before).max())


def test_rows_without_a_direction_keep_their_radius():
    points = np.zeros((40, 5))
    points[:30] = np.repeat(np.eye(3, 5) * 9, 10, axis=0) * np.tile([1, -1], 15)[:, None]
    points[30:34, 4] = [1.0, -1.0, 2.0, -2.0]
    view = project([points]).coordinates[0]
    np.testing.assert_allclose(np.linalg.norm(view, axis=1), np.linalg.norm(points, axis=1), atol=1e-12)
    np.testing.assert_allclose(view[30:34], np.outer([1.0, 1.0, 2.0, 2.0], [1, 0, 0]), atol=1e-12)


@pytest.mark.parametrize("view", ["radial", "pca", "umap"])
@pytest.mark.parametrize("n", [1, 2, 30])
def test_a_point_is_drawn_as_a_point(view, n):
    shown = project([np.full((n, 4), 7.0)], view)
    assert np.ptp(shown.coordinates[0], axis=0).max() == 0
    assert all(np.isfinite(values).all() for values in shown.quality.values())


def test_options_choose_the_rows():
    sets = [clusters(n=400), clusters(n=300)]
    sampled = project(sets, most=50)
    assert [len(rows) for rows in sampled.rows] == [50, 50]
    assert sampled.rows[0].tolist() != project(sets, most=50, seed=1).rows[0].tolist()
    asked = project(sets, rows=[[5, 3], [299]])
    assert [rows.tolist() for rows in asked.rows] == [[5, 3], [299]]
    whole = project(sets).coordinates
    np.testing.assert_array_equal(asked.coordinates[0], whole[0][[5, 3]])


def test_every_kind_of_set_is_taken():
    points = clusters(n=60)
    same = [project(points), project(EmbeddingSet(points)), project([points]), project(points[None])]
    for shown in same:
        np.testing.assert_array_equal(shown.coordinates[0], same[0].coordinates[0])


def test_no_rows_asked_is_no_error():
    shown = project([clusters(n=30)], rows=[[]])
    assert shown.coordinates[0].shape == (0, 3)
    assert all(np.isfinite(values).all() for values in shown.quality.values())


@pytest.mark.parametrize(
    ("sets", "options", "error", "words"),
    [
        ([np.eye(4)], {"view": "tsne"}, UsageError, "radial"),
        ([], {}, InputError, "no set"),
        ([np.eye(4), np.eye(5)], {}, InputError, "set 1 has 5 dimensions"),
        ([np.eye(4), np.empty((0, 4))], {}, InputError, "set 1"),
        ([np.full((4, 2), np.nan)], {}, InputError, "NaN"),
        ([np.eye(4)], {"rows": [[4]]}, InputError, "it has 4 rows"),
        ([np.eye(4)], {"rows": [[0], [1]]}, InputError, "2 entries for 1 sets"),
    ],
)
def test_what_cannot_be_drawn_says_why(sets, options, error, words):
    with pytest.raises(error, match=words):
        project(sets, **options)


def test_all_rows_are_drawn_unless_fewer_are_asked_for() -> None:
    points = clusters(n=2300)
    for view in ("radial", "pca"):
        shown = project([points], view)  # type: ignore[arg-type]
        assert shown.coordinates[0].shape == (2300, 3) and shown.rows[0].tolist() == list(range(2300))
