"""`geometry compare A B [-o DIR]`: two sets beside each other, with no generations; B is held against A."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.analyze import add_formats, add_run_options, positive, set_threads, teller
from geometry.cli.dry_run import add_dry_run, dry_run
from geometry.cli.endings import finished
from geometry.cli.fingerprint import SUFFIX
from geometry.errors import UsageError
from geometry.schema.places import require_place

if TYPE_CHECKING:
    from geometry.types import EmbeddingSet


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("compare", help="two sets beside each other: B held against A, with nulls")
    parser.add_argument("first", metavar="A[:KEY]", help="the reference: one set in a file, or a fingerprint")
    parser.add_argument("second", metavar="B[:KEY]", help="the set that is held against it, or its fingerprint")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for run.json, results, figures, report"
    )
    parser.add_argument("--force", action="store_true", help="write into DIR although it holds another run")
    parser.add_argument(
        "--paired", action="store_true", help="row i of A and of B are one item, where files have no ids"
    )
    parser.add_argument("--nan", choices=("error", "drop"), default="error", help="rows with NaN or infinity (error)")
    parser.add_argument(
        "--statistics", default="default", help="names separated by commas, all, or default (all of two sets)"
    )
    add_formats(parser)
    parser.add_argument("-k", type=positive, default=32, help="neighbours in the shared table, at least (32)")
    parser.add_argument("--sample", type=positive, metavar="ROWS", help="look at a seeded sample of so many rows a set")
    add_run_options(parser)
    add_dry_run(parser)
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Compare, write, and show."""
    from geometry.analysis import Options, analyze
    from geometry.analysis.plan import stream_beyond

    if args.first.endswith(SUFFIX) or args.second.endswith(SUFFIX):
        return _fingerprints(args)
    if args.output is not None and not args.dry_run:
        require_place(args.output, args.force)
    set_threads(args.threads)
    names = _names(args.statistics)
    plain = {name: getattr(args, name) for name in ("nan", "k", "sample", "device", "seed")}
    budget = {"memory_budget": args.memory_budget} if args.memory_budget else {}
    start = time.perf_counter()
    beyond = stream_beyond([args.first, args.second], Options(statistics=names, **plain, **budget))
    sets = two_sets(args.first, args.second, nan=args.nan, paired=args.paired, stream=beyond)
    if args.dry_run:
        reading = time.perf_counter() - start
        return dry_run(sets, {"statistics": names, **plain, **budget}, args, reading=reading)
    formats = tuple(dict.fromkeys(args.format))
    told = {"command": "compare", "paths": [args.first, args.second], "paired": args.paired}
    where = {"out": args.output, "overwrite": args.force, "formats": formats, "told": told}
    analysis = analyze(sets, statistics=names, progress=teller(args), **where, **plain, **budget)
    _show(analysis, names, args)
    return finished(analysis.results)


def _fingerprints(args: argparse.Namespace) -> int:
    """Two fingerprints, or a fingerprint and a set, beside each other."""
    from geometry.analysis.fingerprints import as_dict, compare
    from geometry.cli.fingerprint import fingerprints
    from geometry.report.comparison import lines
    from geometry.schema import dumps, write_text

    if args.dry_run:
        raise UsageError("fingerprints are compared in a moment; leave out --dry-run")
    sides = [[*fingerprints([path]).values()] for path in (args.first, args.second)]
    if any(len(side) != 1 for side in sides):
        raise UsageError("compare takes two sets; name one array of a file as PATH:KEY")
    found = [as_dict(line) for line in compare(sides[0][0], sides[1][0])]
    document = dumps({"lines": found}, indent=None if args.json else 1)
    if args.output is not None:
        require_place(args.output, args.force)
        write_text(args.output / "comparison.json", document + "\n")
    print(document if args.json else lines(found))
    return 0


def two_sets(first: str, second: str, *, nan: str, paired: bool, stream: int | None = None) -> list[EmbeddingSet]:
    """The two sets, numbered 0 and 1; paired: row i of both is one item, where files have no ids.

    A set whose rows take more than `stream` bytes stays in its files.
    """
    from geometry.sources import load

    sets: list[EmbeddingSet] = []
    for path in (first, second):
        found = load([path], nan=nan, stream=stream)
        if len(found) != 1:
            raise UsageError(f"{path} holds {len(found)} sets; name one of them as PATH:KEY, or use `geometry analyze`")
        sets.append(replace(found[0], generation=len(sets), layer=""))
    return _paired(sets) if paired else sets


def _paired(sets: list[EmbeddingSet]) -> list[EmbeddingSet]:
    """The sets with ids by position, where not both have ids of their own."""
    import numpy as np

    if all(one.ids is not None for one in sets):
        return sets
    sizes = [len(one.points) for one in sets]
    if sizes[0] != sizes[1] or any(one.dropped for one in sets):
        raise UsageError(f"--paired needs the same rows in both sets, not {sizes[0]} and {sizes[1]} with some dropped")
    return [replace(one, ids=np.arange(sizes[0])) for one in sets]


def _names(asked: str) -> tuple[str, ...]:
    """Statistics by name; by default all that compare two sets."""
    from geometry.analysis.plan import chosen
    from geometry.catalog import statistics

    if asked == "default":
        return tuple(one.name for one in statistics() if one.takes_reference)
    return tuple(one.name for one in chosen(asked))


def _show(analysis: Any, names: tuple[str, ...], args: argparse.Namespace) -> None:
    from geometry.report import comparison
    from geometry.schema import dumps

    for warning in analysis.record.run["warnings"]:
        print(f"geometry: warning: {warning}", file=sys.stderr)
    if args.json:
        print(dumps(analysis.record.run | {"results": analysis.results}))
        return
    print(comparison.text(analysis.record, names))
    if any(row["reason"] == "unpaired" and row["name"] in names for row in analysis.results):
        print("unpaired: row i of A and of B need not be one item; --paired says that they are, or ids in both\n")
    print(comparison.verdict(analysis.record))
    if args.output is not None:
        print(f"report: {args.output / 'report.html'}")
