"""What a run may hold in memory, how that is shared out, and which sets stay in their files.

--memory-budget (memory_budget) is the memory of the whole process. In it are the process itself with all libraries it
comes to use (PROCESS, as measured), PASSES where files are gone through, the rows in memory, and of each set its
neighbour table (TABLE bytes a row and column); the engines get the rest as scratch, at least LEAST: a budget below what
a run needs is told, and no digit depends on it. Sets whose rows and tables together take more than half of the budget
do not all fit: the smallest that do are kept in memory, all larger ones stay in their files, of which a run looks at
SAMPLED rows (or --sample) and at moments and neighbours among all (`geometry.pairs.streamed`). Sets of no more rows
than that come into memory whole, whatever the budget. Without the option half of the memory that the system has to give
is what sets may take, and the engines take what suits them.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry.pairs.stored import Stored
from geometry.pairs.streamed import SAMPLED
from geometry.types import EmbeddingSet

PROCESS = 512 << 20
PASSES = 128 << 20  # blocks of rows in files under digests, hygiene, fingerprints and moments, in float64
TABLE = 20  # bytes: a squared distance, a row number, a distance
LEAST = 8 << 20
BLOCKS = (1 << 20, 128 << 20)  # bytes of rows looked at together: each block finds its own nearest, so few are quick
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)  # version 2 and 1: how much the process and its siblings may have, and have


@dataclass(frozen=True)
class Size:
    """A set before it is read: rows, bytes of them in memory, and the layer that it is of."""

    rows: int
    bytes: int
    layer: str = ""

    def held(self, width: int) -> int:
        """Bytes with the neighbour table of so many columns."""
        return self.bytes + self.rows * width * TABLE


def available() -> int:
    """Bytes that the system can give: free or easily freed memory, or what is left of a control group's limit."""
    told = [line.split() for line in _read("/proc/meminfo").splitlines() if line.startswith("MemAvailable")]
    free = [int(words[1]) << 10 for words in told]
    for limit, used in CGROUPS:
        most, now = _read(limit).strip(), _read(used).strip()
        if most.isdigit() and now.isdigit():
            free.append(max(int(most) - int(now), 0))
    return min(free, default=8 << 30)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def largest_in_memory(sizes: Sequence[Size], budget: int, width: int, sampled: int = SAMPLED) -> int | None:
    """Bytes of rows up to which a set is held in memory, None where all are.

    The smallest sets first, as many as fit half of the budget with tables of `width` columns; sets of equal size
    together; sets of at most `sampled` rows in any case. Layers are looked at one after another, each with all of it.
    """
    layers = {one.layer for one in sizes}
    each = [_largest([one for one in sizes if one.layer == layer], budget // 2, width) for layer in layers]
    found = [most for most in each if most is not None]
    return max([min(found), *(one.bytes for one in sizes if one.rows <= sampled)]) if found else None


def _largest(sizes: Sequence[Size], room: int, width: int) -> int | None:
    total, most = 0, 0
    for size in sorted({one.bytes for one in sizes}):
        total += sum(one.held(width) for one in sizes if one.bytes == size)
        if total > room:
            return most
        most = size
    return None


def sizes_of(sources: Any, key: str | None, pattern: str | None) -> list[Size]:
    """The sets that paths lead to, as far as headers tell: arrays that may be a set of their own."""
    from geometry.sources import locate
    from geometry.sources.formats import contents
    from geometry.sources.within import given_bytes

    found = []
    for place in locate(sources, key, pattern):
        infos = contents(place.path)
        several = place.key is not None and any(mark in place.key for mark in "*?[{")
        chosen = infos if several else [one for one in infos if one.key == place.key] or infos
        layers = {one.key: one.key if several else place.layer for one in chosen}
        found += [Size(one.shape[0], given_bytes(one), layers[one.key]) for one in chosen if one.role == "embedding"]
    return found


def in_memory(one: EmbeddingSet, sampled: int) -> bool:
    """Whether all rows of a set are looked at in memory."""
    return not isinstance(one.points, Stored) or len(one.points) <= sampled


def held(sets: Sequence[EmbeddingSet], sampled: int, width: int) -> int:
    """Bytes of the rows in memory, of all neighbour tables, and of passes over files where there are any."""
    total = 0 if all(in_memory(one, sampled) for one in sets) else PASSES
    for one in sets:
        n, d = one.points.shape
        rows = n if in_memory(one, sampled) else min(n, sampled)
        total += Size(rows, rows * d * one.points.dtype.itemsize).held(width)
    return total


def scratch(budget: int | None, taken: int) -> int | None:
    """Bytes that engines may use beside `taken`; None where nobody set a budget."""
    return None if budget is None else max(budget - PROCESS - taken, LEAST)


def block_bytes(room: int | None) -> int:
    """Of the rows of a file that are looked at together: a quarter of what engines may use, within BLOCKS."""
    least, most = BLOCKS
    return most if room is None else max(min(most, room // 4), least)


def peak() -> int:
    """Bytes of the largest resident size of this program so far.

    Linux's own count of it, where there is one: ru_maxrss begins with the peak of the process that started it.
    """
    told = [line.split() for line in _read("/proc/self/status").splitlines() if line.startswith("VmHWM")]
    unit = 1 if sys.platform == "darwin" else 1 << 10
    return int(told[0][1]) << 10 if told else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def give_back() -> None:
    """Freed memory to the system, where the C library can be asked: else it keeps what lies between pieces in use."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim is not None:
            trim(0)


def shortage(budget: int | None, taken: int) -> list[str]:
    """What to say where a run needs more than it was given."""
    needed = PROCESS + taken + LEAST
    if budget is None or budget >= needed:
        return []
    return [
        f"the process and its libraries take some {PROCESS >> 20} MiB, the sets and their neighbour tables "
        f"{taken >> 20} MiB: --memory-budget {budget >> 20} MiB is less, and is exceeded"
    ]
