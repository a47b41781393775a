"""`geometry rerun run.json`: a finished run repeated, and every row held against what it was; exit 1 if one differs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.analyze import positive, set_threads, teller

if TYPE_CHECKING:
    from geometry.analysis.rerun import Repeat
    from geometry.types import Record

SHOWN = 20  # differences listed


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("rerun", help="repeat a run and report equality row by row", description=__doc__)
    parser.add_argument("run_file", metavar="run.json", type=Path, help="run.json, or the folder of the run")
    parser.add_argument("paths", nargs="*", metavar="PATH[:KEY]", help="the inputs, where they have moved")
    parser.add_argument("--threads", type=positive, help="CPU threads (all); they change no digit")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Repeat, compare, show; 0 where every row is the same."""
    from geometry.analysis.rerun import compare, recorded
    from geometry.schema import dumps, readable

    before = recorded(args.run_file)
    set_threads(args.threads)
    with readable(args.run_file):
        compare(before, before)  # what cannot be compared is refused before anything is repeated
        sources, options = _asked(before, args)
    now = _again(sources, options, args)
    with readable(args.run_file):
        found = compare(before, now)
    if args.json:
        print(dumps({"same": found.same, **asdict(found)}))
    else:
        print(page(found))
    return 0 if found.same else 1


def _asked(before: Record, args: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """What the run was of, and its options."""
    from geometry.analysis.asked import Options
    from geometry.analysis.plan import stream_beyond
    from geometry.analysis.rerun import options_of, paths_of

    paths, told = paths_of(before.run, args.paths), before.run.get("provenance") or {}
    sources: Any = paths
    options = options_of(before.run)
    if told.get("command") == "compare":
        from geometry.cli.compare import two_sets

        beyond = stream_beyond(paths, Options(**options))
        sources = two_sets(paths[0], paths[1], nan=options["nan"], paired=told["paired"], stream=beyond)
    return sources, options


def _again(sources: Any, options: dict[str, Any], args: argparse.Namespace) -> Record:
    from geometry.analysis import analyze

    return analyze(sources, progress=teller(args), **options).record


def page(found: Repeat) -> str:
    """The comparison as text."""
    lines = [f"{found.equal} of {found.rows} rows are equal to the byte; the verdict is {_same(found.verdict)}"]
    lines += [f"input: {told}" for told in found.inputs] + [f"version: {told}" for told in found.packages]
    for one in found.differences[:SHOWN]:
        name = f"{one.name}.{one.variant}" if one.variant else one.name
        by = "" if one.relative is None else f" (relative {one.relative:.2g})"
        lines.append(f"position {one.position}, {name}, {one.field}: was {one.was}, now {one.now}{by}")
    more = len(found.differences) - SHOWN
    return "\n".join(lines + ([f"and {more} more differences"] if more > 0 else []))


def _same(equal: bool) -> str:
    return "the same" if equal else "another"
