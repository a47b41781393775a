"""report.html: one file that needs no network: the points in WebGL2, panels linked to them, and what they rest on.

What the script draws lies in the page as JSON, every `<` of it escaped; a policy allows this script and style alone.
Where there is no WebGL2, or no script, the static figures stand in its place.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Mapping
from typing import Any

from geometry.report import layers, sections
from geometry.report.captions import CAPTIONS, alternative
from geometry.report.markup import Markup, join, tag, text
from geometry.report.page import assets
from geometry.report.page.cloud import MOST, clouds
from geometry.report.page.heat import heat_panels
from geometry.report.page.panels import panels
from geometry.report.reading import generations, onsets
from geometry.schema.files import dumps
from geometry.types import Record

WIDE = 880  # pixels of a figure that scrolls, rather than shrinks, on a narrow screen
TITLE = "Geometry of embeddings"


def page(record: Record, pictures: Mapping[str, bytes]) -> str:
    """The whole document; `pictures` are PNG bytes by the name of their figure."""
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{assets.policy()}">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("title", f"{TITLE}: {_headline(record)}"),
            Markup(f"<style>{assets.style()}</style>"),
        ]
    )
    script = Markup(f'<script type="application/json" id="record">{_embedded(contents(record))}</script>')
    body = join([tag("main", join(_parts(record, pictures))), script, Markup(f"<script>{assets.script()}</script>")])
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def contents(record: Record) -> dict[str, Any]:
    """What the script draws: one entry per layer, in a run of one layer just one; and the heat map of several."""
    names = layers.layers(record)
    parts = [layers.of_layer(record, name) for name in names] or [record]
    most = MOST // len(parts)
    return {
        "layers": [
            {"layer": name, "clouds": clouds(part, most), **panels(part)}
            for name, part in zip(names or [""], parts, strict=True)
        ],
        "shown": names.index(layers.layer_shown(record)) if names else 0,
        "heat": heat_panels(record),
    }


def _embedded(value: Any) -> str:
    """JSON that cannot end its element."""
    return dumps(value).replace("<", "\\u003c")


def _headline(record: Record) -> str:
    return str(record.run.get("verdict", {}).get("summary") or "No verdict was given.")


def _parts(record: Record, pictures: Mapping[str, bytes]) -> list[Markup]:
    reference = record.run.get("reference", 0)
    every = generations(record)
    against = f", changes against generation {every[reference].number}" if 0 <= reference < len(every) > 1 else ""
    caption = f"States with their main values and 95 % intervals{against}. A dash is a value that is not there."
    return [
        tag("header", tag("h1", TITLE), tag("p", _headline(record), class_="headline")),
        *([tag("div", sections.onset_list(record), id="onsets")] if onsets(record) else []),
        Markup(assets.stage()),
        tag("h2", "Generations"),
        tag("p", caption, class_="reading"),
        tag("div", sections.verdict_table(record), id="generations"),
        sections.half_lives(record),
        sections.evidence(record),
        _figures(record, pictures),
        tag("h2", "Warnings"),
        sections.warnings(record),
        tag("h2", "Inputs"),
        sections.inputs(record),
        tag("h2", "How this was made"),
        sections.made(record),
    ]


def _figures(record: Record, pictures: Mapping[str, bytes]) -> Markup:
    """The static figures: open until the script has drawn the page itself."""
    drawn = [_figure(record, name, pictures[name]) for name in CAPTIONS if name in pictures]
    if not drawn:
        return Markup("")
    return Markup(f'<details id="figures" open><summary>The figures</summary>{join(drawn)}</details>')


def _light(png: bytes) -> bytes:
    """The picture in 256 colours of its own: a third of the bytes, for the eye the same."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(out, "PNG")
    return out.getvalue()


def _figure(record: Record, name: str, png: bytes) -> Markup:
    caption = CAPTIONS[name]
    source = "data:image/png;base64," + base64.b64encode(_light(png)).decode("ascii")
    wide, tall = struct.unpack(">II", png[16:24])  # the IHDR chunk opens every PNG
    kind = "wide" if wide > WIDE else "small"
    image = Markup(
        f'<img src="{source}" class="{kind}" width="{wide}" height="{tall}" alt="{text(alternative(record, name))}">'
    )
    frame = tag("div", image, class_="scroll", tabindex="0", role="region", aria_label=caption.heading)
    words = tag("figcaption", f"{caption.reading} Data: ", tag("code", f"figures/{name}.csv"), ".")
    return tag("section", tag("h2", caption.heading), tag("figure", words, frame))
