"""Pictures and page of a finished run: drawn from its record alone, with nothing computed anew.

A figure whose data a record does not have is left out. A run over several layers has the heat map of all of them, and
the other figures of one: the first to collapse, else the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from geometry.report import histograms, layers, local, maps, paper, plane, save, spectra, style, trends
from geometry.report.attribution import table_names, write_tables
from geometry.report.furthest import FURTHEST, write_furthest
from geometry.report.notebook import html
from geometry.report.page import page
from geometry.report.table import text as table
from geometry.schema import write_text
from geometry.schema.places import make_folder
from geometry.types import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "figures", "notebook_html", "plate_of", "table", "write"]

FIGURES = {
    "layers": layers,
    "map": maps,
    "local": local,
    "trends": trends,
    "plane": plane,
    "histograms": histograms,
    "spectra": spectra,
}


def figures(record: Record) -> dict[str, Figure]:
    """matplotlib figures by name: layers, map, local, trends, plane, histograms, spectra, as far as there are data."""
    with style.sheet():
        drawn = {name: module.draw(_seen(record, name)) for name, module in FIGURES.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _seen(record: Record, name: str) -> Record:
    """What a figure looks at: the whole run, or of several layers the one that is shown."""
    several = layers.layers(record) and name != "layers"
    return layers.of_layer(record, layers.layer_shown(record)) if several else record


def plate_of(record: Record) -> Figure | None:
    """All of the run on one page, as a matplotlib figure; None where the record has no coordinates."""
    with style.sheet():
        return paper.draw(_seen(record, "plate"))


def notebook_html(record: Record) -> str:
    """The run as HTML for a notebook: verdict, a line for every generation, the map."""
    return html(_seen(record, "map"))


def write(
    record: Record, folder: Path | str, *, formats: Sequence[str] = ("png",), with_plate: bool = False
) -> list[Path]:
    """figures/NAME.FORMAT with NAME.csv beside, attribution/ and report.html, into `folder`, each whole or not at all.

    with_plate: also figures/plate.png, .svg and .pdf, all of the run on one page. Returns the paths written,
    report.html last. Raises UsageError for a format that is not png, svg or pdf.
    """
    save.require_formats(formats)
    folder = Path(folder)
    make_folder(folder / "figures")
    paths, pictures = [], {}
    for name, figure in figures(record).items():
        pictures[name] = save.encode(figure, "png")
        for kind in formats:
            content = pictures[name] if kind == "png" else save.encode(figure, kind)
            paths.append(save.write_bytes(folder / "figures" / f"{name}.{kind}", content))
        paths.append(save.write_data(folder / "figures" / f"{name}.csv", *FIGURES[name].data(_seen(record, name))))
    paths += _write_plate(record, folder / "figures") if with_plate else []
    paths += write_tables(_seen(record, "tables"), folder) + write_furthest(record, folder)
    write_text(folder / "report.html", page(record, pictures))
    return [*paths, folder / "report.html"]


def file_names(sets: int) -> list[str]:
    """Every file that `write` can have written of a run of so many sets, as paths within the folder."""
    names = [f"figures/{name}.{kind}" for name in FIGURES for kind in (*save.FORMATS, "csv")]
    names += [f"figures/plate.{kind}" for kind in save.FORMATS]
    return [*names, *table_names(sets), FURTHEST, "report.html"]


def _write_plate(record: Record, folder: Path) -> list[Path]:
    made = {kind: paper.encode(_seen(record, "plate"), kind) for kind in save.FORMATS}
    return [save.write_bytes(folder / f"plate.{kind}", content) for kind, content in made.items() if content]
