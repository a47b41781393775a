"""--dry-run: rows, pairs, bytes and engine of every set, seconds of a trial; nothing is written or computed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import clouds
import numpy as np
import pytest

from geometry.analysis.forecast import pairs_between
from geometry.cli import main
from geometry.cli.dry_run import HEAD

QUICK = ("--statistics", "scale,mle")


@pytest.fixture(scope="module")
def generations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three generations of 200, 200 and 150 rows."""
    folder = tmp_path_factory.mktemp("generations")
    for g, n in enumerate((200, 200, 150)):
        np.save(folder / f"gen_{g}.npy", clouds.power_law(n, 8, seed=g).astype(np.float32))
    return folder


def forecast(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert main([*map(str, words), "--dry-run", "--json", *QUICK]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_rows_pairs_and_bytes_are_counted_and_nothing_is_written(
    generations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = forecast(capsys, "analyze", generations, "-o", tmp_path / "run", "-k", 100)
    assert [(one["rows"], one["looked_at"], one["dims"]) for one in found["sets"]] == [
        (200, 200, 8), (200, 200, 8), (150, 150, 8),
    ]  # fmt: skip
    assert [one["pairs"] for one in found["sets"]] == [40_000, 40_000, 22_500] and found["pairs"] == 102_500
    assert [one["bytes"] for one in found["sets"]] == [n * (8 * 4 + 100 * 20) for n in (200, 200, 150)]
    assert {one["neighbors"] for one in found["sets"]} == {"exact"} and found["statistics"] == 2
    assert not any(one["streamed"] for one in found["sets"]) and found["engine"].startswith("cpu")
    assert found["seconds"] >= 0 and "measured now" in found["basis"] and "results" not in found
    assert any("unequal rows" in warning for warning in found["warnings"])
    assert list(tmp_path.iterdir()) == []


def test_options_show_through(generations: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sampled = forecast(capsys, "analyze", generations, "--sample", 120)
    assert [one["looked_at"] for one in sampled["sets"]] == [120] * 3 and sampled["pairs"] == 3 * 120**2
    assert [one["rows"] for one in sampled["sets"]] == [200, 200, 150]
    streamed = forecast(capsys, "analyze", generations, "--sample", 160, "--memory-budget", "16K")
    assert [one["streamed"] for one in streamed["sets"]] == [True, True, False]
    assert [one["pairs"] for one in streamed["sets"]] == [160 * 200, 160 * 200, 150**2]
    two = forecast(capsys, "compare", generations / "gen_0.npy", generations / "gen_2.npy")
    assert [one["rows"] for one in two["sets"]] == [200, 150]


def test_pairs_with_a_reference_in_files_are_those_of_sampled_rows_with_all() -> None:
    def scan(rows: int, of: int | None) -> Any:
        whole = None if of is None else SimpleNamespace(stored=range(of))
        return SimpleNamespace(n=rows, whole=whole)

    assert pairs_between(scan(40, None), scan(30, None)) == 2 * 30**2
    assert pairs_between(scan(40, 900), scan(30, 700)) == 40 * 700 + 30 * 900
    assert pairs_between(scan(40, 900), scan(30, None)) == 40 * 30 + 30 * 900


def test_past_the_budget_of_pairs_neighbours_are_told_to_be_approximate(
    generations: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr("geometry.analysis.plan.ALWAYS_EXACT", 30_000)
    found = forecast(capsys, "analyze", generations, "--approximate")
    assert [one["neighbors"] for one in found["sets"]] == ["approximate", "approximate", "exact"]


def test_the_page_is_a_table_of_sets_within_80_columns(generations: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(generations), "--dry-run", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == list(HEAD[:2]) and lines[1].split()[:2] == ["gen_0", "200"]
    assert "102,500 pairs" in "".join(lines) and max(map(len, lines)) <= 80


def test_what_would_end_the_run_ends_the_forecast(
    generations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(tmp_path / "none.npy"), "--dry-run"]) == 3
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    assert main(["analyze", str(generations), "--dry-run", "-o", str(tmp_path / "full")]) == 2
    assert "--force" in capsys.readouterr().err
