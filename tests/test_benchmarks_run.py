"""The whole harness on one small case, and the ways in which it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import processes, run
from benchmarks.cases import CASES, Case
from benchmarks.peers import OURS, PEERS, Peer
from benchmarks.processes import NO_DATA, GateError, Settings, measure, pass_gate
from benchmarks.rows import FIELDS, read
from benchmarks.truth import Truth

SMALL = Case("neighbors", {"n": 10, "d": 2, "k": 2, "kind": "mixture"})


def test_one_small_case_from_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Peer("absent", "none", "no_such_module", "no-such-package")
    monkeypatch.setitem(PEERS, "neighbors", (*PEERS["neighbors"], absent))
    words = ["--quick", "--repeats", "2", "--threads", "1", "--results", str(tmp_path)]
    assert run.main([*words, "--peer", OURS, "--peer", "scikit-learn", "--peer", "absent"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("parity gate passed")
    assert "not timed: absent (not installed: pip install no-such-package)" in said
    rows = read("neighbors", tmp_path)
    assert [row["peer"] for row in rows] == [OURS, "scikit-learn"]
    for row in rows:
        assert tuple(row) == FIELDS
        assert row["recall"] == 1.0 and row["sampled_rows"] == 256 and row["repeats"] == 2
        assert 0 < row["share_of_peak"] < 1.5 and row["peak_bytes"] > 0 and row["threads"] == 1
        assert row["settings"]["OMP_NUM_THREADS"] == "1"
    assert rows[1]["ratio"] == rows[1]["p50"] / rows[0]["p50"]


def test_nothing_is_timed_behind_a_closed_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = subprocess.CompletedProcess([], 1, '["gaussian: a nearer row was missed"]', "")
    monkeypatch.setattr(processes.subprocess, "run", lambda *_, **__: closed)
    with pytest.raises(GateError, match="a nearer row was missed"):
        pass_gate(Settings())
    assert run.main(["--quick", "--results", str(tmp_path)]) == 1
    assert "nothing is timed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_wrong_timed_result_of_ours_is_refused_and_of_a_peer_is_its_recall(tmp_path: Path) -> None:
    points = np.arange(10.0, dtype=np.float32)[:, None]
    np.save(tmp_path / "points.npy", points)
    truth = Truth(np.array([0]), np.array([[1, 2]]), np.array([[1.0, 4.0]]))
    wrong = {"index": np.array([[1, 3]])}
    with pytest.raises(GateError, match="no row is kept"):
        run._checked(PEERS["neighbors"][0], truth, str(tmp_path / "points.npy"), wrong)
    assert run._checked(PEERS["neighbors"][1], truth, str(tmp_path / "points.npy"), wrong) == 0.5
    right = {"index": np.array([[1, 2]])}
    assert run._checked(PEERS["neighbors"][0], truth, str(tmp_path / "points.npy"), right) == 1.0


@pytest.mark.parametrize("words", [["--case", "gpu"], ["--device", "cuda"], ["--case", "gpu", "--device", "cpu"]])
def test_without_a_gpu_its_cases_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "has_cuda", lambda: False)
    assert run.main(words) == 2
    assert "need an NVIDIA GPU" in capsys.readouterr().err


def test_a_peer_that_takes_too_long_or_dies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = PEERS["device"][0]
    case = Case("device", {"n": 64})
    late = measure(case, peer, Settings(timeout=0.05), tmp_path, NO_DATA)
    assert late == {"status": "failed", "reason": "over 0 s"}
    died = subprocess.CompletedProcess([], -9, "", "killed for memory")
    monkeypatch.setattr(processes.subprocess, "run", lambda *_, **__: died)
    assert measure(case, peer, Settings(), tmp_path, NO_DATA) == {
        "status": "failed",
        "reason": "exit code -9: killed for memory",
    }


def test_cases_are_chosen_by_list_and_by_parameter() -> None:
    def chosen(*words: str) -> list[Case]:
        return run.chosen(run._parser().parse_args(list(words)))

    assert chosen() == list(CASES["neighbors"])
    assert {case.task for case in chosen("--case", "prdc", "device")} == {"prdc", "device"}
    tight = chosen("--only", "kind=tight", "--only", "d=768")
    assert [case.parameters for case in tight] == [{"n": 20_000, "d": 768, "k": 32, "kind": "tight"}]
    assert chosen("--quick") != chosen()


def test_threads_reach_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def remember(*_: Any, **options: Any) -> subprocess.CompletedProcess[str]:
        seen.update(options)
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr(processes.subprocess, "run", remember)
    pass_gate(Settings(threads=3))
    assert {seen["env"][name] for name in processes.THREADS} == {"3"}
