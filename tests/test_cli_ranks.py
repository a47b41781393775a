"""One command by several processes: who counts as a rank, who speaks, how all end; and torchrun itself (long)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clouds
import numpy as np
import pytest
import torch.distributed
from jsonschema import Draft202012Validator

from geometry.cli import main, ranks
from geometry.cli.endings import INTERRUPTED, MEMORY, code_of, said_of
from geometry.errors import LostRankError
from geometry.pairs import ring
from geometry.schema import schema_text

TOLD = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "1",
}
QUICK = ("--statistics", "scale", "-q")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torchrun says to rank 0 of two."""
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Ranks that meet nobody; what they agree on, the code they are dismissed with, and threads are written down."""
    seen: list[Any] = []

    @contextmanager
    def joined(rank: int, world: int, *, gpu: bool, tell: Any) -> Iterator[Any]:
        seen.append((rank, world, gpu))
        yield ring.Link(rank, world, None, None, "gloo")  # type: ignore[arg-type]

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # which the command sets
    monkeypatch.setattr(ring, "joined", joined)
    monkeypatch.setattr(ring, "dismiss", lambda link, code: seen.append(code))
    monkeypatch.setattr("geometry.cli.analyze.set_threads", lambda threads: seen.append(f"{threads} threads"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(12))
    return seen


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("points") / "points.npy"
    np.save(path, clouds.power_law(100, 4))
    return path


@pytest.mark.usefixtures("told")
def test_a_process_is_a_rank_only_where_a_launcher_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ranks.place() == ranks.Place(0, 2, 0, 2)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    assert ranks.place() is None  # somebody's training
    monkeypatch.undo()
    for name in TOLD:
        with pytest.MonkeyPatch.context() as patch:
            for key, value in TOLD.items():
                patch.setenv(key, value)
            patch.delenv(name)
            assert ranks.place() is None


def test_what_a_rank_of_a_training_starts_is_a_process_of_its_own() -> None:
    """It has inherited its parent's variables; a shell only hands on what the launcher told it."""
    script = "from geometry.cli import ranks; print(ranks.place())"
    child, shell = [sys.executable, "-c", script], ["sh", "-c", 'for once in 1; do "$@"; done', "sh"]
    training = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"]
    other = ["env", "RANK=1"]  # a launcher within the training
    rank, alone = str(ranks.Place(0, 2, 0, 2)), "None"
    for words, expected in (
        (child, rank), ([*shell, *child], rank), ([*training, *child], alone), ([*training, *shell, *child], alone),
        ([*training, *other, *child], rank.replace("rank=0", "rank=1", 1)),
    ):  # fmt: skip
        told = subprocess.run(words, env=os.environ | TOLD, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == expected, words


@pytest.mark.usefixtures("told")
def test_one_process_of_a_launcher_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert ranks.place() is None


@pytest.mark.usefixtures("told")
def test_other_commands_refuse_and_one_rank_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "two_nn"]) == 2
    assert "start it without torchrun" in capsys.readouterr().err
    monkeypatch.setenv("RANK", "1")
    assert main(["explain", "two_nn"]) == 2
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("told")
def test_the_leader_dismisses_the_others_with_its_own_code(
    alone: list[Any], points: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(points), *QUICK, "--json"]) == 0
    assert alone == ["6 threads", (0, 2, False), "6 threads", 0]
    run = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(schema_text())).validate(run)
    assert run["ranks"] == {"count": 2, "backend": "gloo"} and run["engine"].endswith(", 2 ranks over gloo")
    del alone[:]
    assert main(["analyze", str(points.parent / "absent.npy"), "--threads", "3"]) == 3
    assert alone == ["3 threads", (0, 2, False), "3 threads", 3]
    assert main(["analyze", str(points), "--device", "cuda"]) == alone[-1] == 2


@pytest.mark.usefixtures("told")
def test_other_ranks_serve_in_silence(
    alone: list[Any], points: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(ring, "serve", lambda link, engines: print("served") or 7)
    assert main(["compare", str(points), str(points)]) == 7
    assert alone[1] == (1, 2, False) and capfd.readouterr() == ("", "")

    def failing(error: Exception) -> Callable[[Any, Any], int]:
        def serve(link: Any, engines: Any) -> int:
            raise error

        return serve

    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    for error, code in ((LostRankError("rank 0 is gone"), INTERRUPTED), (MemoryError("no room"), MEMORY)):
        monkeypatch.setattr(ring, "serve", failing(error))
        assert main(["analyze", str(points)]) == code
        assert f"geometry: rank 1: {error}" in capfd.readouterr().err


def test_runs_without_ranks_say_nothing_of_them(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(points), *QUICK, "--json"]) == 0
    assert "ranks" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("shown", "sees"), [(None, "1"), ("4, 5", "5"), ("4", ""), ("", "")])
def test_every_rank_sees_its_own_gpu(shown: str | None, sees: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown or "")
    if shown is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    ranks._one_gpu(ranks.Place(1, 2, 1, 2))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == sees


def test_a_lost_rank_reads_as_an_interruption() -> None:
    error = LostRankError("rank 3 is gone")
    assert code_of(error) == INTERRUPTED
    assert said_of(error, None) == "rank 3 is gone; nothing is kept, the same command starts again"
    assert (code_of(ValueError("a defect")), said_of(ValueError("a defect"), None)) == (1, None)


@pytest.fixture(scope="module")
def generations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations of enough rows for the ring, a tenth of them copies."""
    folder = tmp_path_factory.mktemp("generations")
    for g, factor in enumerate((1.0, 0.5)):
        rows = (factor * clouds.power_law(4000, 12, seed=g)).astype(np.float32)
        rows[:400] = rows[400:800]
        np.save(folder / f"gen_{g}.npy", rows)
    return folder


def torchrun(world: int, folder: Path, *words: str) -> subprocess.Popen[str]:
    """`geometry` in a process of its own, or in several."""
    plain = [sys.executable, "-m"]
    several = [*plain, "torch.distributed.run", "--standalone", "--nproc-per-node", str(world), "-m"]
    outside = {name: value for name, value in os.environ.items() if name not in TOLD}
    return subprocess.Popen(
        [*(plain if world == 1 else several), "geometry", *words],
        cwd=folder,
        env=outside | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.long
@pytest.mark.parametrize("world", [2, 4])
def test_results_are_those_of_one_process_to_the_byte(generations: Path, tmp_path: Path, world: int) -> None:
    names = "two_nn,mle,prdc,scale,hubness,uniformity,corr_int"
    commands = (
        ("analyze", str(generations), "--statistics", names),
        ("compare", str(generations / "gen_0.npy"), str(generations / "gen_1.npy"), "--statistics", "prdc,frechet"),
    )
    for command in commands:
        said = []
        for ranks_of in (1, world):
            run = torchrun(ranks_of, tmp_path, *command, "-q", "-o", f"{command[0]}-{ranks_of}")
            said.append(run.communicate(timeout=300)[0].replace(f"-{ranks_of}/", "/"))
            assert run.returncode == 0
        folders = [tmp_path / f"{command[0]}-{ranks_of}" for ranks_of in (1, world)]
        for name in ("results.jsonl", "results.csv"):
            assert len({(folder / name).read_bytes() for folder in folders}) == 1
        assert said[0] == said[1]
        assert json.loads((folders[1] / "run.json").read_text())["ranks"] == {"count": world, "backend": "gloo"}


@pytest.mark.long
def test_a_killed_rank_ends_the_run_which_then_goes_on_with_one(generations: Path, tmp_path: Path) -> None:
    words = ("analyze", str(generations), "--statistics", "two_nn,mle,prdc,scale,hubness,ess", "-o", "run")
    run = torchrun(3, tmp_path, *words)
    while not list((tmp_path / "run" / ".ledger").glob("0.mle.*")):
        assert run.poll() is None
        time.sleep(0.05)
    os.kill(rank_of(run.pid, 2), signal.SIGKILL)
    assert run.wait(60) != 0
    assert "SIGKILL" in run.communicate()[1]
    assert not (tmp_path / "run" / "run.json").exists()
    ends = [torchrun(1, tmp_path, *words[:-1], name) for name in ("run", "fresh")]
    assert all(one.communicate(timeout=300)[0] for one in ends) and [one.returncode for one in ends] == [0, 0]
    told = [(tmp_path / name / "results.jsonl").read_bytes() for name in ("run", "fresh")]
    assert told[0] == told[1]


def rank_of(launcher: int, rank: int) -> int:
    """Process number of a rank that torchrun started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == launcher and f"\0RANK={rank}\0" in (folder / "environ").read_text():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"torchrun has no rank {rank}")


@pytest.mark.long
def test_an_error_is_told_once_and_is_the_code_of_the_rank_that_torchrun_names(
    generations: Path, tmp_path: Path
) -> None:
    run = torchrun(2, tmp_path, "analyze", str(generations), "--statistics", "two_n")
    told = run.communicate(timeout=120)[1]
    assert run.returncode != 0
    assert told.count("did you mean 'two_nn'?") == 1 and "exitcode  : 2" in told
