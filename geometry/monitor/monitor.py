"""CollapseMonitor: whether what a layer gives out collapses while its model trains.

A queue holds the newest rows. A reading computes the statistics on them and holds the conditions against it: `0.8x` is
.8 times the baseline, the first reading of a full queue unless another is given, and z is that of the statistic's own
null, or, where it has none, the distance from the baseline over the standard errors of both. Left out: rows of one
queue come from neighbouring steps, between which the model has moved, and intervals do not count that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import hypot
from typing import Any

from geometry.catalog import evaluate
from geometry.errors import UsageError
from geometry.estimates import undefined
from geometry.monitor.queue import Queue
from geometry.pairs import Scan, executor
from geometry.registry import Entry, entry
from geometry.report.reading import HEADLINES
from geometry.types import Estimate
from geometry.verdict.conditions import Condition, parse_all

DEFAULT = ("effective_rank", "participation_ratio", "angle_dimension", "mean_cosine", "scale", "mle")
ROWS = 1024


@dataclass(frozen=True)
class Reading:
    """The statistics at one step, by `name` or `name.variant`, and the conditions that hold."""

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
    "effective_rank<0.5x", one or more; their statistics are computed too. baseline: what x refers to, by name, as
    `compute` names it; without it, the first reading of a full queue. Raises UsageError for names and conditions that
    are none.
    """

    def __init__(
        self,
        statistics: Iterable[str] = DEFAULT,
        *,
        rows: int = ROWS,
        stop: str | Iterable[str] = (),
        baseline: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.conditions = parse_all(stop)
        names = [statistics] if isinstance(statistics, str) else list(statistics)
        self.entries = tuple(_of_one_set(name) for name in dict.fromkeys([*names, *(c.name for c in self.conditions)]))
        self.queue = Queue(rows)
        self.seed = seed
        self.baseline: dict[str, Estimate] = {
            key: Estimate(key, float(value)) for key, value in (baseline or {}).items()
        }

    def update(self, embeddings: Any) -> None:
        """Rows (b, d) of a step; NumPy, torch on any device, or what else counts as points."""
        self.queue.add(embeddings)

    def compute(self) -> dict[str, Estimate]:
        """Every statistic of the rows in the queue; undefined, with a reason, where they are too few."""
        points = self.queue.points()
        if len(points) < 2:
            return {one.name: undefined(one.name, "few-rows", n=len(points)) for one in self.entries}
        scan = Scan(points, executor("cpu"), seed=self.seed)
        found: dict[str, Estimate] = {}
        for one in self.entries:
            made = evaluate(one, scan)
            for estimate in made.values() if isinstance(made, dict) else [made]:
                found[f"{estimate.name}.{estimate.variant}".rstrip(".")] = estimate
        return found

    def merge(self, *others: CollapseMonitor) -> CollapseMonitor:
        """Take in the rows of monitors of other workers, each as if it came after this one's; returns itself."""
        for other in others:
            self.queue.add(other.queue.points())
            self.queue.dropped += other.queue.dropped
        return self

    def reset(self) -> None:
        """Empty the queue; the baseline stays."""
        self.queue.clear()

    def read(self, step: int) -> Reading:
        """Compute and judge; the first reading of a full queue becomes the baseline if there is none."""
        found = self.compute()
        if not self.baseline and self.queue.full:
            self.baseline = dict(found)
        broken = tuple(one for one in self.conditions if self._holds(one, found))
        return Reading(step, found, broken, self.queue.dropped)

    def state_dict(self) -> dict[str, Any]:
        """The baseline, for a checkpoint of the training; the queue fills again by itself."""
        return {"baseline": {key: (one.value, one.stderr) for key, one in self.baseline.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.baseline = {key: Estimate(key, value, stderr=error) for key, (value, error) in state["baseline"].items()}

    def _holds(self, condition: Condition, found: Mapping[str, Estimate]) -> bool:
        now, before = chosen(condition, found), chosen(condition, self.baseline)
        if now is None:
            return False
        reference = None if before is None else before.value
        return bool(condition.holds(now.value, reference=reference, z=_z(now, before)))


def chosen(condition: Condition, found: Mapping[str, Estimate]) -> Estimate | None:
    """What a condition speaks of: the variant it names, else the headline of its statistic, else the first there is."""
    if condition.variant:
        return found.get(f"{condition.name}.{condition.variant}")
    known = {key: one for key, one in found.items() if key.split(".")[0] == condition.name}
    keys = [condition.name, *(f"{condition.name}.{variant}" for variant in HEADLINES.get(condition.name, ()))]
    return next((known[key] for key in keys if key in known), next(iter(known.values()), None))


def _z(now: Estimate, before: Estimate | None) -> float | None:
    if now.z is not None or before is None or now.value is None or before.value is None:
        return now.z
    error = hypot(now.stderr or 0.0, before.stderr or 0.0)
    return (now.value - before.value) / error if error > 0 else None


def _of_one_set(name: str) -> Entry:
    found = entry(name)
    if found.needs_reference or "labels" in found.needs:
        needs = "a reference" if found.needs_reference else "labels"
        raise UsageError(f"{name} needs {needs}; a monitor sees the rows of one layer alone")
    return found
