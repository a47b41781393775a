"""HTML text from values: everything that comes out of a record is escaped here, once."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from geometry.report.reading import number
from geometry.schema.characters import printable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: Any) -> Markup:
    """Any value as escaped text; numbers are shortened, nothing is a dash, lists and dicts are spelled out."""
    if isinstance(value, Markup):
        return value
    if value is None or (isinstance(value, str | list | dict) and not value):
        return Markup("–")
    if isinstance(value, dict):
        return Markup(", ".join(f"{text(str(key))} {text(item)}" for key, item in value.items()))
    if isinstance(value, list | tuple):
        return Markup(", ".join(text(item) for item in value))
    if isinstance(value, bool):
        return Markup("yes" if value else "no")
    if isinstance(value, int):
        return Markup(f"{value:,}")
    return Markup(escape(number(value) if isinstance(value, float) else printable(str(value))))


def tag(name: str, *children: Any, **attributes: str) -> Markup:
    """<name attributes>children</name>, children and values escaped unless they are markup; `_` ends reserved words."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{given}>{''.join(text(child) for child in children)}</{name}>")


def join(parts: Sequence[Markup]) -> Markup:
    return Markup("\n".join(parts))


def table(
    name: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], *, numbers: frozenset[int] = frozenset()
) -> Markup:
    """A table called `name` that scrolls by itself where the page is narrow; columns in `numbers` are set right."""
    top = [tag("th", head, scope="col", class_="number" if i in numbers else "") for i, head in enumerate(heads)]
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(_cell(cell, i in numbers) for i, cell in enumerate(row[1:], 1)))
        for row in rows
    ]
    whole = tag("table", tag("thead", tag("tr", *top)), tag("tbody", join(body)))
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=name)


def _cell(value: Any, is_number: bool) -> Markup:
    return tag("td", value, class_="number") if is_number else tag("td", value)


def word(value: str, kind: str) -> Markup:
    """A state, change or flag as a pill; `kind` is its class."""
    return tag("span", value, class_=f"word {kind}")


def definitions(pairs: Sequence[tuple[str, Any]]) -> Markup:
    return tag("dl", join([Markup(tag("dt", name) + tag("dd", value)) for name, value in pairs]))
