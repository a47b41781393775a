"""Training logs: named curves over steps, from CSV, JSON lines, the JSON of a trainer, or TensorBoard event files.

The axis is the first of `generation`, `step`, `global_step`, `iteration`, `epoch`, `batch` that the log has, under
these names or the like (`_step`, `train/global_step`, `iter`, `Epochs`), else the number of the row. Empty cells and
values that are not finite are left out, as are columns of text and clocks; nested JSON gets names with points. A last
JSON line without its end is a training that still writes, and is left out too. Lines longer than those of a table of
embeddings, and objects in one another beyond Python's own limit, are refused.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import GeometryError, InputError, reason_of
from geometry.schema.documents import read_document, require_file
from geometry.sources.csv_files import LONGEST_LINE, MOST_COLUMNS
from geometry.sources.extras import optional
from geometry.types import Floats

AXES = ("generation", "step", "global_step", "iteration", "epoch", "batch")
SHORT = {"gen": "generation", "iter": "iteration", "it": "iteration"}
CLOCKS = ("timestamp", "walltime", "time", "runtime", "elapsed")  # when, and no result of the training
EVENTS = "tfevents"
MOST = 512 << 20  # bytes of a log of JSON


@dataclass(frozen=True)
class Curve:
    """value (m,) over at (m,), in the unit of `axis`: one of AXES, or `row`."""

    name: str
    axis: str
    at: Floats
    value: Floats
    source: str


def read_log(path: str | os.PathLike[str]) -> list[Curve]:
    """The curves of a log, in the order of the file; InputError where it is unreadable or has no numbers."""
    place = Path(path).expanduser()
    if not place.exists():
        raise InputError(f"{place} does not exist; name a .csv, .jsonl or .json log, or TensorBoard event files")
    require_file(place)
    readers = {".csv": _csv, ".tsv": _csv, ".jsonl": _lines, ".ndjson": _lines, ".json": _document}
    events = place.is_dir() or EVENTS in place.name
    if not events and place.suffix.lower() not in readers:
        raise InputError(f"{place} is no log that can be read; it is one of {', '.join(readers)} or TensorBoard events")
    try:
        return _events(place) if events else _curves(readers[place.suffix.lower()](place), place)
    except GeometryError:
        raise
    except Exception as error:  # a damaged file can raise anything in three libraries
        reason = reason_of(error, 120)
        raise InputError(
            f"{place} cannot be read as a log: {type(error).__name__} {reason}; it is damaged or of another format; "
            "write or copy it again"
        ) from error


def _curves(rows: Iterable[dict[str, float]], place: Path) -> list[Curve]:
    """One curve per name; a row without the axis of the others is left out."""
    kept = list(rows)
    names = list(dict.fromkeys(name for row in kept for name in row))
    axis = next((name for wanted in AXES for name in names if _plain(name) == wanted), "")
    made = []
    for name in names:
        pairs = [
            (row[axis] if axis else i, row[name])
            for i, row in enumerate(kept)
            if name in row and (not axis or axis in row)
        ]
        if _plain(name) not in (*AXES, *CLOCKS) and pairs:
            at, value = np.array(pairs, np.float64).T
            order = np.argsort(at, kind="stable")
            made.append(Curve(name, _plain(axis) or "row", at[order], value[order], str(place)))
    if not made:
        raise InputError(f"{place} holds no curve: no column of numbers beside {axis or 'its rows'}")
    return made


def _plain(name: str) -> str:
    """A column's name as one of AXES has it, whatever logger wrote it: its last part, in lower case, for one thing."""
    last = name.rsplit("/", 1)[-1].lower().strip(" _").replace(" ", "")
    one = last.removesuffix("s")
    return SHORT.get(one, one)


def _csv(place: Path) -> Iterator[dict[str, float]]:
    with place.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline(LONGEST_LINE + 1)
        if len(first) > LONGEST_LINE or max(map(first.count, ",;\t")) > MOST_COLUMNS:
            raise InputError(f"{place}: line 1 has over {LONGEST_LINE} characters or {MOST_COLUMNS} columns: no log")
        while first.startswith("#"):
            first = stream.readline()
        part = max(",;\t", key=first.count)
        names = [name.strip() for name in next(csv.reader([first], delimiter=part), [])]
        if names and len(_numbers(dict(zip(names, names, strict=True)))) == len(set(names)):
            raise InputError(f"{place}: line 1 is numbers alone; name the columns in a first line, as step,loss")
        for row in csv.DictReader(stream, names, delimiter=part):
            texts = {name: text for name, text in row.items() if name is not None and isinstance(text, str)}
            yield _numbers({name: text.replace(",", ".") for name, text in texts.items()} if part == ";" else texts)


def _lines(place: Path) -> Iterator[dict[str, float]]:
    lines = read_document(place, MOST).split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _numbers(_flat(json.loads(line)))
        except (ValueError, AttributeError, RecursionError) as error:
            if number == len(lines):  # without its end
                return
            raise InputError(f"{place}: line {number} is no JSON object ({error})") from error


def _document(place: Path) -> Iterator[dict[str, float]]:
    """A list of rows, the trainer_state.json of transformers, a list of numbers per name, or lines of JSON."""
    text = read_document(place, MOST)
    try:
        found = json.loads(text)
    except ValueError as error:
        if not text.lstrip().startswith("{") or "\n" not in text.strip():
            raise InputError(f"{place} is no JSON ({error}); write or copy it again") from error
        yield from _lines(place)
        return
    try:
        if isinstance(found, dict) and found and "log_history" not in found:
            found = [dict(zip(found, row, strict=True)) for row in zip_longest(*found.values())]
        rows = found["log_history"] if isinstance(found, dict) else found
        yield from [_numbers(_flat(row)) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{place} is no list of rows, no lists by name, and has no log_history ({error})") from error


def _events(place: Path) -> list[Curve]:
    tensorboard = optional("tensorboard.backend.event_processing.event_accumulator", "tensorboard", str(place))
    files = [place] if place.is_file() else sorted(place.rglob(f"*{EVENTS}*"))
    if not files:
        raise InputError(f"{place} holds no TensorBoard event file ({EVENTS}); name the log itself")
    made = []
    for file in files:
        require_file(file)
        reader = tensorboard.EventAccumulator(str(file), size_guidance={"scalars": 0}).Reload()
        for name in reader.Tags()["scalars"]:
            pairs = [(one.step, one.value) for one in reader.Scalars(name) if np.isfinite(one.value)]
            if pairs:
                at, value = np.array(pairs, np.float64).T
                made.append(Curve(name, "step", at, value, str(file)))
    if not made:
        raise InputError(f"{place} holds no scalars")
    return made


def _flat(row: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    """The finite numbers of a row; booleans and text are none."""
    found = {}
    for name, value in row.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            number = float(value)
        except (ValueError, OverflowError):
            continue
        if np.isfinite(number):
            found[name] = number
    return found
