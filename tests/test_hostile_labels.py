"""Labels and names with markup, formulas and terminal codes: shown as what they are, in every place they go to.

Labels, the names of the files and the columns of a training log are all a stranger's.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from geometry.cli import main
from geometry.schema.files import cell

HOSTILE = (
    "=1+1", "\x1b[31mred\x07", "<script>alert(1)</script>", '+cmd|" /C calc"!A0', "</script><img src=x onerror=a()>",
    "$\\frac{1}{$", "\u202etxt.exe", "a\r\nb\u2028c",
)  # fmt: skip
FORBIDDEN = ("<script>alert", "<img src=x", "</script><", "\x1b", "\u202e", "\u2028")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations with such labels, analysed."""
    folder = tmp_path_factory.mktemp("labels")
    rng, which = np.random.default_rng(0), np.arange(320) % len(HOSTILE)
    for generation in range(2):
        points = rng.standard_normal((320, 6)).astype(np.float32) + 5 * which[:, None]
        name = f"gen_{generation}<img src=x>$^$\x1b[1m.npz"
        np.savez(folder / name, x=points, labels=np.array(HOSTILE)[which])
    log = folder / "=log<img src=x>.csv"
    log.write_text("step,=cmd(),<script>alert(2)</script>,\x1b[31mloss,$\\frac{\n0,1,2,3,4\n1,2,3,4,5\n", "utf-8")
    words = ["analyze", f"{folder}/gen_{{generation}}*.npz", "--statistics", "mode_coverage,modality_gap", "-q"]
    assert main([*words, "--log", str(log), "-o", str(folder / "out")]) == 0
    return folder / "out"


def test_a_spreadsheet_finds_no_formula(run: Path) -> None:
    for path in (run / "results.csv", *run.rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                for entry in row:
                    assert not entry.startswith(("=", "+", "@", "\t")), path
                    assert "\x1b" not in entry, path
                    if entry.startswith("-"):
                        float(entry)


def test_results_keep_the_labels_as_they_are(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    variants = {row["variant"] for row in rows if row["name"] == "mode_coverage"}
    assert set(HOSTILE) <= variants


def test_no_file_carries_codes_or_markup(run: Path) -> None:
    for path in (run / "report.html", run / "results.csv", run / "run.json", run / "results.jsonl"):
        text = path.read_text("utf-8")
        assert "\x1b" not in text
        assert path.suffix != ".html" or not [part for part in FORBIDDEN if part in text]


def test_a_terminal_is_shown_codes_and_does_not_obey_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Path
) -> None:
    assert main(["report", str(run), "--format", "svg"]) == 0
    for path in run.rglob("*.svg"):
        assert not [part for part in FORBIDDEN if part in path.read_text("utf-8")]
    assert main(["gate", str(run), "--fail-on", "mode_coverage<-1", "--junit", str(tmp_path / "gate.xml")]) == 0
    assert "<img src=x" not in (tmp_path / "gate.xml").read_text("utf-8")
    np.savez(tmp_path / "a.npz", **{"\x1b[2Jx": np.ones((5, 3)), "y\x9b": np.ones((4, 3))})
    assert main(["inspect", str(tmp_path / "a.npz")]) == 0
    assert main(["inspect", str(tmp_path / "no\x1b[31m.npz")]) == 3
    told = capsys.readouterr()
    assert not {"\x1b", "\x07", "\x9b"} & set(told.out + told.err)
    assert "\\x1b[2Jx" in told.out
    assert "no\\x1b[31m.npz" in told.err


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1", "'=1"),
        ("-x", "'-x"),
        ("-1+1", "'-1+1"),
        ("a\x1bb", "a\\x1bb"),
        ("plain", "plain"),
        (-0.5, -0.5),
        (None, None),
        ("", ""),
        ("-0.0835", "-0.0835"),
        ("+2", "+2"),
        ("-1.5e-05", "-1.5e-05"),
    ],
)
def test_cells(value: object, shown: object) -> None:
    assert cell(value) == shown
