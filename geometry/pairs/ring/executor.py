"""The leader's engine: tasks of many pairs go round the ranks, all else is done by its own engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from geometry.errors import LostRankError
from geometry.pairs.executor import Executor, table_of
from geometry.pairs.plan import DEVICES, resolve_device
from geometry.pairs.ring.link import Link
from geometry.pairs.ring.round import collect, hand_out
from geometry.pairs.ring.steps import do
from geometry.pairs.ring.task import COUNTS, NEIGHBORS, Task, dtype_number
from geometry.types import Array, Floats, Ints, Moments, Neighbors, PairSums, RadiusCounts

LEAST = {"cpu": 10**7, "cuda": 10**10}  # pairs from which ranks lose nothing by it (two over gloo; a guess on a GPU)

_leading: list[Link] = []  # the link that this process leads, while it does


@dataclass(frozen=True)
class RingExecutor:
    """`engine`, and like it one on each other rank of `link`; device and budget are those of `engine`.

    least: pairs from which a task goes round, None for LEAST of the device. Raises what an engine of any rank raises,
    with the rank, and LostRankError.
    """

    engine: Executor
    link: Link
    device: str = "cpu"
    budget: int | None = None
    least: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    @property
    def name(self) -> str:
        return f"{self.engine.name}, {self.link.world} ranks over {self.link.backend}"

    def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Neighbors:
        """The k nearest base rows of every query, as exact as the engines are."""
        if self._few(queries, base) or not 0 < k <= len(base) - exclude_self:
            return self.engine.neighbors(queries, base, k, exclude_self=exclude_self)
        task = self._task(NEIGHBORS, queries, base, k, same=exclude_self)
        found, _ = self._together(task, queries, base, np.empty(0))
        return table_of(*found)

    def radius_counts(self, queries: Array, base: Array, sq_radii: Floats) -> RadiusCounts:
        """Closed balls around base rows, ties inside."""
        if self._few(queries, base):
            return self.engine.radius_counts(queries, base, sq_radii)
        task = self._task(COUNTS, queries, base, 0, same=False)
        (per_query,), per_base = self._together(task, queries, base, np.ascontiguousarray(sq_radii, np.float64))
        return RadiusCounts(per_query, per_base)

    def radii(self, points: Array, k: int) -> Floats:
        """As the leader's engine has them."""
        return self.engine.radii(points, k)

    def pair_sums(self, points: Array, rows: Ints, t: float) -> PairSums:
        """As the leader's engine has them."""
        return self.engine.pair_sums(points, rows, t)

    def moments(self, points: Array) -> Moments:
        """As the leader's engine has them."""
        return self.engine.moments(points)

    def _few(self, queries: Array, base: Array) -> bool:
        return len(queries) * len(base) < (LEAST[self.device] if self.least is None else self.least)

    def _task(self, kind: int, queries: Array, base: Array, k: int, *, same: bool) -> Task:
        shape = len(queries), len(base), base.shape[1]
        dtypes = dtype_number(queries), dtype_number(base)
        return Task(kind, *shape, *dtypes, k, int(same), DEVICES.index(self.device), self.budget or 0)

    def _together(self, task: Task, queries: Array, base: Array, sq_radii: Floats) -> tuple[tuple[Array, ...], Ints]:
        """What all ranks find: per query; and of a count per base row."""
        if self.link.broken:
            raise LostRankError("the ranks are out of step: an earlier task was left in its middle")
        with self.link.task():
            share = hand_out(self.link, task, queries, base, sq_radii)
            made = do(self.link, lambda: self.engine, task, share)
            found, failed = collect(self.link, task, made)
        if failed:
            raise failed[0]
        return found, made.per_base


@contextmanager
def leading(link: Link) -> Iterator[None]:
    """Inside, `geometry.pairs.executor` hands out engines of all ranks."""
    _leading.append(link)
    try:
        yield
    finally:
        _leading.pop()


def around(engine: Executor, device: str, budget: int | None) -> Executor:
    """The engine of all ranks where this process leads some, else `engine`."""
    return RingExecutor(engine, _leading[-1], resolve_device(device), budget) if _leading else engine


def ranks() -> dict[str, Any] | None:
    """What run.json says of the ranks; None for a process of its own."""
    return {"count": _leading[-1].world, "backend": _leading[-1].backend} if _leading else None
