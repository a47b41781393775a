"""`geometry explain [NAME]`: what a statistic is, from the registry; without a name, all of them."""

from __future__ import annotations

import argparse
from math import isinf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geometry.registry import Entry


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("explain", help="definition, range and source of a statistic, or the list of all")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a statistic; without it, all are listed")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one entry of the registry, or one line of each."""
    from geometry.catalog import statistics
    from geometry.registry import entry
    from geometry.schema import dumps

    entries = [entry(args.name)] if args.name else statistics()
    if args.json:
        print(dumps([as_dict(one) for one in entries]))
    elif args.name:
        print(page(entries[0]))
    else:
        width = max(len(one.name) for one in entries)
        print("\n".join(f"{one.name:{width}}  {one.definition.splitlines()[0]}" for one in entries))
    return 0


def as_dict(one: Entry) -> dict[str, Any]:
    """An entry as plain data; an open end of the range is null."""
    return {
        "name": one.name,
        "definition": one.definition,
        "formula": one.formula,
        "needs": list(one.needs),
        "range": [None if isinf(end) else end for end in one.range],
        "invariances": list(one.invariances),
        "null": one.null,
        "fails": one.fails,
        "direction": one.direction,
        "source": one.source,
        "k": one.k or None,
        "options": one.options,
    }


def page(one: Entry) -> str:
    """An entry as text."""
    low, high = (f"{end:g}" for end in one.range)
    options = ", ".join(f"{key}={value!r}" for key, value in one.options.items()) or "none"
    lines = {
        "needs": ", ".join(one.needs),
        "range": f"{low} to {high}",
        "null": one.null,
        "fails": one.fails,
        "unchanged by": ", ".join(one.invariances) or "nothing",
        "collapse moves it": one.direction,
        "options": options,
        "source": one.source,
    }
    facts = (f"{key}: {value}" for key, value in lines.items() if value)
    return "\n".join([one.name, "", one.definition, "", "Formula", one.formula, "", *facts])
