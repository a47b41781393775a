"""What an earlier run left in a folder that another one writes into: what its document names goes, all else stays.

A document is run.json, or the card of a part of a run. It names the arrays; figures, tables and fingerprints follow
from it. Files that it does not lead to are not ours to take away.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from geometry.errors import GeometryError
from geometry.schema.documents import read_document
from geometry.schema.files import array_file, fingerprint_file

RUN, CARD = "run.json", "shard.json"
RESULTS = ("results.jsonl", "results.csv")


def clear_earlier(folder: Path, run: dict[str, Any], document: str = RUN) -> None:
    """Takes away the files of earlier runs in `folder`, but not data that the new one, with `document`, writes anew.

    Pictures and tables are drawn from data again. Folders that this leaves empty go too.
    """
    kept = {document, *_data_of(run)}
    gone = [
        folder / name
        for earlier in (RUN, CARD)
        if (told := _told(folder / earlier)) is not None
        for name in (*_data_of(told), *_drawn_of(told), earlier)
        if name not in kept
    ]
    for path in gone:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    for place in {path.parent for path in gone} - {folder}:
        with suppress(OSError):
            place.rmdir()


def _told(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(read_document(path))
    except (GeometryError, OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _data_of(run: dict[str, Any]) -> set[str]:
    """The results, arrays and fingerprints that a document leads to; of a damaged one what can be told."""
    arrays, inputs = run.get("arrays"), _sets(run)
    names = {array_file(name) for name in arrays if _plain(name)} if isinstance(arrays, dict) else set()
    for one in inputs:
        layer, called = (one.get(key) if isinstance(one, dict) else None for key in ("layer", "name"))
        if isinstance(layer, str) and isinstance(called, str):
            names.add(fingerprint_file(layer, called))
    return names | set(RESULTS)


def _drawn_of(run: dict[str, Any]) -> list[str]:
    """The pictures and tables that may have been drawn from it."""
    from geometry import report

    return report.file_names(len(_sets(run)))


def _sets(run: dict[str, Any]) -> list[Any]:
    """What it says of the sets; the card of a part says so within."""
    within = run.get("run")
    inputs = (within if isinstance(within, dict) else run).get("inputs")
    return inputs if isinstance(inputs, list) else []


def _plain(name: str) -> bool:
    """Whether the name of an array leads to no other folder than that of arrays."""
    return "/" not in name and "\0" not in name and name not in ("", ".", "..")
