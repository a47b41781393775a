"""Records on disk: run.json, results.jsonl, results.csv, arrays/*.npy, neighbors/*.npy; each whole or not at all.

Each file goes to a temporary name beside its place, is flushed to the disk and renamed; run.json is written last, so a
folder that has one holds a finished run.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from geometry.errors import GeometryError, InputError
from geometry.schema.characters import ESCAPED, printable
from geometry.schema.documents import read_document
from geometry.schema.places import make_folder
from geometry.schema.shape import require_shape
from geometry.types import Array, Record

FORMULA = tuple("=+-@\t\n")  # what a spreadsheet takes for the start of a formula, or skips before one
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?")  # a sign before digits alone starts none
MOST_ROWS = 512 << 20  # bytes of results.jsonl: a million rows
COLUMNS = (
    "generation", "position", "layer", "name", "variant", "value", "stderr", "low", "high", "method", "null", "null_of",
    "z", "n", "d", "k", "exact", "status", "reason",
)  # fmt: skip


def schema_text() -> str:
    """The JSON schema of run.json, version 1."""
    return Path(__file__).with_name("run-1.json").read_text("utf-8")


def strict(value: Any) -> Any:
    """`value` in plain JSON types; a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if isinstance(value, np.ndarray):
        return strict(value.tolist())
    if isinstance(value, np.generic):
        return strict(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Strict JSON text (RFC 8259): no NaN, no Infinity, and no character within text that a terminal would obey."""
    return json.dumps(strict(value), indent=indent, allow_nan=False, ensure_ascii=False).translate(ESCAPED)


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file, then put it in place in one step; InputError where the disk refuses."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); what was written before is whole; free space or "
            "allow writing there, and run the same command again"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """UTF-8 text, whole or not at all."""
    write_whole(path, lambda file: file.write(text.encode()))


def write_array(path: Path, array: Array) -> None:
    """One .npy file without pickles."""
    write_whole(path, lambda file: np.save(file, array, allow_pickle=False))


def write_arrays(path: Path, arrays: dict[str, Array], *, compressed: bool = False) -> None:
    """Several arrays in one .npz without pickles, whole or not at all."""
    save = np.savez_compressed if compressed else np.savez
    write_whole(path, lambda file: save(file, allow_pickle=False, **arrays))


def read_arrays(path: Path | str) -> dict[str, Array]:
    """The arrays of an .npz without pickles; whatever zipfile and NumPy raise where it is damaged."""
    with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}


def write_record(record: Record, folder: Path | str) -> None:
    """The whole record into `folder`, which is made; existing files of the same name are replaced."""
    folder = Path(folder)
    (folder / "run.json").unlink(missing_ok=True)  # an earlier one would speak of arrays that are being replaced
    write_named_arrays(record.arrays, folder)
    write_text(folder / "results.jsonl", "".join(dumps(row) + "\n" for row in record.results))
    write_text(folder / "results.csv", table(record.results))
    write_text(folder / "run.json", dumps(record.run, indent=1) + "\n")


def write_named_arrays(arrays: dict[str, Array], folder: Path) -> None:
    """Every array at its place in the folder of a run, which is made."""
    for name, array in arrays.items():
        path = folder / array_file(name)
        make_folder(path.parent)
        write_array(path, array)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as CSV with one header line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in strict(row).items()} for row in rows)
    return out.getvalue()


def cell(value: Any) -> Any:
    """A value as a spreadsheet may hold it: text that would be a formula or move a cursor is only text; -1.5 stays."""
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return f"'{shown}" if shown[:1] in FORMULA and not NUMBER.fullmatch(shown) else shown


def read_record(folder: Path | str) -> Record:
    """A record from `folder`; InputError names what is missing or unreadable."""
    folder, found = Path(folder), read_run(folder)
    with readable(folder):
        named = {name: inside(folder, entry["file"]) for name, entry in found.run["arrays"].items()}
        arrays = {name: np.load(path, allow_pickle=False) for name, path in named.items()}
    return replace(found, arrays=arrays)


def read_run(folder: Path | str) -> Record:
    """A record from `folder` without its arrays; InputError as `read_record`."""
    folder = Path(folder)
    with readable(folder):
        run = json.loads(read_document(folder / "run.json"))
        lines = read_document(folder / "results.jsonl", MOST_ROWS).splitlines()
        results = [json.loads(line) for line in lines]
        require_shape(run, results)
        return Record(run, results, {})


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """InputError that names the folder for whatever a damaged record raises where it is read and made use of."""
    try:
        yield
    except GeometryError:
        raise
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename}: not there; {folder} holds no finished run of 'geometry analyze'"
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError, MemoryError) as error:
        raise InputError(
            f"{folder}: not a readable run of 'geometry analyze' ({type(error).__name__} {error}); run the analysis "
            "again"
        ) from error


def inside(folder: Path, file: str) -> Path:
    """The path of an array of the run; ValueError where the name leads out of the folder."""
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise ValueError(f"{file} lies outside the folder")
    return folder / file


def array_file(name: str) -> str:
    """Where an array lies in the folder of a run: neighbour tables in neighbors/, all others in arrays/."""
    folder, rest = ("neighbors", name.removeprefix("neighbors.")) if name.startswith("neighbors.") else ("arrays", name)
    return f"{folder}/{rest}.npy"


def fingerprint_file(layer: str, name: str) -> str:
    """Where the fingerprint of a set lies in the folder of a run."""
    return f"fingerprints/{re.sub(r'[^A-Za-z0-9_.-]+', '-', '.'.join(filter(None, (layer, name))))}.fingerprint"


def array_index(arrays: dict[str, Array]) -> dict[str, dict[str, Any]]:
    """What run.json says of the arrays: file, shape and dtype by name."""
    return {
        name: {"file": array_file(name), "shape": list(array.shape), "dtype": str(array.dtype)}
        for name, array in arrays.items()
    }
