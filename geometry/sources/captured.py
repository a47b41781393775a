"""Folders that `geometry capture` wrote: a `capture.json` that names the layers in order, and one .npy file of each.

The card holds `layers`, a list with `name`, `file`, `shape`, and `generation` where the checkpoint had one. A folder
whose subfolders are such folders stands for all of them; where cards have no generation they are counted in natural
order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from geometry.errors import InputError, UnsafeFileError
from geometry.schema.documents import read_document
from geometry.sources.natural import natural

CARD = "capture.json"


def is_captured(folder: Path) -> bool:
    """Whether the folder holds the layers of one capture."""
    return (folder / CARD).is_file()


def layers_of(path: Path) -> list[tuple[Path, int | None, str]]:
    """(file, generation, layer) of every layer in order, of the folder or of its subfolders; empty for other paths."""
    if not path.is_dir():
        return []
    if is_captured(path):
        return _layers(path)
    folders = sorted(
        (sub for sub in path.iterdir() if sub.is_dir() and is_captured(sub)), key=lambda s: natural(s.name)
    )
    return [layer for folder in folders for layer in _layers(folder)]


def read_card(folder: Path) -> dict[str, Any]:
    """What was captured, how; InputError where the card is not what `geometry capture` writes."""
    path = folder / CARD
    try:
        card = json.loads(read_document(path))
        told = [(one["name"], Path(one["file"])) for one in card["layers"]]
        if not isinstance(card.get("generation"), int | None) or not all(isinstance(name, str) for name, _ in told):
            raise TypeError("a generation or the name of a layer has another type")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no card of a capture ({error}); capture the layers again") from error
    found: dict[str, Any] = card
    return found


def _layers(folder: Path) -> list[tuple[Path, int | None, str]]:
    card = read_card(folder)
    found = []
    for one in card["layers"]:
        if Path(one["file"]).name != one["file"]:
            raise UnsafeFileError(f"{folder / CARD} points to '{one['file']}', outside its own folder; do not trust it")
        if not (folder / one["file"]).is_file():
            raise InputError(f"{folder} lacks {one['file']}, the layer '{one['name']}' of its card; capture it again")
        found.append((folder / one["file"], card.get("generation"), str(one["name"])))
    return found
