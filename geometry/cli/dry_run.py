"""`--dry-run`: what a run would take, as a table or one JSON document; nothing is computed for it, nothing written."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from geometry.schema.places import require_free

if TYPE_CHECKING:
    from geometry.analysis.forecast import Forecast, SetForecast

HEAD = ("set", "rows", "looked at", "dims", "dtype", "pairs", "memory", "neighbours")
LONGEST = 24  # characters of a name


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """The option."""
    parser.add_argument(
        "--dry-run", action="store_true", help="say rows, pairs, bytes and seconds that it would take, and stop"
    )


def dry_run(sources: Any, options: dict[str, Any], args: argparse.Namespace, *, reading: float = 0.0) -> int:
    """Forecast and show; raises what the run would raise before it computes. reading: seconds spent on it already."""
    from geometry.analysis.asked import Options
    from geometry.analysis.forecast import forecast
    from geometry.schema import dumps

    if args.output is not None:
        require_free(args.output, args.force)
    found = forecast(sources, Options(**options), reading=reading)
    for warning in found.warnings:
        print(f"geometry: warning: {warning}", file=sys.stderr)
    print(dumps(found.as_dict()) if args.json else page(found))
    return 0


def page(found: Forecast) -> str:
    """The forecast as text."""
    rows = [HEAD, *(_cells(one) for one in found.sets)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    table = ["  ".join(_justified(row, widths)).rstrip() for row in rows]
    return "\n".join(
        [
            *table,
            "",
            f"{_short(found.pairs)} pairs by {found.engine}, {found.statistics} statistics a set",
            f"{_size(found.bytes)} of rows and neighbour tables, beside the process itself",
            f"about {_seconds(found.seconds)}, beside start-up and pictures",
            f"({found.basis})",
        ]
    )


def _cells(one: SetForecast) -> tuple[str, ...]:
    called = f"{one.layer}, {one.name}" if one.layer else one.name
    shown = called if len(called) <= LONGEST else f"…{called[1 - LONGEST :]}"
    how = f"{one.neighbors}, streamed" if one.streamed else one.neighbors
    numbers = (f"{one.rows:,}", f"{one.looked_at:,}", f"{one.dims:,}")
    return shown, *numbers, one.dtype, _short(one.pairs), _size(one.bytes), how


def _justified(row: tuple[str, ...], widths: list[int]) -> list[str]:
    words = (0, 4, 7)
    return [cell.ljust(w) if i in words else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]


def _short(count: int) -> str:
    return f"{count:,}" if count < 10**6 else f"{count:.2g}"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"


def _seconds(count: float) -> str:
    if count < 120:
        return f"{max(count, 1):.0f} s"
    return f"{count / 60:.0f} minutes" if count < 7200 else f"{count / 3600:.1f} hours"
