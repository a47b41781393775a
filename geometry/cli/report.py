"""`geometry report DIR`: the pictures and the page of a finished run, drawn again from what the run left on disk."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from geometry.cli.analyze import add_formats


def add(subparsers: Any) -> None:
    """Register `report`."""
    parser = subparsers.add_parser("report", help="rebuild the pictures and the page of a run", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=folder_of_run, help="folder that `geometry analyze -o` wrote")
    add_formats(parser)
    parser.add_argument(
        "--plate", action="store_true", help="also figures/plate.png, .svg and .pdf: all of the run on one page"
    )
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout: the paths written")
    parser.set_defaults(run=run)


def folder_of_run(text: str) -> Path:
    """The folder of a run; that of its run.json or report.html where one of these is named."""
    path = Path(text)
    return path.parent if path.name in ("run.json", "report.html") and path.is_file() else path


def run(args: argparse.Namespace) -> int:
    """Write figures and page into the run's own folder; print the table of generations and where the page is."""
    from geometry.report import table, write
    from geometry.schema import read_record, readable

    with readable(args.folder):
        record = read_record(args.folder)
        told = table(record, shutil.get_terminal_size((120, 24)).columns)
        paths = write(record, args.folder, formats=tuple(dict.fromkeys(args.format)), with_plate=args.plate)
    if args.json:
        print(json.dumps({"files": [str(path) for path in paths]}))
        return 0
    print(told)
    print(f"{len(paths)} files; the page is {paths[-1]}")
    return 0
