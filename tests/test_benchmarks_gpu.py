"""The first minutes on a GPU, with one that is made up: steps that pass, fail, crash and hang; time that runs out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from kernel_expectations import EXPECTED
from pretended_cuda import pretended_cuda

import geometry
from benchmarks import gpu, gpu_steps, processes, run
from benchmarks.cases import CASES
from benchmarks.machine import described
from benchmarks.processes import GateError, Settings
from geometry.loops import settings

CHILD = """
import json, os, sys, time
name = sys.argv[1]
print(json.dumps({"what": name, "wrong": "it differs" if name == "fails" else "", "told": "3 launches"}), flush=True)
if name == "crashes":
    print("an illegal address", file=sys.stderr, flush=True)
    os.abort()
if name == "hangs":
    time.sleep(60)
"""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "made_up.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(gpu_steps, "HERE", "made_up")
    monkeypatch.setattr(gpu_steps, "steps", lambda: dict.fromkeys(("passes", "fails", "crashes", "hangs", "after")))
    monkeypatch.setattr(gpu, "LONGEST", {"hangs": 1.5})
    monkeypatch.setattr(gpu, "has_cuda", lambda: True)
    return tmp_path / "out"


def test_a_proof_goes_on_after_whatever_a_step_does(steps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["prove", "-o", str(steps)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in said[:-1]] == [
        ["passed", "passes"],
        ["FAILED", "fails"],
        ["passed", "crashes"],
        ["FAILED", "step"],
        ["passed", "hangs"],
        ["FAILED", "step"],
        ["passed", "after"],
    ]
    assert said[1].endswith("it differs") and said[0].endswith("3 launches")
    assert said[3].endswith("exit code -6: an illegal address") and said[5].endswith("ended after 2 s")
    assert said[-1].startswith("3 failed")
    assert (steps / "prove.txt").read_text().splitlines() == said[:-1]
    rows = [json.loads(line) for line in (steps / "prove.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == ["passes", "fails", *["crashes"] * 2, *["hangs"] * 2, "after"]


def test_steps_can_be_chosen_and_time_runs_out(steps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["prove", "-o", str(steps), "--only", "pass", "--only", "after"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[:-1]] == ["passes", "after"]
    assert gpu.main(["prove", "-o", str(steps), "--minutes", "0"]) == 1
    assert capsys.readouterr().out.count("not asked: no time was left") == 5


def test_without_a_gpu_nothing_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "has_cuda", lambda: False)
    assert gpu.main(["time", "-o", str(tmp_path / "out")]) == 2
    assert "needs an NVIDIA GPU" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Settings]]:
    seen: list[tuple[str, Settings]] = []

    def case(one: Any, settings: Settings) -> str:
        seen.append((str(one), settings))
        if one.task == "refit":
            raise GateError("ours differs")
        return f"table of {one}"

    monkeypatch.setattr(run, "run_case", case)
    monkeypatch.setattr(processes, "pass_gate", lambda _: None)
    monkeypatch.setattr(gpu, "has_cuda", lambda: True)
    return seen


def test_every_goal_is_timed_on_the_device_though_one_is_wrong(
    timed: list[tuple[str, Settings]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu.main(["time", "-o", str(tmp_path)]) == 1
    asked = [str(case) for words in gpu.TIMED for case in run.chosen(run.parsed(list(words)))]
    assert [case for case, _ in timed] == asked
    goals = {"n=1000000 d=128 k=15", "n=1000000 d=768 k=32", "analyze", "statistic=local", "replicates=1000", "layers"}
    assert all(any(goal in case for case in asked) for goal in goals)
    assert {settings.device for _, settings in timed} == {"cuda"} and timed[0][1].results == tmp_path
    assert timed[2][1].peers == ("geometry",) and "ours differs" in capsys.readouterr().err
    assert {str(case) for case in CASES["gpu-768"]} <= set(asked)


def test_what_is_not_timed_is_named(
    timed: list[tuple[str, Settings]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu.timed(tmp_path, gpu.Budget(time.monotonic() + 5)) == 0
    assert not timed and capsys.readouterr().out.count("not timed: ") >= len(gpu.TIMED)


def test_a_closed_gate_times_nothing(
    timed: list[tuple[str, Settings]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: Settings) -> None:
        raise GateError("closed")

    monkeypatch.setattr(processes, "pass_gate", closed)
    assert gpu.main(["time", "-o", str(tmp_path)]) == 1 and not timed


def test_steps_of_torch_run_on_a_pretended_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_device", lambda device: device)
    with pretended_cuda():
        found = [*gpu_steps.loops(), *gpu_steps.capture()]
    assert [one["what"] for one in found] == ["loop gaussian", "loop linear", "capture of layer 3"]
    assert not any(one["wrong"] for one in found)


def test_an_analysis_that_differs_is_told_value_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def analysed(sets: Any, *, device: str, statistics: str) -> Any:
        assert (len(sets), statistics) == (3, "all")
        values = {"a": 1.0, "b": None, "c": 2.0} if device == "cpu" else {"a": 1.0 + 1e-7, "b": None, "c": 3.0}
        rows = [{"generation": 0, "name": name, "variant": "", "value": value} for name, value in values.items()]
        return type("Made", (), {"results": rows})

    monkeypatch.setattr(geometry, "analyze", analysed)
    (found,) = gpu_steps.analysis()
    assert (found["wrong"], found["told"]) == ("(0, 'c', ''): 3.0 for 2.0", "3 values")


def test_a_source_that_does_not_compile_is_one_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOMETRY_KERNEL_CACHE", str(tmp_path / "cache"))
    good, bad, tight = (tmp_path / f"{name}.cu" for name in ("good", "bad", "tight"))
    good.write_text('extern "C" __global__ void one(float* out) { *out = 1.0f; }')
    bad.write_text("no_such_word")
    long = "".join(f"x{i} = x{i} * x{(i + 7) % 48} + out[{i}]; " for i in range(48))
    names = ", ".join(f"x{i} = out[{i} + threadIdx.x]" for i in range(48))
    squeezed = "__global__ void __maxnreg__(24) squeezed(float* out)"
    tight.write_text(
        f'extern "C" {squeezed} {{ float {names}; for (int i = 0; i < 9; ++i) {{ {long} }} *out = x0 + x47; }}'
    )
    found = [gpu_steps._compiled(path, "sm_80") for path in (good, bad, tight)]
    assert found[0]["told"].startswith("1 kernels, at most") and "spills" not in found[0]["told"]
    assert "no_such_word" in found[1]["wrong"]
    assert "squeezed spills" in found[2]["told"] and not found[2]["wrong"]


def test_the_harness_is_built_for_every_source() -> None:
    found = [one["what"] for one in gpu_steps.harness()]
    assert found == [f"build {source}" for source in sorted(EXPECTED)] and len(found) >= 12


def test_a_sanitizer_that_is_missing_is_no_failure_and_one_that_finds_something_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(gpu_steps.sanitized("memcheck")) == [
        gpu_steps.answer("compute-sanitizer memcheck", told="not asked: not installed")
    ]
    tool = tmp_path / "compute-sanitizer"
    for code in (0, 9):
        tool.write_text(f"#!/bin/sh\necho '========= COMPUTE'\necho '========= Invalid read'\nexit {code}\n")
        tool.chmod(0o755)
        (found,) = gpu_steps.sanitized("memcheck")
        assert found == gpu_steps.answer("compute-sanitizer memcheck", "Invalid read" if code else "", "Invalid read")


def test_an_exception_of_a_step_is_its_last_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def half() -> Any:
        yield gpu_steps.answer("first")
        raise OSError("illegal address")

    monkeypatch.setattr(gpu_steps, "steps", lambda: {"half": half})
    gpu_steps.main("half")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [gpu_steps.answer("first"), gpu_steps.answer("step half", "OSError: illegal address")]


def test_every_step_is_one_of_the_table_and_kernels_come_before_sanitizers() -> None:
    names = list(gpu_steps.steps())
    assert names[:3] == ["machine", "ceilings", "harness"] and names[-2:] == [
        "sanitizer memcheck",
        "sanitizer racecheck",
    ]
    assert {"neighbors by wgmma", "counts by mma.sync", "sets by wgmma", "chosen", "torch tiles"} <= set(names)
    assert set(gpu.LONGEST) <= set(names)


def test_rows_can_be_written_where_there_is_no_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert described(1)["commit"] == "unknown" and not described(1)["gpu"]
