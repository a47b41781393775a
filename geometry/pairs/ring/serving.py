"""What ranks other than the leader do: wait for a task, do it, until they are dismissed with an exit code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial

import numpy as np

from geometry.errors import LostRankError
from geometry.pairs.executor import Executor
from geometry.pairs.ring.link import IDLE, Link
from geometry.pairs.ring.round import report, take
from geometry.pairs.ring.steps import do
from geometry.pairs.ring.task import STOP, WORDS, Task

PARTING = timedelta(seconds=10)
Engines = Callable[[str, int | None], Executor]  # an engine of this process alone, by device and budget


def serve(link: Link, engines: Engines) -> int:
    """Does the leader's tasks with engines of this rank; returns the exit code of the run. Raises LostRankError."""
    made = cache(engines)
    while True:
        task = Task.of(link.words.receive((WORDS,), np.int64, 0, IDLE))
        if task.kind == STOP:
            return _after_the_leader(link, task.k)
        with link.task():
            report(link, do(link, partial(made, *task.engine), task, take(link, task)))


def _after_the_leader(link: Link, code: int) -> int:
    """A code other than 0 is for the leader to end with first: a launcher ends all others then."""
    if code:
        with suppress(LostRankError):  # nothing comes but the end of the connection
            link.words.receive((1,), np.int64, 0, PARTING)
    return code


def dismiss(link: Link, code: int) -> None:
    """The leader ends the ranks with an exit code; where a task was left in its middle they find out by themselves."""
    if link.broken:
        return
    for rank in range(1, link.world):
        with suppress(LostRankError):
            link.words.send(Task(STOP, k=code).words, rank)
