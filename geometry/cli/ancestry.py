"""Whether a launcher started this process as a rank, or a rank of somebody's training started it.

A child inherits what a launcher told its parent. So a Python program among the ancestors that was started with the same
rank, ranks and meeting point is that rank, and this process, started by it, is one of its own. Shells and the like on
the way from a launcher to a rank hand on what they were told (`torchrun --no-python script.sh`). Linux alone shows how
other processes were started; elsewhere nobody is found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROCESSES = Path("/proc")


def rank_above(told: tuple[str, ...]) -> int | None:
    """The nearest Python process above this one that began with this one's values of the variables `told`, if any."""
    mine = {name: os.environ.get(name) for name in told}
    for pid in _ancestors(os.getpid()):
        folder = PROCESSES / str(pid)
        try:
            entries = (folder / "environ").read_bytes().decode("utf-8", "replace").split("\0")
            program = (folder / "exe").readlink().name
        except OSError:  # somebody else's process: a service or a container's first one, and so is what is above it
            return None
        found = dict(entry.split("=", 1) for entry in entries if "=" in entry)
        if any(found.get(name) != value for name, value in mine.items()):
            return None
        if program.startswith(("python", "pypy")):
            return pid
    return None


def _ancestors(pid: int) -> Iterator[int]:
    while True:
        try:
            told = (PROCESSES / str(pid) / "stat").read_text("utf-8", "replace")
        except OSError:
            return
        pid = int(told.rsplit(")", 1)[1].split()[1])  # the name before it may hold anything
        if pid == 0:
            return
        yield pid
