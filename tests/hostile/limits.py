"""What may be spent on a file that is refused: two seconds, 256 MB of memory beyond what was there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS, KIB = 2.0, 256 << 10
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@contextmanager
def within_limits() -> Iterator[None]:
    """AssertionError where the block takes longer, or where its peak of resident memory is higher."""
    CLEAR.write_text("5")  # the peak starts anew
    before, start, began = _kib("VmRSS"), time.process_time(), time.perf_counter()
    yield
    grown = _kib("VmHWM") - before
    seconds = min(time.process_time() - start, time.perf_counter() - began)  # threads that spin, other processes
    assert seconds < SECONDS, f"{seconds:.1f} s"
    assert grown < KIB, f"{grown >> 10} MB"


def _kib(field: str) -> int:
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(field))
