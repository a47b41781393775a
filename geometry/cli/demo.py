"""`geometry demo`: a real self-consuming loop on real images, analysed: does it collapse, and does keeping data help?

A VAE of the bundled digits is retrained on its own samples under `replace` and under `accumulate`. The samples view
(what each generation draws, as pixels) and the representation view (the same real digits in each generation's own
encoder) are analysed and reported. A stopped demo goes on where it stood.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.analyze import add_run_options, positive, set_threads, teller
from geometry.cli.endings import finished
from geometry.schema.places import require_place

if TYPE_CHECKING:
    from geometry.analysis import Analysis
    from geometry.loops.demo import DemoRun

DEFAULT = Path("demo")
LOSSES = ("tails", "modes")  # what `replace` is expected to lose first, and `accumulate` to keep


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("demo", help="a VAE retrained on its own digits, two regimes, with full analysis")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT, metavar="DIR", help="where all goes (demo)")
    parser.add_argument("--force", action="store_true", help="write into DIR although it holds something else")
    parser.add_argument("--generations", type=positive, default=9, help="generations that are retrained (9)")
    add_run_options(parser)
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Train, analyse, report; ends with a table per view, what was lost, and where the reports are."""
    from geometry.loops.demo import demo_runs

    if not any((args.output / regime).is_dir() for regime in ("replace", "accumulate")):
        require_place(args.output, args.force)
    set_threads(args.threads)
    tell = teller(args)
    runs = demo_runs(
        args.output,
        generations=args.generations,
        seed=args.seed,
        progress=lambda regime, t, last: tell(f"{regime}: generation {t} of {last} trained"),
    )
    analyses = {view: analysis for one in runs for view, analysis in _views(one, args, tell)}
    _show(analyses, args)
    return finished([row for analysis in analyses.values() for row in analysis.results])


def _views(one: DemoRun, args: argparse.Namespace, tell: Callable[[str], None]) -> list[tuple[Path, Analysis]]:
    """Both views of one regime, analysed and written."""
    from geometry.analysis import analyze

    found = []
    for view, sets in (("samples", one.samples), ("representation", one.representation)):
        folder = args.output / "analysis" / f"{one.regime}-{view}"
        analysis = analyze(
            sets,
            reference=sets[0].generation,
            device=args.device,
            seed=args.seed,
            umap=True,
            out=folder,
            progress=lambda line, name=folder.name: tell(f"{name}: {line}"),  # type: ignore[misc]
            **({"memory_budget": args.memory_budget} if args.memory_budget else {}),
        )
        found.append((folder, analysis))
    return found


def _show(analyses: dict[Path, Analysis], args: argparse.Namespace) -> None:
    from geometry.report import table
    from geometry.schema import dumps

    if args.json:
        print(dumps({str(folder): analysis.record.run for folder, analysis in analyses.items()}))
        return
    width = shutil.get_terminal_size((120, 24)).columns
    for folder, analysis in analyses.items():
        print(f"\n{folder.name.replace('-', ', ')}\n{table(analysis.record, width)}\n{analysis.verdict['summary']}")
    print(f"\n{_answer({folder.name: analysis for folder, analysis in analyses.items()})}\n")
    print("\n".join(f"report: {folder / 'report.html'}" for folder in analyses))


def _answer(analyses: dict[str, Analysis]) -> str:
    """Whether the demo shows what it is expected to show, said either way."""
    lost = {
        regime: [change for change in LOSSES if change in analyses[f"{regime}-samples"].verdict["onsets"]]
        for regime in ("replace", "accumulate")
    }
    said = [f"{regime} loses {' and '.join(found) or 'neither tails nor modes'}" for regime, found in lost.items()]
    expected = lost["replace"] == list(LOSSES) and not lost["accumulate"]
    note = "as expected" if expected else "expected was that replace loses tails and modes and accumulate neither"
    return f"In samples, {', '.join(said)}: {note}."
