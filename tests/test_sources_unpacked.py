"""Sets whose rows have no place in their file: unpacked once, the same rows, nothing left behind, room asked for."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from geometry.analysis import analyze
from geometry.errors import InputError
from geometry.pairs.stored import Stored
from geometry.sources import load, unpacked

N, D = 60, 5
POINTS = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
LABELS = np.arange(N) % 4
Writer = Callable[[Path], Path]


def csv(folder: Path) -> Path:
    """With a header, labels in its middle, empty lines, and text in quotes that goes over two lines."""
    lines = ["a,b,label,c,d,e,remark"]
    for row, label in zip(POINTS.tolist(), LABELS.tolist(), strict=True):
        cells = [repr(value) for value in row]
        lines += [",".join([*cells[:2], str(label), *cells[2:], '"two\nlines"' if label == 2 else "one"]), ""]
    (folder / "x.csv").write_text("\n".join(lines))
    return folder / "x.csv"


def plain_tsv(folder: Path) -> Path:
    np.savetxt(folder / "x.tsv", POINTS, delimiter="\t")
    return folder / "x.tsv"


def compressed(order: str) -> Writer:
    def write(folder: Path) -> Path:
        np.savez_compressed(folder / "x.npz", emb=np.asarray(POINTS, order=order), labels=LABELS)  # type: ignore[call-overload]
        return folder / "x.npz"

    return write


def wide_parquet(folder: Path) -> Path:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {f"c{i}": POINTS[:, i] if i else POINTS[:, i].astype(np.float64) for i in range(D)}
    parquet.write_table(pa.table(columns | {"label": LABELS}), folder / "x.parquet", row_group_size=25)
    return folder / "x.parquet"


WRITERS = {
    "csv": csv,
    "tsv": plain_tsv,
    "npz": compressed("C"),
    "npz in columns": compressed("F"),
    "parquet of many columns": wide_parquet,
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files; and no room for two columns' pages at a time."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr("geometry.sources.formats.LEAST_ROOM", 150)
    monkeypatch.setattr("geometry.sources.parquet_files.PAGES", 80)
    monkeypatch.setattr("geometry.sources.parquet_files.BATCH", 90)
    return tmp_path / "temporary"


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_rows_are_those_in_memory(write: Writer, tmp_path: Path, place: Path) -> None:
    path = write(tmp_path)
    (whole,), (found,) = load(path), load(path, stream=200)
    assert isinstance(found.points, Stored)
    assert found.points.dtype == whole.points.dtype
    assert found.points[:].tobytes() == np.ascontiguousarray(whole.points).tobytes()
    picked = np.array([40, 3, 4])
    assert found.points[picked].tobytes() == np.ascontiguousarray(whole.points[picked]).tobytes()
    assert found.digest == whole.digest
    assert (found.labels is None) == (whole.labels is None)
    assert any(f"unpacked into a temporary file of 0.0 MiB in {place}" in note for note in found.notes)
    assert not any("unpacked" in note for note in whole.notes)
    assert list(place.iterdir()) == []  # it has no name that could stay behind


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_room_on_the_disk_is_asked_for_first(
    write: Writer, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda where: SimpleNamespace(free=unpacked.SPARE + 1000))
    with pytest.raises(InputError, match=r"x\.\w+.* has to be unpacked .*temporary has 0 MiB free; set TMPDIR"):
        load(path, stream=200)


def test_a_disk_that_fills_up_is_told(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpacked, "_opened", lambda where, size: Full())
    with pytest.raises(InputError, match=r"x\.tsv cannot be unpacked into .*No space left on device.*TMPDIR"):
        load(plain_tsv(tmp_path), stream=200)


def test_what_is_no_number_is_named_with_its_line(tmp_path: Path, place: Path) -> None:
    lines = plain_tsv(tmp_path).read_text().splitlines()
    lines[50] = lines[50].replace(lines[50].split("\t")[1], "x")
    (tmp_path / "x.tsv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"line 51, column 2 '': 'x' is not a number"):
        load(tmp_path / "x.tsv", stream=200)


def test_a_member_that_lies_about_its_bytes_is_refused(tmp_path: Path, place: Path) -> None:
    path = compressed("C")(tmp_path)
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.npz"):
        load(path, stream=200)


def test_parts_are_unpacked_each(tmp_path: Path, place: Path) -> None:
    (tmp_path / "parts").mkdir()
    for number, rows in enumerate(np.array_split(POINTS, 3)):
        np.savez_compressed(tmp_path / "parts" / f"part-{number}.npz", emb=rows)
    (found,) = load(tmp_path / "parts", stream=200)
    assert np.asarray(found.points).tobytes() == POINTS.tobytes()
    assert any("unpacked" in note and "2 more parts alike" in note for note in found.notes) or len(found.notes) == 1


def test_a_run_says_so_and_is_that_of_npy(tmp_path: Path, place: Path) -> None:
    np.save(tmp_path / "y.npy", POINTS)
    asked = {"statistics": ("scale", "mle"), "sample": 30, "memory_budget": 1000, "k": 4}
    found, known = (analyze(str(path), **asked) for path in (compressed("C")(tmp_path), tmp_path / "y.npy"))  # type: ignore[arg-type]
    assert found.results == known.results
    assert any("unpacked into a temporary file" in warning for warning in found.record.run["warnings"])
