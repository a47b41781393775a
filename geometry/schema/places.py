"""The folder of a run: that it may be written, that nothing is overwritten unasked, and that no other run is in it.

A run holds a lock on DIR/.lock while it works (flock, which the system lets go of when a process dies in any way); the
file tells whose it is. A folder that holds the ledger of a stopped run, or nothing, is free to take.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import gmtime, strftime

from geometry.errors import InputError, UsageError

LOCK, LEDGER, TRIAL = ".lock", ".ledger", ".writable"


def require_free(folder: Path, overwrite: bool) -> None:
    """UsageError where results would be overwritten unasked, InputError where a file stands in place of the folder."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder with -o")
    if folder.is_dir() and not overwrite and holds_other_files(folder):
        raise UsageError(f"{folder} is not empty; choose another folder with -o, or allow overwriting with --force")


def require_place(folder: Path, overwrite: bool) -> None:
    """As `require_free`; then the folder is made, and InputError says where nothing can be written."""
    require_free(folder, overwrite)
    make_folder(folder)
    try:
        (folder / TRIAL).touch()
        (folder / TRIAL).unlink()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from error


def holds_other_files(folder: Path) -> bool:
    """Whether there is anything but what a stopped run leaves: a ledger with what it was about to write, and a lock."""
    return not (folder / LEDGER).is_dir() and any(path.name not in (LOCK, TRIAL) for path in folder.iterdir())


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """A lock on the folder; UsageError with whose it is, InputError where none can be written."""
    path = folder / LOCK
    try:
        lock = _take(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); free space, or choose another folder with -o"
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def _take(path: Path) -> int:
    """A descriptor that holds the lock; tried again where the file was unlinked between opening and locking it."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            content = os.read(lock, 4096)
            if isinstance(error, BlockingIOError) or _alive(content):
                os.close(lock)
                raise UsageError(
                    f"{path.parent}: another run is at work there ({_whose(content)}); wait for it, or choose another "
                    f"folder with -o; if it is gone, delete {path}"
                ) from None
        if path.exists() and os.fstat(lock).st_ino == path.stat().st_ino:
            break
        os.close(lock)
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "since": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())}
    try:
        os.ftruncate(lock, 0)
        os.write(lock, json.dumps(mine).encode())
    except OSError:
        path.unlink(missing_ok=True)
        os.close(lock)
        raise
    return lock


def _alive(content: bytes) -> bool:
    """Where the file system has no locks: whether the process that wrote the file may still be there."""
    try:
        found = json.loads(content)
        if found["host"] != socket.gethostname():
            return True
        os.kill(found["pid"], 0)
    except (ValueError, KeyError, TypeError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _whose(content: bytes) -> str:
    try:
        found = json.loads(content)
        return f"process {found['pid']} on {found['host']} since {found['since']}"
    except (ValueError, KeyError, TypeError):  # it has locked the file and not written into it yet
        return "started just now"


def make_folder(folder: Path) -> None:
    """The folder with those above it; InputError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder with -o") from error
