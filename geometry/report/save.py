"""Figures on disk, byte-equal from run to run: no date, no version, ids from a fixed salt. Their data beside them."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.errors import UsageError
from geometry.report import style
from geometry.schema import cell, write_text, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
SILENT: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
}


def require_formats(formats: Sequence[str]) -> None:
    """UsageError for a format that figures cannot be written in."""
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"format '{name}' is unknown; choose from {', '.join(FORMATS)}")


def encode(figure: Figure, kind: str, resolution: int | str = "figure") -> bytes:
    """The figure as the bytes of a PNG, SVG or PDF file; resolution: pixels to the inch, by default the figure's."""
    out = io.BytesIO()
    with style.sheet(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a label in a script that the font lacks is drawn as boxes
        figure.savefig(out, format=kind, metadata=SILENT[kind], dpi=resolution)
    return out.getvalue()


def write_bytes(path: Path, content: bytes) -> Path:
    """`content` whole or not at all."""
    write_whole(path, lambda file: file.write(content))
    return path


def write_data(path: Path, header: list[str], rows: list[list[Any]]) -> Path:
    """The rows behind a figure as CSV; nothing is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell(name) for name in header])
    writer.writerows([[cell(value) for value in row] for row in rows])
    write_text(path, out.getvalue())
    return path
