"""One of N parts of a run, for any scheduler: no part waits for another, and `geometry merge` joins their folders.

The statistics of the sets stand in a line, generation by generation, and are cut into N stretches of equal weight, so
that a part looks at few generations. What has to see all of them stands at the end of the line and goes to part N: the
verdict, the views, the fingerprints, and the statistics whose losses are counted over generations (LAST). A part's
folder holds its rows (results.jsonl), its arrays, and `shard.json`: which run, which part, and from part N the run's
document. Parts of one run have one identity (`geometry.analysis.identity`), so that nothing else can be joined.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry.analysis import memory
from geometry.analysis.asked import Options
from geometry.analysis.document import document, versions
from geometry.analysis.earlier import CARD, clear_earlier
from geometry.analysis.fingerprints import write_fingerprints
from geometry.analysis.identity import identity
from geometry.analysis.judge import look, noted, verdicts
from geometry.analysis.ledger import run_in
from geometry.analysis.logs import curves_of, with_logs
from geometry.analysis.neighbor_arrays import neighbor_arrays
from geometry.analysis.plan import Plan, plan
from geometry.analysis.points import point_arrays
from geometry.analysis.rerun import provenance
from geometry.analysis.rows import outcomes_of, rows_of
from geometry.analysis.views import views_of
from geometry.errors import UsageError
from geometry.pairs.approximate import ApproximateExecutor
from geometry.pairs.cpu.threads import one_blas_thread
from geometry.schema import array_index, dumps, write_named_arrays, write_text
from geometry.types import Record

LAST = ("tail_survival", "mode_coverage")
VERDICT = 8  # weight of verdict and views of a set, in statistics: a third of the time of a default run


@dataclass(frozen=True)
class Shard:
    """Part `index` of `of`, counted from 1."""

    index: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.of:
            raise UsageError(f"--shard {self.index}/{self.of} is none; write I/N with 1 <= I <= N, as 1/4 to 4/4")


def owned(plan: Plan, shard: Shard) -> list[tuple[str, ...]]:
    """Per position the names of the statistics that the shard computes; every one belongs to one shard."""
    names = [entry.name for entry in plan.entries]
    line = [(g, name) for g in range(len(plan.sets)) for name in names if name not in LAST]
    last = [(g, name) for g in range(len(plan.sets)) for name in names if name in LAST]
    end = len(last) + VERDICT * len(plan.sets)
    room = max((len(line) + end) // shard.of - end, 0)  # what part N can take besides the end of the line
    each = -(-(len(line) - room) // max(shard.of - 1, 1))
    place = slice((shard.index - 1) * each, shard.index * each if shard.index < shard.of else None)
    mine = line[place] + (last if shard.index == shard.of else [])
    return [tuple(name for at, name in mine if at == g) for g in range(len(plan.sets))]


def run_shard(
    sources: Any, options: Options, shard: Shard, out: Path, *, overwrite: bool = False, progress: Any = None
) -> Record:
    """Compute one part and write its folder; a stopped part goes on. Returns it, with an empty document but for part N.

    Raises UsageError for several layers and for approximate neighbours, and whatever `analyze` raises.
    """
    if options.by is not None:
        raise UsageError("--shard divides the generations of one layer; give each layer its own runs")
    tell, curves = progress or (lambda line: None), curves_of(options.log)
    with run_in(out, overwrite) as ledger, one_blas_thread():
        made = plan(sources, options)
        if isinstance(made.scans[0].executor, ApproximateExecutor):
            raise UsageError("--shard needs exact neighbours, whose digits no part can change; raise --pairs-budget")
        kept = ledger.of(made, versions())
        outcomes = []
        for g, names in enumerate(owned(made, shard)):
            tell(f"position {g}: {len(names)} statistics")
            outcomes.append(outcomes_of(made, g, kept, names))
        rows = [row for g, found in enumerate(outcomes) for row in rows_of(made, g, found)]
        arrays, run = point_arrays(made, outcomes), {}
        if shard.index == shard.of:
            write_fingerprints(made, out)
            tell("verdict and views")
            shown, quality = views_of(made)
            arrays = shown | arrays | neighbor_arrays(made)
            seen = look(made)
            run = document(noted(made, seen), verdicts([seen])[0], quality, arrays, {}) | {
                "provenance": provenance(sources)
            }
        record = with_logs(Record(run, rows, arrays), curves) if run else Record(run, rows, arrays)
        _write(record, {"index": shard.index, "of": shard.of, "identity": identity(made, versions())}, out)
    return record


def _write(record: Record, card: dict[str, Any], folder: Path) -> None:
    """The folder of a part; the card comes last, so that a folder that has one is whole."""
    told = {
        "rows": len(record.results),
        "arrays": array_index(record.arrays),
        "peak_memory_bytes": memory.peak(),
        "run": record.run,
    }
    clear_earlier(folder, told, CARD)
    write_named_arrays(record.arrays, folder)
    write_text(folder / "results.jsonl", "".join(dumps(row) + "\n" for row in record.results))
    write_text(folder / CARD, dumps(card | told, indent=1) + "\n")
