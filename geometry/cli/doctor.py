"""`geometry doctor PATH...`: the hygiene of embedding sets, in one pass over each; exit code 1 if one is not clean."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geometry.sources import Hygiene


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="what is wrong with embedding sets: NaN, copies, dead columns; exit 1 if dirty",
        description=__doc__,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH[:KEY]", help="files, folders or patterns")
    parser.add_argument("--key", help="name of the array inside each file")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at every set; 0 if all are clean, 1 if one is not."""
    from geometry.schema import dumps
    from geometry.sources import hygiene
    from geometry.sources.unchecked import unchecked

    found = [(one.where, hygiene(one.rows, one.ids)) for one in unchecked(args.paths, key=args.key)]
    clean = all(one.clean for _, one in found)
    if args.json:
        print(dumps({"clean": clean, "sets": [as_dict(where, one) for where, one in found]}))
    else:
        print("\n".join(page(where, one) for where, one in found))
    return 0 if clean else 1


def as_dict(where: str, one: Hygiene) -> dict[str, Any]:
    """Counts, and of each fault its count, the first rows or columns, and what to do."""
    from geometry.sources.hygiene import FAULTS

    faults = [
        {"fault": name, "count": count, "first": list(one.where.get(name, ())), "remedy": FAULTS[name]}
        for name, count in one.faults.items()
    ]
    return {"source": where, "clean": one.clean, "faults": faults, "hygiene": one.as_dict()}


def page(where: str, one: Hygiene) -> str:
    """A set as text: a line of what it is, and one per fault."""
    norms = "no finite row" if one.norm_min is None else f"norms {one.norm_min:.4g} to {one.norm_max:.4g}"
    holding = f" holding {one.value_precision} values" if one.value_precision else ""
    head = f"{where}: {one.n} x {one.d} {one.value_dtype}{holding}, {norms}: {'clean' if one.clean else 'dirty'}"
    return "\n".join([head, *(_line(fault) for fault in as_dict(where, one)["faults"])])


def _line(fault: dict[str, Any]) -> str:
    first = ", ".join(str(number) for number in fault["first"])
    shown = (
        f" ({'column' if 'column' in fault['fault'] else 'row'} {first}{', ...' * (fault['count'] > 5)})"
        if first
        else ""
    )
    return f"  {fault['fault'].replace('_', ' ')}: {fault['count']}{shown}; {fault['remedy']}"
