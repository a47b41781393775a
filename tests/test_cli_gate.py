"""geometry gate and geometry rerun on a run that was analysed: exit codes, files, JSON, and equality row by row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import clouds
import numpy as np
import pytest

from geometry.cli import main
from geometry.types import Array


def generations() -> list[Array]:
    return [clouds.power_law(150, 8, g) * (1 - 0.3 * g) for g in range(3)]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shrinking generations, a run of them in `run`, and one of two of them as `compare` in `pair`."""
    folder = tmp_path_factory.mktemp("gate")
    for g, points in enumerate(generations()):
        np.save(folder / f"gen_{g}.npy", points)
    quick = ["--statistics", "scale,two_nn", "-q"]
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        assert main(["analyze", "gen_{generation}.npy", *quick, "-o", "run"]) == 0
        words = [
            "compare",
            "gen_0.npy",
            "gen_1.npy",
            "--paired",
            "--statistics",
            "inward_drift,scale",
            "-q",
            "-o",
            "pair",
        ]
        assert main(words) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> str:
    assert main([str(word) for word in words]) == code
    return capsys.readouterr().out


def test_exit_codes_and_table(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 1, "gate", work / "run", "--fail-on", "scale.ratio<0.6", "two_nn<0.5x")
    assert out.count("passed ") == 2 and out.count("failed ") == 2 and "4 checks, 2 failed" in out
    assert "all passed" in said(capsys, 0, "gate", work / "run", "--fail-on", "scale.ratio<0.01")
    assert main(["gate", str(work / "run"), "--fail-on", "scal<1"]) == 2
    assert main(["gate", str(work), "--fail-on", "scale<1"]) == 3
    assert main(["gate", str(work / "run")]) == 2


def test_policy_junit_json_last_and_missing(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "gate.toml"
    policy.write_text('fail_on = ["scale.ratio<0.3"]\n')
    xml = tmp_path / "gate.xml"
    found = json.loads(said(capsys, 1, "gate", work / "run", "--policy", policy, "--last", "--junit", xml, "--json"))
    assert found["passed"] is False and [one["generation"] for one in found["checks"]] == [2]
    assert ElementTree.parse(xml).getroot().get("failures") == "1"
    words = ("gate", work / "run", "--fail-on", "two_nn<0.5x", "--against", work / "pair")
    assert "missing" in said(capsys, 1, *words)
    assert "missing" in said(capsys, 0, *words, "--missing", "pass")


def test_against_an_earlier_run(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("gate", work / "run", "--fail-on", "scale.total variance<0.99x")
    assert said(capsys, 1, *words)
    assert said(capsys, 0, *words, "--against", work / "run")


def test_generations_and_layers_by_option(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("gate", work / "run", "--fail-on", "scale.ratio<0.3", "--generation")
    assert "1 check, all passed" in said(capsys, 0, *words, 1)
    assert "1 check, 1 failed" in said(capsys, 1, *words, 2)
    assert "2 checks, 1 failed" in said(capsys, 1, *words, 1, 2, 1)
    assert main([str(word) for word in words[:-1]] + ["--layer", "head"]) == 2
    assert "layer head" in capsys.readouterr().err


def test_rerun_is_equal_from_anywhere(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = json.loads(said(capsys, 0, "rerun", work / "run" / "run.json", "-q", "--json", "--threads", 1))
    assert found["same"] and found["verdict"] and found["rows"] == found["equal"] > 6
    assert found["differences"] == found["inputs"] == found["packages"] == []
    assert "rows are equal to the byte; the verdict is the same" in said(capsys, 0, "rerun", work / "pair", "-q")


def test_rerun_tells_what_has_changed(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = generations()
    moved[2][7] += 1e-3
    for g, points in enumerate(moved):
        np.save(tmp_path / f"gen_{g}.npy", points)
    found = json.loads(said(capsys, 1, "rerun", work / "run", tmp_path / "gen_{generation}.npy", "-q", "--json"))
    assert not found["same"] and len(found["inputs"]) == 1 and "generation 2" in found["inputs"][0]
    assert found["equal"] < found["rows"]
    assert {one["position"] for one in found["differences"]} == {2}
    changed: dict[str, Any] = next(one for one in found["differences"] if one["field"] == "value")
    assert 0 < changed["relative"] < 0.01 and changed["was"] != changed["now"]
    out = said(capsys, 1, "rerun", work / "run", tmp_path / "gen_{generation}.npy", "-q")
    assert "input: generation 2 has other rows" in out and "relative" in out


def test_a_run_of_arrays_asks_for_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import geometry

    geometry.analyze(generations(), statistics="scale", out=tmp_path / "run")
    assert main(["rerun", str(tmp_path / "run"), "-q"]) == 2
    assert "arrays in memory" in capsys.readouterr().err
    for g, points in enumerate(generations()):
        np.save(tmp_path / f"gen_{g}.npy", points)
    assert said(capsys, 0, "rerun", tmp_path / "run", tmp_path / "gen_{generation}.npy", "-q")


def test_gate_needs_no_torch(work: Path) -> None:
    code = (
        "import sys, geometry.cli as cli\n"
        f"cli.main(['gate', {str(work / 'run')!r}, '--fail-on', 'scale.ratio<0.01'])\n"
        "print(*({'torch', 'scipy', 'sklearn', 'pandas'} & set(sys.modules)), end='', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "all passed" in done.stdout and done.stderr == ""


def test_rerun_of_nothing_says_what_to_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (tmp_path / "none", tmp_path / "none" / "run.json"):
        assert main(["rerun", str(place)]) == 3
        assert f"{place}: not there; name the run.json of a finished run" in capsys.readouterr().err
