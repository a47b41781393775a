"""Records on disk: the round trip, strict JSON, files written whole or not at all, and what cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from geometry.errors import InputError
from geometry.schema import array_index, dumps, read_record, schema_text, write_record, write_text, write_whole
from geometry.types import Record

ARRAYS = {"eigenvalues.0": np.array([2.0, 1.0]), "labels.0": np.array(["a", "bc"]), "rows.0": np.arange(3)}
ROW = {
    "generation": 0, "position": 0, "layer": "", "name": "scale", "variant": "ratio", "value": 0.1, "stderr": None,
    "low": None, "high": None, "method": "", "null": None, "z": None, "n": 3, "d": 2, "k": None, "exact": True,
    "status": "ok", "reason": "",
}  # fmt: skip


def record() -> Record:
    return Record({"arrays": array_index(ARRAYS), "note": "naïve"}, [ROW, ROW | {"generation": 1}], ARRAYS)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    write_record(record(), tmp_path / "run")
    found = read_record(tmp_path / "run")
    assert (found.run, found.results) == (record().run, record().results)
    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    assert all(found.arrays[name].dtype == ARRAYS[name].dtype for name in ARRAYS)


def test_the_folder_has_each_file_once_and_no_leftover(tmp_path: Path) -> None:
    write_record(record(), tmp_path)
    write_record(record(), tmp_path)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"run.json", "results.jsonl", "results.csv", *(f"arrays/{name}.npy" for name in ARRAYS)}
    assert (tmp_path / "results.csv").read_text() == (
        "generation,position,layer,name,variant,value,stderr,low,high,method,null,null_of,z,n,d,k,exact,status,reason\n"
        "0,0,,scale,ratio,0.1,,,,,,,,3,2,,True,ok,\n"
        "1,0,,scale,ratio,0.1,,,,,,,,3,2,,True,ok,\n"
    )


def test_json_is_strict_and_exact() -> None:
    assert json.loads(dumps("\x7f\x85\x9b\u2028\u202e")) == "\x7f\x85\x9b\u2028\u202e"
    assert dumps("\x9b\u202eé") == '"\\u009b\\u202eé"' and len(dumps("a\u2028b\x85c").splitlines()) == 1
    value = {"a": float("nan"), 1: [np.inf, np.float32(0.5)], "b": np.array([1, 2]), "c": (True, None), "d": 0.1 + 0.2}
    text = dumps(value)
    assert text == '{"a": null, "1": [null, 0.5], "b": [1, 2], "c": [true, null], "d": 0.30000000000000004}'
    assert dumps("naïve") == '"naïve"' and dumps([1], indent=1) == "[\n 1\n]"
    with pytest.raises(TypeError):
        dumps({"a": object()})


def test_a_write_that_breaks_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_text(path, "old")

    def broken(file: IO[bytes]) -> None:
        file.write(b"half of the n")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_whole(path, broken)
    assert path.read_text() == "old" and [one.name for one in tmp_path.iterdir()] == ["x.txt"]
    write_text(path, "new")
    assert path.read_text() == "new"


def test_run_json_is_written_last(tmp_path: Path) -> None:
    unwritable = record().run | {"note": object()}
    with pytest.raises(TypeError):
        write_record(Record(unwritable, record().results, ARRAYS), tmp_path)
    assert (tmp_path / "results.csv").exists() and not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("missing", ["run.json", "results.jsonl", "arrays/rows.0.npy"])
def test_what_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    write_record(record(), tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=Path(missing).name.replace(".", r"\.")):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"), [("run.json", "{"), ("run.json", "[]"), ("run.json", "{}"), ("results.jsonl", "{}\nx\n")]
)
def test_what_is_damaged_is_input_error(name: str, text: str, tmp_path: Path) -> None:
    write_record(record(), tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="not a readable run"):
        read_record(tmp_path)


def test_arrays_with_pickles_and_paths_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    write_record(record(), tmp_path / "run")
    np.save(tmp_path / "run" / "arrays" / "rows.0.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError):
        read_record(tmp_path / "run")
    np.save(tmp_path / "outside.npy", np.zeros(1))
    index = {"rows.0": {"file": "../outside.npy", "shape": [1], "dtype": "float64"}}
    (tmp_path / "run" / "run.json").write_text(json.dumps({"arrays": index}))
    with pytest.raises(InputError, match="outside"):
        read_record(tmp_path / "run")


def test_the_schema_is_a_schema_and_refuses_what_it_should() -> None:
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    of_row = Draft202012Validator({"$defs": schema["$defs"], "$ref": "#/$defs/row"})
    assert of_row.is_valid(ROW)
    assert not of_row.is_valid(ROW | {"status": "fine"}) and not of_row.is_valid(ROW | {"value": "0.1"})
    assert not of_row.is_valid({key: value for key, value in ROW.items() if key != "reason"})
    assert not Draft202012Validator(schema).is_valid({})


def test_an_overwritten_run_is_no_run_until_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(record(), tmp_path)
    assert (tmp_path / "run.json").exists()

    def refuse(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InputError, match="No space left"):
        write_record(record(), tmp_path)
    assert not (tmp_path / "run.json").exists() and (tmp_path / "results.jsonl").exists()
