"""How commands end: codes of finished, failed and stopped runs, what stays of a folder, readers that leave early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path

import clouds
import numpy as np
import pytest

from geometry import catalog, cli
from geometry.cli.endings import finished, stopped
from geometry.cli.terminal import Plain


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "x.npy"
    np.save(path, clouds.power_law(120, 6))
    return path


def test_a_failed_statistic_is_a_partial_result(
    points: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(scan: object) -> None:
        raise ArithmeticError("no such luck")

    found = [replace(one, function=broken) if one.name == "cone" else one for one in catalog.statistics()]
    monkeypatch.setattr("geometry.registry._entries", {one.name: one for one in found})
    assert cli.main(["analyze", str(points), "--statistics", "cone,scale", "-q"]) == 5
    said = capsys.readouterr()
    assert "partial result: cone failed" in said.err and "scale" not in said.err and said.out


def test_codes_by_rows(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": name, "status": status} for name, status in (("a", "ok"), ("b", "undefined"))]
    assert finished(rows) == 0 and capsys.readouterr().err == ""
    assert finished([*rows, {"name": "c", "status": "failed"}]) == 5


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 8 TiB"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_memory_of_any_library_is_4(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(args: object) -> int:
        raise error

    monkeypatch.setattr(cli.info, "run", leave)
    assert cli.main(["info"]) == 4
    assert "out of memory" in capsys.readouterr().err


def test_another_runtime_error_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(args: object) -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr(cli.info, "run", leave)
    with pytest.raises(RuntimeError, match="a defect"):
        cli.main(["info"])


def test_what_is_said_after_a_stop(tmp_path: Path) -> None:
    asked = Namespace(output=tmp_path / "run", resumes=True)
    assert "starts again" in stopped(asked) and "starts again" in stopped(None)
    (tmp_path / "run" / ".ledger").mkdir(parents=True)
    assert f"kept in {tmp_path / 'run'}" in stopped(asked)
    assert "starts again" in stopped(Namespace(output=tmp_path / "run"))


def test_folders_made_for_nothing_are_taken_away(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for place in (tmp_path / "a" / "b", mine):
        assert cli.main(["analyze", str(tmp_path / "none.npy"), "-o", str(place)]) == 3
    assert not (tmp_path / "a").exists() and mine.is_dir()


def test_ctrl_c_leaves_a_folder_that_goes_on(points: Path, tmp_path: Path) -> None:
    """The interrupt arrives when the first statistic is kept; that the rest follows, `test_analysis_stops` shows."""
    words = ["analyze", str(points), "--statistics", "scale,mle", "-o", str(tmp_path / "run")]
    stopping = [sys.executable, "-m", "geometry", *words]
    heeded = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # what started the tests may ignore it
    run = subprocess.Popen(stopping, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=heeded)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "run" / ".ledger").glob("*.npz")) and time.monotonic() < deadline:
        time.sleep(0.002)
    run.send_signal(signal.SIGINT)
    said = run.communicate()[1]
    assert run.returncode == 130 and f"kept in {tmp_path / 'run'}" in said and "Traceback" not in said
    assert list((tmp_path / "run" / ".ledger").glob("*.npz")) and not (tmp_path / "run" / "run.json").exists()


def test_output_that_cannot_be_written_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with full.open("w") as out, redirect_stdout(out):
        assert cli.main(["explain"]) == 3
    assert "standard output cannot be written" in capsys.readouterr().err


def test_a_reader_of_progress_that_leaves_stops_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", buffering=1) as gone:
        heard = Plain(gone, idle=True)
        assert heard.write("first\n") == 6 and heard.write("second\n") == 7
        heard.flush()
    read, write = os.pipe()
    os.close(read)
    gone = os.fdopen(write, "w", buffering=1)
    with pytest.raises(BrokenPipeError):
        Plain(gone).write("what was asked for\n")
    os.dup2(os.open(os.devnull, os.O_WRONLY), gone.fileno())
    gone.close()
