"""The map: each generation in the radius-preserving view, and a slab through its middle.

One scale and one frame for all columns. The thin circle is the generation's rms radius R, the dotted one the
reference's. The slab keeps rows with |z| < R / 4: a hollow set leaves a ring, a filled one a disc, clusters clumps.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import legend, points, style
from geometry.report.reading import Generation, arrays, generations, shown
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, MOST = 8, 16  # generations in one band, and in the figure
ROWS = 2000  # points in a panel
SLAB = 0.25  # of the rms radius


def draw(record: Record) -> Figure | None:
    """The figure, or None where the record has no coordinates."""
    places = {g: rows for g, rows in arrays(record, "coordinates.radial").items() if len(rows)}
    if not places:
        return None
    every = generations(record)
    chosen = shown(list(places), MOST)
    colors, names = legend.colors(record, places)
    handles = legend.handles(names)
    figure, columns = _canvas([every[g] for g in chosen], len(handles) + (len(places) > len(chosen)))
    scale = (points.limit(places), reference_radius(record, places))
    for g, (above, top, bottom, strip) in zip(chosen, columns, strict=False):
        title(above, every[g], top.get_position().width * figure.get_figwidth())
        panels(top, bottom, places[g][:ROWS], colors[g][:ROWS], scale)
        points.print_quality(strip, points.quality_of(record, "radial", g))
        if top.get_position().x0 * figure.get_figwidth() < 0.5:
            row_name(top, "map")
            row_name(bottom, "slab  |z| < R/4")
    legend.draw(figure, handles, left_out=len(places) - len(chosen))
    return figure


def data(record: Record) -> tuple[list[str], list[list[Any]]]:
    """Every point drawn: generation, row number, x, y, z in units of the input, label."""
    every, table = generations(record), []
    for g, places in arrays(record, "coordinates.radial").items():
        rows, labels = record.arrays.get(f"rows.{g}"), record.arrays.get(f"labels.{g}")
        for i, place in enumerate(places):
            own = [every[g].number, int(i if rows is None else rows[i]), *(f"{value:.6g}" for value in place)]
            table.append([*own, "" if labels is None else str(labels[i])])
    return ["generation", "row", "x", "y", "z", "label"], table


def reference_radius(record: Record, places: dict[int, Array]) -> float:
    """The rms radius of the reference, or of the first generation where the reference is not drawn."""
    return points.rms(places.get(int(record.run.get("reference", 0)), places[min(places)]))


def panels(top: Axes, bottom: Axes, places: Array, colors: Array, scale: tuple[float, float]) -> None:
    """Map and slab of one generation; scale: half-width of the frame, and the rms radius of the reference."""
    reach, reference = scale
    size = points.rms(places)
    middle = np.abs(places[:, 2]) < SLAB * size if size > 0 else np.ones(len(places), np.bool_)
    for ax, rows in ((top, np.ones(len(places), np.bool_)), (bottom, middle)):
        points.panel(ax, places[rows], colors[rows], reach)
        points.circles(ax, size, reference)
    points.beyond(top, places, reach)


def heading(ax: Axes, one: Generation, width: float) -> None:
    """Number and layer of a generation at the top of a column of `width` inches."""
    told = one.title if len(one.title) < 11 * width else f"gen. {one.number}"
    ax.text(0.5, 1, style.literal(told), transform=ax.transAxes, ha="center", va="top", fontsize=9, fontweight="bold")


def title(ax: Axes, one: Generation, width: float) -> None:
    """Heading of a generation with its state and changes below."""
    heading(ax, one, width)
    for i, line in enumerate(words(one, width)):
        ax.annotate(
            style.literal(line), (0.5, 1), (0, -13 - 9.4 * i), "axes fraction", "offset points",
            ha="center", va="top", fontsize=7.2, color=style.MUTED if line.startswith("changed") or i else style.INK,
        )  # fmt: skip


def words(one: Generation, width: float) -> list[str]:
    """State and changes below the heading, broken to the width of a column."""
    wrap = int(width * 15.5)
    lines = textwrap.wrap(one.state + (f" ({one.reason})" if one.reason else ""), wrap, break_on_hyphens=False)
    return lines + (textwrap.wrap("changed: " + ", ".join(one.changes), wrap) if one.changes else [])


def row_name(ax: Axes, name: str, away: float = 4.0) -> None:
    """What a row of panels shows, `away` points left of its first."""
    ax.annotate(
        name, (0, 0.5), (-away, 0), "axes fraction", "offset points",
        rotation=90, ha="right", va="center", color=style.MUTED,
    )  # fmt: skip


def _canvas(chosen: Sequence[Generation], entries: int) -> tuple[Figure, list[list[Axes]]]:
    """Bands of generations: headings, two rows of square panels, a strip. One list of four per column."""
    bands = -(-len(chosen) // COLUMNS)
    columns = -(-len(chosen) // bands)
    width = min((style.WIDTH - 0.4 - 0.06 * (columns - 1)) / columns, 2.6)
    lines = max(len(words(one, width)) for one in chosen)
    whole = 0.4 + columns * (width + 0.06)
    bottom = 0.15 + 0.175 * -(-entries // legend.entries_in_a_row(whole))
    margins = style.Margins(left=0.35, right=0.05, top=0.05, bottom=bottom, across=0.06, down=0.06)
    figure, rows = style.panels(
        columns, [0.25 + 0.13 * lines, width, width, points.strip(width)] * bands, width, margins
    )
    for ax in (ax for row in rows for ax in row):
        ax.set_axis_off()
    return figure, [
        list(column) for band in range(bands) for column in zip(*rows[4 * band : 4 * band + 4], strict=True)
    ]
