"""What a rank does of a task: its own rows meet the base blocks of the others, which go round from rank to rank.

A rank whose engine fails passes on to the end what the others wait for; its error is then its answer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geometry.pairs.executor import Executor
from geometry.pairs.merging import joined_to
from geometry.pairs.ring.link import Link
from geometry.pairs.ring.mutual import mutual
from geometry.pairs.ring.round import Made, Share
from geometry.pairs.ring.task import COUNTS, Task, deal
from geometry.types import Array

Engine = Callable[[], Executor]  # made when it is needed, so that what stands in its way is an error of the task


def do(link: Link, engine: Engine, task: Task, share: Share) -> Made:
    """This rank's part of a task; every rank calls it."""
    if task.kind == COUNTS:
        return counted(link, engine, task, share)
    return (mutual if task.same else nearest)(link, engine, task, share)


def nearest(link: Link, engine: Engine, task: Task, share: Share) -> Made:
    """(m, k) squared distances and indices of this rank's queries in another set, and (m,) whether certified."""
    m, spans = len(share.queries), deal(task.base, link.world)
    best = np.empty((m, 0)), np.empty((m, 0), np.int64)
    certified = np.ones(m, np.bool_)

    def meet(number: int, block: Array) -> None:
        nonlocal best
        if m == 0 or len(block) == 0:
            return
        table = engine().neighbors(share.queries, block, min(task.k, len(block)), exclude_self=False)
        best = joined_to(best, (table.sq_dist, table.index + spans[number].start), task.k)
        np.logical_and(certified, table.certified, out=certified)

    failed = _go_round(link, share.base, spans, meet)
    return Made((*best, certified), np.empty(0, np.int64), failed)


def counted(link: Link, engine: Engine, task: Task, share: Share) -> Made:
    """(m,) balls that hold each of this rank's queries, and (n,) queries of all ranks in each ball."""
    spans = deal(task.base, link.world)
    per_query, per_base = np.zeros(len(share.queries), np.int64), np.zeros(task.base, np.int64)

    def meet(number: int, block: Array) -> None:
        span = spans[number]
        if len(share.queries) and len(block):
            found = engine().radius_counts(share.queries, block, share.sq_radii[span])
            per_query[:] += found.per_query
            per_base[span] += found.per_base

    failed = _go_round(link, share.base, spans, meet)
    return Made((per_query,), link.added_up(per_base), failed)


def _go_round(link: Link, block: Array, spans: list[slice], meet: Callable[[int, Array], None]) -> Exception | None:
    """meet(rank that owns it, block) for every block, the next one on its way meanwhile; the first error of these."""
    failed: Exception | None = None
    for step in range(link.world):
        number = (link.rank - step) % link.world
        coming = None if step + 1 == link.world else link.passed_on(block, spans[(number - 1) % link.world])
        if failed is None:
            try:
                meet(number, block)
            except Exception as error:
                failed = error
        block = block if coming is None else coming.arrived()
    return failed
