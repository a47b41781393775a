"""What `analyze` gives back: rows, verdict, a data frame, and a folder that holds the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import clouds
import numpy as np

from geometry import analyze
from geometry.analysis import Analysis
from geometry.schema import read_record
from geometry.schema.files import dumps


@cache
def analysed() -> Analysis:
    law = clouds.clusters(120, 8)
    return analyze([law, law / 3], statistics="scale,two_nn")


def test_results_and_verdict_are_those_of_the_record() -> None:
    analysis = analysed()
    assert analysis.results is analysis.record.results
    assert analysis.verdict is analysis.record.run["verdict"]
    ratios = [r["value"] for r in analysis.results if r["name"] == "scale" and r["position"] == 1]
    assert any(np.isclose(value, 1 / 9) for value in ratios)


def test_its_representation_is_a_line() -> None:
    assert repr(analysed()) == f"<Analysis of 2 sets, {len(analysed().results)} rows: {analysed().verdict['summary']}>"


def test_a_frame_has_one_row_per_result() -> None:
    frame = analysed().to_frame()
    assert len(frame) == len(analysed().results)
    assert list(frame.columns) == list(analysed().results[0])
    assert set(frame["name"]) == {"scale", "two_nn"}
    assert frame["value"].tolist() == [row["value"] for row in analysed().results]


def test_a_written_analysis_reads_back_and_has_a_report(tmp_path: Path) -> None:
    page = analysed().write(tmp_path / "run", formats=("svg",))
    assert page == tmp_path / "run" / "report.html"
    assert page.read_text("utf-8").lstrip().lower().startswith("<!doctype html>")
    back = read_record(tmp_path / "run")
    assert dumps(back.results) == dumps(analysed().results)
    assert dumps(back.run["verdict"]) == dumps(analysed().verdict)
    figures = {path.suffix for path in (tmp_path / "run" / "figures").iterdir()}
    assert ".svg" in figures
    assert ".pdf" not in figures


def test_out_writes_the_folder_and_progress_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    analyze({"a": clouds.gaussian(60, 4)}, statistics="scale", out=tmp_path, progress=lines.append)
    assert (tmp_path / "run.json").exists()
    assert (tmp_path / "report.html").exists()
    assert lines == ["a: 60 x 4, statistics", "changes", "views", "verdict"]
