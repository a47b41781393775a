"""The last rows that a layer gave out, in a ring of fixed size; what is not finite is left out and counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.pairs import as_points
from geometry.types import Array


class Queue:
    """At most `capacity` rows (n, d), float32, the newest of all that were added; d is that of the first row."""

    def __init__(self, capacity: int) -> None:
        if capacity < 2:
            raise UsageError(f"a queue of {capacity} rows has no statistics; at least 2 are needed")
        self.capacity = capacity
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
        self.dropped += int((~finite).sum())
        given = given[finite]
        if len(given) == 0:
            return
        if not self.seen:
            self._ring = np.empty((self.capacity, given.shape[1]), np.float32)
        if given.shape[1] != self._ring.shape[1]:
            raise InputError(
                f"rows of {given.shape[1]} dimensions after rows of {self._ring.shape[1]}; watch one layer"
            )
        last = given[-self.capacity :]
        first = self.seen + len(given) - len(last)
        self._ring[(first + np.arange(len(last))) % self.capacity] = last
        self.seen += len(given)

    def points(self) -> Array:
        """(n, d) the rows that are there, oldest first."""
        n = min(self.seen, self.capacity)
        return self._ring[(self.seen - n + np.arange(n)) % self.capacity] if n else np.empty((0, 0), np.float32)
