"""Encoders that differ by a rotation: turned onto each other, with a residual that tells whether that was true."""

import clouds
import numpy as np
import pytest

from geometry.errors import InputError, UnpairedError, UsageError
from geometry.pairs import Scan, executor
from geometry.pairs.stored import stored_array
from geometry.pairs.streamed import Whole
from geometry.projection import matched, project
from geometry.projection.alignment import aligned, residual, rotation
from geometry.types import EmbeddingSet

N, D = 240, 24


def rows(seed=0):
    return clouds.clusters(N, D, seed) * np.linspace(3, 1, D) + 2.0


def scans(*sets, ids=None):
    return [Scan(points, executor("cpu"), ids=ids) for points in sets]


def test_a_rotated_shrunk_copy_is_brought_back():
    turned = 0.4 * rows() @ clouds.rotation(D, 3)
    (first, second), residuals = aligned(scans(rows(), turned), "rows")
    np.testing.assert_allclose(second.points, 0.4 * first.points, atol=1e-9)
    assert residuals == pytest.approx([0.0, 0.0], abs=1e-12)


def test_norms_and_drift_stay():
    drifted = (rows() + 7.0) @ clouds.rotation(D, 4)
    second = aligned(scans(rows(), drifted), "rows")[0][1]
    np.testing.assert_allclose(np.linalg.norm(second.points, axis=1), np.linalg.norm(drifted, axis=1))
    np.testing.assert_allclose(second.points - rows(), 7.0, atol=1e-9)


def test_the_residual_is_that_of_rows_the_rotation_was_not_fitted_to():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((N, D)) * rows().std()
    left = residual(rows() @ clouds.rotation(D, 5) + noise, rows(), 0)
    assert 0.3 < left < 0.8
    assert residual(rng.standard_normal((N, D)), rng.standard_normal((N, D)), 0) > 0.9
    few = rng.standard_normal((D, D))
    assert residual(few, rng.standard_normal((D, D)), 0) > 0.5
    turn = rotation(few, rng.standard_normal((D, D)))
    np.testing.assert_allclose(turn @ turn.T, np.eye(D), atol=1e-12)


def test_ids_match_rows_in_any_order():
    names = np.array([f"row {i}" for i in range(N)])
    order = np.random.default_rng(1).permutation(N)[: N - 40]
    sets = [
        EmbeddingSet(rows(), ids=names),
        EmbeddingSet((rows() @ clouds.rotation(D, 6))[order], generation=1, ids=names[order]),
    ]
    by_ids, by_rows = (
        project(sets if a == "ids" else [s.points[: N - 40] for s in sets], align=a) for a in ("ids", "rows")
    )
    assert by_ids.quality["alignment_residual"] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert by_rows.quality["alignment_residual"][1] > 0.5
    moved = by_ids.coordinates[1] - by_ids.coordinates[0][order]
    assert np.linalg.norm(moved, axis=1).mean() < 0.1 * np.linalg.norm(by_ids.coordinates[0], axis=1).mean()


def test_alignment_changes_the_view_and_none_does_not():
    sets = [rows(), rows() @ clouds.rotation(D, 7)]
    plain, turned = project(sets), project(sets, align="rows")
    assert "alignment_residual" not in plain.quality
    size = np.linalg.norm(turned.coordinates[0], axis=1).mean()
    np.testing.assert_allclose(turned.coordinates[1], turned.coordinates[0], atol=1e-6 * size)
    assert np.linalg.norm(plain.coordinates[1] - plain.coordinates[0], axis=1).mean() > 0.5 * size


def test_sets_are_turned_onto_the_one_asked_for():
    sets = scans(rows(), rows() @ clouds.rotation(D, 8))
    made, residuals = aligned(sets, "rows", onto=1)
    assert made[1] is sets[1] and residuals[1] == 0.0
    np.testing.assert_allclose(made[0].points, sets[1].points, atol=1e-9)


def test_half_precision_is_turned_in_full():
    made = aligned(scans(rows(), rows().astype(np.float16)), "rows")[0][1]
    assert made.points.dtype == np.float32


@pytest.mark.parametrize(
    ("second", "align", "error", "words"),
    [
        (rows(), "procrustes", UsageError, "ids, rows"),
        (rows(), "ids", UnpairedError, "ids"),
        (rows()[:9], "rows", UnpairedError, "as many rows"),
        (rows()[:, :9], "rows", InputError, "9 dimensions"),
    ],
)
def test_what_cannot_be_aligned_says_why(second, align, error, words):
    with pytest.raises(error, match=words):
        aligned(scans(rows(), second), align)


@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_collapsed_rows_are_aligned(n):
    made, residuals = aligned(scans(np.ones((n, 4)), rows()[:n, :4]), "rows")
    assert np.isfinite(made[1].points).all() and np.isfinite(residuals).all()


def stored_scans(*sets, ids=None, m=60):
    """Sampled rows of sets that count as files."""
    made = []
    for g, points in enumerate(sets):
        names = None if ids is None else ids[g]
        numbers = np.sort(np.random.default_rng(g).choice(len(points), m, replace=False))
        scan = Scan(points[numbers], executor("cpu"), ids=None if names is None else names[numbers])
        scan.numbers, scan.whole = numbers, Whole(stored_array(points), scan, 5, 1 << 12, ids=names)
        made.append(scan)
    return made


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_sets_in_files_are_turned_like_those_in_memory(kind, monkeypatch):
    monkeypatch.setattr(matched, "BLOCK_BYTES", 8 * D * 50)
    noise = 0.3 * np.random.default_rng(7).standard_normal((N, D))
    sets = [rows().astype(kind), ((rows() + noise) @ clouds.rotation(D, 5) + 3).astype(kind)]
    (_, plain), known = aligned(scans(*sets), "rows")
    (_, found), residuals = aligned(stored_scans(*sets), "rows")
    assert residuals == pytest.approx(known, abs=0.02)  # other halves
    assert found.whole.stored.dtype == found.points.dtype == kind
    close = {"rtol": 1e-6, "atol": 1e-5 if kind == np.float32 else 1e-12}
    np.testing.assert_allclose(found.whole.stored[:], plain.points, **close)
    np.testing.assert_array_equal(found.points, found.whole.stored[found.numbers])
    np.testing.assert_array_equal(found.whole.stored[3:9], found.whole.stored[:][3:9])
    (_, mixed), _ = aligned([*scans(sets[0]), *stored_scans(sets[1])], "rows")
    np.testing.assert_allclose(mixed.whole.stored[:], plain.points, **close)
    (_, other), _ = aligned([*stored_scans(sets[0]), *scans(sets[1])], "rows")
    np.testing.assert_allclose(other.points, plain.points, **close)


def test_ids_match_rows_of_files():
    names = np.array([f"row {i}" for i in range(N)])
    order = np.random.default_rng(1).permutation(N)[: N - 40]
    sets = [rows(), (rows() @ clouds.rotation(D, 6))[order]]
    (_, found), residuals = aligned(stored_scans(*sets, ids=[names, names[order]]), "ids")
    assert residuals == pytest.approx([0.0, 0.0], abs=1e-9)
    np.testing.assert_allclose(found.whole.stored[:], rows()[order], atol=1e-9)
    with pytest.raises(UnpairedError, match="has 200 rows, the one it is aligned to 240"):
        aligned(stored_scans(*sets), "rows")
    with pytest.raises(UnpairedError, match="no ids"):
        aligned(stored_scans(*sets), "ids")


def test_few_and_equal_rows_of_files():
    """Nothing to turn, and too few to hold any out."""
    assert aligned(stored_scans(np.ones((9, 3)), np.ones((9, 3)), m=4), "rows")[1] == [0.0, 0.0]
    three = np.random.default_rng(0).standard_normal((3, 2))
    assert aligned(stored_scans(three, three @ clouds.rotation(2, 1), m=2), "rows")[1][1] < 1e-12
