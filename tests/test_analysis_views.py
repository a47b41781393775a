"""The views a run keeps: the map, and where they are asked for the local view beside its null, and alignment."""

import clouds
import numpy as np
import pytest

from geometry.analysis import analyze
from geometry.analysis import views as module
from geometry.errors import UnpairedError, UsageError
from geometry.projection import umap

N, D = 150, 6


def analysed(**options):
    whole = clouds.clusters(N, D)
    return analyze([whole, whole @ clouds.rotation(D, 1)], statistics="scale,frechet", **options).record


def value(record, name):
    return next(row["value"] for row in record.results if row["name"] == name and row["position"] == 1)


@pytest.fixture(scope="module")
def both():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            umap, "_layout", lambda pooled, index, dist, start, seed: start
        )  # the layout has tests of its own
        patch.setattr(module, "POOLED", 100)
        return analysed(umap=True, align="rows")


@pytest.fixture(scope="module")
def plain():
    return analysed()


def test_the_local_view_is_of_the_first_rows_of_the_map(both):
    for g in range(2):
        assert both.arrays[f"coordinates.umap.{g}"].shape == (50, 2)
        assert both.arrays[f"coordinates.umap.null.{g}"].shape == (50, 2)
        assert len(both.arrays[f"rows.{g}"]) == N


def test_every_view_has_its_quality(both):
    assert list(both.run["quality"]) == ["radial", "umap", "umap null"]
    assert all(len(values) == 2 for measures in both.run["quality"].values() for values in measures.values())


def test_neither_is_made_unless_it_is_asked_for(plain):
    assert list(plain.run["quality"]) == ["radial"] and "alignment_residual" not in plain.run["quality"]["radial"]
    assert not any("umap" in key for key in plain.arrays)


def test_alignment_comes_before_all_else(both, plain):
    assert value(plain, "frechet") > 0.1
    assert value(both, "frechet") < 1e-6
    order = np.argsort(both.arrays["rows.0"]), np.argsort(both.arrays["rows.1"])
    first, second = (both.arrays[f"coordinates.radial.{g}"][order[g]] for g in range(2))
    np.testing.assert_allclose(second, first, atol=1e-5)


def test_what_the_rotation_leaves_is_told(both):
    assert both.run["quality"]["radial"]["alignment_residual"] == pytest.approx([0, 0], abs=1e-9)
    assert any("the rotation leaves 0.000 of the variance unexplained" in line for line in both.run["warnings"])
    assert both.run["arguments"]["align"] == "rows" and both.run["arguments"]["umap"] is True


def test_alignment_that_cannot_be_made_is_refused():
    with pytest.raises(UsageError, match="ids, rows"):
        analysed(align="procrustes")
    with pytest.raises(UnpairedError, match="ids"):
        analysed(align="ids")
