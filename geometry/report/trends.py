"""The trends: one small panel per statistic over the generations, with its 95 % interval, its null and the onsets.

An onset stands in the panels of the statistics that show that change: a green line where it begins, shaded over its
interval, dashed where it is provisional. Curves of training logs follow in panels of their own, at the places of the
generations in whose making they were written. Arms, which have no order, are not joined by lines.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geometry.report import logs, style
from geometry.report.reading import Row, generations, is_of_arms, number, onsets, series
from geometry.types import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
FAR = 1.5  # spans of the values: how far away a null line is still drawn
PANELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (  # heading, statistic, variants in order of preference
    ("effective rank", "effective_rank", ()),
    ("intrinsic dimension", "mle", ()),
    ("angle dimension", "angle_dimension", ()),
    ("total variance", "scale", ()),
    ("structure gain", "structure_gain", ()),
    ("dimension gap", "dimension_gap", ()),
    ("mass in the tails", "tail_survival", ()),
    ("least mode kept", "mode_coverage", ()),
    ("recall", "prdc", ("recall",)),
    ("coverage", "prdc", ("coverage",)),
    ("Fréchet distance", "frechet", ()),
    ("spread of radii (CV)", "shell", ()),
)
SHOWS = {
    "variance": ("scale",),
    "dimension": ("effective_rank", "mle"),
    "structure": ("structure_gain", "dimension_gap"),
    "tails": ("tail_survival",),
    "modes": ("mode_coverage",),
    "duplicates": ("duplicates",),
}


def draw(record: Record) -> Figure | None:
    """The figure, or None where no statistic has values in two generations."""
    found = [(heading, name, rows) for heading, name, rows in _series(record) if len(rows) > 1]
    curves = logs.logged(record, logs.MOST)
    if not found:
        return None
    columns = min(COLUMNS, len(found))
    width = min((style.WIDTH - 0.7 - 0.5 * (columns - 1)) / columns, 3.2)
    margins = style.Margins(left=0.55, right=0.15, top=0.3, bottom=0.45, across=0.5, down=0.55)
    if is_of_arms(record):
        margins = replace(margins, bottom=1.3, down=1.4)
    figure, axes = style.panels(columns, [1.25] * -(-(len(found) + len(curves)) // columns), width, margins)
    flat = [ax for row in axes for ax in row]
    for ax, (heading, name, rows) in zip(flat, found, strict=False):
        _panel(ax, heading, rows, "" if is_of_arms(record) else "-")
        _onsets(ax, record, name)
        _ticks(ax, record)
    for ax, curve in zip(flat[len(found) :], curves, strict=False):
        logs.draw(ax, curve)
        _ticks(ax, record)
    for ax in flat[len(found) + len(curves) :]:
        ax.remove()
    return figure


def data(record: Record) -> tuple[list[str], list[list[Any]]]:
    """Every value drawn, with its interval and null, and the curves of training logs."""
    fields = ["name", "variant", "generation", "value", "low", "high", "null"]
    rows = [[row.get(key) for key in fields] for _, _, found in _series(record) for row in found.values()]
    return fields, rows + logs.data(record)


def _series(record: Record) -> list[tuple[str, str, dict[int, Row]]]:
    return [(heading, name, series(record, name, *variants)) for heading, name, variants in PANELS]


def _panel(ax: Axes, heading: str, rows: dict[int, Row], line: str) -> None:
    x = sorted(rows)
    y = [rows[g]["value"] for g in x]
    bounded = [g for g in x if rows[g].get("low") is not None and rows[g].get("high") is not None]
    ax.grid(axis="y")
    _null(ax, rows)
    low, high = [rows[g]["low"] for g in bounded], [rows[g]["high"] for g in bounded]
    if line:
        ax.fill_between(bounded, low, high, color=style.DATA, alpha=0.16, lw=0)
    ax.vlines(bounded, low, high, color=style.DATA, lw=0.9)
    ax.plot(x, y, color=style.DATA, marker="o", mew=0, ls=line)
    ax.set_title(heading)


def _null(ax: Axes, rows: dict[int, Row]) -> None:
    """The null as a dashed line, or in words where it is so far off that it would flatten the trend."""
    nulls = {g: rows[g]["null"] for g in sorted(rows) if rows[g].get("null") is not None}
    ends = [row[end] for row in rows.values() for end in ("value", "low", "high") if row.get(end) is not None]
    low, high = min(ends), max(ends)
    room = FAR * max(high - low, 0.1 * max(abs(low), abs(high)))
    if nulls and low - room <= min(nulls.values()) <= max(nulls.values()) <= high + room:
        ax.plot(list(nulls), list(nulls.values()), color=style.NULL, lw=1, ls=(0, (4, 2)))
    elif nulls:
        last = list(nulls.values())[-1]
        above = last > high
        ax.annotate(
            f"null {number(last)} {'↑' if above else '↓'}", (1, float(above)), (-2, -3 if above else 3),
            "axes fraction", "offset points", ha="right", va="top" if above else "bottom", fontsize=6.8,
            color=style.NULL,
        )  # fmt: skip


def _onsets(ax: Axes, record: Record, name: str) -> None:
    at = {one.number: one.position for one in generations(record)}
    for change, onset in onsets(record).items():
        place = at.get(onset.get("generation", -1))
        if name not in SHOWS.get(change, ()) or place is None:
            continue
        low, high = at.get(onset.get("low", -1), place), at.get(onset.get("high", -1), place)
        ax.axvspan(low - 0.12, high + 0.12, color=style.MARK, alpha=0.13, lw=0, zorder=0)
        ax.axvline(place, color=style.MARK, lw=1, ls="--" if onset.get("provisional") else "-", zorder=1)
        ax.annotate(
            f"onset: {change}", (1, 1), (0, 3), "axes fraction", "offset points",
            ha="right", va="bottom", fontsize=6.8, color=style.MARK,
        )  # fmt: skip


def _ticks(ax: Axes, record: Record) -> None:
    every = generations(record)
    step = -(-len(every) // 10)
    ax.set_xlim(-0.3, len(every) - 0.7)
    ax.set_xticks([one.position for one in every[::step]], [style.literal(one.called) for one in every[::step]])
    if is_of_arms(record):
        ax.tick_params(axis="x", labelrotation=90)
    else:
        ax.set_xlabel("generation", labelpad=1)
    ax.margins(y=0.12)
