"""`geometry merge DIR... -o DIR`: the parts that `geometry analyze --shard I/N` wrote, joined to one run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from geometry.cli.analyze import add_formats
from geometry.cli.endings import finished
from geometry.schema.places import require_place


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("merge", help="join the parts of a run that --shard divided", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="DIR", type=Path, help="the folder of every part")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the whole run")
    parser.add_argument("--force", action="store_true", help="write into DIR although it holds another run")
    add_formats(parser)
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Join, write, and show."""
    from geometry.analysis.merge import fingerprints, merge
    from geometry.analysis.result import Analysis
    from geometry.cli.analyze import show
    from geometry.report.save import write_bytes
    from geometry.schema.places import alone, make_folder

    require_place(args.output, args.force)
    folders = list(dict.fromkeys(args.folders))
    record = merge(folders)
    prints = fingerprints(folders, record)
    analysis = Analysis(record)
    with alone(args.output):
        for name, content in prints.items():
            make_folder((args.output / name).parent)
            write_bytes(args.output / name, content)
        analysis.write(args.output, formats=tuple(dict.fromkeys(args.format)))
    show(analysis, args)
    return finished(analysis.results)
