"""CollapseMonitor: whether what a layer gives out collapses while its model trains.

A queue holds the newest rows. A reading computes the statistics on them and holds the conditions against it, once the
queue is full (`geometry.monitor.stopping`). The baseline is the first value of a full queue, for every statistic that
none is given for. Left out: rows of one queue come from neighbouring steps, between which the model has moved, and
intervals do not count that.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from geometry.errors import UsageError
from geometry.estimates import undefined
from geometry.monitor.queue import Queue
from geometry.monitor.stopping import baseline_of, estimates, holds, require_conditions
from geometry.registry import Entry, entry
from geometry.types import Estimate
from geometry.verdict.conditions import Condition, parse_all

DEFAULT = ("effective_rank", "participation_ratio", "angle_dimension", "mean_cosine", "scale", "mle")
ROWS = 1024
EMPTY = (
    "the monitor has seen no row yet: the layer has not run, or in evaluation mode (training_only=False counts that "
    "too), or was compiled before it was watched"
)


@dataclass(frozen=True)
class Reading:
    """The statistics at one step, by `name` or `name.variant`, and the conditions that hold and stop the training."""

    step: int
    estimates: Mapping[str, Estimate]
    broken: tuple[Condition, ...]
    dropped: int = 0

    @property
    def stop(self) -> bool:
        return bool(self.broken)

    @property
    def scalars(self) -> dict[str, float]:
        """What a logger takes: every value there is, and how many rows so far were not finite, if any."""
        values = {key: one.value for key, one in self.estimates.items() if one.value is not None}
        return values | ({"rows_not_finite": float(self.dropped)} if self.dropped else {})


class CollapseMonitor:
    """update, compute, merge, reset, and `read`, which also judges.

    statistics: names of `geometry.statistics()` that look at one set. rows: of the queue. stop: conditions such as
    "effective_rank<0.5x", one or more; their statistics are computed too. patience: in how many readings one after the
    other a condition has to hold before it counts as broken. baseline: what x refers to, by name, as `compute` names
    it; for what it does not name, the first value of a full queue. Raises UsageError for names and conditions that are
    none.
    """

    def __init__(
        self,
        statistics: Iterable[str] = DEFAULT,
        *,
        rows: int = ROWS,
        stop: str | Iterable[str] = (),
        patience: int = 1,
        baseline: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        if patience < 1:
            raise UsageError(f"patience = {patience}; a condition holds in 1 reading or more")
        self.conditions = parse_all(stop)
        names = [statistics] if isinstance(statistics, str) else list(statistics)
        self.entries = tuple(_of_one_set(name) for name in dict.fromkeys([*names, *(c.name for c in self.conditions)]))
        self.queue = Queue(rows)
        require_conditions(self.conditions, self.entries, self.queue.capacity)
        self.seed, self.patience = seed, patience
        self.baseline = baseline_of(baseline or {}, self.entries, self.queue.capacity)
        self._held = dict.fromkeys(self.conditions, 0)  # readings up to the last in which each condition held

    def update(self, embeddings: Any) -> None:
        """Rows (b, d) of a step; NumPy, torch on any device, or what else counts as points."""
        self.queue.add(embeddings)

    def compute(self) -> dict[str, Estimate]:
        """Every statistic of the rows in the queue; undefined, with a reason, where they are too few."""
        points = self.queue.points()
        if len(points) < 2:
            return {one.name: undefined(one.name, "few-rows", n=len(points)) for one in self.entries}
        return estimates(self.entries, points, self.seed)

    def merge(self, *others: CollapseMonitor) -> CollapseMonitor:
        """Take in the rows of monitors of other workers, the newest of all in equal parts; returns itself."""
        self.queue.take_in(*(other.queue for other in others))
        return self

    def reset(self) -> None:
        """Empty the queue; the baseline stays."""
        self.queue.clear()
        self._held = dict.fromkeys(self.conditions, 0)

    def read(self, step: int) -> Reading:
        """Compute and judge; values of a full queue become the baseline of what has none."""
        if not self.queue.seen and not self.queue.dropped:
            warnings.warn(EMPTY, stacklevel=2)
        found = self.compute()
        if self.queue.full:
            taken = {key: one for key, one in found.items() if one.value is not None}
            self.baseline = taken | self.baseline
            self._held = {
                one: count + 1 if holds(one, found, self.baseline) else 0 for one, count in self._held.items()
            }
        broken = tuple(one for one, count in self._held.items() if count >= self.patience)
        return Reading(step, found, broken, self.queue.dropped)

    def state_dict(self) -> dict[str, Any]:
        """The baseline, for a checkpoint of the training; the queue fills again by itself."""
        return {"baseline": {key: (one.value, one.stderr) for key, one in self.baseline.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.baseline = {key: Estimate(key, value, stderr=error) for key, (value, error) in state["baseline"].items()}


def _of_one_set(name: str) -> Entry:
    found = entry(name)
    if found.needs_reference or "labels" in found.needs:
        needs = "a reference" if found.needs_reference else "labels"
        raise UsageError(f"{name} needs {needs}; a monitor sees the rows of one layer alone")
    return found
