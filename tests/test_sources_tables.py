"""Tables and stores: csv, parquet, hdf5, zarr; headers, companions, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from geometry.errors import InputError, UnsafeFileError
from geometry.sources import inspect, load
from geometry.types import EmbeddingSet

POINTS = np.array([[1.0, 2.5], [3.0, -4.0], [5.0, 6e3]])


def csv(tmp_path: Path, text: str) -> Path:
    (tmp_path / "x.csv").write_text(text)
    return tmp_path / "x.csv"


def one(path: Path) -> EmbeddingSet:
    (found,) = load(path)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "1,2.5\n3,-4\n5,6e3\n",
        "a,b\n1,2.5\n3,-4\n5,6e3",
        "a;b\n1;2.5\n3;-4\n5;6e3\n",
        "a\tb\n1\t2.5\n3\t-4\n5\t6e3\n",
        "0,1\n1,2.5\n3,-4\n5,6e3\n",
        ",0,1\n0,1,2.5\n1,3,-4\n2,5,6e3\n",
        '\ufeff"a","b"\r\n1,"2.5"\r\n3,-4\r\n5,6e3\r\n\r\n',
    ],
)
def test_csv_with_and_without_a_header(tmp_path: Path, text: str) -> None:
    found = one(csv(tmp_path, text))
    assert found.points.dtype == np.float64 and np.array_equal(found.points, POINTS)
    assert inspect(tmp_path / "x.csv")[0].shape == (3, 2)


def test_csv_companions_and_text(tmp_path: Path) -> None:
    found = one(csv(tmp_path, 'id,x,label,word,y,origin\n7,1,cat,"a, b",2.5,0\n8,3,dog,c,-4,0\n9,5,cat,d,6e3,1\n'))
    assert np.array_equal(found.points, POINTS)
    assert found.labels is not None and found.labels.tolist() == ["cat", "dog", "cat"]
    assert found.ids is not None and found.ids.tolist() == [7, 8, 9]
    assert found.origin is not None and found.origin.tolist() == [0, 0, 1]
    assert found.notes == ("'word' left out: it is not numeric",)


def test_a_generation_column_splits_the_file(tmp_path: Path) -> None:
    sets = load(csv(tmp_path, "x,y,generation,label\n1,2,5,a\n3,4,2,b\n5,6,5,c\n"))
    assert [(f.generation, f.name, f.points.tolist()) for f in sets] == [
        (2, "x-2", [[3.0, 4.0]]),
        (5, "x-5", [[1.0, 2.0], [5.0, 6.0]]),
    ]
    assert sets[1].labels is not None and sets[1].labels.tolist() == ["a", "c"]


def test_a_generation_column_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a whole number"):
        load(csv(tmp_path, "x,y,generation\n1,2,first\n3,4,second\n"))
    (tmp_path / "gen_3.csv").write_text("x,y,generation\n1,2,3\n3,4,3\n")
    assert [f.generation for f in load(f"{tmp_path}/gen_{{generation}}.csv")] == [3]
    (tmp_path / "gen_3.csv").rename(tmp_path / "gen_4.csv")
    with pytest.raises(InputError, match=r"path says generation 4, its column says \[3\]"):
        load(f"{tmp_path}/gen_{{generation}}.csv")


def test_some_files_with_numbers_and_some_without(tmp_path: Path) -> None:
    first = csv(tmp_path, "x,y,generation\n1,2,5\n3,4,2\n")
    (tmp_path / "plain.csv").write_text("1,2\n3,4\n")
    with pytest.raises(InputError, match=r"plain\.csv:points has no generation number"):
        load([first, tmp_path / "plain.csv"])


def test_a_missing_value_has_to_be_spelled_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.csv: line 3, column 2 'b': '' is not a number; write nan"):
        load(csv(tmp_path, "a,b\n1,2.5\n3,\n5,6\n"))
    path = csv(tmp_path, "a,b,generation\n1,2.5,0\n3,nan,1\n5,6,1\n")
    with pytest.raises(InputError, match="1 of 3 rows hold NaN or infinity, first row 1"):
        load(path)
    assert [(f.dropped, len(f.points)) for f in load(path, nan="drop")] == [(0, 1), (1, 1)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "is empty"),
        ("a,b\n", "no rows"),
        ("1,2\n3\n", "line 2 has 1 fields, the first has 2"),
        ("x,y,label\n1,2,a\n3\n", "line 3 has 1 fields, the first has 3"),
        ("x,y,label\n1,2,a\n3,4\n", "line 3 has 2 fields"),
        ("1,2\n3,4,5\n", "line 2 has 3 fields"),
        ("1,2,cat\n3,4,dog\n", "line 1, column 3 '': 'cat' is not a number"),
        ("word\nhello\n", "no two-dimensional array"),
    ],
)
def test_csv_that_cannot_be_read(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        load(csv(tmp_path, text))


def test_parquet_columns(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"x": POINTS[:, 0], "label": ["a", "b", "c"], "y": POINTS[:, 1], "word": ["p", "q", "r"]}
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    found = one(tmp_path / "x.parquet")
    assert np.array_equal(found.points, POINTS)
    assert found.labels is not None and found.labels.tolist() == ["a", "b", "c"]
    assert inspect(tmp_path / "x.parquet")[0].shape == (3, 2)


@pytest.mark.parametrize("fixed", [True, False])
def test_a_parquet_column_of_lists(tmp_path: Path, fixed: bool) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    kind = pa.list_(pa.float32(), 2) if fixed else pa.list_(pa.float32())
    table = pa.table({"row": [1, 2, 3], "emb": pa.array(POINTS.tolist(), kind), "id": [4, 5, 6]})
    parquet.write_table(table, tmp_path / "x.parquet")
    found = one(tmp_path / "x.parquet")
    assert found.points.dtype == np.float32 and np.array_equal(found.points, POINTS.astype(np.float32))
    assert found.ids is not None and found.ids.tolist() == [4, 5, 6] and found.source.endswith(":emb")
    if not fixed:
        parquet.write_table(pa.table({"emb": [[1.0, 2.0], [3.0]]}), tmp_path / "x.parquet")
        with pytest.raises(InputError, match="'emb': row 1 has 1 numbers, row 0 has 2"):
            load(tmp_path / "x.parquet")


def test_lists_of_anything_but_numbers_are_no_points(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for rows, kind in (([[["a"]], [["b"]]], "object list<"), ([["a", "b"], ["c", "d"]], "object string")):
        parquet.write_table(pa.table({"x": rows}), tmp_path / "x.parquet")
        with pytest.raises(InputError, match=f"no two-dimensional array of numbers; it holds 'x' .* {kind}"):
            load(tmp_path / "x.parquet")


def test_number_columns_beside_lists_of_words_are_the_points(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"x": POINTS[:, 0], "tags": [["a"], ["b", "c"], []], "y": POINTS[:, 1]})
    parquet.write_table(table, tmp_path / "x.parquet")
    found = one(tmp_path / "x.parquet")
    assert np.array_equal(found.points, POINTS) and found.notes == ("'tags' left out: it is not numeric",)


def test_empty_parquet_fields_are_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for column in ([[1.0, 2.0], None], [1.0, None]):
        parquet.write_table(pa.table({"emb": column}), tmp_path / "x.parquet")
        with pytest.raises(InputError, match="'emb': row 1 is empty"):
            load(tmp_path / "x.parquet")


def test_hdf5_datasets(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["gen/emb"] = POINTS
        file["gen/labels"] = np.array(["a", "b", "c"], object)
        file["loss"] = np.zeros(9)
    found = one(tmp_path / "x.h5")
    assert np.array_equal(found.points, POINTS) and found.source.endswith("x.h5:gen/emb")
    assert found.labels is not None and found.labels.tolist() == ["a", "b", "c"]


def test_zarr_arrays(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    group.create_array("emb", data=POINTS)
    group.create_group("side").create_array("cube", data=np.zeros((2, 2, 2)))
    assert np.array_equal(one(tmp_path / "x.zarr").points, POINTS)
    assert [(info.key, info.role) for info in inspect(tmp_path / "x.zarr")] == [
        ("emb", "embedding"),
        ("side/cube", "other"),
    ]
    assert len(load(tmp_path)) == 1
    zarr.open_group(tmp_path / "empty.zarr", mode="w")
    with pytest.raises(InputError, match="no zarr array"):
        load(tmp_path / "empty.zarr")


def test_a_pickled_zarr_array_is_refused(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(tmp_path / "x.zarr", data=POINTS, zarr_format=2)
    assert np.array_equal(one(tmp_path / "x.zarr").points, array[...])
    text = (tmp_path / "x.zarr" / ".zarray").read_text().replace('"filters": null', '"filters": [{"id": "pickle"}]')
    assert "pickle" in text
    (tmp_path / "x.zarr" / ".zarray").write_text(text)
    with pytest.raises((UnsafeFileError, InputError), match="pickle"):
        load(tmp_path / "x.zarr")


@pytest.mark.parametrize("name", ["x.parquet", "x.h5", "x.zarr"])
def test_damaged_tables_and_stores(tmp_path: Path, name: str) -> None:
    pytest.importorskip({"x.parquet": "pyarrow", "x.h5": "h5py", "x.zarr": "zarr"}[name])
    (tmp_path / name).write_bytes(b"not what the suffix says" * 10)
    with pytest.raises(InputError, match=rf"{name} cannot be read"):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("x.parquet", "pyarrow.parquet", "parquet"), ("x.h5", "h5py", "hdf5"), ("x.zarr", "zarr", "zarr")],
)
def test_a_missing_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    (tmp_path / name).write_text("x")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"pip install 'embedding-geometry\[{extra}\]'"):
        load(tmp_path / name)
