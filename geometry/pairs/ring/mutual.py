"""Neighbours within one set: every pair of rows is looked at by one rank, for both of them.

Rank r of P, the host, meets the blocks of the ranks r - s, its guests, for s = 1 to P // 2, while the next block is on
its way. What it finds for a guest's rows goes back to their rank and is merged there. Before they meet, the guest says
how far its k-th neighbours are by now: only rows that belong into its tables come back. At s = P / 2 two ranks are
guests of one another, and each takes half of the rows of the lower one.

An engine without `between` looks up either block in the other, which finds the same in twice the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geometry.pairs.executor import Executor
from geometry.pairs.merging import NOBODY, joined_to, nobody
from geometry.pairs.ring.link import Link
from geometry.pairs.ring.round import Made, Share
from geometry.pairs.ring.task import Task, deal
from geometry.types import Array, Floats

Found = tuple[Floats, Array, Array]  # squared distance (m, k), row number in the whole set (m, k), certified (m,)
Both = tuple[Found, Found]


@dataclass(frozen=True)
class Meeting:
    """A step of a rank: rows of its own and of its guest's that it looks at; of its own, those that its host does."""

    host: int
    guest: int
    mine: slice
    theirs: slice
    back: slice


def meeting(rank: int, step: int, spans: list[slice]) -> Meeting:
    """What a rank does in a step from 1 on, where `spans` are the rows of all ranks."""
    world = len(spans)
    host, guest = (rank + step) % world, (rank - step) % world
    rows, half = [span.stop - span.start for span in spans], 2 * step == world
    mine, theirs = _met(rank, guest, rows, half=half)
    return Meeting(host, guest, mine, theirs, _met(host, rank, rows, half=half)[1])


def _met(host: int, guest: int, rows: list[int], *, half: bool) -> tuple[slice, slice]:
    """Rows of a host and of its guest that meet there."""
    whole, middle = (slice(0, rows[host]), slice(0, rows[guest])), rows[min(host, guest)] // 2
    if not half:
        return whole
    return (slice(0, middle), whole[1]) if host < guest else (whole[0], slice(middle, rows[guest]))


@dataclass
class _Own:
    """What a rank knows of its own rows so far, and the first error of its engine."""

    rows: Array
    sq_dist: Floats
    index: Array
    certified: Array
    failed: Exception | None = None

    @property
    def reach(self) -> Floats:
        """(m,) squared distance to the k-th neighbour so far, infinite before there are k."""
        return self.sq_dist[:, -1].copy()

    def add(self, part: slice, found: Found) -> None:
        """Tables of a part of the rows, with neighbours that are not known yet."""
        joined_to((self.sq_dist[part], self.index[part]), found[:2], self.sq_dist.shape[1])
        self.certified[part] &= found[2]

    def trying(self, work: Callable[[], Both], otherwise: Both) -> Both:
        """What `work` gives; where it or one before it has failed, `otherwise`."""
        if self.failed is None:
            try:
                return work()
            except Exception as error:
                self.failed = error
        return otherwise


def mutual(link: Link, engine: Callable[[], Executor], task: Task, share: Share) -> Made:
    """(m, k) squared distances and indices of this rank's rows among all, and (m,) whether they are certified."""
    spans, block, last = deal(task.base, link.world), share.base, link.world // 2
    own = _Own(share.base, *_none(len(block), task.k))
    for step in range(last + 1):
        coming = link.passed_on(block, spans[(link.rank - step - 1) % link.world]) if step < last else None
        if step:
            _meet(link, engine, own, block, meeting(link.rank, step, spans), spans)
        else:
            _among_themselves(engine, own, spans[link.rank].start)
        block = block if coming is None else coming.arrived()
    return Made((own.sq_dist, own.index, own.certified), np.empty(0, np.int64), own.failed)


def _none(rows: int, k: int) -> Found:
    return *nobody(rows, k), np.ones(rows, np.bool_)


def _among_themselves(engine: Callable[[], Executor], own: _Own, start: int) -> None:
    """The block of this rank, whose first row has the number `start`."""
    rows, k = own.rows, min(own.index.shape[1], len(own.rows) - 1)
    none = _none(len(rows), 1)

    def work() -> Both:
        table = engine().neighbors(rows, rows, k, exclude_self=True)
        return (table.sq_dist, table.index + start, table.certified), none

    if k > 0:
        own.add(slice(None), own.trying(work, (none, none))[0])


def _meet(
    link: Link, engine: Callable[[], Executor], own: _Own, guests: Array, at: Meeting, spans: list[slice]
) -> None:
    """A host and its guests; what is found for them goes home, and what this rank's own host found comes."""
    k = own.index.shape[1]
    reach = link.words.exchange(own.reach, at.host, (len(guests),), at.guest).arrived()
    mine, theirs, known = own.rows[at.mine], guests[at.theirs], (own.reach[at.mine], reach[at.theirs])
    starts = spans[link.rank].start + at.mine.start, spans[at.guest].start + at.theirs.start
    none = _none(len(mine), k), _none(len(theirs), k)
    here, home = own.trying(
        lambda: _both(engine(), (mine, theirs), k, known, starts) if len(mine) and len(theirs) else none, none
    )
    own.add(at.mine, here)
    shape = at.back.stop - at.back.start, k
    came = [link.words.exchange(part, at.guest, shape[: part.ndim], at.host).arrived() for part in home]
    own.add(at.back, (came[0], came[1], came[2]))


def _both(
    engine: Executor, sets: tuple[Array, Array], k: int, known: tuple[Floats, Floats], starts: tuple[int, int]
) -> Both:
    """Tables (n, k) of the rows of either set among the other's, which are numbered from `starts` on."""
    first, second = sets
    if hasattr(engine, "between"):
        tables = [(*found, np.True_) for found in engine.between(first, second, k, known)]
    else:
        looked = [engine.neighbors(a, b, min(k, len(b)), exclude_self=False) for a, b in (sets, sets[::-1])]
        tables = [(one.sq_dist, one.index, one.certified) for one in looked]
    one, other = (_numbered(table, k, start) for table, start in zip(tables, starts[::-1], strict=True))
    return one, other


def _numbered(table: tuple[Floats, Array, Array], k: int, start: int) -> Found:
    """A table with k columns whose neighbours are numbered from `start` on."""
    found, width = _none(len(table[0]), k), table[1].shape[1]
    found[0][:, :width] = table[0]
    found[1][:, :width] = np.where(table[1] == NOBODY, NOBODY, table[1] + start)
    found[2][:] = table[2]
    return found
