"""What a run would take: rows, pairs and bytes of every set by its plan, and seconds from a short trial.

The sets are read and checked as a run does it; then no statistic of them is computed, nothing written. Seconds are

    reading  as measured, again for every further pass over a set that stays in its files
    pairs    (own pairs, and those with the reference both ways) x seconds a pair, measured on one block of rows
    the rest a trial of the statistics asked for and of the verdict on TRIAL rows of one set and of the reference, times
             the rows looked at over TRIAL, up to the rows that gauges look at

of the widest layer for all layers. Left out: start-up, pictures and the page, approximate search (its pairs are counted
as if they were looked at), and what else the machine is doing. Within a factor of two or so where nothing else runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from geometry.analysis import memory
from geometry.analysis.asked import Options
from geometry.analysis.judge import look
from geometry.analysis.plan import Plan, name, plans
from geometry.analysis.rows import outcomes_of
from geometry.nulls.core import ROWS
from geometry.pairs import Scan
from geometry.pairs.approximate import ApproximateExecutor

TRIAL = 400  # rows: gauges and verdict need 100, and less than a second goes by
WARM = 110  # rows of the trial before, in which modules are loaded and kernels compiled
QUERIES, BASE = 1024, 8192  # rows of the block of pairs
PASSES = 3  # over a set in its files, after the one that checks it: two for its moments, one for neighbours
PASSES_BETWEEN = 3  # beside a reference: for its nearest, for balls and for modes
BASIS = "measured now: two sets of {rows} rows, and a block of pairs"


@dataclass(frozen=True)
class SetForecast:
    """One set: rows there are and are looked at, pairs of them, bytes of rows and neighbour table in memory."""

    name: str
    generation: int
    layer: str
    rows: int
    looked_at: int
    dims: int
    dtype: str
    pairs: int
    bytes: int
    neighbors: str  # exact, or approximate
    streamed: bool  # whether the rows stay in their files


@dataclass(frozen=True)
class Forecast:
    """All sets, the engine, and the seconds of the run without start-up and pictures."""

    sets: tuple[SetForecast, ...]
    engine: str
    statistics: int
    pairs: int
    bytes: int
    seconds: float
    basis: str
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"dry_run": True, **asdict(self)}


def forecast(sources: Any, options: Options, *, reading: float = 0.0) -> Forecast:
    """What `analyze(sources, ...)` with these options would do; raises what it would raise before it computes.

    Sets are not turned onto each other (`align`). reading: seconds that went into reading the sources before.
    """
    spent, made = _timed(lambda: list(plans(sources, replace(options, align="none"))))
    sets = tuple(_told(plan, g) for plan in made for g in range(len(plan.scans)))
    widest = max(made, key=lambda plan: max(scan.n * scan.d for scan in plan.scans))
    several = any(plan.others and any(one.takes_reference for one in plan.entries) for plan in made)
    passes = 1 + (PASSES + PASSES_BETWEEN * several if any(one.streamed for one in sets) else 0)
    a_row, a_pair, rows = _measured(widest)
    working = sum(min(one.looked_at, ROWS) for one in sets) * a_row + _pairs_looked_at(made) * a_pair
    return Forecast(
        sets,
        widest.scans[0].executor.name,
        len(widest.entries),
        sum(one.pairs for one in sets),
        sum(one.bytes for one in sets),
        round(passes * (spent + reading) + working, 1),
        BASIS.format(rows=rows),
        tuple(dict.fromkeys(note for plan in made for note in plan.warnings)),
    )


def _told(plan: Plan, g: int) -> SetForecast:
    one, scan = plan.sets[g], plan.scans[g]
    engine = scan.executor
    guessed = isinstance(engine, ApproximateExecutor) and scan.n**2 > engine.pairs
    return SetForecast(
        name(one),
        one.generation,
        one.layer,
        len(one.points),
        scan.n,
        scan.d,
        str(one.points.dtype),
        scan.n * (len(one.points) if scan.whole is not None else scan.n),
        memory.Size(scan.n, scan.n * scan.d * scan.points.dtype.itemsize).held(min(scan.k, scan.n)),
        "approximate" if guessed else "exact",
        scan.whole is not None,
    )


def _pairs_looked_at(made: Sequence[Plan]) -> int:
    """Pairs of every set with itself, and of every set but the reference with that, both ways."""
    total = 0
    for plan in made:
        reference = plan.scans[plan.reference]
        between = any(one.takes_reference and "neighbors" in one.needs for one in plan.entries)
        total += sum(_told(plan, g).pairs for g in range(len(plan.scans)))
        total += sum(pairs_between(plan.scans[g], reference) for g in plan.others) * between
    return total


def pairs_between(scan: Scan, reference: Scan) -> int:
    """Pairs of two sets, both ways: at equal rows, or, in files, of sampled rows with all of the other set."""
    if scan.whole is None and reference.whole is None:
        return 2 * min(scan.n, reference.n) ** 2
    rows, others = (one.n if one.whole is None else len(one.whole.stored) for one in (scan, reference))
    return scan.n * others + reference.n * rows


def _measured(plan: Plan) -> tuple[float, float, int]:
    """Seconds of a row and of a pair, and the rows of the trial."""
    scan = max(plan.scans, key=lambda one: one.n)
    _run(_part(plan, WARM))
    part = _part(plan, TRIAL)
    spent, _ = _timed(lambda: _run(part))
    rows = sum(one.n for one in part.scans)
    queries, base = scan.points[:QUERIES], scan.points[:BASE]
    k = min(scan.k, len(base))
    pairs, _ = _timed(lambda: scan.executor.neighbors(queries, base, k, exclude_self=False) if k else None)
    return spent / rows, pairs / (len(queries) * len(base)), max(one.n for one in part.scans)


def _part(plan: Plan, rows: int) -> Plan:
    """The plan of the reference and of its largest companion alone, at so many rows."""
    others = sorted(plan.others, key=lambda g: plan.scans[g].n)[-1:]
    kept = [plan.reference, *others]
    scans = tuple(_plain(plan.scans[g], rows) for g in kept)
    gauges = min([ROWS, *(scan.n for scan in scans)])
    return replace(plan, sets=tuple(plan.sets[g] for g in kept), scans=scans, reference=0, gauge_rows=gauges)


def _plain(scan: Scan, rows: int) -> Scan:
    """The first rows, in memory, known to no other scan."""
    cut = slice(0, rows)
    labels, ids = (None if values is None else values[cut] for values in (scan.labels, scan.ids))
    return Scan(scan.points[cut], scan.executor, k=min(scan.k, rows - 1), seed=scan.seed, labels=labels, ids=ids)


def _run(plan: Plan) -> None:
    for g in range(len(plan.scans)):
        outcomes_of(plan, g)
    look(plan)


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = action()
    return time.perf_counter() - start, found
