"""Zip archives from strangers: what a member would unpack to is looked at before it is unpacked.

Numbers that mean something compress a few fold, deflate reaches a thousand: a member that is large and shrank
RATIO-fold is a bomb, or rows that are all alike, which .npy holds as well.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

from geometry.errors import UnsafeFileError

LARGE = 32 << 20  # bytes
RATIO = 200


def refuse_bombs(path: Path | IO[bytes], where: str = "") -> None:
    """UnsafeFileError if a member of the archive unpacks to more than LARGE bytes and RATIO times what it takes.

    where: what the error names, if it is not the path.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > LARGE and member.file_size > RATIO * max(member.compress_size, 1):
                raise UnsafeFileError(
                    f"{where or path}: member '{member.filename}' of {member.compress_size} bytes would unpack to "
                    f"{member.file_size}; do not trust this file, or save such rows as .npy"
                )
