"""The map: each generation in the radius-preserving view, and a slab through its middle.

One scale and one frame for all columns. The thin circle is the generation's rms radius R, the dotted one the
reference's. The slab keeps rows with |z| < R / 4: a hollow set leaves a ring, a filled one a disc, clusters clumps.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.report import legend, style
from geometry.report.legend import rms
from geometry.report.reading import Generation, arrays, generations, shown
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, MOST = 8, 16  # generations in one band, and in the figure
ROWS = 2000  # points in a panel
SLAB = 0.25  # of the rms radius
REACH = 0.995  # share of the rows that the common frame holds; the rest is counted beside the panel


def draw(record: Record) -> Figure | None:
    """The figure, or None where the record has no coordinates."""
    places = {g: rows for g, rows in arrays(record, "coordinates.radial").items() if len(rows)}
    if not places:
        return None
    every = generations(record)
    chosen = shown(list(places), MOST)
    colors, names = legend.colors(record, places)
    handles = legend.handles(names)
    figure, columns = _canvas([every[g] for g in chosen], len(handles))
    reference = rms(places.get(int(record.run.get("reference", 0)), places[chosen[0]]))
    scale = (_limit(places), reference)
    for g, (heading, top, bottom) in zip(chosen, columns, strict=False):
        _title(heading, every[g], top.get_position().width * figure.get_figwidth())
        _panels(top, bottom, places[g], colors[g], scale)
        if top.get_position().x0 * figure.get_figwidth() < 0.5:
            _row_names(top, bottom)
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


def _canvas(chosen: Sequence[Generation], entries: int) -> tuple[Figure, list[list[Axes]]]:
    """Bands of generations; each has a row for the headings and two of square panels. One list of three per column."""
    bands = -(-len(chosen) // COLUMNS)
    columns = -(-len(chosen) // bands)
    width = min((style.WIDTH - 0.4 - 0.06 * (columns - 1)) / columns, 2.6)
    lines = max(len(_words(one, width)) for one in chosen)
    whole = 0.4 + columns * (width + 0.06)
    bottom = 0.15 + 0.175 * -(-entries // legend.entries_in_a_row(whole))
    margins = style.Margins(left=0.35, right=0.05, top=0.05, bottom=bottom, across=0.06, down=0.06)
    figure, rows = style.panels(columns, [0.25 + 0.13 * lines, width, width] * bands, width, margins)
    for ax in (ax for row in rows for ax in row):
        ax.set_axis_off()
    return figure, [
        list(column) for band in range(bands) for column in zip(*rows[3 * band : 3 * band + 3], strict=True)
    ]


def _limit(places: dict[int, Array]) -> float:
    """Half the width of every panel: holds nearly all rows and every circle."""
    reach = [np.quantile(np.abs(rows[:, :2]).max(axis=1), REACH) for rows in places.values()]
    limit = 1.06 * max(*reach, *(rms(rows) for rows in places.values()), 0.0)
    return limit if limit > 0 else 1.0


def _panels(top: Axes, bottom: Axes, places: Array, colors: Array, scale: tuple[float, float]) -> None:
    limit, reference = scale
    size = rms(places)
    order = np.argsort(places[:ROWS, 2], kind="stable")
    middle = order[np.abs(places[order, 2]) < SLAB * size] if size > 0 else order
    for ax, rows in ((top, order), (bottom, middle)):
        depth = np.clip(places[rows, 2] / (1.5 * size or 1.0), -1, 1)
        _circle(ax, reference, color=style.MUTED, ls=(0, (1, 2)))
        _circle(ax, size, color=style.INK, ls="-")
        ax.scatter(
            places[rows, 0], places[rows, 1], s=3.2 + 1.4 * depth, c=colors[rows], alpha=0.7 + 0.25 * depth,
            lw=0, rasterized=True, zorder=3,
        )  # fmt: skip
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    beyond = int((np.abs(places[order, :2]).max(axis=1) > limit).sum())
    if beyond:
        top.text(0.98, 0.01, f"{beyond} beyond", transform=top.transAxes, ha="right", fontsize=6.5, color=style.MUTED)


def _circle(ax: Axes, radius: float, **options: Any) -> None:
    angle = np.linspace(0, 2 * np.pi, 121)
    ax.plot(radius * np.cos(angle), radius * np.sin(angle), lw=0.6, **options)


def _words(one: Generation, width: float) -> list[str]:
    """State and changes below the heading, broken to the width of a panel."""
    wrap = int(width * 15.5)
    lines = textwrap.wrap(one.state + (f" ({one.reason})" if one.reason else ""), wrap)
    return lines + (textwrap.wrap("changed: " + ", ".join(one.changes), wrap) if one.changes else [])


def _title(ax: Axes, one: Generation, width: float) -> None:
    ax.text(
        0.5, 1, style.literal(one.title), transform=ax.transAxes, ha="center", va="top", fontsize=9, fontweight="bold"
    )
    for i, line in enumerate(_words(one, width)):
        ax.annotate(
            style.literal(line), (0.5, 1), (0, -13 - 9.4 * i), "axes fraction", "offset points",
            ha="center", va="top", fontsize=7.2, color=style.MUTED if line.startswith("changed") or i else style.INK,
        )  # fmt: skip


def _row_names(top: Axes, bottom: Axes) -> None:
    for ax, name in ((top, "map"), (bottom, "slab  |z| < R/4")):
        ax.text(-0.04, 0.5, name, transform=ax.transAxes, rotation=90, ha="right", va="center", color=style.MUTED)
