"""The parts of a run joined: rows in the order of an undivided run, byte for byte, and its document, arrays, pictures.

Rows stand by position, then in the order in which the run names its statistics; a statistic of a set comes whole from
one part. Nothing is computed, and no input is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from geometry.analysis.earlier import CARD
from geometry.analysis.identity import difference
from geometry.errors import InputError, UsageError
from geometry.schema import array_index
from geometry.schema.documents import MOST, read_document
from geometry.schema.files import MOST_ROWS, fingerprint_file, inside, readable
from geometry.schema.shape import require_shape
from geometry.trend import half_lives
from geometry.types import Record

SHOWN = 8  # missing parts named


def merge(folders: Sequence[Path]) -> Record:
    """The record of the whole run. UsageError where parts are missing, double or of different runs; InputError where
    one cannot be read."""
    cards = {folder: _card(folder) for folder in folders}
    for folder, card in cards.items():
        with readable(folder):
            _require_card(card)
    _require_whole(cards)
    with readable(folders[-1]):
        return _joined(cards)


def fingerprints(folders: Sequence[Path], record: Record) -> dict[str, bytes]:
    """The fingerprints of the sets of a run, by their place in its folder; InputError where no part has one."""
    found = {}
    for one in record.run["inputs"]:
        name = fingerprint_file(one["layer"], one["name"])
        there = [folder / name for folder in folders if (folder / name).is_file()]
        if not there:
            raise InputError(f"{name}: in none of the parts; run the last of them again")
        found[name] = _bytes(there[0])
    return found


def _joined(cards: dict[Path, dict[str, Any]]) -> Record:
    order = [name for name, _ in sorted(cards.items(), key=lambda one: one[1]["index"])]
    last = cards[order[-1]]
    names = last["identity"]["arguments"]["statistics"]
    rows = [row for folder in order for row in _rows(folder, cards[folder]["rows"])]
    require_shape(last["run"], rows)
    rows.sort(key=lambda row: (row["position"], names.index(row["name"])))
    arrays = {}
    for folder in (order[-1], *order[:-1]):
        for name, entry in cards[folder]["arrays"].items():
            if name not in arrays:
                arrays[name] = _array(folder, entry["file"])
    peak = max(card["peak_memory_bytes"] for card in cards.values())
    told = {"shards": len(order), "arrays": array_index(arrays), "peak_memory_bytes": peak}
    told |= {"half_lives": half_lives(rows)}
    return Record(last["run"] | told, rows, arrays)


def _card(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(read_document(folder / CARD))
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no finished part of a run lies there; run `geometry analyze --shard` to its end"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{folder / CARD}: cannot be read ({error}); run this part again") from error
    return found


def _require_card(card: dict[str, Any]) -> None:
    """TypeError or KeyError where the card of a part lacks what joining needs, or has it in another type."""
    numbers, objects = ("index", "of", "rows", "peak_memory_bytes"), ("identity", "arrays", "run")
    for name, kind in (dict.fromkeys(numbers, int) | dict.fromkeys(objects, dict)).items():
        if not isinstance(card[name], kind):
            raise TypeError(f"'{name}' is no {kind.__name__}")


def _require_whole(cards: dict[Path, dict[str, Any]]) -> None:
    """UsageError unless the cards are every part of one run, each once."""
    (first, card), *others = cards.items()
    for folder, other in others:
        if told := difference(card["identity"], other["identity"]):
            raise UsageError(f"{first} and {folder} are parts of different runs: {told}; merge the parts of one")
        if other["of"] != card["of"]:
            raise UsageError(
                f"{first} is one of {card['of']} parts, {folder} one of {other['of']}; merge parts of one cut"
            )
    have = [one["index"] for one in cards.values()]
    missing = [*islice((index for index in range(1, card["of"] + 1) if index not in have), SHOWN + 1)]
    if missing:
        parts = ", ".join(f"{index}/{card['of']}" for index in missing[:SHOWN]) + ", ..." * (len(missing) > SHOWN)
        raise UsageError(
            f"{first}: parts are missing: {parts}; run `geometry analyze --shard` for them and name their folders"
        )
    twice = sorted({index for index in have if have.count(index) > 1})
    if twice or len(have) != card["of"]:
        part = f"part {twice[0]}/{card['of']} is there twice" if twice else f"there are more than {card['of']} parts"
        raise UsageError(f"{first}: {part}; name each part once")


def _rows(folder: Path, expected: int) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in read_document(folder / "results.jsonl", MOST_ROWS).splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{folder / 'results.jsonl'}: cannot be read ({error}); run this part again") from error
    if len(rows) != expected:
        raise InputError(f"{folder / 'results.jsonl'}: {len(rows)} rows, not {expected}; run this part again")
    return rows


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST:
            raise InputError(f"{path}: larger than any fingerprint; run this part again")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); run this part again") from error


def _array(folder: Path, file: str) -> Any:
    try:
        return np.load(inside(folder, file), allow_pickle=False)
    except (OSError, ValueError, TypeError, MemoryError) as error:
        raise InputError(f"{folder / file}: cannot be read ({error}); run this part again") from error
