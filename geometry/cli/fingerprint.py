"""`geometry fingerprint PATH... -o DIR`: each set as a small file that can be merged, and compared without the rows.

With --merge all sets, or fingerprints, become one file. `geometry compare A.fingerprint B.fingerprint` compares two.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.errors import UsageError
from geometry.schema.places import make_folder

if TYPE_CHECKING:
    from geometry.sources.fingerprint import Fingerprint

SUFFIX = ".fingerprint"


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "fingerprint", help="a small file per set that can be compared without the rows", description=__doc__
    )
    parser.add_argument("paths", nargs="+", metavar="PATH[:KEY]", help="files, folders, patterns; or fingerprints")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PLACE", help="folder; with --merge a file")
    parser.add_argument("--merge", action="store_true", help="one fingerprint of all sets together")
    parser.add_argument("--force", action="store_true", help="overwrite fingerprints that are there")
    parser.add_argument("--key", help="name of the array inside each file")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make, write, and tell."""
    from functools import reduce

    from geometry.schema import dumps
    from geometry.sources.fingerprint import merged

    found = fingerprints(args.paths, args.key)
    if args.merge:
        found = {args.output.stem: reduce(merged, found.values())}
    written = _written(args, found)
    if args.json:
        print(dumps({"fingerprints": [{"file": str(path), "n": one.n, "d": one.d} for path, one in written.items()]}))
    else:
        print("\n".join(f"{path}: {one.n} x {one.d}, {path.stat().st_size:,} bytes" for path, one in written.items()))
    return 0


def fingerprints(paths: list[str], key: str | None = None) -> dict[str, Fingerprint]:
    """Fingerprints by name, made of sets and read from files."""
    from geometry.sources.fingerprint import fingerprint, read_fingerprint
    from geometry.sources.unchecked import unchecked

    made: list[tuple[str, Fingerprint]] = []
    for path in paths:
        ready = path.endswith(SUFFIX)
        made += (
            [(path, read_fingerprint(path))]
            if ready
            else ((one.where, fingerprint(one.rows)) for one in unchecked([path], key=key))
        )
    return dict(zip(_names([where.removesuffix(SUFFIX) for where, _ in made]), (one for _, one in made), strict=True))


def _names(places: list[str]) -> list[str]:
    """The shortest ends of the paths that tell the sets apart, as names of files."""
    from geometry.sources.part_names import without_number

    parts = [Path(without_number(place)).parts for place in places]
    for depth in range(1, max(map(len, parts), default=0) + 1):
        names = [re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(part[-depth:])) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise UsageError("a set is named twice; name each once")


def _written(args: argparse.Namespace, found: dict[str, Fingerprint]) -> dict[Path, Fingerprint]:
    from geometry.sources.fingerprint import write_fingerprint

    folder = args.output.parent if args.merge else args.output
    placed = {folder / f"{name}{SUFFIX}": one for name, one in found.items()}
    if taken := [path for path in placed if path.exists() and not args.force]:
        raise UsageError(f"{taken[0]} is there; choose another place with -o, or allow overwriting with --force")
    make_folder(folder)
    for path, one in placed.items():
        write_fingerprint(path, one)
    return placed
