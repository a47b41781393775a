"""The local view: data above null, each in one frame of its own, coloured as on the map."""

import numpy as np
import pytest
import records

from geometry.report import figures, local, points
from geometry.report.reading import arrays

ROWS = 300


@pytest.fixture(scope="module")
def figure():
    return figures(records.with_local())["local"]


def panels(figure):
    return [ax for ax in figure.axes if ax.collections]


def test_every_generation_stands_above_its_null(figure):
    above = panels(figure)
    assert len(above) == 10
    assert all(len(ax.collections[0].get_offsets()) == ROWS for ax in above)
    assert len({ax.get_xlim() for ax in above[:5]}) == 1
    words = {text.get_text() for ax in figure.axes for text in ax.texts}
    assert {"local view", "its null", "generation 4"} <= words


def test_rows_have_the_colours_of_the_map(figure):
    first = panels(figure)[0].collections[0].get_facecolors()[:, :3]
    labels = records.with_local().arrays["labels.0"][:ROWS]
    by_label = [np.unique(first[labels == name].round(6), axis=0) for name in np.unique(labels)]
    assert all(len(found) == 1 for found in by_label)
    assert len(np.unique(np.concatenate(by_label), axis=0)) == records.CLASSES
    null = panels(figure)[5].collections[0].get_facecolors()[:, :3]
    assert len(np.unique(null.round(6), axis=0)) == 1


def test_the_quality_of_both_is_printed(figure):
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    for view in ("umap", "umap null"):
        assert "  ".join(points.quality_of(records.with_local(), view, 3)[:3]) in words


def test_data_hold_what_is_drawn():
    record = records.with_local()
    header, rows = local.data(record)
    assert header == ["view", "generation", "row", "x", "y"] and len(rows) == 2 * 5 * ROWS
    last = [row for row in rows if row[0] == "umap"][-1]
    assert last[1:3] == [4, int(record.arrays["rows.4"][ROWS - 1])]
    assert float(last[3]) == pytest.approx(record.arrays["coordinates.umap.4"][-1, 0], rel=1e-5)
    assert rows[-1][0] == "umap null" and rows[-1][2] == ""


def test_the_null_is_no_generation_of_the_view():
    assert len(arrays(records.with_local(), "coordinates.umap")) == 5


def test_without_a_local_view_there_is_no_figure():
    assert local.draw(records.record()) is None
