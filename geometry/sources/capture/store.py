"""Captured layers on disk: a folder put in place by one rename, each layer a .npy file that grows by blocks of rows.

capture.json (what was captured, how, made by what), LAYER.npy (n, d) float32, and labels.npy and ids.npy of the items;
with one row per token or place LAYER_labels.npy and LAYER_ids.npy (`item.place`) instead. Nothing is left behind where
it fails; what a killed capture left behind, the next one of the same folder removes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.schema import dumps, write_array, write_text
from geometry.sources.captured import CARD
from geometry.types import Array, Ints

if TYPE_CHECKING:
    from geometry.sources.capture.data import Batch

IDS = 4096  # items whose rows are named at a time
HEADER = 128  # bytes that the head of a growing file takes; its shape is filled in at the end


class GrowingFile:
    """A .npy file of float32 rows whose number is known when it is closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.columns: int | None = None
        self.file: IO[bytes] = path.open("wb")
        self.file.write(b"\0" * HEADER)

    def append(self, rows: Array) -> None:
        """Further rows (m, d), d the same each time."""
        if self.columns not in (None, rows.shape[1]):
            raise InputError(
                f"{self.path.stem} gave out {self.columns} features and then {rows.shape[1]}; pool its output, or make "
                "all items one shape"
            )
        self.columns = int(rows.shape[1])
        self.rows += len(rows)
        self.file.write(np.ascontiguousarray(rows, "<f4").data)

    def close(self) -> None:
        """The head in its place, and the file on the disk."""
        described = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({self.rows}, {self.columns or 0}), }}"
        head = b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little")
        self.file.seek(0)
        self.file.write(head + described.ljust(HEADER - 11).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


def file_name(layer: str) -> str:
    """The name of a layer's file: the layer's own, with what no file name may hold escaped."""
    return "output.npy" if layer == "." else f"{quote(layer, safe='')}.npy"


@contextmanager
def whole_folder(out: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place when the block ends well, and is removed when it does not.

    UsageError where `out` holds something and `force` is off.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise UsageError(f"{out} is not empty; choose another folder, or allow overwriting with --force (force=True)")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.parent / f".{out.name}.{os.getpid()}.part"
    for left in out.parent.glob(f".{escape(out.name)}.*.part"):
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        if out.is_dir():
            shutil.rmtree(out)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """capture.json."""
    write_text(folder / CARD, dumps(card, indent=1) + "\n")


class Files:
    """The growing files of all layers, and who their rows belong to."""

    def __init__(self, folder: Path, order: Sequence[str], pool: str) -> None:
        self.folder, self.apart = folder, pool == "none"
        self.files = {name: GrowingFile(folder / file_name(name)) for name in order}
        self.items = 0
        self.labels: list[Array] = []
        self.places: dict[str, list[Ints]] = {name: [] for name in order}  # rows of each item, batch by batch

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self.files.values():
            file.file.close()

    def owner(self, name: str) -> Ints:
        """(rows,) the item that each row of a layer belongs to."""
        each = np.arange(self.items)
        return np.repeat(each, np.concatenate(self.places[name])) if self.apart else each

    def append(self, name: str, rows: Array, owner: Array, batch: Batch) -> None:
        """Rows of one layer and the item of the batch that each belongs to, in order."""
        if not np.isfinite(rows).all():
            raise InputError(f"layer '{name}' gives out NaN or infinity; take an earlier checkpoint, or other inputs")
        self.files[name].append(rows)
        if self.apart:
            self.places[name].append(np.bincount(owner, minlength=batch.size))

    def next(self, batch: Batch) -> None:
        """The batch is done with."""
        self.items += batch.size
        if batch.labels is not None:
            self.labels.append(np.asarray(batch.labels))

    def shape(self, name: str) -> list[int]:
        return [self.files[name].rows, self.files[name].columns or 0]

    def close(self) -> None:
        """Heads, labels and ids in their place."""
        labels = np.concatenate(self.labels) if self.labels else None
        if labels is not None and len(labels) != self.items:
            raise InputError(f"{len(labels)} labels came with {self.items} items; label every batch, or none")
        for name, file in self.files.items():
            file.close()
            if self.apart:
                stem, places = Path(file_name(name)).stem, np.concatenate(self.places[name])
                _write_place_ids(self.folder / f"{stem}_ids.npy", places)
                if labels is not None:
                    write_array(self.folder / f"{stem}_labels.npy", np.repeat(labels, places))
            elif file.rows != self.items:
                raise InputError(f"layer '{name}' gave {file.rows} rows for {self.items} items; take pool='none'")
        if not self.apart:
            write_array(self.folder / "ids.npy", np.arange(self.items))
            if labels is not None:
                write_array(self.folder / "labels.npy", labels)


def _write_place_ids(
    path: Path,
    places: Ints,  # (items,) rows of each
) -> None:
    """`item.place` of every row, item after item, some at a time: as text they take more than many rows do."""
    width, rows = len(f"{len(places) - 1}.{int(places.max(initial=1)) - 1}"), int(places.sum())
    if rows == 0:
        write_array(path, np.empty(0, "<U1"))
        return
    ids, start = np.lib.format.open_memmap(path, "w+", np.dtype((np.str_, width)), (rows,)), 0
    for first in range(0, len(places), IDS):
        part = places[first : first + IDS].tolist()
        made = [f"{first + item}.{place}" for item, count in enumerate(part) for place in range(count)]
        ids[start : start + len(made)] = made
        start += len(made)
    ids.flush()
