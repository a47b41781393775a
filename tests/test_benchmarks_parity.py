"""The table of parity: who agrees, whose difference has a reason, who is not here, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import parity
from benchmarks.parity import D, M, N, Pair


def fixed(*pairs: Pair) -> Callable[[Any], Iterator[Pair]]:
    return lambda rows: iter(pairs)


def absent(rows: Any) -> Iterator[Pair]:
    raise ImportError("no such module")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(parity, "RESULTS", tmp_path)
    monkeypatch.setattr(parity.metadata, "version", lambda package: "9.9")
    for name in ("of_skdim", "of_prdc", "of_vendi", "of_torchmetrics"):
        monkeypatch.setattr(parity, name, fixed())
    return tmp_path


def test_agreement_reason_and_absence_are_told(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same = Pair("mle", "MLE()", lambda: 2.0, lambda: 2.0 + 1e-9, "never said")
    known = Pair("ess", "ESS()", lambda: 2.0, lambda: 2.5, "theirs is linear")
    monkeypatch.setattr(parity, "of_skdim", fixed(same, known))
    monkeypatch.setattr(parity, "of_prdc", absent)
    assert parity.main() == 0
    table = (results / "parity.md").read_text()
    assert "| mle | scikit-dimension 9.9 | `MLE()` | 2 | 2 | 5.0e-10 | agrees |" in table
    assert "| ess | scikit-dimension 9.9 | `ESS()` | 2 | 2.5 | 2.0e-01 | theirs is linear |" in table
    assert "- prdc: not installed (no such module)" in table and "never said" not in table
    rows = [json.loads(line) for line in (results / "parity.jsonl").read_text().splitlines()]
    assert [row["agrees"] for row in rows] == [True, False] and all(row["commit"] for row in rows)


def test_a_difference_without_a_reason_is_an_error(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parity, "of_vendi", fixed(Pair("vendi", "score()", lambda: 1.0, lambda: 1.1)))
    assert parity.main() == 1
    assert "differs without a reason: vendi score()" in capsys.readouterr().out
    assert "| differs |" in (results / "parity.md").read_text()


def test_all_see_the_same_rows() -> None:
    rows = parity._rows()
    assert rows.points.shape == (N, D) and rows.reference.shape == (M, D)
    assert (rows.copies[:100] == rows.copies[100:200]).all()


def test_values_are_those_of_compute() -> None:
    rows = parity._rows()
    assert parity._of("prdc", rows.points, rows.reference, key="density")() > 0
    assert parity._of("vendi", rows.points, q=2.0)() < parity._of("vendi", rows.points)()
    assert parity._mean("mada", rows.points)() > parity._of("mada", rows.points)()
