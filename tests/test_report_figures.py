"""Figures of a record: what they draw, in every kind of run a report can meet."""

import io
from dataclasses import replace

import numpy as np
import pytest
import records
from matplotlib import image

from geometry.report import FIGURES, figures, legend, maps, plane, points, style, trends
from geometry.report.reading import series, shown
from geometry.report.save import encode
from geometry.types import Record


def changed(record, **arrays):
    """The record with other arrays; None takes one away."""
    merged = {key: value for key, value in {**record.arrays, **arrays}.items() if value is not None}
    return replace(record, arrays=merged)


@pytest.fixture(scope="module")
def drawn():
    return figures(records.record())


def rendered(figure):
    return image.imread(io.BytesIO(encode(figure, "png")))


def offsets(ax):
    return np.concatenate([part.get_offsets() for part in ax.collections])


def quality_line(record, view, g):
    """The first line of three measures as it is printed."""
    return "  ".join(points.quality_of(record, view, g)[:3])


def squares(figure):
    """The point panels: those with equal axes, in order."""
    return [ax for ax in figure.axes if ax.get_aspect() == 1.0]


def test_all_figures_are_there_and_inked(drawn):
    assert list(drawn) == [name for name in FIGURES if name not in ("layers", "local")]
    for figure in drawn.values():
        assert rendered(figure).std() > 0.02


def test_map_shows_every_point_at_one_scale(drawn):
    panels = squares(drawn["map"])
    assert len(panels) == 10
    assert len({ax.get_xlim() + ax.get_ylim() for ax in panels}) == 1
    drawn_points = np.sort(offsets(panels[0]), axis=0)
    np.testing.assert_allclose(
        drawn_points, np.sort(records.record().arrays["coordinates.radial.0"][:, :2], axis=0), rtol=1e-6
    )


def test_quality_of_the_map_is_printed_below_it(drawn):
    words = [text.get_text() for ax in drawn["map"].axes for text in ax.texts]
    assert words.count(quality_line(records.record(), "radial", 2)) == 1


def test_turned_encoders_are_told():
    record = records.record(2)
    run = record.run | {"quality": {"radial": record.run["quality"]["radial"] | {"alignment_residual": [0.0, 0.125]}}}
    assert points.quality_of(replace(record, run=run), "radial", 1)[-1] == "turned, left .12"


def test_a_crowd_has_smaller_points():
    record = records.record(2)
    rows = np.repeat(record.arrays["coordinates.radial.0"], 30, axis=0)
    with style.sheet():
        _figure, ((ax, other),) = style.panels(2, [1.3], 1.3, style.Margins())
        points.panel(ax, rows, np.zeros((len(rows), 4)), 2.0)
        points.panel(other, rows[:300], np.zeros((300, 4)), 2.0)
    assert ax.collections[0].get_sizes().max() < 0.2 * other.collections[0].get_sizes().max()


def test_slab_keeps_the_middle(drawn):
    places = records.record().arrays["coordinates.radial.4"].astype(float)
    size = np.sqrt((places**2).sum(axis=1).mean())
    assert len(offsets(squares(drawn["map"])[-1])) == (np.abs(places[:, 2]) < maps.SLAB * size).sum()


def test_map_circle_is_the_rms_radius(drawn):
    places = records.record().arrays["coordinates.radial.3"].astype(float)
    radii = [line.get_xdata().max() for line in squares(drawn["map"])[3].lines]
    assert radii[1] == pytest.approx(np.sqrt((places**2).sum(axis=1).mean()))


def test_map_says_state_and_changes(drawn):
    words = " ".join(text.get_text() for ax in drawn["map"].axes for text in ax.texts)
    assert "sphere-like" in words and "changed: tails, modes" in words and "generation 4" in words


def test_point_layers_are_rasterised(drawn):
    for ax in squares(drawn["map"]):
        assert all(part.get_rasterized() for part in ax.collections)


def test_labels_decide_the_colours():
    with style.sheet():
        panel = squares(maps.draw(records.record()))[0]
    faces = panel.collections[0].get_facecolors()[:, :3]
    assert len(np.unique(faces.round(6), axis=0)) == records.CLASSES
    with style.sheet():
        plain = maps.draw(records.record(labelled=False))
    assert any("at 1 R" in text.get_text() for text in plain.legends[0].get_texts())


def test_many_labels_share_the_last_colour():
    record = records.record(2)
    many = {f"labels.{g}": np.array([f"l{i % 40}" for i in range(records.N)]) for g in range(2)}
    with style.sheet():
        words = [text.get_text() for text in maps.draw(changed(record, **many)).legends[0].get_texts()]
    assert "31 others" in words and len(words) == legend.COLORS + 3


def test_labels_and_layers_are_taken_literally():
    record = records.record(2)
    names = ["_hidden", "$x^$", "", "標籤", "a" * 40, "b\n\x07"]
    odd = {f"labels.{g}": np.array([names[i % len(names)] for i in range(records.N)]) for g in range(2)}
    run = {**record.run, "inputs": [{**one, "layer": "$\\frac"} for one in record.run["inputs"]]}
    drawn = figures(changed(replace(record, run=run), **odd))
    words = [text.get_text() for text in drawn["map"].legends[0].get_texts()]
    assert len(words) == len(names) + 2 and " _hidden" in words and "a" * 17 + "…" in words
    for figure in drawn.values():
        assert rendered(figure).std() > 0.02


def test_many_generations_are_thinned_and_it_is_said():
    with style.sheet():
        figure = maps.draw(records.record(20))
    assert len(squares(figure)) == 2 * maps.MOST
    assert "4 gen. not drawn" in {text.get_text() for text in figure.legends[0].get_texts()}


def test_shown_keeps_first_and_last():
    assert shown(list(range(7)), 8) == list(range(7))
    kept = shown(list(range(100)), 8)
    assert kept[0] == 0 and kept[-1] == 99 and len(set(kept)) == 8


def test_trends_mark_onsets_in_their_panels(drawn):
    marked = {ax.get_title(loc="left"): [text.get_text() for text in ax.texts] for ax in drawn["trends"].axes}
    assert marked["total variance"] == ["onset: variance"]
    assert marked["structure gain"] == ["onset: structure"]
    assert marked["recall"] == []


def test_trends_draw_values_intervals_and_nulls(drawn):
    panel = next(ax for ax in drawn["trends"].axes if ax.get_title(loc="left") == "dimension gap")
    rows = series(records.record(), "dimension_gap")
    curves = [line.get_ydata() for line in panel.lines]
    assert any(np.array_equal(curve, [rows[g]["value"] for g in range(5)]) for curve in curves)
    assert any(np.array_equal(curve, np.zeros(5)) for curve in curves)
    segments = [
        segment for part in panel.collections if hasattr(part, "get_segments") for segment in part.get_segments()
    ]
    assert any(np.allclose(segment[:, 1], [rows[0]["low"], rows[0]["high"]]) for segment in segments)


def test_a_null_far_away_is_told_and_does_not_flatten_the_trend(drawn):
    panel = drawn["trends"].axes[0]
    assert panel.get_ylim()[1] < 100
    assert [text.get_text() for text in panel.texts] == ["null 980 ↑"] and panel.texts[0].xy == (1, 1)


def test_plane_places_and_numbers_generations(drawn):
    left = drawn["plane"].axes[0]
    spots = [text.xy for text in left.texts if text.get_bbox_patch()]
    gains, across = series(records.record(), "structure_gain"), series(records.record(), "angle_dimension")
    assert sorted(spots) == sorted((across[g]["value"], gains[g]["value"]) for g in range(5))
    assert {"0", "4", "rich", "sphere-like", "low-dimensional"} <= {text.get_text() for text in left.texts}
    assert left.get_xscale() == "log"


def test_generations_that_stand_still_share_a_marker():
    record = records.record(6)
    first = [row for row in record.results if row["position"] == 0]
    still = [{**row, "position": g, "generation": g} for g in range(6) for row in first]
    with style.sheet():
        left = plane.draw(replace(record, results=still)).axes[0]
    assert [text.get_text() for text in left.texts if text.get_bbox_patch()] == ["0–5"]


def test_markers_and_the_quality_of_views_never_overlap():
    record = records.record(24)
    crowded = [
        {**row, "value": 0.12 * 1.1 ** row["position"] if row["name"] == "structure_gain" else row["value"]}
        for row in record.results
    ]
    with style.sheet():
        made = figures(replace(record, results=crowded))
        made["map"].canvas.draw()
        for texts in (
            [text for text in made["plane"].axes[0].texts if text.get_bbox_patch()],
            [text for ax in made["map"].axes for text in ax.texts if "trust" in text.get_text()],
        ):
            boxes = [text.get_window_extent() for text in texts]
            assert len(boxes) > 2
            assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
        legend_box = made["map"].legends[0].get_window_extent()
    assert "8 gen. not drawn" in [text.get_text() for text in made["map"].legends[0].get_texts()]
    assert legend_box.x0 >= 0 and legend_box.x1 <= made["map"].bbox.width and not made["map"].texts


def test_plane_takes_the_size_of_the_gap():
    header, rows = plane.data(records.record())
    gaps = {row[1]: dict(zip(header, row, strict=True)) for row in rows if row[0] == "dimension_gap"}
    assert gaps[0]["value"] == pytest.approx(0.88)
    assert gaps[0]["low"] == pytest.approx(0.82) and gaps[0]["high"] == pytest.approx(0.94)
    assert gaps[4]["low"] == 0.0 and gaps[4]["high"] == pytest.approx(0.08)


def test_spectra_are_over_the_reference(drawn):
    values = records.record().arrays
    left, right = drawn["spectra"].axes
    total = values["eigenvalues.0"].sum()
    np.testing.assert_allclose(left.lines[4].get_ydata()[0], values["eigenvalues.4"][0] / total)
    np.testing.assert_allclose(
        right.lines[4].get_ydata()[0], values["eigenvalues.4"][0] / values["eigenvalues.4"].sum()
    )


def test_histograms_stand_on_their_null(drawn):
    panel = drawn["histograms"].axes[3]
    heights = [patch.get_data().values for patch in panel.patches]
    np.testing.assert_array_equal(heights[0], records.record().arrays["radius.3"])
    np.testing.assert_array_equal(heights[1], records.record().arrays["radius.null.3"])


def test_data_hold_what_is_drawn():
    record = records.record()
    header, rows = maps.data(record)
    assert header == ["generation", "row", "x", "y", "z", "label"] and len(rows) == 5 * records.N
    assert float(rows[-1][2]) == pytest.approx(record.arrays["coordinates.radial.4"][-1, 0], rel=1e-5)
    header, rows = trends.data(record)
    assert ["structure_gain", "", 0, 1.1, 1.08, 1.12, 0.0] in rows


def test_an_empty_record_has_no_figures():
    assert figures(Record({}, [], {})) == {}


def test_what_is_missing_is_left_out():
    bare = changed(records.record(), **{f"eigenvalues.{g}": None for g in range(5)}, **{"cosine.edges": None})
    assert list(figures(bare)) == ["map", "trends", "plane"]


@pytest.mark.parametrize("generations", [1, 2, 9, 14])
def test_any_number_of_generations_is_drawn(generations):
    for figure in figures(records.record(generations, labelled=False)).values():
        assert rendered(figure).std() > 0.02


def test_a_collapsed_generation_is_drawn():
    record = records.record(3)
    flat = {
        "coordinates.radial.2": np.zeros((5, 3)), "rows.2": np.arange(5), "labels.2": np.full(5, "class 0"),
        "eigenvalues.2": np.zeros(4), "radius.2": np.zeros(60), "radius.null.2": np.zeros(60),
        "cosine.2": np.zeros(100), "cosine.null.2": None,
    }  # fmt: skip
    rows = [row for row in record.results if row["position"] != 2]
    collapsed = changed(replace(record, results=rows), **flat)
    for figure in figures(collapsed).values():
        assert rendered(figure).std() > 0.02
