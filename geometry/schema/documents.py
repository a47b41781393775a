"""Text files from anybody: only what is a file is opened, and no more of it is read than such a document takes.

A pipe would be waited on for ever and a device read without end, under any name that a folder gives them.
"""

from __future__ import annotations

from pathlib import Path

from geometry.errors import InputError

MOST = 64 << 20  # bytes of a document that is read as a whole


def require_file(path: Path) -> None:
    """InputError where something is there that is neither a file nor a folder."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(
            f"{path} is a pipe, a socket or a device, not a file; name a file, or copy what it gives into one"
        )


def read_document(path: Path, most: int = MOST) -> str:
    """The text of a UTF-8 file as `Path.read_text`; InputError where it is no file, or larger than `most` bytes."""
    require_file(path)
    if path.is_file() and path.stat().st_size > most:
        raise InputError(f"{path} has {path.stat().st_size} bytes, more than {most}: no such document is as large")
    return path.read_text("utf-8")
