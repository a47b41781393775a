"""The ledger: a run stopped anywhere goes on to the same bytes; other runs, full disks and second runs end in words."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import clouds
import numpy as np
import pytest

from geometry import analyze
from geometry.analysis import ledger as ledgers
from geometry.analysis.ledger import read_outcomes, write_outcomes
from geometry.cli import main
from geometry.errors import InputError, UsageError
from geometry.registry import Outcome
from geometry.schema.places import LEDGER, LOCK, alone
from geometry.types import Array, Estimate

NAMES = ("scale", "two_nn", "prdc", "tail_survival", "mean_cosine")
BEFORE = 4  # files written before the first statistic: what run this is, and three fingerprints


def sets() -> list[Array]:
    return [clouds.clusters(130, 6, g) * (1 - 0.2 * g) for g in range(3)]


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    """Pictures are drawn from the record in tests of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("geometry.report.write", lambda record, folder, **formats: [])
        yield


@pytest.fixture(scope="module")
def whole(undrawn: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing stopped."""
    out = tmp_path_factory.mktemp("whole") / "run"
    analyze(sets(), statistics=NAMES, out=out)
    return out


def results(folder: Path) -> bytes:
    return (folder / "results.jsonl").read_bytes()


class Killed(BaseException):
    """Ends a run as a signal would: no handler of errors sees it."""


def stop_after(count: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs are killed when they have kept `count` statistics; the list tells what was computed."""
    made: list[str] = []

    def kept(path: Path, outcomes: Any) -> None:
        if len(made) == count:
            raise Killed
        made.append(path.name)
        write_outcomes(path, outcomes)

    monkeypatch.setattr(ledgers, "write_outcomes", kept)
    return made


@pytest.mark.parametrize("count", [0, 1, 7, 14])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    count: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(count, monkeypatch)
    with pytest.raises(Killed):
        analyze(sets(), statistics=NAMES, out=tmp_path)
    assert not (tmp_path / "run.json").exists()
    assert len(list((tmp_path / LEDGER).glob("*.npz"))) == count
    made = stop_after(99, monkeypatch)
    analyze(sets(), statistics=NAMES, out=tmp_path, overwrite=False)
    assert len(made) == 15 - count
    assert results(tmp_path) == results(whole)
    names = sorted(path.name for path in (whole / "arrays").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "arrays").iterdir())
    assert all((whole / "arrays" / n).read_bytes() == (tmp_path / "arrays" / n).read_bytes() for n in names)
    verdicts = [json.loads((folder / "run.json").read_text())["verdict"] for folder in (whole, tmp_path)]
    assert verdicts[0] == verdicts[1]


def test_nothing_is_left_of_the_ledger(whole: Path) -> None:
    assert [path.name for path in whole.rglob(".*")] == []


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"seed": 1}, "seed was 0, now 1"),
        ({"statistics": ("scale",)}, "statistics was"),
        ({"sets": sets()[:2]}, "there were 3 sets, now 2"),
        ({"sets": [*sets()[:2], sets()[2] + 1]}, "generation 2 has changed"),
    ],
)
def test_a_stopped_run_is_not_taken_up_by_another(
    other: dict[str, Any], told: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(2, monkeypatch)
    with pytest.raises(Killed):
        analyze(sets(), statistics=NAMES, out=tmp_path)
    options = {"statistics": NAMES, **other}
    points = options.pop("sets", sets())
    with pytest.raises(UsageError, match=told):
        analyze(points, out=tmp_path, overwrite=False, **options)
    assert len(list((tmp_path / LEDGER).glob("*.npz"))) == 2
    if "seed" in other:
        made = stop_after(99, monkeypatch)
        analyze(points, out=tmp_path, **options)
        assert len(made) == 15 and results(tmp_path) != results(whole)


def test_memory_is_no_part_of_a_run(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_after(6, monkeypatch)
    with pytest.raises(Killed):
        analyze(sets(), statistics=NAMES, out=tmp_path)
    made = stop_after(99, monkeypatch)
    analyze(sets(), statistics=NAMES, out=tmp_path, overwrite=False, memory_budget=1 << 20)
    assert len(made) == 9 and results(tmp_path) == results(whole)


def test_a_kill_while_the_ledger_is_thrown_away_leaves_nothing_to_another_run(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(folder: Path, ignore_errors: bool) -> None:
        if Path(folder).exists():
            next(Path(folder).glob("of.*")).unlink()
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(ledgers.shutil, "rmtree", half)
        with pytest.raises(Killed):
            analyze(sets(), statistics=NAMES, out=tmp_path)
    for rows, same in (([*sets()[:2], sets()[2] + 1], False), (sets(), True)):
        analyze(rows, statistics=NAMES, out=tmp_path)
        assert (results(tmp_path) == results(whole)) == same
        assert not list(tmp_path.glob(".*"))


def test_the_name_of_a_device_is_no_part_of_a_run(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_after(6, monkeypatch)
    with pytest.raises(Killed):
        analyze(sets(), statistics=NAMES, out=tmp_path, device="auto")
    made = stop_after(99, monkeypatch)
    analyze(sets(), statistics=NAMES, out=tmp_path, overwrite=False, device="cpu")
    assert len(made) == 9 and results(tmp_path) == results(whole)


def test_a_damaged_part_is_computed_again(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_after(6, monkeypatch)
    with pytest.raises(Killed):
        analyze(sets(), statistics=NAMES, out=tmp_path)
    kept = sorted((tmp_path / LEDGER).glob("*.npz"))
    kept[0].write_bytes(kept[0].read_bytes()[:200])
    kept[1].write_bytes(b"")
    made = stop_after(99, monkeypatch)
    analyze(sets(), statistics=NAMES, out=tmp_path)
    assert len(made) == 11 and results(tmp_path) == results(whole)


def test_a_failed_statistic_has_another_chance(tmp_path: Path) -> None:
    write_outcomes(tmp_path / "x.npz", [Estimate("a", None, status="failed", reason="no memory")])
    assert read_outcomes(tmp_path / "x.npz") is None


def test_estimates_come_back_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    one = Estimate(
        "a", 0.1 + 0.2, "v", stderr=1e-300, low=-1 / 3, high=None, method="µ", null=0.0, z=1e17 / 3, n=5, d=2, k=None,
        exact=False, per_point=rng.normal(size=5).astype(np.float32),
        profile={"log r": rng.normal(size=3), "mode": np.array(["x", "yz"])}, null_of="own",
    )  # fmt: skip
    written: list[Outcome] = [one, {"b": replace(one, per_point=None), "": replace(one, profile=None)}, {}]
    write_outcomes(tmp_path / "x.npz", written)
    (first, many, none) = read_outcomes(tmp_path / "x.npz") or [None, None, None]
    assert isinstance(first, Estimate) and isinstance(many, dict) and none == {}
    for was, now in ((one, first), (replace(one, per_point=None), many["b"]), (replace(one, profile=None), many[""])):
        assert replace(was, per_point=None, profile=None) == replace(now, per_point=None, profile=None)
        assert kept(was) == kept(now)


def kept(one: Estimate) -> list[Any]:
    """The arrays of an estimate as dtype and bytes, by name."""
    points = [] if one.per_point is None else [(one.per_point.dtype, one.per_point.tobytes())]
    return [points, *((key, a.dtype, a.tobytes()) for key, a in (one.profile or {}).items())]


def test_two_runs_do_not_meet_in_one_folder(tmp_path: Path) -> None:
    with alone(tmp_path):
        with pytest.raises(UsageError, match=rf"process {os.getpid()} on .* since 20"):
            analyze(sets(), statistics="scale", out=tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    analyze(sets(), statistics="scale", out=tmp_path, overwrite=False)
    assert (tmp_path / "run.json").exists()


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from geometry.schema.places import alone\n"
        "with alone(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    assert (tmp_path / LOCK).exists()
    with alone(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def full_disk(after: int) -> Callable[[int], None]:
    """An fsync that finds the disk full from its `after`-th call on."""
    calls = [0]

    def fsync(file: int) -> None:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fsync


@pytest.mark.parametrize("after", [0, 3, 8, 20, 33])
def test_a_full_disk_loses_nothing(after: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full_disk(after))
        with pytest.raises(InputError, match=r"No space left on device.*run the same command again"):
            analyze(sets(), statistics=NAMES, out=tmp_path)
    assert not (tmp_path / "run.json").exists() and not list(tmp_path.rglob("*.part"))
    made = stop_after(99, monkeypatch)
    analyze(sets(), statistics=NAMES, out=tmp_path, overwrite=False)
    assert len(made) == 15 - max(min(after - BEFORE, 15), 0) and results(tmp_path) == results(whole)


@pytest.mark.parametrize("call", ["write", "open"])
def test_a_disk_that_was_full_before_is_told(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = getattr(os, call)

    def refuse(what: Any, *more: Any) -> Any:
        if call == "write" or str(what).endswith(LOCK):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plain(what, *more)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(InputError, match=r"No space left on device.*-o"):
            analyze(sets(), statistics="scale", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: Path, *args: object, **more: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    np.save(tmp_path / "x.npy", sets()[0])
    monkeypatch.setattr(Path, "touch", refuse)
    for words in (["analyze", str(tmp_path / "x.npy")], ["compare", *[str(tmp_path / "x.npy")] * 2]):
        assert main([*words, "-o", str(tmp_path / "out")]) == 3
        assert "Read-only file system" in capsys.readouterr().err


def test_the_command_line_takes_up_a_stopped_run_and_no_finished_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for g, points in enumerate(sets()):
        np.save(tmp_path / f"gen_{g}.npy", points)
    words = ["analyze", str(tmp_path / "gen_*.npy"), "-q", "--statistics", ",".join(NAMES), "-o", str(tmp_path / "out")]
    stop_after(4, monkeypatch)
    with pytest.raises(Killed):
        main(words)
    made = stop_after(99, monkeypatch)
    assert main([*words, "--seed", "3"]) == 2
    assert "seed was 0, now 3" in capsys.readouterr().err
    assert main(words) == 0 and len(made) == 11
    before = results(tmp_path / "out")
    assert main(words) == 2 and "not empty" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0 and results(tmp_path / "out") == before
