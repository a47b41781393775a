"""A run killed at fifty random moments, a real full disk, a read-only folder, threads: always the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import clouds
import numpy as np
import pytest

from geometry.cli import main
from geometry.schema import read_run

KILLS = 50
NAMES = "scale,two_nn,prdc,tail_survival,mean_cosine,effective_rank,mode_coverage"


def command(folder: Path, out: Path, *more: str) -> list[str]:
    words = ["analyze", "gen_{generation}.npy", "--statistics", NAMES, "-q", "-o", str(out), *more]
    return [sys.executable, "-m", "geometry", *words]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stops")
    for g in range(4):
        np.save(folder / f"gen_{g}.npy", clouds.clusters(300, 12, g) * (1 - 0.2 * g))
    assert subprocess.run(command(folder, folder / "whole"), cwd=folder, check=False).returncode == 0
    return folder


def results(folder: Path) -> bytes:
    return (folder / "results.jsonl").read_bytes()


def started(folder: Path, out: Path) -> multiprocessing.process.BaseProcess:
    """A run in a process of its own, forked from one that has imported all that it needs."""
    words = ["analyze", str(folder / "gen_{generation}.npy"), "--statistics", NAMES, "-q", "-o", str(out)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["geometry.analysis.job", "geometry.report", "geometry.pairs.cpu.nearest"])
    run = context.Process(target=main, args=(words,))
    run.start()
    return run


@pytest.mark.long
def test_killed_at_fifty_random_moments(work: Path) -> None:
    """A run is killed up to four times, each time going on where it was; when it has ended, a new one is begun."""
    for out in ("warm", "timed"):
        start = time.perf_counter()
        started(work, work / out).join()
    whole, rng, ended, killed, stages = time.perf_counter() - start, random.Random(0), 0, 0, set()
    out = work / "killed-0"
    while killed < KILLS:
        run = started(work, out)
        run.join(1.1 * whole * rng.random() ** 2)  # statistics come first and take less time than pictures
        if run.is_alive():
            run.kill()
            run.join()
            killed += 1
            stages.add(len(list((out / ".ledger").glob("*.npz"))) if out.exists() else -1)
            if killed % 4:
                continue
            started(work, out).join()
        assert results(out) == results(work / "whole")
        ended += 1
        out = work / f"killed-{ended}"
    started(work, out).join()
    assert results(out) == results(work / "whole")
    names = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    expected = sorted(path.relative_to(work / "whole") for path in (work / "whole").rglob("*") if path.is_file())
    assert names == expected and len(stages) > 5
    print(f"{killed} kills at {len(stages)} stages, {ended + 1} runs ended, {whole:.1f} s a run")


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_disk_that_is_full(work: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        full = subprocess.run(command(work, disk / "run"), cwd=work, capture_output=True, text=True, check=False)
        assert full.returncode == 3 and "No space left on device" in full.stderr and "Traceback" not in full.stderr
        kept = len(list((disk / "run" / ".ledger").glob("*.npz")))
        assert kept > 0 and not (disk / "run" / "run.json").exists()
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        assert subprocess.run(command(work, disk / "run"), cwd=work, check=False).returncode == 0
        assert results(disk / "run") == results(work / "whole")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        closed = subprocess.run(command(work, disk / "more"), cwd=work, capture_output=True, text=True, check=False)
        assert closed.returncode == 3 and "Read-only" in closed.stderr and "Traceback" not in closed.stderr
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.long
def test_threads_and_memory_change_no_digit(work: Path) -> None:
    """All of a default run, on sets large enough that every pool of threads has something to share."""
    sets = work / "large"
    sets.mkdir()
    for g in range(2):
        np.save(sets / f"gen_{g}.npy", clouds.clusters(3000, 96, g).astype(np.float32) * (1 - 0.2 * g))
    for name, more in {
        "1": ("--threads", "1"), "2": ("--threads", "2"), "8": ("--threads", "8"),
        "1M": ("--memory-budget", "2M"), "256M": ("--memory-budget", "256M"),
    }.items():  # fmt: skip
        words = [sys.executable, "-m", "geometry", "analyze", "gen_{generation}.npy", "-q", "-o", name, *more]
        assert subprocess.run(words, cwd=sets, check=False).returncode == 0
        assert results(sets / name) == results(sets / "1"), name
        assert read_run(sets / name).run["verdict"] == read_run(sets / "1").run["verdict"]


@pytest.mark.long
def test_two_runs_at_once_in_one_folder(work: Path) -> None:
    runs = [
        subprocess.Popen(command(work, work / "both"), cwd=work, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [run.communicate()[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 2]
    assert results(work / "both") == results(work / "whole")
    for run, said in zip(runs, told, strict=True):
        assert run.returncode == 0 or "another run is at work" in said or "not empty" in said
