"""The main job, top to bottom: sets in, statistics, verdict, views and a record out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from geometry.analysis import memory
from geometry.analysis.arms import of_arms
from geometry.analysis.asked import Options, options_from
from geometry.analysis.document import document, hygiene_of, rounded, versions
from geometry.analysis.fingerprints import write_fingerprints
from geometry.analysis.furthest import furthest_arrays
from geometry.analysis.judge import Look, look, noted, verdicts
from geometry.analysis.layers import of_layers
from geometry.analysis.ledger import Ledger, run_in
from geometry.analysis.logs import curves_of, with_logs
from geometry.analysis.neighbor_arrays import neighbor_arrays
from geometry.analysis.plan import Plan, name, plans
from geometry.analysis.points import point_arrays
from geometry.analysis.rerun import provenance
from geometry.analysis.result import Analysis
from geometry.analysis.rows import Outcomes, outcomes_of, rows_of
from geometry.analysis.views import views_of
from geometry.pairs.cpu.threads import one_blas_thread
from geometry.pairs.ring import ranks
from geometry.trend import half_lives
from geometry.types import Record

Progress = Callable[[str], None]


def analyze(
    sources: Any,
    *,
    reference: int | str = 0,
    k: int = 32,
    device: str = "auto",
    seed: int = 0,
    statistics: str | Sequence[str] = "default",
    out: str | Path | None = None,
    progress: Progress | None = None,
    formats: tuple[str, ...] = ("png",),
    overwrite: bool = True,
    told: dict[str, Any] | None = None,
    **options: Any,
) -> Analysis:
    """Is this collapsing, how, since which generation, is it more than chance, and what does it look like?

    sources: paths (files, folders, patterns, PATH:KEY), EmbeddingSets, or arrays (n, d), one per generation. reference:
    generation number or name. k: neighbours in the shared table. device: "auto", "cpu" or "cuda". statistics:
    "default", "all" or names. Further options: key and pattern (see `geometry.load`), nan="error" | "drop",
    sample=None (at most so many rows of each set, seeded), memory_budget=None (bytes of the whole process; files whose
    rows would take more than half of it, or None of what is free, are read in blocks: moments are of all rows,
    neighbours of 10,000 sampled rows, or `sample`, are found among all), approximate=False (neighbours by faiss, with
    measured recall), pairs_budget=None (pairs of a set past which they are approximate; None: a million rows squared on
    a CPU), by=None, "layer" (every layer of the sets side by side, each against its own reference) or "arm" (sets that
    stand for choices and not for a time), log=() (training logs drawn on the trends), umap=False (a pooled UMAP of
    sampled rows beside that of the null), align="none" | "ids" | "rows" (for encoders that differ by a rotation: every
    set is turned onto the reference by orthogonal Procrustes on rows matched by id or position, before all else; the
    residual is among the warnings). out: a folder to write, as `Analysis.write` does; what is finished is kept there as
    it goes, and a stopped run of the same input goes on. overwrite=False: not where another run's results lie. told:
    what run.json says of where the sets come from, if they are not the paths of this call. progress: called with a line
    per step. Raises InputError for input that cannot be analysed and a folder that cannot be written, UsageError for
    unknown options, statistics or references, and for a folder in which another run is at work.
    """
    plain = {"reference": reference, "k": k, "device": device, "seed": seed, "statistics": statistics}
    asked = options_from(plain | options)
    with run_in(out, overwrite) as ledger, one_blas_thread():
        made = _record(sources, asked, progress or (lambda line: None), ledger)
        beside = {"provenance": provenance(sources, told)} | ({"ranks": together} if (together := ranks()) else {})
        analysis = Analysis(replace(made, run=made.run | beside))
        if out is not None:
            analysis.write(out, formats=formats)
    return analysis


def _record(sources: Any, options: Options, progress: Progress, ledger: Ledger) -> Record:
    timings: dict[str, float] = {}
    clock = _Clock(timings)
    curves = curves_of(options.log)
    parts = [_layer(made, clock, progress, ledger) for made in _timed(plans(sources, options), clock)]
    progress("verdict")
    found = verdicts([seen for _, seen in parts])
    clock("verdict")
    records = [
        replace(record, run=record.run | {"verdict": verdict, "timings": rounded(timings)})
        for (record, _), verdict in zip(parts, found, strict=True)
    ]
    whole = of_layers(records) if options.by == "layer" else records[0]
    if options.by == "arm":
        whole = replace(whole, run=whole.run | {"verdict": of_arms(whole.run["verdict"], whole.run["reference"])})
    else:
        whole = replace(whole, run=whole.run | {"half_lives": half_lives(whole.results)})
    return with_logs(whole, curves)


def _timed(made: Iterator[Plan], clock: _Clock) -> Iterator[Plan]:
    for one in made:
        clock("load")
        yield one


def _layer(made: Plan, clock: _Clock, progress: Progress, ledger: Ledger) -> tuple[Record, Look]:
    """All of one layer but what has to wait for the other layers: the verdict."""
    outcomes: list[Outcomes] = []
    kept = ledger.of(made, versions())
    write_fingerprints(made, ledger.folder.parent if ledger.folder else None)
    where = f"{made.sets[0].layer}, " if made.options.by == "layer" else ""
    for g in range(len(made.sets)):
        hygiene_of(made, g)
        memory.give_back()
    clock("hygiene")
    for g, one in enumerate(made.sets):
        scan = made.scans[g]
        of = f" of {len(one.points)}" if len(one.points) > scan.n else ""
        progress(f"{where}{name(one)}: {scan.n}{of} x {scan.d}, statistics")
        outcomes.append(outcomes_of(made, g, kept))
    rows = [row for g, found in enumerate(outcomes) for row in rows_of(made, g, found)]
    clock("statistics")
    progress(f"{where}changes")
    seen = look(made)
    made = noted(made, seen)
    clock("verdict")
    progress(f"{where}views")
    arrays, quality = views_of(made)
    arrays |= point_arrays(made, outcomes) | neighbor_arrays(made)
    arrays |= furthest_arrays(made) if made.options.by == "layer" else {}
    clock("views")
    return Record(document(made, {}, quality, arrays, {}), rows, arrays), seen


class _Clock:
    """Seconds since the last call, added up under a name."""

    def __init__(self, timings: dict[str, float]) -> None:
        self.timings, self.last = timings, time.perf_counter()

    def __call__(self, step: str) -> None:
        now = time.perf_counter()
        self.timings[step], self.last = self.timings.get(step, 0.0) + now - self.last, now
