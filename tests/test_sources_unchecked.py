"""Checks of sets as they lie in their files: blocks of a large file say what the whole in memory says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from geometry.cli import main
from geometry.pairs.stored import Stored
from geometry.sources import hygiene, unchecked
from geometry.sources.fingerprint import fingerprint
from geometry.types import Array


@pytest.fixture
def dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Array]:
    """A set with every fault of rows and columns, in a file that counts as large and is read in blocks of 20 rows."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((700, 8)).astype(np.float32)
    points[[3, 500], 1] = np.nan, np.inf
    points[:, 5] = 2
    points[600:640] = points[[5, 400] * 20]
    points[650] = points[7] * (1 + 1e-6)
    points[[90, 91]] = 0
    points[70] *= 100
    np.save(tmp_path / "x.npy", points)
    monkeypatch.setattr("geometry.sources.unchecked.LARGE", 100)
    monkeypatch.setattr("geometry.sources.checks.BLOCK_BYTES", 20 * 32)
    monkeypatch.setattr("geometry.pairs.stored.BLOCK_BYTES", 30 * 32)
    return tmp_path / "x.npy", points


def test_hygiene_of_a_file_is_that_of_its_rows(dirty: tuple[Path, Array], monkeypatch: pytest.MonkeyPatch) -> None:
    path, points = dirty
    (one,) = unchecked.unchecked([path])
    where, rows = one.where, one.rows
    assert where == str(path) and isinstance(rows, Stored)
    whole = hygiene(points)
    assert {"nan_rows", "infinite_rows", "zero_rows", "exact_copies", "near_copies", "norm_outliers"} <= set(
        whole.faults
    )
    for measured in (1 << 20, 64):
        monkeypatch.setattr("geometry.sources.near_copies.MEASURED", measured)
        found = hygiene(rows)
        assert found == whole and found.where == whole.where


def test_a_fingerprint_of_a_file_is_that_of_its_rows(dirty: tuple[Path, Array]) -> None:
    path, points = dirty
    (one,) = unchecked.unchecked([path])
    rows = one.rows
    found, whole = fingerprint(rows), fingerprint(points)
    for name in vars(whole):
        assert np.array_equal(getattr(found, name), getattr(whole, name)), name


def test_what_cannot_be_read_in_parts_and_what_is_small_comes_whole(tmp_path: Path) -> None:
    points = np.random.default_rng(0).standard_normal((50, 3))
    np.savez_compressed(tmp_path / "x.npz", x=points)
    np.save(tmp_path / "y.npy", points)
    for path in ("x.npz", "y.npy"):
        (one,) = unchecked.unchecked([tmp_path / path])
        rows = one.rows
        assert isinstance(rows, np.ndarray) and np.array_equal(rows, points)


def test_doctor_and_fingerprint_take_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = np.random.default_rng(0).standard_normal((50, 3))
    for number, part in enumerate(np.split(points, [20, 23])):
        np.save(tmp_path / f"part-{number}.npy", part)
    assert main(["doctor", str(tmp_path), "-j"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["sets"]
    assert one["hygiene"]["n"] == 50 and one["source"].endswith("part-{part}.npy")
    assert main(["fingerprint", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    (made,) = (tmp_path / "out").iterdir()
    assert made.name == "part.npy.fingerprint"


@pytest.mark.long
def test_a_million_rows_are_looked_at_in_less_than_a_gigabyte(tmp_path: Path) -> None:
    n, d = 1_000_000, 256
    rng = np.random.default_rng(0)
    with (tmp_path / "x.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n, d)}
        np.lib.format.write_array_header_1_0(file, header)
        blocks = (rng.standard_normal((50_000, d), dtype=np.float32) for _ in range(n // 50_000))
        first = next(blocks)
        file.write(first.data)
        for number, rows in enumerate(blocks, 1):
            if number == 14:  # rows 700,000 and on
                rows[:3000] = first[:3000]
            file.write(rows.data)
    doctor = (
        "import sys, geometry.cli as c; from geometry.analysis.memory import peak; c.main(sys.argv[1:]); print(peak())"
    )
    command = [sys.executable, "-c", doctor, "doctor", str(tmp_path / "x.npy"), "-j"]
    found, most = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rsplit(None, 1)
    (fault,) = json.loads(found)["sets"][0]["faults"]
    assert (fault["fault"], fault["count"], fault["first"][0]) == ("exact_copies", 3000, 700_000)
    assert int(most) < 1 << 30
