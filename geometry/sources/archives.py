"""Archives and stores from strangers: what they would unpack to is looked at before anything is unpacked.

Numbers that mean something compress a few fold, deflate reaches a thousand: members that are large together and shrank
RATIO-fold are a bomb, or rows that are all alike, which .npy holds as well.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from geometry.errors import UnsafeFileError
from geometry.sources.array_info import ArrayInfo

LARGE = 32 << 20  # bytes
RATIO = 200
MEMBERS = 50_000


def refuse_bombs(path: Path | IO[bytes], where: str = "") -> None:
    """UnsafeFileError if members that unpack RATIO-fold make more than LARGE bytes, or there are MEMBERS of any kind.

    where: what the error names, if it is not the path.
    """
    made = 0
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MEMBERS:
        raise UnsafeFileError(
            f"{where or path}: {len(members)} members, more than {MEMBERS}; join them to fewer arrays"
        )
    for member in members:
        made += member.file_size * (member.file_size > RATIO * max(member.compress_size, 1))
        if made > LARGE:
            raise UnsafeFileError(
                f"{where or path}: member '{member.filename}' of {member.compress_size} bytes would unpack to "
                f"{member.file_size}, with those before it to {made}; do not trust this file, or save such rows as .npy"
            )


def refuse_thin(path: Path, infos: Iterable[ArrayInfo]) -> None:
    """UnsafeFileError if an array makes more than LARGE bytes and RATIO times what the file, or the folder, takes."""
    large = [info for info in infos if info.bytes > LARGE]
    held = _held(path) if large else 0
    for info in large:
        if info.bytes > RATIO * held:
            raise UnsafeFileError(
                f"{path}: array '{info.key}' of shape {info.shape} would make {info.bytes} bytes of the {held} that "
                "are there; do not trust this file, or save rows that are all alike as .npy"
            )


def _held(path: Path) -> int:
    """Bytes of a file, or of all in a folder."""
    if not path.is_dir():
        return path.stat().st_size
    files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)  # noqa: PTH118
    return sum(os.stat(name).st_size for name in files)  # noqa: PTH116 - of 100,000 chunks
