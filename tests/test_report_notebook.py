"""A run in a notebook: everything in one piece of HTML, nothing that runs, every word escaped."""

from dataclasses import replace

import pytest
import records
from outline import outline

from geometry.analysis import Analysis
from geometry.report import notebook_html
from geometry.types import Record

HOSTILE = "</script><img onerror=alert(1) src=x>"


@pytest.fixture(scope="module")
def shown():
    return outline(Analysis(records.record(3))._repr_html_())


def test_verdict_generations_and_values_are_shown(shown):
    words = " ".join(shown.words)
    for expected in (
        records.record(3).run["verdict"]["summary"],
        "sphere-like",
        "tails, modes",
        "effective rank",
        "53.0",
    ):
        assert expected in words
    assert sum(tag == "tr" for tag, _ in shown.tags) == 4


def test_the_map_is_in_it_and_nothing_runs_or_restyles(shown):
    images = [attrs for tag, attrs in shown.tags if tag == "img"]
    assert len(images) == 1 and images[0]["src"].startswith("data:image/png;base64,") and images[0]["alt"]
    assert not {tag for tag, _ in shown.tags} & {"script", "style", "link"}
    assert not any(key.startswith("on") for _, attrs in shown.tags for key in attrs)


def test_words_stay_words():
    record = records.record(2)
    verdicts = [one | {"state": HOSTILE, "changes": [HOSTILE]} for one in record.run["verdict"]["generations"]]
    run = record.run | {"verdict": {"summary": HOSTILE, "generations": verdicts, "onsets": {}}}
    found = outline(notebook_html(replace(record, run=run)))
    assert "".join(found.words).count(HOSTILE) == 5
    assert sum(tag == "img" for tag, _ in found.tags) == 1


def test_an_empty_record_is_shown():
    assert outline(notebook_html(Record({}, [], {}))).words == ["No verdict was given."]


def test_an_analysis_gives_matplotlib_figures():
    figures = Analysis(records.record(2)).figures()
    assert list(figures) == ["map", "trends", "plane", "histograms", "spectra", "plate"]
    assert all(hasattr(figure, "savefig") for figure in figures.values())
