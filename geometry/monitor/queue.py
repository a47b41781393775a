"""The last rows that a layer gave out, in a ring of fixed size; what is not finite is left out and counted.

Several threads may add to one queue, as the replicas of DataParallel do.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.pairs import as_points
from geometry.types import Array


class Queue:
    """At most `capacity` rows (n, d), float32, the newest of all that were added; d is that of the first row."""

    def __init__(self, capacity: int) -> None:
        if not isinstance(capacity, int | np.integer) or capacity < 2:
            raise UsageError(f"a queue of {capacity!r} rows has no statistics; give a whole number, at least 2")
        self.capacity = int(capacity)
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """No rows, of no dimension yet."""
        self._ring: Array = np.empty((0, 0), np.float32)
        self.seen = 0  # rows added, those that have left the ring too
        self.dropped = 0  # rows with NaN or infinity

    @property
    def full(self) -> bool:
        return self.seen >= self.capacity

    def add(self, rows: Any) -> None:
        """Rows (b, d) of any array library; InputError where d is another than before."""
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and left out
            given = np.asarray(as_points(rows), np.float32)
        finite = np.isfinite(given).all(axis=1)
        with self._lock:
            self.dropped += int((~finite).sum())
            self._put(given[finite])

    def take_in(self, *others: Queue) -> None:
        """The rows of other queues, as if all had come here in turn: the newest of each stay, evenly."""
        parts = [part for part in (one.points() for one in (self, *others)) if len(part)]
        wide = sorted({part.shape[1] for part in parts})
        if len(wide) > 1:
            raise InputError(f"rows of {' and '.join(map(str, wide))} dimensions; merge monitors of one layer")
        with self._lock:
            self.dropped += sum(one.dropped for one in others)
            if not parts:
                return
            ages = np.concatenate([np.arange(len(part))[::-1] for part in parts])
            kept = np.argsort(-ages, kind="stable")[-self.capacity :]
            self.seen += sum(len(part) for part in parts) - min(self.seen, self.capacity) - len(kept)
            self._put(np.concatenate(parts)[kept])

    def points(self) -> Array:
        """(n, d) the rows that are there, oldest first."""
        with self._lock:
            n = min(self.seen, self.capacity)
            return self._ring[(self.seen - n + np.arange(n)) % self.capacity] if n else np.empty((0, 0), np.float32)

    def _put(self, rows: Array) -> None:
        if len(rows) == 0:
            return
        if not len(self._ring):
            self._ring = np.empty((self.capacity, rows.shape[1]), np.float32)
        if rows.shape[1] != self._ring.shape[1]:
            raise InputError(f"rows of {rows.shape[1]} dimensions after rows of {self._ring.shape[1]}; watch one layer")
        last = rows[-self.capacity :]
        first = self.seen + len(rows) - len(last)
        self._ring[(first + np.arange(len(last))) % self.capacity] = last
        self.seen += len(rows)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = Lock()
