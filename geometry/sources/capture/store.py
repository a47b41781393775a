"""Captured layers on disk: a folder put in place by one rename, each layer a .npy file that grows by blocks of rows.

capture.json (what was captured, how, made by what), LAYER.npy (n, d) float32, and labels.npy and ids.npy of the items;
with one row per token or place LAYER_labels.npy and LAYER_ids.npy (`item.place`) instead. Nothing is left behind where
it fails; what a killed capture left behind, the next one of the same folder removes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.schema import dumps, write_array, write_text
from geometry.sources.captured import CARD
from geometry.types import Array

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


def write_sides(folder: Path, stem: str, labels: Array | None, ids: Array) -> None:
    """labels and ids of the rows; stem: empty for those of all layers."""
    head = f"{stem}_" if stem else ""
    write_array(folder / f"{head}ids.npy", ids)
    if labels is not None:
        write_array(folder / f"{head}labels.npy", labels)
