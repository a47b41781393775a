"""How a command ends: its exit code, what it says when it is stopped, and the folder it leaves.

0 ok, 1 gate failed or dirty, 2 usage, 3 unreadable or unsafe input, 4 out of memory, 5 partial result (a statistic
failed; the others are whole), 130 interrupted, by hand or because a process of a run by several is gone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from geometry.errors import GeometryError, InputError, LostRankError, OutOfMemoryError, UnsafeFileError

OK, FAILED, USAGE, INPUT, MEMORY, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
ALLOCATORS = ("DefaultCPUAllocator", "CUDA out of memory")  # how torch says that there is no memory


def finished(results: Sequence[dict[str, Any]]) -> int:
    """The exit code of a run by its rows; names on stderr the statistics that failed."""
    failed = list(dict.fromkeys(row["name"] for row in results if row["status"] == "failed"))
    if not failed:
        return OK
    print(
        f"geometry: partial result: {', '.join(failed)} failed (see the reason in their rows); all else is whole",
        file=sys.stderr,
    )
    return PARTIAL


def code_of(error: BaseException) -> int:
    """The exit code of a command that an error ends."""
    if isinstance(error, KeyboardInterrupt | LostRankError):
        return INTERRUPTED
    if isinstance(error, InputError | UnsafeFileError):
        return INPUT
    if isinstance(error, OutOfMemoryError) or no_memory(error):
        return MEMORY
    return USAGE if isinstance(error, GeometryError) else FAILED


def said_of(error: BaseException, args: argparse.Namespace | None) -> str | None:
    """What to tell a user of an error that ends a command; None of one that is a defect of ours."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted; {stopped(args)}"
    if isinstance(error, LostRankError):
        return f"{error}; {stopped(args)}"
    if isinstance(error, GeometryError):
        return str(error)
    if no_memory(error):
        return f"out of memory ({error}); look at fewer rows with --sample, or lower --memory-budget"
    return None


def stopped(args: argparse.Namespace | None) -> str:
    """After Ctrl-C or a loss: where the finished part lies, if the command can go on from it."""
    folder: Path | None = getattr(args, "output", None)
    if folder is None or not getattr(args, "resumes", False) or not (folder.is_dir() and any(folder.iterdir())):
        return "nothing is kept, the same command starts again"
    return f"what is finished is kept in {folder}, and the same command goes on there"


def no_memory(error: BaseException) -> bool:
    """Whether an error of any library means that memory has run out."""
    return isinstance(error, MemoryError) or any(word in str(error) for word in ALLOCATORS)


@contextmanager
def tidy(args: argparse.Namespace) -> Iterator[None]:
    """Takes away the folders of -o that were made and are still empty when a command fails."""
    folder: Path | None = getattr(args, "output", None)
    absent = [path for path in (folder, *folder.parents) if not path.exists()] if folder is not None else []
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in absent:
                path.rmdir()
        raise
