"""Rows and figures of the loops: replaced by finding, drawn from what is committed, closed answers told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import loop_cases, loop_data, loop_figures, loops
from benchmarks.loop_cases import Point, averaged
from benchmarks.rows import RESULTS
from geometry.loops import Generation, Lineage
from geometry.loops.language import LanguageModel


def test_a_mean_knows_its_error_and_its_distance_from_the_answer() -> None:
    point = averaged("p", "s", 1, np.array([1.0, 2.0, 3.0, 4.0]), 2.0, n=3)
    assert point.value == 2.5 and point.stderr == pytest.approx(np.sqrt(5 / 3) / 2)
    assert point.z == pytest.approx(0.5 / point.stderr)
    assert point.setting == {"n": 3} and Point("p", "s", 1, 2.0).z is None


def test_rows_of_a_finding_replace_its_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop_cases, "REPLICATES", 40)
    for _ in range(2):
        assert loops.main(["slope", "--results", str(tmp_path)]) == 0
    rows = [json.loads(line) for line in (tmp_path / "loops.jsonl").read_text().splitlines()]
    assert [row["x"] for row in rows] == [25, 50, 100, 200, 400]
    assert "versions" in rows[0] and rows[0]["finding"] == "slope"
    assert (tmp_path / "loops-slope.png").stat().st_size > 5000
    assert "slope: 5 closed answers" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="data are not given"):
        loops.main(["digits", "--results", str(tmp_path)])


def test_committed_rows_are_within_monte_carlo_error_of_the_closed_answers() -> None:
    points = loops._points(RESULTS / loops.FILE)
    z = [abs(point.z) for name in ("closed", "slope") for point in points[name] if point.z is not None]
    assert len(z) > 200
    assert max(z) < 4.5


def test_runs_of_several_seeds_are_told_apart_and_histograms_kept_of_the_first() -> None:
    points = [Point("recall", "replace", 1, 0.5), Point("histogram, real text", "replace 1", 0.4, 0.1)]
    found = [point for seed in (0, 1) for point in loop_data._seeded(seed, points)]
    assert [(point.panel.split(",")[0], point.setting["seed"]) for point in found] == [
        ("recall", 0),
        ("histogram", 0),
        ("recall", 1),
    ]
    drawn = loop_figures._laid_out(found[::2], {"recall": "recall"}, 1, {})
    lines = [line.get_linestyle() for line in drawn.axes[0].lines if len(line.get_xdata())]
    assert {"-", "--"} <= set(lines)
    assert [text.get_text() for text in drawn.axes[0].get_legend().get_texts()] == ["replace"]


def test_sentences_are_measured_against_real_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counts:
        """How often each of three letters stands in a text."""

        def embed(self, texts: list[str]) -> np.ndarray:
            return np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)

    book = tmp_path / "book.txt"
    book.write_text("".join(np.random.default_rng(0).choice(list("abc"), 20000)))
    monkeypatch.setattr(loop_data, "sentence_encoder", lambda name: Counts())
    monkeypatch.setattr(loop_data, "SHOWN", 60)
    model = LanguageModel(data=str(book), length=20)
    real = model.real(120, np.random.default_rng(1))[0]
    generations = [Generation(0, real, real), Generation(1, np.zeros_like(real), real)]  # the second writes a alone
    points = list(loop_data._sentences(model, Lineage({}, tuple(generations)), "replace", "any"))
    found = {(point.panel.split()[-1], point.x): point.value for point in points}
    assert found["coverage", 0] > 0.8 and found["precision", 0] > 0.8
    assert found["coverage", 1] == found["precision", 1] == 0


def test_every_committed_finding_has_its_figure() -> None:
    for name in loops._points(RESULTS / loops.FILE):
        assert name in loop_figures.FIGURES
        assert 10_000 < (RESULTS / f"loops-{name}.png").stat().st_size < 300_000
