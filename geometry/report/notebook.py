"""A run as a notebook shows it: the sentence of the verdict, a line for every generation, the map.

Plain HTML with inline styles and no script, so that it looks the same in every notebook and cannot restyle it. Whatever
comes out of the record is escaped.
"""

from __future__ import annotations

import base64

from geometry.report import maps, save, style
from geometry.report.markup import Markup, join, tag, text
from geometry.report.reading import generations, number, series
from geometry.report.table import VALUES
from geometry.types import Record

CELL = "padding:2px 10px 2px 0;text-align:left;border:0"
RIGHT = "padding:2px 10px 2px 0;text-align:right;border:0"


def html(record: Record) -> str:
    """The whole, as HTML without style sheet."""
    summary = str(record.run.get("verdict", {}).get("summary") or "No verdict was given.")
    return tag("div", tag("p", tag("strong", summary)), _table(record), _map(record))


def _table(record: Record) -> Markup:
    """State, changes and the main values that the run has, one row per generation."""
    found = {name: series(record, name) for name in VALUES}
    found = {name: rows for name, rows in found.items() if rows}
    heads = [tag("th", word, style=CELL) for word in ("generation", "state", "changes")]
    heads += [tag("th", name.replace("_", " "), style=RIGHT) for name in found]
    body = [
        tag(
            "tr",
            tag("td", f"{one.number} {one.layer}".strip(), style=CELL),
            tag("td", one.state + (f" ({one.reason})" if one.reason else ""), style=CELL),
            tag("td", ", ".join(one.changes), style=CELL),
            *(tag("td", number(rows.get(one.position, {}).get("value")), style=RIGHT) for rows in found.values()),
        )
        for one in generations(record)
    ]
    whole = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", join(body)), style="border-collapse:collapse")
    return tag("div", whole, style="overflow-x:auto") if body else Markup("")


def _map(record: Record) -> Markup:
    with style.sheet():
        figure = maps.draw(record)
    if figure is None:
        return Markup("")
    source = "data:image/png;base64," + base64.b64encode(save.encode(figure, "png")).decode("ascii")
    words = text("Radius-preserving maps of the generations, and sections through their middle")
    return Markup(f'<img src="{source}" alt="{words}" style="max-width:100%;background:white">')
