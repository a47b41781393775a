"""The local view: one UMAP of all generations together, above the UMAP of their null.

Which rows are neighbours can be read from it; sizes, distances and hollowness cannot, and it pulls even a null into
islands: what the row of nulls shows too is no structure. Rows are the first of those on the map and have its colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import legend, maps, points, style
from geometry.report.reading import arrays, generations, shown
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 8  # generations in the figure
ROWS = (("coordinates.umap", "local view", "umap"), ("coordinates.umap.null", "its null", "umap null"))


def draw(record: Record) -> Figure | None:
    """The figure, or None where the record has no local view."""
    if not layouts(record, ROWS[0][0]):
        return None
    chosen = shown(list(layouts(record, ROWS[0][0])), MOST)
    width = min((style.WIDTH - 0.4 - 0.06 * (len(chosen) - 1)) / len(chosen), 2.6)
    found = legend.colors(record, arrays(record, "coordinates.radial"))
    handles = legend.handles(found[1])[: len(found[1])]
    bottom = 0.2 + 0.175 * -(-len(handles) // legend.entries_in_a_row(0.4 + len(chosen) * (width + 0.06)))
    margins = style.Margins(left=0.35, right=0.05, top=0.05, bottom=bottom, across=0.06, down=0.06)
    figure, axes = style.panels(len(chosen), [0.22, *[width, points.strip(width)] * 2], width, margins)
    for ax, g in zip(axes[0], chosen, strict=True):
        maps.heading(ax, generations(record)[g], width)
    for ax in (ax for panels in axes for ax in panels):
        ax.set_axis_off()
    for i in range(2):
        row(record, i, chosen, axes[2 * i + 1], found[0])
        maps.row_name(axes[2 * i + 1][0], ROWS[i][1])
        for ax, g in zip(axes[2 * i + 2], chosen, strict=True):
            points.print_quality(ax, points.quality_of(record, ROWS[i][2], g))
    if handles:
        legend.draw(figure, handles, left_out=0)
    return figure


def data(record: Record) -> tuple[list[str], list[list[Any]]]:
    """Every point drawn: view, generation, row number (none for the null), x, y without unit."""
    every, table = generations(record), []
    for stem, _, view in ROWS:
        for g, places in arrays(record, stem).items():
            rows = record.arrays.get(f"rows.{g}") if view == "umap" else None
            for i, place in enumerate(places):
                table.append(
                    [view, every[g].number, "" if rows is None else int(rows[i]), *(f"{v:.6g}" for v in place)]
                )
    return ["view", "generation", "row", "x", "y"], table


def layouts(record: Record, stem: str) -> dict[int, Array]:
    """The layouts by position, about the middle of all of them."""
    found = {g: rows.astype(np.float64) for g, rows in arrays(record, stem).items() if len(rows)}
    if not found:
        return {}
    pooled = np.concatenate(list(found.values()))
    middle = (pooled.min(axis=0) + pooled.max(axis=0)) / 2
    return {g: rows - middle for g, rows in found.items()}


def row(record: Record, which: int, chosen: list[int], axes: list[Axes], colors: dict[int, Array]) -> None:
    """One row of panels: 0 the data, 1 the null, in one frame of its own; no axes."""
    from matplotlib.colors import to_rgba

    places = layouts(record, ROWS[which][0])
    reach = points.limit(places, centred=False) if places else 1.0
    for ax, g in zip(axes, chosen, strict=True):
        own = places.get(g, np.empty((0, 2)))
        plain = which == 1 or len(colors.get(g, ())) < len(own)
        points.panel(ax, own, np.tile(to_rgba(style.MUTED), (len(own), 1)) if plain else colors[g][: len(own)], reach)
