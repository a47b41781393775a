"""geometry doctor: clean is 0, dirty is 1, every fault on its own line with rows and remedy."""

from __future__ import annotations

import json
from pathlib import Path

import clouds
import numpy as np
import pytest

from geometry.cli import main
from geometry.types import Array


@pytest.fixture
def points() -> Array:
    return clouds.gaussian(120, 10)


def examined(capsys: pytest.CaptureFixture[str], *words: object, code: int) -> str:
    assert main(["doctor", *map(str, words)]) == code
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_a_clean_set_is_0(points: Array, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", points)
    out = examined(capsys, tmp_path / "x.npy", code=0)
    assert "120 x 10 float64" in out and out.rstrip().endswith("clean")


def test_nan_does_not_stop_it_and_every_fault_has_a_line(
    points: Array, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points[3, 2] = np.nan
    points[40] = points[41]
    points[:, 7] = 1
    np.save(tmp_path / "x.npy", points)
    lines = examined(capsys, tmp_path / "x.npy", code=1).splitlines()
    assert lines[0].endswith("dirty") and len(lines) == 4
    assert "nan rows: 1 (row 3)" in lines[1] and "--nan drop" in lines[1]
    assert "exact copies: 1 (row 41)" in lines[2]
    assert "constant columns: 1 (column 7)" in lines[3]


def test_one_dirty_set_among_several_is_1(points: Array, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", a=points, b=np.vstack([points, points[:1]]))
    assert examined(capsys, f"{tmp_path / 'x.npz'}:a", code=0)
    assert examined(capsys, tmp_path / "x.npz", "--key", "b", code=1)
    found = json.loads(examined(capsys, f"{tmp_path / 'x.npz'}:a", f"{tmp_path / 'x.npz'}:b", "--json", code=1))
    assert found["clean"] is False and [one["clean"] for one in found["sets"]] == [True, False]
    (fault,) = found["sets"][1]["faults"]
    assert (fault["fault"], fault["count"], fault["first"]) == ("exact_copies", 1, [120]) and fault["remedy"]
    assert found["sets"][1]["hygiene"]["n"] == 121 and found["sets"][1]["source"].endswith("x.npz:b")


def test_what_cannot_be_read_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(tmp_path / "none.npy")]) == 3
    assert "none.npy" in capsys.readouterr().err


def test_ids_beside_and_within_are_looked_at(points: Array, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", points)
    ids = np.array([f"item {i}" for i in range(120)])
    np.save(tmp_path / "x_ids.npy", ids)
    assert examined(capsys, tmp_path / "x.npy", code=0)
    ids[50] = ids[3]
    np.savez(tmp_path / "y.npz", x=points, ids=ids)
    np.save(tmp_path / "x_ids.npy", ids)
    for name in ("x.npy", "y.npz"):
        assert "doubled ids: 1 (row 50)" in examined(capsys, tmp_path / name, code=1)
    np.savez(tmp_path / "y.npz", x=points, ids=ids, generation=np.arange(120) % 2)  # rows 3 and 50 are of two of them
    assert examined(capsys, tmp_path / "y.npz", code=0)
    np.save(tmp_path / "x_ids.npy", ids[:7])
    assert main(["doctor", str(tmp_path / "x.npy")]) == 3 and "x.npy, 'ids'" in capsys.readouterr().err


def test_a_narrower_dtype_is_told(points: Array, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", points.astype(np.float16).astype(np.float32))
    assert "120 x 10 float32 holding float16 values" in examined(capsys, tmp_path / "x.npy", code=0)
