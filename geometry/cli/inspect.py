"""`geometry inspect PATH`: what is inside a file, or in each file of a folder, from headers alone.

With --spectra, the singular values of its weights are looked at: ranks, bulk and tail of each matrix, and with
--against those of its change against other checkpoints. PATH may be a signed sum of checkpoints, as 'A + C - .5*P'.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.errors import GeometryError, InputError

if TYPE_CHECKING:
    from geometry.sources import ArrayInfo, Place

COLUMNS = ("key", "shape", "dtype", "size", "role")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("inspect", help="what is inside a file or checkpoint, headers only")
    parser.add_argument(
        "path", metavar="PATH[:KEY]", help="file, folder, pattern or sum 'A + C - .5*P'; KEY names one array inside"
    )
    parser.add_argument(
        "--spectra", nargs="?", const="*", metavar="GLOB", help="singular values of the matrices whose keys match (all)"
    )
    parser.add_argument(
        "--against", nargs="+", default=[], metavar="PATH", help="checkpoints, or sums, to take the change from"
    )
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 0; 3 if a file among several cannot be read. A single file that cannot be read raises."""
    if args.spectra is not None or args.against:
        return _spectra(args)
    places = _places(args.path)
    files = [_file(place, alone=len(places) == 1) for place in places]
    if args.json:
        json.dump({"files": files}, sys.stdout, indent=2, allow_nan=False)
        sys.stdout.write("\n")
    else:
        sys.stdout.write("\n".join(_table(file) for file in files))
    return 3 if any("error" in file for file in files) else 0


def _places(text: str) -> list[Place]:
    """Every readable file of a folder and of its subfolders, or what else the text means."""
    from geometry.sources import Place
    from geometry.sources.captured import layers_of
    from geometry.sources.dataset_folders import data_files
    from geometry.sources.formats import readable
    from geometry.sources.model_folders import weights_of
    from geometry.sources.natural import natural
    from geometry.sources.part_names import grouped
    from geometry.sources.paths import locate
    from geometry.sources.sharded import shards_of

    folder = Path(text).expanduser()
    if not folder.is_dir() or readable(folder) or weights_of(folder) or layers_of(folder):
        return locate(text)
    listed = {sub: data_files(sub) for sub in (folder, *folder.glob("*/"))}
    found = [path for path in (*folder.glob("*"), *folder.glob("*/*")) if readable(path)]
    found = [path for path in found if (only := listed.get(path.parent)) is None or path in only]
    inside = [path for path in found if not any(readable(parent) for parent in path.parents)]
    if not inside:
        raise InputError(f"{folder} holds no file that can be read; name a file, or the folder that has them")
    apart = shards_of(inside)
    shown = [*grouped(path for path in inside if path not in apart), *(path for path in inside if path in apart)]
    return [Place(path) for path in sorted(shown, key=lambda path: natural(str(path)))]


def _file(place: Place, *, alone: bool) -> dict[str, Any]:
    from geometry.sources import inspect
    from geometry.sources.formats import format_of

    head: dict[str, Any] = {"path": str(place.path), "format": format_of(place.path).name}
    try:
        return head | {"arrays": [_as_dict(info) for info in inspect(str(place))]}
    except GeometryError as error:
        if alone:
            raise
        return head | {"arrays": [], "error": str(error)}


def _as_dict(info: ArrayInfo) -> dict[str, Any]:
    return asdict(info) | {"shape": list(info.shape)}


def _table(file: dict[str, Any]) -> str:
    from geometry.report.columns import columns

    rows = [COLUMNS, *(_row(array) for array in file["arrays"])]
    body = [f"error: {file['error']}"] if "error" in file else columns(rows, left=len(COLUMNS))
    return "\n".join([f"{file['path']} ({file['format']})", *(f"  {line}" for line in body)]) + "\n"


def _row(array: dict[str, Any]) -> tuple[str, ...]:
    shape = " x ".join(str(side) for side in array["shape"]) or "scalar"
    return (array["key"] or "-", shape, array["dtype"], _size(array["bytes"]), array["role"])


def _spectra(args: argparse.Namespace) -> int:
    """The spectra of the weights, and of their changes, as a table or one document."""
    from geometry.analysis.weights import passed_over, weight_spectra
    from geometry.report.weights import table
    from geometry.schema import dumps

    glob = args.spectra or "*"
    found = [one.as_dict() for one in weight_spectra(args.path, glob, args.against)]
    left = passed_over(args.path, glob)
    if left:
        first = f"'{left[0].key}' {left[0].shape} {left[0].dtype}"
        print(f"geometry: warning: {len(left)} arrays that are no dense real matrices are left out, the first {first}",
              file=sys.stderr)  # fmt: skip
    if args.json:
        sys.stdout.write(dumps({"path": args.path, "against": args.against, "matrices": found}, indent=2) + "\n")
    else:
        sys.stdout.write(table(found))
    return 0


def _size(count: int) -> str:
    """Bytes in the largest binary unit that keeps a digit before the point."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
