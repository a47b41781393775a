"""What passes between the leader and the other ranks of a task: rows before it, answers or errors after it.

The leader raises the first error by rank, as the class that it was. What ranks do in between stands in `steps`.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import numpy as np

from geometry import errors
from geometry.errors import GeometryError
from geometry.pairs.ring.link import Link
from geometry.pairs.ring.task import COUNTS, Task, deal
from geometry.types import Array, Floats, Ints


@dataclass(frozen=True)
class Share:
    """What a rank holds of a task: its queries, its block of base rows, and all squared radii of a count."""

    queries: Array
    base: Array
    sq_radii: Floats


@dataclass(frozen=True)
class Made:
    """What a rank has found: arrays with a row per query of its own, (n,) sums at the leader, and its error if any."""

    per_query: tuple[Array, ...]
    per_base: Ints
    failed: Exception | None


def hand_out(link: Link, task: Task, queries: Array, base: Array, sq_radii: Floats) -> Share:
    """The leader deals rows to the others and keeps its own; sq_radii (n,) only for a count."""
    of_queries, of_base = deal(task.queries, link.world), deal(task.base, link.world)
    for rank in range(1, link.world):
        link.words.send(task.words, rank)
    for rank in range(1, link.world):
        if not task.same:
            link.rows.send(queries[of_queries[rank]], rank)
        link.rows.send(base[of_base[rank]], rank)
        link.words.send(sq_radii, rank)
    mine = base[of_base[0]]
    return Share(mine if task.same else queries[of_queries[0]], mine, sq_radii)


def take(link: Link, task: Task) -> Share:
    """What the leader deals to this rank."""
    of_queries, of_base = (deal(rows, link.world)[link.rank] for rows in (task.queries, task.base))
    queries = None
    if not task.same:
        queries = link.rows.receive((of_queries.stop - of_queries.start, task.d), task.dtypes[0], 0)
    base = link.rows.receive((of_base.stop - of_base.start, task.d), task.dtypes[1], 0)
    sq_radii = link.words.receive((task.base if task.kind == COUNTS else 0,), np.float64, 0)
    return Share(base if queries is None else queries, base, sq_radii)


def report(link: Link, made: Made) -> None:
    """This rank's answer, or what it failed with, to the leader."""
    told = np.frombuffer(_told(made.failed).encode() if made.failed else b"", np.uint8)
    link.words.send(np.array([len(told)]), 0)
    link.words.send(told, 0)
    for part in () if made.failed else made.per_query:
        link.words.send(part, 0)


def collect(link: Link, task: Task, made: Made) -> tuple[tuple[Array, ...], list[Exception]]:
    """At the leader: the answers of all ranks below one another, and the errors by rank."""
    whole = tuple(np.empty((task.queries, *tail), dtype) for tail, dtype in task.answer)
    failed: list[Exception] = []
    for rank, span in enumerate(deal(task.queries, link.world)):
        own = made.failed or made.per_query
        parts = _answer(link, task, rank, span.stop - span.start) if rank else own
        if isinstance(parts, Exception):
            failed.append(parts)
        elif span.stop > span.start:
            for every, part in zip(whole, parts, strict=True):
                every[span] = part
    return whole, failed


def _answer(link: Link, task: Task, rank: int, rows: int) -> tuple[Array, ...] | Exception:
    told = link.words.receive((int(link.words.receive((1,), np.int64, rank)[0]),), np.uint8, rank)
    if len(told):
        return _error(rank, told.tobytes().decode())
    return tuple(link.words.receive((rows, *tail), dtype, rank) for tail, dtype in task.answer)


def _told(error: Exception) -> str:
    """The class of ours that an error is, and its message; what is none of ours, with where it arose."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch has one of this name too
        return f"OutOfMemoryError\n{error}"
    if isinstance(error, GeometryError):
        ours = next(kind.__name__ for kind in type(error).__mro__ if hasattr(errors, kind.__name__))
        return f"{ours}\n{error}"
    return "\n" + "".join(traceback.format_exception(error))


def _error(rank: int, told: str) -> Exception:
    name, _, message = told.partition("\n")
    kind: type[Exception] = getattr(errors, name) if name else RuntimeError
    return kind(f"rank {rank}: {message}")
