"""The demo command in small: both regimes and views are analysed, reported and answered; a second call goes on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import geometry.analysis
from geometry.cli import demo as command
from geometry.cli import main
from geometry.loops import demo
from geometry.schema import read_record

PARTS = [f"{regime}-{view}" for regime in ("replace", "accumulate") for view in ("samples", "representation")]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A tiny VAE, one statistic of few rows, and the local view for the first analysis alone; which asked for it."""
    local: list[bool] = []
    analyze = geometry.analysis.analyze

    def quick(sets: Any, **options: Any) -> Any:
        local.append(options["umap"])
        return analyze(sets, **(options | {"statistics": "scale", "sample": 110, "umap": len(local) == 1}))

    monkeypatch.setattr(demo, "OPTIONS", {"steps": 20, "hidden": 8, "latent": 2})
    monkeypatch.setattr(geometry.analysis, "analyze", quick)
    return local


def test_it_ends_with_tables_an_answer_and_reports_and_goes_on(
    small: list[bool], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["demo", "-o", str(tmp_path / "demo"), "--generations", "1", "--seed", "3"]
    assert main(words) == 0
    assert small == [True] * 4
    said = capsys.readouterr()
    lines = said.out.rstrip().splitlines()
    folders = [tmp_path / "demo" / "analysis" / part for part in PARTS]
    assert lines[-4:] == [f"report: {folder / 'report.html'}" for folder in folders]
    assert all(part.replace("-", ", ") in lines for part in PARTS)
    assert any(line.startswith("In samples, replace loses ") for line in lines)
    assert "replace: generation 1 of 1 trained" in said.err and "accumulate-samples: verdict" in said.err
    for folder in folders:
        assert (folder / "report.html").exists() and read_record(folder).run["seed"] == 3
    made = (tmp_path / "demo" / "replace" / "gen_1").stat().st_mtime_ns
    monkeypatch.setattr("geometry.report.write", lambda *args, **options: [])  # the pictures are there already
    assert main([*words, "--json", "-q"]) == 0
    said = capsys.readouterr()
    assert list(json.loads(said.out)) == [str(folder) for folder in folders] and said.err == ""
    assert (tmp_path / "demo" / "replace" / "gen_1").stat().st_mtime_ns == made


def test_a_folder_of_something_else_is_left_alone(
    small: list[bool], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["demo", "-o", str(tmp_path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_another_demo_is_removed_when_forced(
    small: list[bool], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_views", lambda *given: [])
    monkeypatch.setattr(command, "_show", lambda *given: None)
    words = ["demo", "-o", str(tmp_path / "demo"), "--generations", "1", "-q"]
    assert main(words) == 0
    assert main([*words, "--seed", "1"]) == 3
    assert "or remove it with --force" in capsys.readouterr().err
    assert main([*words, "--seed", "1", "--force"]) == 0
    card = json.loads((tmp_path / "demo" / "accumulate" / "gen_1" / "card.json").read_text())
    assert card["seed"] == 1


def test_dry_run_counts_both_loops_and_writes_nothing(
    small: list[bool], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = SimpleNamespace(seconds=1000.0)  # of which there are four; what it forecasts has tests of its own
    monkeypatch.setattr("geometry.analysis.forecast.forecast", lambda sets, options: analysis)
    assert main(["demo", "-o", str(tmp_path / "demo"), "--generations", "3", "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fits"] == 6 and found["bytes"] > 2 * 4 * 1797 * 64 * 4 and 4000 < found["seconds"] < 5000
    assert not (tmp_path / "demo").exists() and small == []


def test_the_answer_says_either_way_what_was_lost() -> None:
    def answer(replace: list[str], accumulate: list[str]) -> str:
        held = {"replace-samples": replace, "accumulate-samples": accumulate}
        return command._answer({name: _Held(changes) for name, changes in held.items()})

    assert answer(["modes", "tails"], []).endswith("accumulate loses neither tails nor modes: as expected.")
    assert "replace loses tails, accumulate loses neither" in answer(["tails"], [])
    assert answer(["tails"], []).endswith("expected was that replace loses tails and modes and accumulate neither.")
    assert "expected was" in answer(["tails", "modes"], ["modes"])


class _Held:
    """An analysis of which only the changes that hold at the end are looked at."""

    def __init__(self, changes: list[str]) -> None:
        self.verdict = {"onsets": dict.fromkeys(changes)}
