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
from geometry.cli.generate import forcible
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
    parser.add_argument(
        "--force", action="store_true", help="remove the demo that DIR holds, and write beside anything else"
    )
    parser.add_argument("--generations", type=positive, default=9, help="generations that are retrained (9)")
    parser.add_argument("--dry-run", action="store_true", help="say what it would take, from short trials, and stop")
    add_run_options(parser)
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Train, analyse, report; ends with a table per view, what was lost, and where the reports are."""
    from geometry.loops import store
    from geometry.loops.demo import REGIMES, demo_runs

    set_threads(args.threads)
    if args.dry_run:
        return _forecast(args)
    if not any((args.output / regime).is_dir() for regime in REGIMES):
        require_place(args.output, args.force)
    for regime in REGIMES if args.force else ():
        store.clear(args.output / regime)
    tell = teller(args)
    with forcible():
        runs = demo_runs(
            args.output,
            generations=args.generations,
            seed=args.seed,
            progress=lambda regime, t, last: tell(f"{regime}: generation {t} of {last} trained"),
        )
    analyses = {view: analysis for one in runs for view, analysis in _views(one, args, tell)}
    _show(analyses, args)
    return finished([row for analysis in analyses.values() for row in analysis.results])


def _forecast(args: argparse.Namespace) -> int:
    """Trainings, bytes and seconds of both loops, and seconds of the four analyses, which look at as many digits."""
    from geometry.analysis.asked import Options
    from geometry.analysis.forecast import forecast as of_analysis
    from geometry.loops.demo import REGIMES, settings
    from geometry.loops.digits import digits
    from geometry.loops.forecast import forecast as of_loop
    from geometry.schema import dumps
    from geometry.types import EmbeddingSet

    loops = [of_loop(settings(regime, args.seed), args.generations) for regime in REGIMES]
    sets = [EmbeddingSet(digits().points, t, f"gen_{t}") for t in range(args.generations + 1)]
    analysis = of_analysis(sets, Options(device=args.device, seed=args.seed, umap=True))
    found = {
        "fits": sum(one.fits for one in loops),
        "bytes": sum(one.bytes for one in loops),
        "seconds": sum(one.seconds for one in loops) + 2 * len(loops) * analysis.seconds,
    }
    said = "{fits} fits, about {megabytes:,.0f} MB of generations, about {seconds:,.0f} seconds without pictures"
    print(dumps(found) if args.json else said.format(**found, megabytes=found["bytes"] / 1e6))
    return 0


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
