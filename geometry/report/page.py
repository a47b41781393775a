"""report.html: one file that needs no network and runs no script: the verdict, the figures, what they rest on."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from pathlib import Path

from geometry.report import sections
from geometry.report.captions import CAPTIONS, alternative
from geometry.report.markup import Markup, join, tag, text
from geometry.report.reading import generations, onsets
from geometry.types import Record

STYLE = Path(__file__).with_name("page.css")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
WIDE = 880  # pixels of a figure that scrolls, rather than shrinks, on a narrow screen
TITLE = "Geometry of embeddings"


def page(record: Record, pictures: Mapping[str, bytes]) -> str:
    """The whole document; `pictures` are PNG bytes by the name of their figure."""
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("title", f"{TITLE}: {_headline(record)}"),
            Markup(f"<style>\n{STYLE.read_text('utf-8')}</style>"),
        ]
    )
    body = tag("main", join(_parts(record, pictures)))
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _headline(record: Record) -> str:
    return str(record.run.get("verdict", {}).get("summary") or "No verdict was given.")


def _parts(record: Record, pictures: Mapping[str, bytes]) -> list[Markup]:
    reference = record.run.get("reference", 0)
    every = generations(record)
    against = f", changes against generation {every[reference].number}" if 0 <= reference < len(every) > 1 else ""
    caption = f"States with their main values and 95 % intervals{against}. A dash is a value that is not there."
    return [
        tag("header", tag("h1", TITLE), tag("p", _headline(record), class_="headline")),
        *([sections.onset_list(record)] if onsets(record) else []),
        tag("h2", "Generations"),
        tag("p", caption, class_="reading"),
        sections.verdict_table(record),
        sections.evidence(record),
        *(_figure(record, name, pictures[name]) for name in CAPTIONS if name in pictures),
        tag("h2", "Warnings"),
        sections.warnings(record),
        tag("h2", "Inputs"),
        sections.inputs(record),
        tag("h2", "How this was made"),
        sections.made(record),
    ]


def _figure(record: Record, name: str, png: bytes) -> Markup:
    caption = CAPTIONS[name]
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    wide, tall = struct.unpack(">II", png[16:24])  # the IHDR chunk opens every PNG
    kind = "wide" if wide > WIDE else "small"
    image = Markup(
        f'<img src="{source}" class="{kind}" width="{wide}" height="{tall}" alt="{text(alternative(record, name))}">'
    )
    frame = tag("div", image, class_="scroll", tabindex="0", role="region", aria_label=caption.heading)
    words = tag("figcaption", f"{caption.reading} Data: ", tag("code", f"figures/{name}.csv"), ".")
    return tag("section", tag("h2", caption.heading), tag("figure", words, frame))
