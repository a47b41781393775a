"""The plate for a paper: rows and columns, one size and equal limits, small files, the same bytes every time."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
import records

from geometry.report import paper, plate_of, points
from geometry.report.save import FORMATS, encode
from geometry.types import Record

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def figure():
    return plate_of(records.with_local())


def rows(figure):
    """Panels by the height at which they stand, from the top; each row from left to right."""
    found = {}
    for ax in figure.axes:
        found.setdefault(round(ax.get_position().y0, 6), []).append(ax)
    return [found[height] for height in sorted(found, reverse=True)]


def named(figure):
    """Rows by the name that stands left of them."""
    names = {}
    for panels in rows(figure):
        told = [text.get_text() for text in panels[0].texts if text.get_rotation() == 90]
        names |= dict.fromkeys(told, panels)
    return names


def crowded(points_in_all, generations):
    """A run with so many rows drawn, scattered as widely as a set can be."""
    record, n = records.with_local(generations), points_in_all // generations
    arrays = dict(record.arrays)
    for g in range(generations):
        rng = np.random.default_rng(g)
        arrays[f"coordinates.radial.{g}"] = rng.standard_normal((n, 3)).astype(np.float32)
        arrays[f"coordinates.umap.{g}"] = rng.uniform(-1, 1, (1000, 2))
        arrays[f"coordinates.umap.null.{g}"] = rng.uniform(-1, 1, (1000, 2))
        arrays[f"rows.{g}"], arrays[f"labels.{g}"] = np.arange(n), rng.integers(0, 10, n).astype(str)
    return replace(record, arrays=arrays)


def test_what_is_drawn_of_a_generation_is_in_its_rows(figure):
    found = named(figure)
    assert list(found) == [
        "map",
        "slab  |z| < R/4",
        "local view",
        "its null",
        "distance / R",
        "pair cosine",
        "spectrum",
    ]
    assert all(len(panels) == 5 for panels in found.values())


def test_panels_of_a_row_have_one_size_and_equal_limits(figure):
    for panels in named(figure).values():
        assert len({ax.get_xlim() + ax.get_ylim() for ax in panels}) == 1
        assert len({tuple(round(side, 9) for side in ax.get_position().size) for ax in panels}) == 1


def test_points_are_pixels_and_all_there(figure):
    for name in ("map", "slab  |z| < R/4", "local view", "its null"):
        assert all(part.get_rasterized() for ax in named(figure)[name] for part in ax.collections)
    assert len(named(figure)["map"][0].collections[0].get_offsets()) == records.N


def test_each_view_has_its_quality_below(figure):
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    for view in ("radial", "umap", "umap null"):
        assert "  ".join(points.quality_of(records.with_local(), view, 4)[:3]) in words


def test_spectra_stand_on_that_of_the_reference(figure):
    behind, own = named(figure)["spectrum"][4].lines
    values = records.record().arrays
    total = values["eigenvalues.0"].sum()
    np.testing.assert_allclose(behind.get_ydata()[0], values["eigenvalues.0"][0] / total)
    np.testing.assert_allclose(own.get_ydata()[0], values["eigenvalues.4"][0] / total)


@pytest.mark.parametrize("generations", [1, pytest.param(5, marks=pytest.mark.long)])
def test_a_hundred_thousand_points_stay_below_a_megabyte_and_one_generation_below_its_share(generations, monkeypatch):
    record, most = crowded(20_000 * generations, generations), MEGABYTE * generations // 5
    assert paper.BYTES == MEGABYTE
    monkeypatch.setattr(paper, "BYTES", most)
    assert len(named(plate_of(record))["map"][0].collections[0].get_offsets()) == 20_000
    sizes = {kind: len(paper.encode(record, kind)) for kind in ("svg", "pdf")}
    assert max(sizes.values()) < most, sizes


def test_few_points_stay_smooth_and_a_crowd_has_few_colours():
    plain = plate_of(records.with_local(1))
    assert paper.encode(records.with_local(1), "png") == encode(plain, "png", 200)
    points.flatten(plain, 100)
    part = named(plain)["map"][0].collections[0]
    assert not part.get_antialiased()[0] and part.get_facecolors()[:, 3].min() == 1
    assert part.get_sizes().min() >= 0.72**2
    assert np.allclose(part.get_facecolors() * points.LEVELS, np.round(part.get_facecolors() * points.LEVELS))


def test_circles_stand_before_a_crowd_and_behind_few_points(figure):
    few = named(figure)["map"][0]
    assert few.lines[0].get_zorder() < few.collections[0].get_zorder()
    many = named(plate_of(crowded(6000, 2)))["map"][0]
    assert many.lines[0].get_zorder() > many.collections[0].get_zorder()


def test_two_plates_are_byte_equal_whatever_the_users_settings():
    first = [paper.encode(records.with_local(1), kind) for kind in FORMATS]
    with matplotlib.rc_context({"font.size": 20, "savefig.dpi": 30, "svg.hashsalt": "other"}):
        again = [paper.encode(records.with_local(1), kind) for kind in FORMATS]
    assert again == first


def test_what_a_record_lacks_is_left_out():
    bare = {key: value for key, value in records.record().arrays.items() if key.startswith(("coord", "rows"))}
    assert list(named(plate_of(replace(records.record(), arrays=bare)))) == ["map", "slab  |z| < R/4"]
    assert plate_of(Record({}, [], {})) is None


@pytest.mark.parametrize("generations", [1, 12])
def test_any_number_of_generations_is_drawn(generations):
    figure = plate_of(records.record(generations))
    assert len(named(figure)["map"]) == min(generations, paper.MOST)
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert ("4 gen. not drawn" in told) == (generations == 12)


def test_a_collapsed_generation_is_drawn():
    flat = {
        "coordinates.radial.2": np.zeros((5, 3)), "rows.2": np.arange(5), "labels.2": np.full(5, "class 0"),
        "eigenvalues.2": np.zeros(4), "radius.2": np.zeros(60), "coordinates.umap.null.2": np.empty((0, 2)),
    }  # fmt: skip
    record = records.with_local(3)
    assert len(encode(plate_of(replace(record, arrays=record.arrays | flat)), "png")) > 10_000
